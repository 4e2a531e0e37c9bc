package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"dessim/sim"
	"dessim/sim/explore"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
	"dessim/sim/watch"
)

// processes reports whether the program can start others.
func processes() bool { return runtime.GOARCH != "wasm" }

// starting returns what starts this program again, to make runs of the subject: see serve. The end
// of ctx ends them as it ends runs within the process.
func (t *tool) starting(ctx context.Context, s *subject) func(threads int) (io.ReadWriteCloser, error) {
	args := append([]string{"sweep", "-worker-process", "-scenario", s.Scenario.Name, "-seeds", "1"}, flagsOf(params(s.Scenario, &s.Params))...)
	return func(threads int) (io.ReadWriteCloser, error) {
		exe, err := executable("sweep")
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(exe, args...)
		cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(threads))
		return startWorker(ctx, t.Name, cmd)
	}
}

// apart returns the world of s under a watchdog, which may be nil, and a context that ends with the
// watchdog's: see isolated.
func (t *tool) apart(w *watch.Watchdog, s *subject) (*explore.World, context.Context) {
	ctx := context.Background()
	if w != nil && w.Context != nil {
		ctx = w.Context
	}
	return t.isolated(ctx, t.world(w, s), s)
}

// isolated returns a world of s. If each run is to have a process, its runs have; and the context
// ends if one of these fails, too: see broke.
func (t *tool) isolated(ctx context.Context, w *explore.World, s *subject) (*explore.World, context.Context) {
	if w.Isolation != explore.EachRun || !processes() {
		return w, ctx
	}
	ctx, cancel := context.WithCancelCause(ctx)
	return w.Apart(explore.Processes{Context: ctx, Start: t.starting(ctx, s), Tell: t.complainAll, Fail: cancel}), ctx
}

// world returns the world of s under a watchdog, with what tells its runs.
func (t *tool) world(w *watch.Watchdog, s *subject) *explore.World {
	world := s.Scenario.WorldUnder(w, s.Seed, s.Params)
	world.Told = s.told(w)
	return world
}

// broke returns how a command ends whose context has ended because a process failed, or nil.
func broke(ctx context.Context) error {
	var failed *explore.ProcessError
	if errors.As(context.Cause(ctx), &failed) {
		return &exit{exitInternal, failed.Error()}
	}
	return nil
}

// told returns explore.World.Told: the comments have the times of the questions.
func (s *subject) told(w *watch.Watchdog) func(t *explore.Trial) (explore.Outcome, *explore.Trial, []string) {
	return func(t *explore.Trial) (explore.Outcome, *explore.Trial, []string) {
		clock := new(clock)
		recorder := &source.Recorder{Source: source.NewReplay(t.Answers), Clock: clock.now}
		p := s.Params
		p.Nodes = t.Nodes
		h := history.New(s.Scenario, &p, history.Limits{Bytes: -1})
		o := scenario.Options{Observers: []sim.Observer{clock}, Watchdog: w}
		r, _ := s.Scenario.Try(s.Seed, s.Params, t, h.Attach(&o, recorder), o)
		if r.Interrupted() {
			return r.Outcome(), t, nil
		}
		commented := *t
		commented.Faults, commented.Answers = r.Faults, recorder.Answers()
		return r.Outcome(), &commented, causes(h, &r)
	}
}

// alone reports whether a run of s is to be the only one of its process.
func (s *subject) alone() bool {
	return processes() && s.Scenario.Isolation(s.Seed, s.Params) == explore.EachRun
}

// stray says that a page or a story is of another run than that of the digest: in a process that has
// made others.
func (t *tool) stray(what, digest, want string) {
	if digest != want {
		t.complain(fmt.Sprintf("%s shows a run with digest %s, not %s: what a program does once a process makes it another, in a process that has made others", what, digest, want))
	}
}
