package cmdline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"dessim/cmd/dessim/mutate"
	"dessim/cmd/dessim/mutate/reached"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/files"
)

// What kills a mutant, beside checks.
const (
	byTimeout = "(timeout)"
	byMemory  = "(memory)"
	byExit    = "(the process ended)"
	byTests   = "(go test)"
)

// mutantMemory is how much memory a process takes before its mutant counts as killed: one
// that appends without end would take all.
const mutantMemory = 1 << 30

// mutantJob is what a child process is asked for.
type mutantJob struct {
	Seeds  []uint64
	Events uint64        // bound of a run; 0 is none
	CPU    time.Duration // bound of a run; 0 is none
	Survey bool          // make all runs, whatever fails
	Needs  []string      // checks that must pass in some run
}

// mutantResult is what it answers.
type mutantResult struct {
	By      string // what was first, or "": the name of a check, mostly
	Seed    uint64 // of that run
	Passed  []uint64
	Checks  map[string][]uint64 // which seeds each check passed in
	Reached map[uint64][]int    `json:",omitempty"` // which mutants each seed reaches; 0 is before the first run
	Events  uint64              // most of a run
	Slowest time.Duration
}

// sweepMutant makes the runs that another process asks for.
func (t *tool) sweepMutant(f *flags) error {
	s, err := f.subject()
	if err != nil {
		return err
	}
	var job mutantJob
	if _, err := fmt.Fprintln(t.stdout); err != nil { // it has begun: see mutation.child
		return refuse("mutate -child: %s", files.Reason(err))
	}
	if err := json.NewDecoder(t.stdin).Decode(&job); err != nil {
		return refuse("mutate -child: %v; it is for mutate itself", err)
	}
	debug.SetGCPercent(sweepGC)
	s.Params.Events = job.Events
	g := &guard{tool: t, bound: job.CPU}
	if len(job.Seeds) > 0 {
		g.begin(job.Seeds[0]) // to build a run is part of it
	}
	go g.watch()
	w := s.Scenario.WorldUnder(nil, 1, s.Params)
	r := mutantResult{Checks: make(map[string][]uint64), Reached: make(map[uint64][]int)}
	r.reach(0)
	for _, seed := range job.Seeds {
		g.begin(seed)
		began := mutate.CPU()
		o, _ := w.Seed(seed, nil, false)
		r.reach(seed)
		r.Events, r.Slowest = max(r.Events, o.Sim.Events), max(r.Slowest, mutate.CPU()-began)
		for i := range o.Checks {
			if o.Checks[i].Verdict == check.Pass {
				r.Checks[o.Checks[i].Name] = append(r.Checks[o.Checks[i].Name], seed)
			}
		}
		by, certain := verdictOn(&o)
		if by == "" {
			r.Passed = append(r.Passed, seed)
			continue
		}
		if r.By == "" || certain && !job.Survey {
			r.By, r.Seed = by, seed
		}
		if certain && !job.Survey {
			break
		}
	}
	for _, name := range job.Needs {
		if r.By == "" && len(r.Checks[name]) == 0 {
			r.By = name + " (never)"
		}
	}
	g.answer(r)
	return nil
}

// reach notes which places were reached in the run of a seed.
func (r *mutantResult) reach(seed uint64) {
	if numbers := reached.Take(); numbers != nil {
		r.Reached[seed] = numbers
	}
}

// verdictOn returns what a run shows of its mutant, or "". It is certain unless a check merely
// had nothing to judge: another run may show more.
func verdictOn(o *explore.Outcome) (by string, certain bool) {
	switch {
	case o.Failed():
		return o.Check(), true
	case o.Sim.Reason == sim.Bounded:
		return explore.Ends, true
	case o.Verdict == check.Pass:
		return "", false
	}
	for _, c := range o.Checks {
		if c.Verdict == check.Inconclusive {
			return c.Name + " (inconclusive)", false
		}
	}
	return "(inconclusive)", false
}

// guard ends the process of a mutant that would not end, and says so. It counts processor
// time, so that other processes matter little, and twenty times as much time of the clock.
type guard struct {
	*tool
	bound     time.Duration
	mu        sync.Mutex
	seed      uint64
	cpu       time.Duration
	at        time.Time
	answering atomic.Bool
}

func (g *guard) begin(seed uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seed, g.cpu, g.at = seed, mutate.CPU(), time.Now()
}

func (g *guard) watch() {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for {
		time.Sleep(20 * time.Millisecond)
		g.mu.Lock()
		seed, cpu, wall := g.seed, mutate.CPU()-g.cpu, time.Since(g.at)
		g.mu.Unlock()
		metrics.Read(sample)
		by := ""
		switch {
		case seed == 0 || g.bound == 0:
		case cpu > g.bound || wall > 20*g.bound:
			by = byTimeout
		case sample[0].Value.Uint64() > mutantMemory:
			by = byMemory
		}
		if by != "" {
			g.answer(mutantResult{By: by, Seed: seed})
			os.Exit(exitPass) // the step does not end
		}
	}
}

// answer prints the result, once.
func (g *guard) answer(r mutantResult) {
	if g.answering.Swap(true) {
		select {} // the process ends
	}
	text, err := json.Marshal(r)
	if err == nil {
		_, err = g.stdout.Write(append(text, '\n'))
	}
	if err != nil {
		g.lost("writing to standard output: %s", files.Reason(err))
	}
}

// child sweeps a scenario in a process of its own, under these variables of the environment.
func (m *mutation) child(ctx context.Context, of *subject, job *mutantJob, env ...string) (r mutantResult, err error) {
	args := []string{"mutate", "-child", "-scenario", of.Scenario.Name}
	args = append(args, flagsOf(params(of.Scenario, &of.Params))...)
	request, err := json.Marshal(job)
	if err != nil {
		return r, err
	}
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(m.startup, cancel)
	out := firstWords{heard: late.Stop}
	errs := lastWords{program: m.Name}
	cmd := exec.CommandContext(limited, m.exe, args...)
	if m.pkg.Hosted { // other threads would only wait for the one that runs
		env = append(env, "GOMAXPROCS=1")
	}
	cmd.Dir, cmd.Env = m.dir, append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), &out, &errs
	err = cmd.Run()
	switch {
	case json.Unmarshal(out.text.Bytes(), &r) == nil && err == nil:
		return r, nil
	case limited.Err() != nil && ctx.Err() == nil:
		return mutantResult{By: byTimeout}, nil
	}
	return mutantResult{}, fmt.Errorf("the process of the runs ended: %s", cmp.Or(errs.text(), fmt.Sprint(err)))
}

// mutantStart is how long a process may take to begin. One with a mutant may never begin, since
// the program looks at all its scenarios first, and no guard watches over that.
const mutantStart = 10 * time.Minute

// firstWords keeps what is written, and calls heard when that begins. The buffer is no part of
// its method set: its ReadFrom would take all that the process writes past Write.
type firstWords struct {
	text  bytes.Buffer
	heard func() bool
}

func (w *firstWords) Write(b []byte) (int, error) {
	if w.text.Len() == 0 {
		w.heard()
	}
	return w.text.Write(b)
}

// sweepAll sweeps with each mutant that was drawn. What becomes of one depends on it alone.
func (m *mutation) sweepAll(ctx context.Context) error {
	limited := ctx
	if m.budget > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithDeadline(ctx, m.begun.Add(m.budget))
		defer cancel()
	}
	var wg sync.WaitGroup
	next := make(chan *mutant)
	p := newMutateProgress(&m.streams)
	for range m.workers {
		wg.Go(func() {
			for x := range next {
				m.judge(ctx, x)
				p.done.Add(1)
			}
		})
	}
	var drawn []*mutant
	for i := range m.rows {
		if m.rows[i].fate == unswept {
			drawn = append(drawn, &m.rows[i])
		}
	}
	for _, x := range drawn {
		if limited.Err() != nil {
			break
		}
		p.at(len(drawn))
		next <- x
	}
	close(next)
	wg.Wait()
	p.end(uint64(p.done.Load()), "mutants")
	return nil
}

// judge finds out what becomes of a mutant. If it is interrupted, nothing does.
func (m *mutation) judge(ctx context.Context, x *mutant) {
	for _, s := range m.sweeps {
		job := s.of(x.Number)
		if len(job.Seeds) == 0 {
			continue
		}
		x.runs += len(job.Seeds)
		r, err := m.child(ctx, &s.subject, &job, mutate.EnvOn+"="+strconv.Itoa(x.Number))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			x.fate, x.by, x.scenario = killed, byExit, s.Scenario.Name
			return
		case r.By != "":
			x.fate, x.by, x.scenario, x.seed = killed, r.By, s.Scenario.Name, r.Seed
			return
		}
	}
	if m.suite != "" {
		failed, err := m.test(ctx, x.Number, m.patience)
		if ctx.Err() != nil {
			return
		}
		if failed || err != nil {
			x.fate, x.by = killedByTests, byTests
			return
		}
	}
	x.fate = survived
}

// test runs the tests of the package with a mutant, and reports whether one failed.
func (m *mutation) test(ctx context.Context, number int, patience time.Duration) (failed bool, err error) {
	home, err := os.MkdirTemp(m.dir, "test-*")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(home)
	dir, err := m.pkg.Mirror(home)
	if err != nil {
		return false, err
	}
	limited, cancel := context.WithTimeout(ctx, patience+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(limited, m.suite, "-test.failfast", "-test.timeout="+patience.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), mutate.EnvOn+"="+strconv.Itoa(number), "PWD="+filepath.Clean(dir))
	err = cmd.Run()
	var code *exec.ExitError
	if errors.As(err, &code) {
		return true, nil
	}
	return false, err
}

// mutateProgress shows how many mutants are done.
type mutateProgress struct {
	meter
	done atomic.Int64
}

func newMutateProgress(s *streams) *mutateProgress { return &mutateProgress{meter: newMeter(s)} }

func (p *mutateProgress) at(total int) {
	if !p.terminal {
		return
	}
	p.show(p.done.Load(), int64(total), func(at, total int64) string {
		return fmt.Sprintf("%d of %d mutants ", at, total)
	}, func(int64, int64) string { return "" })
}
