package explore

import (
	"io"

	"dessim/sim/watch"
)

// afresh is one in how many of the runs in other processes, from the first on, is made once more in a
// process that has made no other, with another number of threads.
const afresh = 256

// secondThreads is the GOMAXPROCS of the second process; that of the others is 1.
const secondThreads = 2

// runner returns the function that makes the runs of a worker, and the one that ends its processes.
func (s *sweep) runner() (run func(r SeedRun) result, end func()) {
	switch {
	case s.Process == nil:
		return s.run, func() {}
	case s.world.Isolation == EachRun:
		x := &starter{start: s.Process}
		return func(r SeedRun) result { return s.apart(x, r) }, x.close
	}
	p, err := s.Process(1)
	if err != nil {
		return func(r SeedRun) result { return result{err: &ProcessError{r.Seed, err}} }, func() {}
	}
	c := newProcess(p)
	return func(r SeedRun) result {
		once := s.ask(c, r)
		if once.err != nil || once.interrupted || !s.inAfresh(r) {
			return once
		}
		return s.confirm(r, once, " in a process that had made no other run: something is done once a process, such as filling a package's cache; with Isolation EachRun, each run has a process of its own",
			func(w io.Writer) bool { return s.trace(c, r, w) })
	}, func() { p.Close() }
}

// inAfresh reports whether the run is in the sample.
func (s *sweep) inAfresh(r SeedRun) bool { return (r.Seed-s.From)%afresh == 0 }

// apart makes a run in a process of its own, and in another one if it failed or is in the
// sample.
func (s *sweep) apart(x *starter, r SeedRun) result {
	p, err := x.fresh()
	if err != nil {
		return result{err: &ProcessError{r.Seed, err}}
	}
	defer x.end(p)
	once := s.ask(p, r)
	if once.err != nil || once.interrupted || once.line.Signature == "" && !s.inAfresh(r) {
		return once
	}
	return s.confirm(r, once, " in another process, with another GOMAXPROCS", func(w io.Writer) bool {
		p, err := x.fresh()
		if err != nil {
			return false
		}
		defer x.end(p)
		return s.trace(p, r, w)
	})
}

// confirm makes a run once more in a process of its own. If the result differs, two more runs show
// where: first repeats the run as it was made before, and writes its trace.
func (s *sweep) confirm(r SeedRun, once result, where string, first func(w io.Writer) bool) result {
	again := s.second(r, func(p *process) result { return s.ask(p, r) })
	if again.err != nil || again.interrupted {
		return again
	}
	a, b := once.line.came(), again.line.came()
	if a == b {
		return once
	}
	differs := &NotDeterministicError{Seed: r.Seed, First: a, Second: b + where}
	for range pairs {
		differs.Difference = firstDifference(func(w io.Writer, second bool) (whole bool) {
			if !second {
				return first(w)
			}
			s.second(r, func(p *process) result {
				whole = s.trace(p, r, w)
				return result{}
			})
			return whole
		})
		if differs.Difference != nil {
			break
		}
	}
	once.err = differs
	return once
}

// second calls do with a new process that has another number of threads.
func (s *sweep) second(r SeedRun, do func(p *process) result) result {
	p, err := s.Process(secondThreads)
	if err != nil {
		return result{err: &ProcessError{r.Seed, err}}
	}
	defer p.Close()
	return do(newProcess(p))
}

// ask is run in another process.
func (s *sweep) ask(p *process, r SeedRun) (out result) {
	a, err := p.ask(&request{Salt: s.world.Salt, Sweep: true, Strategy: s.Strategy, Run: r}, s.pass)
	switch {
	case err != nil && s.given.Err() != nil:
		return result{interrupted: true} // and so is the process
	case err != nil:
		return result{err: &ProcessError{r.Seed, err}}
	case a.Panic != "":
		s.panicWith(&watch.Broken{Value: a.Panic})
		return result{err: errPanicked}
	case a.Differs != nil:
		return result{err: a.Differs}
	}
	out.line = *a.Line
	if s.Strategy == Guided {
		out.reached = &coverage{reached: make(map[uint32]bool)}
		for _, x := range a.Reached {
			out.reached.reached[x] = true
		}
	}
	return out
}

// trace has a process make a run and writes its trace. It reports whether the trace is whole.
func (s *sweep) trace(p *process, r SeedRun, w io.Writer) (whole bool) {
	a, err := p.ask(&request{Salt: s.world.Salt, Strategy: s.Strategy, Run: r, Trace: true}, func(a *served) {
		w.Write(a.Trace) // once the other trace differs, nobody reads it
	})
	return err == nil && a.Panic == ""
}

// pass hands on the lines that a process sends.
func (s *sweep) pass(a *served) {
	s.telling.Lock()
	defer s.telling.Unlock()
	if s.Tell != nil {
		s.Tell(a.Told)
	}
}
