// Package pool has clients that share two connections of a pool and wait for one as long as a deadline allows.
package pool

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/puddle"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

const (
	size     = 2
	use      = 10 * time.Millisecond // how long a request has a connection
	patience = 20 * time.Millisecond // how long it waits for one
)

// serve answers each request with a connection of the pool, or by its deadline.
func serve(ctx context.Context, h *host.Host) error {
	p := puddle.NewPool(
		func(context.Context) (any, error) { time.Sleep(time.Millisecond); return new(atomic.Int32), nil },
		func(any) {}, size)
	return workload.Answer(ctx, h, func(uint64) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		r, err := p.Acquire(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		defer r.Release()
		users := r.Value().(*atomic.Int32)
		if n := users.Add(1); n > 1 {
			return fmt.Errorf("%d requests have one connection", n)
		}
		time.Sleep(use)
		users.Add(-1)
		return nil
	})
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "pool", Shows: "each request gets a connection of the pool, or ends by its deadline",
		Nodes: []host.Program{serve}, Requests: 40, AtOnce: 8, Every: 100 * time.Millisecond, Faults: "order,yield",
	}.Scenario()}
}
