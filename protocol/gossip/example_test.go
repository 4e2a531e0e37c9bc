package gossip_test

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/gossip"
)

// A node between two neighbours forwards a message once, whichever sends it first.
func Example() {
	g := gossip.New(gossip.Config{
		Neighbours: func() []protocol.NodeID { return []protocol.NodeID{0, 2} },
		Check: func(_ *protocol.Env, _ gossip.ID, body []byte) gossip.Verdict {
			if len(body) == 0 {
				return gossip.Drop
			}
			return gossip.Pass
		},
		Deliver: func(env *protocol.Env, id gossip.ID, body []byte) {
			fmt.Printf("node %d delivers %q\n", env.ID(), body)
		},
		Memory:  1000,
		Waiting: 10,
	})
	var env protocol.Env
	for _, from := range []protocol.NodeID{0, 2} {
		env.Enter(1, 1, 0, nil)
		g.Receive(&env, from, gossip.Data([]byte("hello")))
		for _, e := range env.Effects() {
			fmt.Printf("sends %v to %d\n", e.Kind, e.To)
		}
	}
	fmt.Println("duplicates:", g.Stats().Duplicates)
	// Output:
	// node 1 delivers "hello"
	// sends gossip.data to 2
	// duplicates: 1
}
