// Package pool has clients that borrow connections from a pool, which ends those that are idle for
// long. Now and then the pool is replaced, and the old one is closed.
package pool

import (
	"context"
	"sync"
	"time"

	commons "github.com/jolestar/go-commons-pool/v2"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

const replaced = 10 // requests

// open returns a pool of connections that take some time to end.
func open(ctx context.Context) *commons.ObjectPool {
	c := commons.NewDefaultPoolConfig()
	c.MaxTotal, c.MinIdle = 4, 1
	c.MinEvictableIdleTime, c.TimeBetweenEvictionRuns = 5*time.Millisecond, 10*time.Millisecond
	return commons.NewObjectPool(ctx, commons.NewPooledObjectFactory(
		func(context.Context) (any, error) { return new(int), nil },
		func(context.Context, *commons.PooledObject) error { time.Sleep(3 * time.Millisecond); return nil },
		nil, nil, nil), c)
}

// serve answers each request with a connection of the pool.
func serve(ctx context.Context, h *host.Host) error {
	var mu sync.Mutex
	pool := open(ctx)
	return workload.Answer(ctx, h, func(request uint64) error {
		mu.Lock()
		p := pool
		if request%replaced == replaced-1 {
			pool = open(ctx)
			defer p.Close(ctx)
		}
		mu.Unlock()
		c, err := p.BorrowObject(ctx)
		if err != nil {
			return nil // the pool was closed meanwhile
		}
		time.Sleep(2 * time.Millisecond)
		return p.ReturnObject(ctx, c)
	})
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "pool", Shows: "a pool in use can be closed",
		Nodes: []host.Program{serve}, Requests: 40, AtOnce: 5, Every: 9 * time.Millisecond, For: -55 * time.Second, Faults: "order,yield",
	}.Scenario()}
}
