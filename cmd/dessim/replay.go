package main

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"github.com/urfave/cli/v3"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim/check"
	"dessim/sim/source"
)

const replayUsage = `dessim replay FILE [flags]

FILE is what -record wrote. It may be edited: parameters and answers changed,
answers added or removed, with their number in the last line.`

func (t *tool) replayCommand() *cli.Command {
	f := new(flags)
	f.add("json", "", "print one JSON object")
	f.add("trace", "FILE", "write every event as text")
	return f.command("replay", "runs what -record wrote again", replayUsage, func(ctx context.Context, args []string) error {
		if len(args) == 0 {
			return refuse("no replay file; want dessim replay FILE")
		}
		if len(args) > 1 {
			return leftover(args[1:])
		}
		s, x, err := readReplay(args[0])
		if err != nil {
			return err
		}
		j := &job{tool: t, ctx: ctx, subject: s, answers: x.answers, replay: x, json: f.find("json").on(),
			command: "dessim replay " + shellWord(args[0])}
		if err := j.open(f.find("trace"), nil, nil); err != nil {
			return err
		}
		defer j.discard()
		return j.do()
	})
}

// replay is what a replay file says, but for the subject.
type replay struct {
	info    fs.FileInfo
	answers *source.Replay
	verdict check.Verdict
	digest  string
	edited  bool // since it was recorded
}

// stale counts the answers of the file that nobody was given.
func (x *replay) stale() int {
	s := x.answers.Stats()
	return s.Stale + s.Misfit
}

func (x *replay) same(r *scenarios.Report) bool { return x.digest == r.Sim.Digest.String() }

// diverged reports whether the run is another one although every answer fitted.
func (x *replay) diverged(r *scenarios.Report) bool {
	return !x.same(r) && x.stale() == 0 && x.answers.Stats().Adapted == 0
}

const maxReplay = 1 << 30 // bytes

// readReplay reads a replay file, or refuses it.
func readReplay(path string) (s subject, x *replay, err error) {
	text, info, err := readAll(path, maxReplay)
	if err != nil {
		return s, nil, refuse("replay file %s: %s", quote(path), reason(err))
	}
	file, err := source.ParseFile(text)
	if err != nil {
		return s, nil, refuse("%s: %v", quote(path), err)
	}
	x = &replay{info: info, answers: source.NewReplay(file.Answers)}
	h := header{fields: file.Header}
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
	fields []source.Field
	err    error
}

func (h *header) read(x *replay) (s subject) {
	name := h.take("scenario")
	if h.err == nil {
		s.scenario, h.err = findScenario(name)
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

// hash reads the hash that the file had when it was recorded. A file that was never
// recorded, but written by hand or by a test, has none.
func (h *header) hash() string {
	if !slices.ContainsFunc(h.fields, func(f source.Field) bool { return f.Name == hashField }) {
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

// writeRecord writes the replay file of a run.
func writeRecord(p *pending, command string, r *scenarios.Report, answers []source.Answer) error {
	f := source.File{Answers: answers, Header: []source.Field{
		{Name: "scenario", Value: r.Scenario.Name},
		{Name: "seed", Value: strconv.FormatUint(r.Seed, 10)},
	}}
	for _, x := range r.Scenario.Params() {
		f.Header = append(f.Header, source.Field{Name: x.Name, Value: x.Get(&r.Params)})
	}
	f.Header = append(f.Header,
		source.Field{Name: "verdict", Value: string(r.Verdict)},
		source.Field{Name: "digest", Value: r.Sim.Digest.String()})
	f.Header = append(f.Header, source.Field{Name: hashField, Value: fileHash(f.Header, answers)})
	text, err := f.AppendText([]byte("# " + command + "\n"))
	if err != nil {
		return &exit{exitInternal, err.Error()}
	}
	if _, err := p.Write(text); err != nil {
		return &exit{exitIO, fmt.Sprintf("record %s: %s", quote(p.path), reason(err))}
	}
	return nil
}
