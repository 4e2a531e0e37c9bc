// Package log has requests in a log of hashicorp/raft-wal, on a disk whose syncs fail now and then.
package log

import (
	"encoding/binary"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

const (
	dir   = "/wal"
	again = 5 * time.Millisecond // when what failed is tried once more
)

type log struct {
	*wal.WAL
	mu sync.Mutex
}

// Put keeps a request, in the first try that does not fail.
func (l *log) Put(request uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		last, err := l.LastIndex()
		if err != nil {
			return err
		}
		if l.StoreLogs([]*raft.Log{{Index: last + 1, Term: 1, Data: binary.BigEndian.AppendUint64(nil, request)}}) == nil {
			return nil
		}
		time.Sleep(again)
	}
}

// All returns what is kept.
func (l *log) All() (all []uint64, err error) {
	first, err := l.FirstIndex()
	if err != nil || first == 0 {
		return nil, err
	}
	last, err := l.LastIndex()
	if err != nil {
		return nil, err
	}
	for i := first; i <= last; i++ {
		var entry raft.Log
		if err := l.GetLog(i, &entry); err != nil {
			return nil, err
		}
		all = append(all, binary.BigEndian.Uint64(entry.Data))
	}
	return all, nil
}

func open(*host.Host) (workload.Store, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	w, err := wal.Open(dir)
	return &log{WAL: w}, err
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	run := workload.Workload{
		Nodes: []host.Program{workload.Keep(open)}, Requests: 20, AtOnce: 2, Every: 20 * time.Millisecond, From: 20 * time.Millisecond,
		For: -55 * time.Second, Checks: workload.Kept,
	}
	tries, crashes := run, run
	tries.Name, tries.Shows, tries.Faults = "tries", "what failed is kept when it is tried again", "disk"
	crashes.Name, crashes.Shows, crashes.Faults, crashes.Short = "crashes", "what was kept outlasts a crash", "crash,restart", true
	return []*scenario.Scenario{tries.Scenario(), crashes.Scenario()}
}
