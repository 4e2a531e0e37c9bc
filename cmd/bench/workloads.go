//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// workload is a load that both revisions are measured on, in processes of their own.
type workload interface {
	name() string
	unit() string
	program() string // the built program that runs it
	// inspect runs it once, unmeasured, and returns what it consists of.
	inspect(ctx context.Context, r *revision) (work, error)
	// measure runs it once and returns what it took, in its unit.
	measure(ctx context.Context, r *revision) (float64, error)
}

// work describes a load as a revision runs it.
type work struct {
	load string // its size
	runs []outcome
}

// outcome names a run and what happened in it.
type outcome struct {
	name   string
	digest string
	events uint64
}

// differs returns how the work of two revisions differs, or "". Known is false if one of
// them reports nothing about its runs.
func differs(base, changed work) (text string, known bool) {
	if len(base.runs) == 0 || len(changed.runs) == 0 {
		return "", false
	}
	if len(base.runs) != len(changed.runs) {
		return fmt.Sprintf("%d runs in base, %d in new", len(base.runs), len(changed.runs)), true
	}
	count := 0
	for i, b := range base.runs {
		if n := changed.runs[i]; b != n {
			if count++; count == 1 {
				text = fmt.Sprintf("%s has digest %s and %d events in base, %s and %d in new", b.name, b.digest, b.events, n.digest, n.events)
			}
		}
	}
	if count > 1 {
		text = fmt.Sprintf("%d of %d runs differ, the first: %s", count, len(base.runs), text)
	}
	return text, true
}

// allWorkloads returns the workloads, in the order of the table. A round measures each
// twice, which takes about 20 s of CPU time for each revision.
func allWorkloads(events int) (list []workload) {
	for _, nodes := range []int{1000, 10_000, 100_000} {
		for _, load := range []int{1, 16} {
			list = append(list, &pholdWork{phold{nodes: nodes, load: load}, events})
		}
	}
	for _, w := range []sweepWork{
		{scenario: "concurrent", seeds: 150, params: "-nodes 5 -txs 10"},
		{scenario: "chaos", seeds: 30, params: "-nodes 5 -txs 20", faults: []string{
			"lose *>* 5% at 1s for 10s", "copy *>* 5% at 1s for 10s", "slowsync 1 by 20ms at 1s for 5s",
			"partition 0,1|2-4 at 3s for 2s", "crash 2 at 6s for 1s torn", "pause 1 at 8s for 500ms",
			"crash 4 after send prepare #3 for 1s", "clog 0>* at 10s for 300ms", "slow *>3 by 50ms at 11s for 5s",
			"drift 3 by 200ppm at 0s", "heal at 20s",
		}},
		{scenario: "crash", seeds: 50, params: "-nodes 5 -txs 10", faults: []string{
			"crash 2 after send prepare #3 for 1s torn", "crash 1 at 3s for 500ms", "lose *>* 5% at 1s for 5s", "heal at 20s",
		}},
		{scenario: "kv", seeds: 150, params: "-nodes 5 -txs 30", faults: []string{
			"crash 2 at 3s for 1s", "partition 0,1|2-4 at 5s for 5s", "heal at 20s",
		}},
		{scenario: "partition", seeds: 50, params: "-nodes 5 -txs 12", faults: []string{
			"partition 0,1|2-4 at 1s for 5s", "cut 0>1,2 at 8s for 5s every 100ms", "heal at 20s",
		}},
		{scenario: "failover", seeds: 60, params: "-nodes 5 -txs 10", faults: []string{"restart 2 at 5s"}},
		{scenario: "bootstrap", seeds: 1, params: "-nodes 1000"},
		{scenario: "concurrent", seeds: 300, params: "-nodes 5 -txs 10", jobs: 2},
	} {
		list = append(list, &w)
	}
	return list
}

// pholdWork is PHOLD as the child mode of a revision's own bench runs it.
type pholdWork struct {
	phold
	events int
}

func (w *pholdWork) name() string  { return pholdName(w.nodes, w.load) }
func (*pholdWork) unit() string    { return "CPU ns/event" }
func (*pholdWork) program() string { return "bench" }

func (w *pholdWork) child(ctx context.Context, r *revision) (figures map[string]float64, digest string, err error) {
	cmd := command(ctx, r.dir, r.bench, childArgs(w.name(), options{events: w.events})...)
	cmd.Env = oneCore()
	return runChild(cmd)
}

func (w *pholdWork) inspect(ctx context.Context, r *revision) (work, error) {
	_, digest, err := w.child(ctx, r)
	made := work{load: fmt.Sprintf("%d pending", w.nodes*w.load)}
	if digest != "" {
		made.runs = []outcome{{"seed 1", digest, uint64(w.events)}}
	}
	return made, err
}

func (w *pholdWork) measure(ctx context.Context, r *revision) (float64, error) {
	figures, _, err := w.child(ctx, r)
	if err == nil && figures["events"] <= 0 {
		err = errors.New("bench: no events per second printed")
	}
	return 1e9 / figures["events"], err
}

// sweepWork is a sweep by a revision's dessim. Its faults are fixed, so a revision that
// draws others is under the same load.
type sweepWork struct {
	scenario string
	seeds    int
	params   string
	faults   []string
	jobs     int // at a time: if not 0, wall time is measured
}

func (w *sweepWork) name() string {
	if w.jobs > 0 {
		return fmt.Sprintf("sweep/%s/j=%d", w.scenario, w.jobs)
	}
	return "runs/" + w.scenario
}

func (w *sweepWork) unit() string {
	if w.jobs > 0 {
		return "wall ms/seed"
	}
	return "CPU ms/seed"
}

func (*sweepWork) program() string { return "dessim" }

func (w *sweepWork) command(ctx context.Context, r *revision, more ...string) *exec.Cmd {
	args := []string{"sweep", "-scenario", w.scenario, "-seeds", fmt.Sprintf("1-%d", w.seeds), "-j", strconv.Itoa(max(w.jobs, 1)),
		"-faults", "none", "-out", r.dir}
	args = append(args, strings.Fields(w.params)...)
	for _, f := range w.faults {
		args = append(args, "-fault", f)
	}
	cmd := command(ctx, r.dir, r.dessim, append(args, more...)...)
	if w.jobs == 0 {
		cmd.Env = oneCore()
	}
	return cmd
}

// inspect tries again without -results, which a revision may lack: then it can be
// measured, but nothing is known about its runs.
func (w *sweepWork) inspect(ctx context.Context, r *revision) (work, error) {
	file := filepath.Join(r.dir, strings.ReplaceAll(w.name(), "/", "-")+".results")
	made := work{load: fmt.Sprintf("seeds 1-%d", w.seeds)}
	if err := toTheEnd(w.command(ctx, r, "-results", file)); err != nil {
		return made, toTheEnd(w.command(ctx, r))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return made, err
	}
	var events uint64
	made.runs = outcomes(string(text))
	for _, o := range made.runs {
		events += o.events
	}
	if events > 0 {
		made.load += fmt.Sprintf(", %d events", events)
	}
	return made, nil
}

// outcomes reads the lines of a results file that have a digest; the header has none.
func outcomes(text string) (list []outcome) {
	for line := range strings.Lines(text) {
		var l struct {
			Seed   uint64
			Digest string
			Events uint64
		}
		if json.Unmarshal([]byte(line), &l) == nil && l.Digest != "" {
			list = append(list, outcome{fmt.Sprintf("seed %d", l.Seed), l.Digest, l.Events})
		}
	}
	return list
}

func (w *sweepWork) measure(ctx context.Context, r *revision) (float64, error) {
	cmd := w.command(ctx, r)
	began := time.Now()
	err := toTheEnd(cmd)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	if w.jobs == 0 {
		took = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	if took <= 0 {
		return 0, errors.New("dessim: no time taken")
	}
	return took.Seconds() * 1000 / float64(w.seeds), nil
}

// toTheEnd runs a sweep, which may be inconclusive: then its runs have reached their ends
// too. A sweep that fails ends early, so its time means nothing.
func toTheEnd(cmd *exec.Cmd) error {
	_, err := output(cmd)
	const inconclusive = 3
	if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == inconclusive {
		return nil
	}
	return err
}

// oneCore is the environment in which CPU time is measured: on an idle second core, the
// garbage collector would use more of it.
func oneCore() []string { return append(os.Environ(), "GOMAXPROCS=1") }
