package raft_test

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/simtest/grouptest"
)

// Node 0 leads until it is cut off from 5 s to 15 s. The others elect a leader and
// go on; what node 0 broadcasts meanwhile waits. At 20 s it crashes, and its next
// incarnation delivers everything from the beginning before it is in the view.
//
// The host is the one of abcast's example of Views: it passes the group its records,
// messages and timer.
func Example() {
	newShop := func(id protocol.NodeID) protocol.Node {
		say := func(env *protocol.Env, format string, args ...any) {
			if id == 0 {
				fmt.Printf("%v: node 0/%d %s\n", time.Duration(env.Now()).Round(time.Second), env.Incarnation(), fmt.Sprintf(format, args...))
			}
		}
		return &grouptest.Host{Group: raft.New(raft.Config{
			Members:  []protocol.NodeID{0, 1, 2},
			Datagram: (*protocol.Env).Send,
			Tick:     time.Second,
			Deliver: func(env *protocol.Env, index uint64, m abcast.Message) {
				say(env, "delivers %d: %s", index, m.Payload)
			},
			Changed: func(env *protocol.Env, v abcast.View) { say(env, "sees view %d: %v", v.Number, v.Members) },
		})}
	}
	second := func(n int) protocol.Time { return protocol.Time(n) * protocol.Time(time.Second) }
	var inputs []sim.Input
	for i, fruit := range []string{"apples", "pears", "plums"} {
		inputs = append(inputs, sim.Input{ID: uint64(i), At: second(3 + 5*i), Node: protocol.NodeID(i % 2), Body: []byte(fruit)})
	}
	s, err := sim.New(sim.Plan{
		Nodes:  3,
		Node:   newShop,
		Link:   sim.Link{Delay: 10 * time.Millisecond},
		Inputs: inputs,
		Faults: []fault.Fault{
			{ID: 1, Op: fault.Partition, Groups: [][]protocol.NodeID{{0}, {1, 2}}, At: second(5), For: 10 * time.Second},
			{ID: 2, Op: fault.Crash, Node: 0, At: second(20), For: time.Second},
		},
		Until: second(30),
		Done:  func() bool { return false },
	}, nil)
	if err != nil {
		panic(err)
	}
	s.Run()
	// Output:
	// 1s: node 0/1 sees view 1: [0/1]
	// 1s: node 0/1 sees view 2: [0/1 1/1]
	// 1s: node 0/1 sees view 3: [0/1 1/1 2/1]
	// 3s: node 0/1 delivers 0: apples
	// 15s: node 0/1 delivers 1: pears
	// 15s: node 0/1 delivers 2: plums
	// 21s: node 0/2 sees view 1: [0/1]
	// 21s: node 0/2 sees view 2: [0/1 1/1]
	// 21s: node 0/2 sees view 3: [0/1 1/1 2/1]
	// 21s: node 0/2 delivers 0: apples
	// 21s: node 0/2 delivers 1: pears
	// 21s: node 0/2 delivers 2: plums
	// 21s: node 0/2 sees view 4: [0/2 1/1 2/1]
}
