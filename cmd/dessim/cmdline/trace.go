package cmdline

import (
	"cmp"
	"errors"
	"strings"

	"github.com/klauspost/compress/zstd"

	"dessim/sim"
	"dessim/sim/export"
	"dessim/sim/fault"
	"dessim/sim/history"
	"dessim/sim/scenario"
)

// zipped is how the name of a compressed trace ends.
const zipped = ".zst"

// addTrace declares -trace and -trace-format.
func (f *flags) addTrace() {
	f.add("trace", "FILE", "write every event; - is stdout, and the summary goes to stderr. The name says the format: .json is for Perfetto, .shiviz for ShiViz, "+
		".mmd for Mermaid, .jsonl is an object an event, any other is text; "+zipped+" after it compresses")
	f.add("trace-format", "FORMAT", "the format of the trace, whatever its name says: "+strings.Join(formatNames(), ", "))
}

func formatNames() (names []string) {
	for _, f := range export.Formats() {
		names = append(names, string(f))
	}
	return names
}

// trace is the file that -trace names, of a run that it observes. On nil, which is none, its
// methods do nothing.
type trace struct {
	*output
	format export.Format
	about  *export.About
	gate   *gate         // before zip and output
	zip    *zstd.Encoder // or nil
	text   *sim.Trace    // or nil
	lines  *export.Lines // or nil
}

// traceFormat returns the format that the flags ask for.
func traceFormat(file, format *flag) (export.Format, error) {
	switch {
	case !format.given:
		return export.FormatOf(strings.TrimSuffix(file.text, zipped)), nil
	case !file.given:
		return "", refuse("trace-format %s: there is no trace; want -trace FILE too", quote(format.text))
	}
	for _, f := range export.Formats() {
		if format.text == string(f) {
			return f, nil
		}
	}
	return "", refuse("trace-format %s: %s", quote(format.text), didYouMean(format.text, "", formatNames()))
}

// openTrace opens the file of -trace, if that is given, or refuses it.
func (j *job) openTrace(f *flags) error {
	file := f.find("trace")
	if file == nil {
		return nil
	}
	format, err := traceFormat(file, f.find("trace-format"))
	if err != nil || !file.given {
		return err
	}
	out, err := j.files.open(file)
	if err != nil {
		return err
	}
	x := &trace{output: out, format: format, gate: &gate{w: out}}
	j.trace = x
	x.about = &export.About{Scenario: j.Scenario.Name, Seed: j.Seed, Params: params(j.Scenario, &j.Params), Command: j.command, Nodes: j.Params.Nodes}
	if strings.HasSuffix(file.text, zipped) {
		// It works in this goroutine alone, so equal runs give equal files.
		if x.zip, err = zstd.NewWriter(out, zstd.WithEncoderConcurrency(1)); err != nil {
			return err
		}
		x.gate.w = x.zip
	}
	switch words := j.Scenario.Words(&j.Params); format {
	case export.Text:
		x.text = &sim.Trace{W: x.gate, Text: words}
	case export.JSONL, export.Bodies:
		x.lines = format.NewLines(x.gate, x.about, words)
	}
	return nil
}

// afterwards reports whether the trace is written from the history of the run, when it is over.
func (x *trace) afterwards() bool { return x != nil && x.format.Afterwards() }

// observers returns what observes the run while it goes on.
func (x *trace) observers() []sim.Observer {
	switch {
	case x == nil:
	case x.text != nil:
		return []sim.Observer{x.text}
	case x.lines != nil:
		return []sim.Observer{x.lines}
	}
	return nil
}

// finish completes the file of a run that is over, for that reason.
func (x *trace) finish(h *history.History, faults []fault.Fault, reason string) {
	if x == nil {
		return
	}
	var long *export.TooLong
	switch {
	case x.lines != nil:
		x.lines.End(reason) // commit has the error, of this and all that follows
	case x.afterwards():
		x.about.Faults = faults
		if errors.As(x.format.Write(x.gate, h, x.about), &long) {
			x.lost("trace %s: %v", quote(x.Path()), long)
			x.discard()
			return
		}
	}
	x.close()
}

// abandon closes the file of a run whose step does not end: another goroutine may still write to
// it, or to the history.
func (x *trace) abandon() {
	switch {
	case x == nil:
	case x.afterwards():
		x.complain("-trace wrote nothing, since a step did not end")
	case x.gate.close():
		x.close()
	}
}

func (x *trace) close() {
	if x.zip != nil {
		x.zip.Close()
	}
	x.commit()
}

// discardTrace removes the file, unless it was committed.
func (x *trace) discardTrace() {
	if x != nil {
		x.discard()
	}
}

// endOf says why a run ended.
func endOf(r *scenario.Report) string {
	if r.Panic != nil {
		return r.Panic.Error()
	}
	return cmp.Or(r.Failure, r.Sim.Reason.String())
}
