// Package gate has readers and writers that share a document by a weighted semaphore: a reader
// takes one of its units, a writer takes all, or gives up by its deadline.
package gate

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"example.com/bugs/workload"

	"dessim/protocol"
	"dessim/sim/host"
	"dessim/sim/scenario"
)

const (
	units    = 1000
	patience = 5 * time.Millisecond // of a writer
	most     = time.Second          // that a reader may wait: no writer writes as long
)

var (
	kindWrites = protocol.KindOf("writes")
	kindReads  = protocol.KindOf("reads")
)

// serve answers each request by reading or writing.
func serve(ctx context.Context, h *host.Host) error {
	s := semaphore.NewWeighted(units)
	return workload.Answer(ctx, h, func(uint64) error {
		began := time.Now()
		if h.Choose(kindWrites, 4) == 1 {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			if s.Acquire(ctx, units) == nil {
				time.Sleep(time.Millisecond)
				s.Release(units)
			}
			return nil
		}
		if err := s.Acquire(ctx, 1); err != nil {
			return err
		}
		if d := time.Since(began); d > most {
			return fmt.Errorf("a reader waited %v, though no writer wrote as long", d)
		}
		// Most readers are short; some export the document.
		if h.Choose(kindReads, 4) == 1 {
			time.Sleep(10 * time.Second)
		} else {
			time.Sleep(2 * time.Millisecond)
		}
		s.Release(1)
		return nil
	})
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "gate", Shows: "a reader waits for writers that write, and for no other",
		Nodes: []host.Program{serve}, Requests: 30, AtOnce: 3, Every: 4 * time.Millisecond, Faults: "order,yield",
	}.Scenario()}
}
