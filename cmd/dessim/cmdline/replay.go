package cmdline

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/files"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/wording"
)

const replayUsage = `dessim replay FILE [flags]

FILE is a replay file. It may be edited: change parameters and answers, add or remove
answers, and adjust their number in the last line. Or it is the folder in which a live
run was recorded.`

func (t *tool) replayCommand() *cli.Command {
	f := t.flags()
	f.add("json", "", "print one JSON object; help run lists its keys. With -until it has scenario, step, virtual_ns, trace, state, reproduce")
	f.addTrace()
	f.addReport()
	f.add("until", "2.5s", "stop at a time, or at the step of that number, and show the state of each node")
	f.add("verify", "", "also run in a second process, and compare every event")
	f.addStrict()
	f.add("events", "N", "end the run after this many events, in place of what the file says")
	f.addStep()
	f.add("emit-test", "", "print a Go test that makes the run; make no run")
	f.addSecond()
	return f.command("replay", "runs a replay file", replayUsage, func(ctx context.Context, args []string) error {
		if len(args) == 0 {
			return refuse("no replay file; want %s replay FILE", t.Name)
		}
		if len(args) > 1 {
			return onlyOne("replay", "file", args[1:])
		}
		s, x, err := t.readReplay(args[0])
		if err != nil {
			return err
		}
		command, err := s.bounded(f.find("events"), t.Name+" replay "+wording.Shell(args[0]))
		if err != nil {
			return err
		}
		if f.find("emit-test").on() {
			return t.emitAlone(f, s, x)
		}
		j := &job{tool: t, ctx: ctx, subject: s, answers: x.answers, cut: x.Cut(), replay: x, json: f.find("json").on(),
			verify: f.find("verify").on(), strict: f.find("strict").on(), command: command}
		if x := f.find("second-process"); x.given {
			return j.second(x)
		}
		if walks, err := f.stepping(); err != nil {
			return err
		} else if walks {
			return j.walk(f.find("break"))
		}
		stop, err := parsePoint(f.find("until"))
		if err != nil {
			return err
		}
		if stop != nil {
			if err := alone(f); err != nil {
				return err
			}
		}
		if err := j.open(f); err != nil {
			return err
		}
		defer j.discard()
		if stop != nil {
			return j.until(*stop)
		}
		return j.do()
	})
}

// emitAlone prints the test of -emit-test, or refuses the flags that it cannot go with.
func (t *tool) emitAlone(f *flags, s subject, x *replay) error {
	for _, name := range []string{"json", "trace", "trace-format", "report", "until", "events", "verify", "strict", "step", "break"} {
		if f.find(name).given {
			return refuse("-emit-test and -%s: use one or the other, since no run is made", name)
		}
	}
	return t.emit(s, x)
}

// alone refuses the flags that -until cannot go with.
func alone(f *flags) error {
	switch {
	case f.find("verify").given:
		return refuse("-until and -verify: use one or the other")
	case f.find("report").given:
		return refuse("-until and -report: use one or the other, since the run may not end")
	case f.find("strict").given:
		return refuse("-until and -strict: use one or the other, since the run may not end")
	}
	return nil
}

// bounded applies -events, if it is given, and returns the command with it.
func (s *subject) bounded(most *flag, command string) (string, error) {
	if !most.given {
		return command, nil
	}
	return command + " -events " + most.text, s.set(&scenario.Param{Name: "events"}, most.text)
}

// replay is a replay file that is run.
type replay struct {
	path string
	info fs.FileInfo
	*scenario.Recording
	answers *source.Replay
}

// source returns the answers for another run.
func (x *replay) source() *source.Replay { return source.NewReplay(x.Answers) }

// stale counts the answers of the file that no question got.
func (x *replay) stale() int {
	s := x.answers.Stats()
	return s.Stale + s.Misfit
}

// staleKinds counts the stale answers by the kinds of their questions.
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

func (x *replay) same(r *scenario.Report) bool { return x.Digest == r.Sim.Digest.String() }

// diverged reports whether the digest differs although every recorded answer was used.
func (x *replay) diverged(r *scenario.Report) bool {
	return !x.same(r) && x.stale() == 0 && x.answers.Stats().Adapted == 0
}

const maxReplay = 1 << 30 // bytes

// readReplay reads a replay file, or the recordings of a live run in a folder, or refuses it.
func (p *Program) readReplay(path string) (s subject, x *replay, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		r, err := p.readLive(path)
		if err != nil {
			return s, nil, err
		}
		return subject{p, r.Subject}, &replay{path: path, info: info, Recording: r, answers: source.NewReplay(r.Answers)}, nil
	}
	text, info, err := readAll(path, maxReplay)
	if err != nil {
		return s, nil, refuse("replay file %s: %s", quote(path), files.Reason(err))
	}
	r, err := scenario.ParseRecording(text, p.lookup)
	if err != nil {
		return s, nil, refuse("%s: %v", quote(path), err)
	}
	return subject{p, r.Subject}, &replay{path: path, info: info, Recording: r, answers: source.NewReplay(r.Answers)}, nil
}

// recording is what a replay file says about a run.
type recording struct {
	subject
	command string // in the first line, for people
	trial   *explore.Trial
	verdict check.Verdict
	digest  sim.Digest
}

// recordingOf returns what a replay file says about a run that was made without a cut.
func recordingOf(command string, r *scenario.Report, answers []source.Answer) *recording {
	return &recording{subject: subject{Subject: scenario.Subject{Scenario: r.Scenario, Seed: r.Seed, Params: r.Params}}, command: command, verdict: r.Verdict, digest: r.Sim.Digest,
		trial: &explore.Trial{Nodes: r.Params.Nodes, Faults: r.Faults, Answers: answers}}
}

// write writes the replay file and returns its path. If it cannot be written, write says so
// and returns "".
func (x *recording) write(p *output) string {
	text, err := scenario.Record(x.Subject, x.trial, x.verdict, x.digest).AppendText(nil, plain(x.command))
	if err != nil {
		p.lost("%s %s: %v", p.flag, quote(p.Path()), err)
		return ""
	}
	if x.Scenario.Private(&x.Params) {
		if err := p.Private(); err != nil {
			p.lost("%s %s: %s", p.flag, quote(p.Path()), files.Reason(err))
			return ""
		}
	}
	p.Write(text) // commit has the error
	return p.commit()
}

// shrinkLine returns the command that shrinks the run of that file, or "" without one.
func (t *tool) shrinkLine(path string) string {
	if path == "" || path == standard {
		return ""
	}
	return t.Name + " shrink " + wording.Shell(path)
}

// replayLine returns the command that replays the file of that path, or "" without one.
func (t *tool) replayLine(path string) string {
	if path == "" || path == standard {
		return ""
	}
	return t.Name + " replay " + wording.Shell(path)
}
