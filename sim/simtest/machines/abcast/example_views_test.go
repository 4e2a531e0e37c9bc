package abcast_test

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
	"dessim/sim/fault"
)

// shop is the smallest host of a group with Views. It passes the group its records,
// messages and timers, and broadcasts its inputs.
type shop struct{ group abcast.Orderer }

func (s *shop) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		s.group.Restore(rec)
	}
	s.group.Start(env)
}

func (s *shop) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		s.group.Broadcast(env, msg)
		return
	}
	s.group.Receive(env, from, msg)
}

func (s *shop) Timeout(env *protocol.Env, tag uint64) { s.group.Timeout(env, tag) }

// Node 2 crashes after the first message and restarts after the second. Its new
// incarnation delivers everything from the beginning: at once what its disk knows to
// be stable, and in the next view what it missed.
func ExampleViews() {
	newShop := func(id protocol.NodeID) protocol.Node {
		say := func(env *protocol.Env, text string) {
			if env.ID() == 2 {
				fmt.Printf("%v: node 2/%d %s\n", time.Duration(env.Now()).Round(time.Second), env.Incarnation(), text)
			}
		}
		return &shop{abcast.New(abcast.Config{
			Members: []protocol.NodeID{0, 1, 2},
			Order:   abcast.Sequencer,
			Deliver: func(env *protocol.Env, index uint64, m abcast.Message) {
				say(env, fmt.Sprintf("delivers %d: %s", index, m.Payload))
			},
			Views: &abcast.Views{
				Datagram: (*protocol.Env).Send,
				Tick:     time.Second,
				Changed: func(env *protocol.Env, v abcast.View) {
					say(env, fmt.Sprintf("sees view %d of %v", v.Number, v.Members))
				},
			},
		})}
	}
	s, err := sim.New(sim.Plan{
		Nodes: 3,
		Node:  newShop,
		Link:  sim.Link{Delay: 10 * time.Millisecond},
		Inputs: []sim.Input{
			{ID: 1, At: protocol.Time(3 * time.Second), Node: 0, Body: []byte("apples")},
			{ID: 2, At: protocol.Time(15 * time.Second), Node: 1, Body: []byte("pears")},
		},
		Faults: []fault.Fault{{Op: fault.Crash, Node: 2, At: protocol.Time(5 * time.Second), For: 15 * time.Second}},
		Until:  protocol.Time(25 * time.Second),
		Done:   func() bool { return false },
	}, nil)
	if err != nil {
		panic(err)
	}
	s.Run()
	// Output:
	// 3s: node 2/1 sees view 3 of [0/1 1/1 2/1]
	// 3s: node 2/1 delivers 0: apples
	// 20s: node 2/2 sees view 3 of [0/1 1/1 2/1]
	// 23s: node 2/2 delivers 0: apples
	// 23s: node 2/2 sees view 6 of [0/1 1/1]
	// 23s: node 2/2 delivers 1: pears
	// 23s: node 2/2 sees view 9 of [0/1 1/1 2/2]
}
