package cmdline

import (
	"dessim/sim/files"
	"dessim/sim/report"
)

// addReport declares -report for commands that make one run.
func (f *flags) addReport() {
	f.add("report", "FILE.html", "write a page that shows the run: open it in a browser; - is stdout")
}

// page is the file that -report names, for one run or two. On nil, which is no page, its
// methods do nothing.
type page struct {
	*output
	title string
	runs  []*report.Run
}

// openPage opens the file of a page about s, or refuses it; nil if the flag is not given.
func (o *outputs) openPage(x *flag, s *subject) (*page, error) {
	if x == nil || !x.given {
		return nil, nil
	}
	file, err := o.open(x)
	if err != nil {
		return nil, err
	}
	return &page{output: file, title: "dessim: " + s.String()}, nil
}

// discardPage removes the file, unless it was committed.
func (p *page) discardPage() {
	if p != nil {
		p.discard()
	}
}

// write completes the page, and returns its path, or "".
func (p *page) write() string {
	if p == nil {
		return ""
	}
	if err := report.Write(p.output, p.title, p.runs...); err != nil {
		p.lost("report %s: %s", quote(p.Path()), files.Reason(err))
		return ""
	}
	return p.commit()
}
