package abcast_test

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/abcast"
)

// Two members broadcast at the same time, each before it hears of the other's
// message, and deliver both in one order.
func Example() {
	members := []protocol.NodeID{0, 1}
	groups := make([]abcast.Orderer, 2)
	envs := make([]protocol.Env, 2)
	for i := range members {
		groups[i] = abcast.New(abcast.Config{
			Members: members,
			Order:   abcast.ISIS,
			Send:    (*protocol.Env).Send, // this example loses nothing
			Deliver: func(env *protocol.Env, index uint64, m abcast.Message) {
				fmt.Printf("node %v delivers %d: %s\n", env.ID(), index, m.Payload)
			},
		})
		envs[i].Enter(members[i], 1, 0, nil)
		groups[i].Start(&envs[i])
	}
	groups[0].Broadcast(&envs[0], []byte("apples"))
	groups[1].Broadcast(&envs[1], []byte("pears"))

	for groups[0].Pending()+groups[1].Pending() > 0 {
		sent := [2][]protocol.Effect{envs[0].Effects(), envs[1].Effects()}
		var next [2]protocol.Env
		for i := range members {
			next[i].Enter(members[i], 1, 0, nil)
			for _, e := range sent[1-i] {
				if e.Op != protocol.OpSend {
					continue // the outputs of deliveries, for observers
				}
				fmt.Printf("node %v receives %v\n", members[i], e.Kind)
				groups[i].Receive(&next[i], members[1-i], e.Body)
			}
		}
		envs = next[:]
	}
	// Output:
	// node 0 receives data
	// node 1 receives data
	// node 0 receives propose
	// node 1 receives propose
	// node 1 delivers 0: pears
	// node 0 receives final
	// node 0 delivers 0: pears
	// node 0 delivers 1: apples
	// node 1 receives final
	// node 1 delivers 1: apples
}
