package cmdline

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
)

const replayUsage = `dessim replay FILE [flags]

FILE is what -record wrote. It may be edited: parameters and answers changed,
answers added or removed, with their number in the last line.`

func (t *tool) replayCommand() *cli.Command {
	f := t.flags()
	f.add("json", "", "print one JSON object")
	f.add("trace", "FILE", "write every event as text")
	f.add("until", "2.5s", "stop there, at a time or at a step by its number, and show the state of each node")
	f.add("verify", "", "run in a second process too and compare every event")
	f.add("emit-test", "", "print a Go test that makes the run, instead of making it")
	f.add("second-process", "", "be that process: trace and JSON to stdout").hidden = true
	return f.command("replay", "runs what -record wrote again", replayUsage, func(ctx context.Context, args []string) error {
		if len(args) == 0 {
			return refuse("no replay file; want %s replay FILE", t.Name)
		}
		if len(args) > 1 {
			return t.leftover(args[1:])
		}
		s, x, err := t.readReplay(args[0])
		if err != nil {
			return err
		}
		if f.find("emit-test").on() {
			for _, name := range []string{"json", "trace", "until", "verify"} {
				if f.find(name).given {
					return refuse("-emit-test and -%s: want one of both, since no run is made", name)
				}
			}
			return t.emit(s, x)
		}
		j := &job{tool: t, ctx: ctx, subject: s, answers: x.answers, cut: x.cut, replay: x, json: f.find("json").on(),
			verify: f.find("verify").on(), command: t.Name + " replay " + shellWord(args[0])}
		if f.find("second-process").on() {
			return j.second()
		}
		stop, err := parsePoint(f.find("until"))
		if err != nil {
			return err
		}
		if stop != nil && j.verify {
			return refuse("-until and -verify: want one of both")
		}
		if err := j.open(f.find("trace"), nil, nil); err != nil {
			return err
		}
		defer j.discard()
		if stop != nil {
			return j.until(*stop)
		}
		return j.do()
	})
}

// replay is what a replay file says, but for the subject.
type replay struct {
	path    string
	info    fs.FileInfo
	file    *source.File
	answers *source.Replay
	cut     *scenarios.Cut // nil in a file that tells no faults
	verdict check.Verdict
	digest  string
	edited  bool // since it was recorded
}

// source gives the answers once more, for another run.
func (x *replay) source() *source.Replay { return source.NewReplay(x.file.Answers) }

// stale counts the answers of the file that nobody was given.
func (x *replay) stale() int {
	s := x.answers.Stats()
	return s.Stale + s.Misfit
}

// staleKinds names the stale answers by what they were answers to.
func (x *replay) staleKinds() string {
	count := make(map[string]int)
	var kinds []string
	for _, a := range x.answers.Unused() {
		kind := a.Key.Kind.String()
		if count[kind] == 0 {
			kinds = append(kinds, kind)
		}
		count[kind]++
	}
	slices.Sort(kinds)
	for i, kind := range kinds {
		kinds[i] = fmt.Sprintf("%s %d", kind, count[kind])
	}
	return strings.Join(kinds, ", ")
}

func (x *replay) same(r *scenarios.Report) bool { return x.digest == r.Sim.Digest.String() }

// diverged reports whether the run is another one although every answer fitted.
func (x *replay) diverged(r *scenarios.Report) bool {
	return !x.same(r) && x.stale() == 0 && x.answers.Stats().Adapted == 0
}

const maxReplay = 1 << 30 // bytes

// readReplay reads a replay file, or refuses it.
func (p *Program) readReplay(path string) (s subject, x *replay, err error) {
	text, info, err := readAll(path, maxReplay)
	if err != nil {
		return s, nil, refuse("replay file %s: %s", quote(path), reason(err))
	}
	file, err := source.ParseFile(text)
	if err != nil {
		return s, nil, refuse("%s: %v", quote(path), err)
	}
	x = &replay{path: path, info: info, file: file, answers: source.NewReplay(file.Answers)}
	h := header{program: p, fields: file.Header}
	recorded := h.hash()
	x.edited = recorded != fileHash(h.fields, file.Answers)
	s = h.read(x)
	if h.err == nil {
		h.err = s.validate()
	}
	if h.err != nil {
		return s, nil, refuse("%s: replay file: %v", quote(path), h.err)
	}
	return s, x, nil
}

// header reads the fields of a replay file, each at most once, until the first
// error.
type header struct {
	program *Program
	fields  []source.Field
	err     error
}

func (h *header) read(x *replay) (s subject) {
	s.program = h.program
	name := h.take("scenario")
	if h.err == nil {
		s.scenario, h.err = h.program.lookup(name)
	}
	if h.err != nil {
		return s
	}
	s.seed = h.seed()
	s.params = s.scenario.Defaults
	for _, p := range s.scenario.Params() {
		if text := h.take(p.Name); h.err == nil {
			h.err = s.set(p, text)
		}
	}
	x.verdict = check.Verdict(h.take("verdict"))
	x.digest = h.take("digest")
	x.cut = h.cut(&s.params)
	verdicts := []check.Verdict{check.Pass, check.Violation, check.Inconclusive, scenarios.Failed}
	switch {
	case h.err != nil:
	case !slices.Contains(verdicts, x.verdict):
		h.err = fmt.Errorf("verdict %s; want pass, violation, inconclusive or error", quote(string(x.verdict)))
	case !isHex(x.digest):
		h.err = fmt.Errorf("digest %s; want 16 hex digits", quote(x.digest))
	case len(h.fields) > 0:
		h.err = fmt.Errorf("header field %s means nothing to scenario %s, or comes twice", quote(h.fields[0].Name), s.scenario.Name)
	}
	return s
}

// cut reads what the run is made of beyond the parameters: the faults, one a line
// after the parameter of that name, and the transfers that are left out. It gives nil
// if the header has neither: a file in which faults are answers still.
func (h *header) cut(p *scenarios.Params) *scenarios.Cut {
	c := new(scenarios.Cut)
	if h.has(withoutField) {
		var err error
		if c.Without, err = parseWithout(h.take(withoutField)); err != nil && h.err == nil {
			h.err = err
		}
	}
	for h.err == nil && h.has(faultField) {
		text := h.take(faultField)
		if c.Faults == nil {
			c.Faults = []fault.Fault{}
		}
		if text == noFault {
			continue
		}
		faults, err := fault.Parse(text)
		if err == nil && len(faults) != 1 {
			err = fmt.Errorf("%s; want one fault a line", quote(text))
		}
		if err != nil {
			h.err = err
			return nil
		}
		c.Faults = append(c.Faults, faults...)
	}
	if h.err == nil {
		h.err = fault.Validate(c.Faults, p.Nodes, protocol.Time(p.Until), nil)
	}
	if c.Faults == nil && c.Without == nil {
		return nil
	}
	return c
}

// The header's fields of a cut.
const (
	faultField   = "fault" // as in "fault 3: crash 2 at 1s"
	noFault      = "none"
	withoutField = "without" // as in "without 1,3"
)

// parseWithout reads identities of inputs, which ascend.
func parseWithout(text string) ([]uint64, error) {
	var ids []uint64
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil || len(ids) > 0 && n <= ids[len(ids)-1] {
			return nil, fmt.Errorf("without %s; want numbers that ascend, such as 1,3", quote(text))
		}
		ids = append(ids, n)
	}
	return ids, nil
}

func formatWithout(ids []uint64) string {
	var words []string
	for _, id := range ids {
		words = append(words, strconv.FormatUint(id, 10))
	}
	return strings.Join(words, ",")
}

func (h *header) has(name string) bool {
	return slices.ContainsFunc(h.fields, func(f source.Field) bool { return f.Name == name })
}

// hash reads the hash that the file had when it was recorded. A file that was never
// recorded, but written by hand or by a test, has none.
func (h *header) hash() string {
	if !h.has(hashField) {
		return ""
	}
	text := h.take(hashField)
	if h.err == nil && !isHex(text) {
		h.err = fmt.Errorf("%s %s; want 16 hex digits", hashField, quote(text))
	}
	return text
}

// isHex reports whether text is 64 bits as digests are written.
func isHex(text string) bool {
	n, err := strconv.ParseUint(text, 16, 64)
	return err == nil && layer(n) == text
}

func (h *header) seed() uint64 {
	seed, err := source.ParseSeed(h.take("seed"))
	if h.err == nil {
		h.err = err
	}
	return seed
}

// take removes the first field of that name, which must be there, and gives its
// value.
func (h *header) take(name string) string {
	for i, f := range h.fields {
		if f.Name == name {
			h.fields = slices.Delete(h.fields, i, i+1)
			return f.Value
		}
	}
	if h.err == nil {
		h.err = fmt.Errorf("the header has no %s", name)
	}
	return ""
}

// hashField is the header's last field. By it a replay that differs can tell an
// edited file from changed code.
const hashField = "hash"

// fileHash folds what a file says, but for its comments and its hash.
func fileHash(header []source.Field, answers []source.Answer) string {
	h := uint64(0)
	for _, f := range header {
		h = protocol.Hash3(h, protocol.HashBytes([]byte(f.Name)), protocol.HashBytes([]byte(f.Value)))
	}
	for _, a := range answers {
		h = protocol.Hash3(h, uint64(a.Key.Kind), uint64(a.Key.A)<<32|uint64(a.Key.B))
		h = protocol.Hash3(h, a.Key.N, a.Range)
		h = protocol.Hash2(h, a.Value)
	}
	return layer(h)
}

// recording is what a replay file tells of a run.
type recording struct {
	subject
	command string // in the first line, for people
	trial   *explore.Trial
	verdict check.Verdict
	digest  sim.Digest
}

// writeRecord writes the replay file of a run that was made without a cut.
func writeRecord(p *pending, command string, r *scenarios.Report, answers []source.Answer) error {
	x := recording{subject: subject{scenario: r.Scenario, seed: r.Seed, params: r.Params}, command: command, verdict: r.Verdict, digest: r.Sim.Digest,
		trial: &explore.Trial{Nodes: r.Params.Nodes, Faults: r.Faults, Answers: answers}}
	return x.write(p)
}

// text gives the replay file. Faults are data, so that they can be edited and
// shrunk; the answers by which they were drawn are left out.
func (x *recording) text() ([]byte, error) {
	p := x.params
	p.Nodes = x.trial.Nodes
	f := source.File{Answers: undrawn(x.trial.Answers), Header: []source.Field{
		{Name: "scenario", Value: x.scenario.Name},
		{Name: "seed", Value: strconv.FormatUint(x.seed, 10)},
	}}
	add := func(name, value string) { f.Header = append(f.Header, source.Field{Name: name, Value: value}) }
	for _, param := range x.scenario.Params() {
		add(param.Name, param.Get(&p))
	}
	add("verdict", string(x.verdict))
	add("digest", x.digest.String())
	if len(x.trial.Without) > 0 {
		add(withoutField, formatWithout(x.trial.Without))
	}
	for _, f := range x.trial.Faults {
		add(faultField, fmt.Sprintf("%d: %v", f.ID, f))
	}
	if p.Failing() && len(x.trial.Faults) == 0 {
		add(faultField, noFault)
	}
	add(hashField, fileHash(f.Header, f.Answers))
	text, err := f.AppendText([]byte("# " + plain(x.command) + "\n"))
	if err != nil {
		return nil, &exit{exitInternal, err.Error()}
	}
	return text, nil
}

// undrawn gives the answers but for those by which faults were drawn.
func undrawn(answers []source.Answer) []source.Answer {
	const drawn = "f."
	return slices.DeleteFunc(slices.Clone(answers), func(a source.Answer) bool { return strings.HasPrefix(a.Key.Kind.String(), drawn) })
}

// write writes the replay file.
func (x *recording) write(p *pending) error {
	text, err := x.text()
	if err != nil {
		return err
	}
	if _, err := p.Write(text); err != nil {
		return &exit{exitIO, fmt.Sprintf("%s %s: %s", p.flag, quote(p.path), reason(err))}
	}
	return nil
}
