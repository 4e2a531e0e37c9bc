package main

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"github.com/urfave/cli/v3"

	"dessim/scenarios"
	"dessim/sim/check"
	"dessim/sim/source"
)

const replayUsage = `dessim replay FILE [flags]

FILE is what -record wrote. A parameter that it does not name has the default of
the scenario.`

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
	name := h.take("scenario", true)
	if h.err == nil {
		s.scenario, h.err = findScenario(name)
	}
	if h.err != nil {
		return s
	}
	s.seed = h.seed()
	s.params = s.scenario.Defaults
	for _, p := range s.scenario.Params() {
		if text := h.take(p.Name, false); text != "" && h.err == nil {
			h.err = s.set(p, text)
		}
	}
	x.verdict = check.Verdict(h.take("verdict", true))
	x.digest = h.take("digest", true)
	verdicts := []check.Verdict{check.Pass, check.Violation, check.Inconclusive, scenarios.Failed}
	switch _, err := strconv.ParseUint(x.digest, 16, 64); {
	case h.err != nil:
	case !slices.Contains(verdicts, x.verdict):
		h.err = fmt.Errorf("verdict %s; want pass, violation, inconclusive or error", quote(string(x.verdict)))
	case err != nil || len(x.digest) != 16:
		h.err = fmt.Errorf("digest %s; want 16 hex digits", quote(x.digest))
	case len(h.fields) > 0:
		h.err = fmt.Errorf("header field %s means nothing to scenario %s, or comes twice", quote(h.fields[0].Name), s.scenario.Name)
	}
	return s
}

func (h *header) seed() uint64 {
	seed, err := source.ParseSeed(h.take("seed", true))
	if h.err == nil {
		h.err = err
	}
	return seed
}

// take removes the first field of that name and gives its value.
func (h *header) take(name string, must bool) string {
	for i, f := range h.fields {
		if f.Name == name {
			h.fields = slices.Delete(h.fields, i, i+1)
			return f.Value
		}
	}
	if must && h.err == nil {
		h.err = fmt.Errorf("the header has no %s", name)
	}
	return ""
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
	text, err := f.AppendText([]byte("# " + command + "\n"))
	if err != nil {
		return &exit{exitInternal, err.Error()}
	}
	if _, err := p.Write(text); err != nil {
		return &exit{exitIO, fmt.Sprintf("record %s: %s", quote(p.path), reason(err))}
	}
	return nil
}
