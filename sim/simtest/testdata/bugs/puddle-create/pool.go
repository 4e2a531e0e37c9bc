// Package pool has clients that share two connections of a pool, to a server that now and then
// refuses one, or breaks one.
package pool

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/puddle"

	"example.com/bugs/workload"

	"dessim/protocol"
	"dessim/sim/host"
	"dessim/sim/scenario"
)

const size = 2

var (
	kindRefused = protocol.KindOf("refused")
	kindBroken  = protocol.KindOf("broken")
)

var errRefused = errors.New("the server refuses a connection")

// serve answers each request once it has had a connection, or was refused one.
func serve(ctx context.Context, h *host.Host) error {
	p := puddle.NewPool(
		func(context.Context) (any, error) {
			time.Sleep(time.Millisecond)
			if h.Choose(kindRefused, 4) == 1 {
				return nil, errRefused
			}
			return nil, nil
		},
		func(any) {}, size)
	return workload.Answer(ctx, h, func(uint64) error {
		r, err := p.Acquire(ctx)
		if errors.Is(err, errRefused) {
			return nil
		}
		if err != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
		if h.Choose(kindBroken, 4) == 1 {
			r.Destroy()
		} else {
			r.Release()
		}
		return nil
	})
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "pool", Shows: "each request gets a connection of the pool, or is refused one",
		Nodes: []host.Program{serve}, Requests: 40, AtOnce: 8, Every: 100 * time.Millisecond, Faults: "order,yield",
	}.Scenario()}
}
