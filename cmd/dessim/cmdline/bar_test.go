//go:build (unix && !aix) || windows

package cmdline

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/scenario"
)

func TestTheBarShowsHowFarARunIs(t *testing.T) {
	var errs bytes.Buffer
	p := newProgress(&streams{stderr: &errs, terminal: true}, &scenario.Params{Until: time.Minute})
	p.at(1, 1)
	if p.bar != nil {
		t.Error("a run that is young shows a bar")
	}
	p.begun = p.begun.Add(-2 * patience)
	p.at(100, protocol.Time(30*time.Second))
	if p.bar == nil || p.bar.Current() != int64(30*time.Second) {
		t.Error("a run that takes long shows no bar, or not where it is")
	}
	p.end(200, "events")
	if !strings.Contains(errs.String(), "200 events in 2") || strings.Contains(errs.String(), "\x1b[3") {
		t.Errorf("stderr: %q", errs.String())
	}
}
