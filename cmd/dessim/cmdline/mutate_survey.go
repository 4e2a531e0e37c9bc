package cmdline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dessim/cmd/dessim/mutate/reached"
)

// mutantSweep is a scenario that mutants are swept with, and what its runs show without any.
type mutantSweep struct {
	subject
	job     mutantJob               // of a mutant that all runs reach
	checks  map[string][]uint64     // which seeds each check passes in
	reached map[int]map[uint64]bool // which seeds reach each mutant, by its number
}

// baseline sweeps without a mutant: see mutateUsage.
func (m *mutation) baseline(ctx context.Context) error {
	for _, s := range m.sweeps {
		if err := m.survey(ctx, s); err != nil {
			return err
		}
		for i := range m.rows {
			if len(s.of(m.rows[i].Number).Seeds) > 0 {
				m.rows[i].fate = undrawn
			}
		}
	}
	if m.suite == "" {
		return nil
	}
	begun := time.Now()
	if failed, err := m.test(ctx, 0, 10*time.Minute); err != nil || failed {
		return cmp.Or(err, errors.New("its tests fail without a mutant, too; leave -tests out"))
	}
	m.patience = max(30*time.Second, 10*time.Since(begun))
	return nil
}

// survey sweeps a scenario without a mutant.
func (m *mutation) survey(ctx context.Context, s *mutantSweep) error {
	job := mutantJob{Events: s.Params.Events, Survey: true}
	for seed := range m.seeds {
		job.Seeds = append(job.Seeds, seed+1)
	}
	r, err := m.child(ctx, &s.subject, &job, reached.Env+"=1")
	if err != nil {
		return err
	}
	if len(r.Passed) == 0 {
		return fmt.Errorf("every run of %s fails without a mutant, too: seed %d by %s", s.Scenario.Name, r.Seed, r.By)
	}
	s.job = mutantJob{Seeds: r.Passed, Events: cmp.Or(s.Params.Events, moreEvents*r.Events+fewestEvents), CPU: max(leastCPU, moreCPU*r.Slowest)}
	s.checks, s.reached = r.Checks, make(map[int]map[uint64]bool)
	for seed, numbers := range r.Reached {
		for _, number := range numbers {
			if s.reached[number] == nil {
				s.reached[number] = make(map[uint64]bool)
			}
			s.reached[number][seed] = true
		}
	}
	return nil
}

// of returns what is asked of a mutant: the runs that reach it, and the checks that must pass
// in some of them, since they pass in so many that it is no chance if they never do.
func (s *mutantSweep) of(number int) mutantJob {
	job, reached := s.job, s.reached[number]
	not := func(seed uint64) bool { return !reached[seed] && !reached[0] }
	job.Seeds = slices.DeleteFunc(slices.Clone(s.job.Seeds), not)
	for name, seeds := range s.checks {
		if len(seeds) >= needfulRuns && !slices.ContainsFunc(seeds, not) {
			job.Needs = append(job.Needs, name)
		}
	}
	slices.Sort(job.Needs)
	return job
}
