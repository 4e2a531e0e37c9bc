package cmdline

import (
	"fmt"
	"runtime"
	"sync"

	"dessim/sim"
	"dessim/sim/scenario"
	"dessim/sim/wording"
)

// fewNodes is the number of nodes for each thread below which more threads only cost.
const fewNodes = 100

// addThreads declares -threads.
func (f *flags) addThreads() {
	f.add("threads", "2", "goroutines on which a run goes, if its nodes can be parted; it changes no result")
}

// readThreads reads -threads for the runs of a subject. If they go on fewer, one line says so.
func (t *tool) readThreads(f *flags, s *subject) (o scenario.Options, err error) {
	asked, err := count(f.find("threads"), 1, sim.MaxThreads)
	if err != nil {
		return o, err
	}
	o.Threads = min(asked, runtime.NumCPU())
	var once sync.Once
	o.Fewer = func(text string) { once.Do(func() { t.complain(text) }) }
	switch {
	case asked > 1 && s.Params.Nodes < fewNodes*o.Threads:
		o.Fewer(fmt.Sprintf("%d threads asked, the run is serial: it has %s, and gains nothing below %d", asked, wording.Count(s.Params.Nodes, "node"), fewNodes*max(2, o.Threads)))
		o.Threads = 1
	case o.Threads < asked:
		o.Fewer(fmt.Sprintf("%d threads asked, the run has %d at most: as many as this machine has cores", asked, o.Threads))
	}
	return o, nil
}
