package kademlia_test

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/source"
)

// member joins through node 0; then node 1 puts a value, and node 9 gets it.
type member struct{ *kademlia.DHT }

var greeting = []byte("5:hello")

func (m member) Start(env *protocol.Env) {
	m.DHT.Start(env)
	if env.ID() != 0 {
		m.Join(env, protocol.SimBook{}.Endpoint(0), m.joined)
	}
}

func (m member) joined(env *protocol.Env) {
	switch env.ID() {
	case 1:
		m.Put(env, greeting, func(_ *protocol.Env, stored int) {
			fmt.Println("stored at", stored, "nodes")
		})
	case 9:
		env.SetTimer(time.Minute, 1)
	}
}

func (m member) Timeout(env *protocol.Env, tag uint64) {
	if tag != 1 {
		m.DHT.Timeout(env, tag)
		return
	}
	m.Get(env, kademlia.Key(greeting), func(_ *protocol.Env, f kademlia.Found) {
		fmt.Printf("found %s\n", f.Value)
	})
}

// Ten nodes join at once through the first, in a network that loses messages.
func Example() {
	s, err := sim.New(sim.Plan{
		Nodes: 10,
		Node: func(id protocol.NodeID) protocol.Node {
			self := kademlia.Key(fmt.Appendf(nil, "node %v", id))
			return member{kademlia.New(kademlia.Defaults(self, protocol.SimBook{}, 42))}
		},
		Link:  sim.Link{Delay: 10 * time.Millisecond, Loss: protocol.Percent(5)},
		Until: protocol.Time(time.Hour),
	}, source.Seed(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	s.Run()
	// Output:
	// stored at 8 nodes
	// found 5:hello
}
