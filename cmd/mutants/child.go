//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"dessim/cmd/dessim/mutate"
	"dessim/cmd/mutants/bank"
	"dessim/sim"
	"dessim/sim/explore"
)

type childOptions struct {
	subjects string
	first    uint64
	seeds    int
	runs     int
}

type report struct {
	Seeds        int
	Inconclusive int           `json:",omitempty"`
	CPU          time.Duration // of the sweep
	Found        string        `json:",omitempty"` // flags of the run that failed
	Checks       []string      `json:",omitempty"`
	Before       *size         `json:",omitempty"`
	After        *size         `json:",omitempty"`
	Runs         int           `json:",omitempty"` // that shrinking took
	Minimal      bool          `json:",omitempty"`
	ShrinkCPU    time.Duration `json:",omitempty"`
}

// size counts what a run is made of.
type size struct {
	Nodes, Inputs, Faults, Answers, Delays int
}

func sizeOf(w *explore.World, t *explore.Trial) *size {
	z := &size{Nodes: t.Nodes, Inputs: len(w.Inputs) - len(t.Without), Faults: len(t.Faults), Answers: len(t.Answers)}
	for _, a := range t.Answers {
		if sim.AsksDelay(a.Key.Kind) {
			z.Delays++
		}
	}
	return z
}

// child sweeps in this process, shrinks a failure, and prints the report.
func child(o childOptions, out io.Writer) error {
	runs, err := bank.ParseSubjects(o.subjects)
	if err != nil {
		return err
	}
	if seed := runs[0].Seed; seed != 0 {
		runs, o.first, o.seeds = runs[:1], seed, 1
	}
	r := bank.Sweep(runs, o.first, o.seeds)
	p := report{Seeds: r.Seeds, Inconclusive: r.Inconclusive, CPU: mutate.CPU()}
	if f := r.Failure; f != nil {
		p.Found, p.Checks = f.String(), f.Checks
		if o.runs > 0 {
			if err := shrink(&p, f, o.runs); err != nil {
				return err
			}
		}
	}
	text, err := json.Marshal(p)
	if err == nil {
		_, err = fmt.Fprintf(out, "%s\n", text)
	}
	return err
}

// shrink reduces the run that failed, and adds the result to p.
func shrink(p *report, f *bank.Failure, runs int) error {
	w := f.World()
	_, t := w.Seed(f.Seed, nil, true)
	began := mutate.CPU()
	s, err := explore.Shrink(context.Background(), w, t, explore.ShrinkOptions{Runs: runs, Workers: 1})
	if err != nil {
		return fmt.Errorf("%v: %w", f, err)
	}
	p.Before, p.After = sizeOf(w, t), sizeOf(w, s.After)
	p.Runs, p.Minimal, p.ShrinkCPU = s.Runs, s.Minimal, mutate.CPU()-began
	return nil
}
