// Package log has requests in a write-ahead log of tidwall/wal.
package log

import (
	"fmt"
	"time"

	"github.com/tidwall/wal"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

const size = 10_000 // of an entry, at least: some pages

type log struct{ *wal.Log }

// Put keeps a request.
func (l log) Put(request uint64) error {
	last, err := l.LastIndex()
	if err != nil {
		return err
	}
	return l.Write(last+1, append(fmt.Append(nil, request, " "), make([]byte, size)...))
}

// All returns what is kept.
func (l log) All() (all []uint64, err error) {
	first, err := l.FirstIndex()
	if err != nil || first == 0 {
		return nil, err
	}
	last, err := l.LastIndex()
	if err != nil {
		return nil, err
	}
	for i := first; i <= last; i++ {
		b, err := l.Read(i)
		if err != nil {
			return nil, err
		}
		var n uint64
		if _, err := fmt.Sscan(string(b), &n); err != nil || len(b) < size {
			return nil, fmt.Errorf("entry %d is %q", i, b)
		}
		all = append(all, n)
	}
	return all, nil
}

func open(*host.Host) (workload.Store, error) {
	l, err := wal.Open("/log", options())
	return log{l}, err
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "log", Shows: "a log opens after a crash, with what was written to it",
		Nodes: []host.Program{workload.Keep(open)}, Requests: 40, AtOnce: 2, Every: 10 * time.Millisecond, Faults: "crash,restart",
		For: -55 * time.Second, Short: true, Checks: workload.Kept,
	}.Scenario()}
}
