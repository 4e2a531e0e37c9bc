package cmdline

import (
	"fmt"
	"math"
	"runtime/debug"
	"sort"
)

// room is the memory that a run may take here.
type room struct {
	bytes uint64 // 0: nobody knows
	what  string // says so
}

// less returns the smaller of two bounds.
func (r room) less(o room) room {
	if o.bytes > 0 && (r.bytes == 0 || o.bytes < r.bytes) {
		return o
	}
	return r
}

// available returns the least of what the machine has free, and of what limits the process: the
// cgroup, ulimit -v and GOMEMLIMIT.
func available() room {
	r := machineRoom()
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		r = r.less(room{uint64(limit), "GOMEMLIMIT"})
	}
	return r
}

// collect has the garbage of a run that takes much memory collected earlier than usual. More
// collections take time: a few percent of it at most.
func collect(need uint64) {
	switch {
	case need > 500_000_000:
		debug.SetGCPercent(30)
	case need > 100_000_000:
		debug.SetGCPercent(60)
	}
}

// fits refuses a run that does not fit into memory: the kernel would end it, or another process,
// after half an hour.
func (s *subject) fits(r room) error {
	p := s.Params
	need := s.Scenario.Needs(p)
	collect(need)
	if r.bytes == 0 || need <= r.bytes {
		return nil
	}
	least, _ := s.Scenario.NodeRange()
	fitting := least - 1 + sort.Search(p.Nodes-least, func(i int) bool {
		p.Nodes = least + i
		return s.Scenario.Needs(p) > r.bytes
	})
	return refuse("nodes %d: want about %s of memory; %s are free by %s, where at most %d nodes fit", s.Params.Nodes, bytesText(need), bytesText(r.bytes), r.what, fitting)
}

// bytesText returns "9.4 GB", or "380 MB".
func bytesText(n uint64) string {
	const mega, giga = 1_000_000, 1_000_000_000
	if n < giga {
		return fmt.Sprintf("%d MB", (n+mega-1)/mega)
	}
	return fmt.Sprintf("%d.%d GB", n/giga, n%giga*10/giga)
}
