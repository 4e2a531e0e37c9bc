//go:build (unix && !aix) || windows

package cmdline

import (
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bar is a progress bar, in ASCII and without colours. The library behind it does not
// compile everywhere: bar_none.go takes its place.
type bar struct {
	*mpb.Bar
	bars *mpb.Progress
}

func newBar(w io.Writer, total int64, left, right func(at, total int64) string) *bar {
	text := func(f func(at, total int64) string) decor.Decorator {
		return decor.Any(func(s decor.Statistics) string { return f(s.Current, s.Total) })
	}
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(40), mpb.WithRefreshRate(200*time.Millisecond))
	return &bar{bars.New(total, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding("-").Rbound("]"),
		mpb.PrependDecorators(text(left)), mpb.AppendDecorators(text(right))), bars}
}

func (b *bar) move(at int64) { b.SetCurrent(at) }

func (b *bar) remove() {
	b.Abort(true)
	b.bars.Wait()
}
