//go:build dessim_overlay

package host_test

import (
	"context"
	"net/http"
	"net/rpc"
	"testing"

	"dessim/protocol"
	"dessim/sim/host"
)

// Counter is a service of package net/rpc.
type Counter struct {
	node  protocol.NodeID
	calls int
}

// Add counts a call.
func (c *Counter) Add(by int, sum *[2]int) error {
	c.calls += by
	*sum = [2]int{int(c.node), c.calls}
	return nil
}

func TestEachNodeHasItsOwnServices(t *testing.T) {
	server := func(ctx context.Context, h *host.Host) error {
		if err := rpc.Register(&Counter{node: h.ID()}); err != nil {
			return err
		}
		rpc.HandleHTTP()
		return http.ListenAndServe(":1234", nil)
	}
	client := func(ctx context.Context, h *host.Host) error {
		for _, to := range []string{"n0", "n1"} {
			c, err := rpc.DialHTTP("tcp", to+":1234")
			if err != nil {
				return err
			}
			var sum [2]int
			for range 2 {
				if err := c.Call("Counter.Add", 1, &sum); err != nil {
					return err
				}
			}
			say(h, "%d", sum)
		}
		return wait(ctx)
	}
	for seed := range uint64(10) {
		said, _ := play(t, seed, "", plain, server, server, client)
		expect(t, said, 2, "[0 2]", "[1 2]")
	}
}
