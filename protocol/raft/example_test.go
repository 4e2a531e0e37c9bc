package raft_test

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/sim"
)

// shop is the least host of a group. It gives the group its records, its messages
// and its timer; an input is what it broadcasts.
type shop struct{ group *raft.Group }

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

// Node 0 leads, crashes after the first message, and comes back after the second.
// In its new life it is delivered everything again: at once what its disk knows to
// be committed, then what it missed.
func Example() {
	newShop := func(id protocol.NodeID) protocol.Node {
		say := func(env *protocol.Env, text string) {
			if env.ID() == 0 {
				fmt.Printf("%v: node 0/%d %s\n", time.Duration(env.Now()).Round(time.Second), env.Incarnation(), text)
			}
		}
		return &shop{raft.New(raft.Config{
			Members:  []protocol.NodeID{0, 1, 2},
			Datagram: (*protocol.Env).Send,
			Tick:     time.Second,
			Deliver: func(env *protocol.Env, index uint64, m abcast.Message) {
				say(env, fmt.Sprintf("delivers %d: %s", index, m.Payload))
			},
			Changed: func(env *protocol.Env, v abcast.View) {
				say(env, fmt.Sprintf("sees term %d", v.Number))
			},
		})}
	}
	s, err := sim.New(sim.Plan{
		Nodes: 3,
		Node:  newShop,
		Link:  sim.Link{Delay: 10 * time.Millisecond},
		Inputs: []sim.Input{
			{ID: 1, At: protocol.Time(3 * time.Second), Node: 1, Body: []byte("apples")},
			{ID: 2, At: protocol.Time(15 * time.Second), Node: 2, Body: []byte("pears")},
		},
		Faults: []sim.Fault{{Op: sim.Crash, Node: 0, At: protocol.Time(5 * time.Second), For: 15 * time.Second}},
		Until:  protocol.Time(25 * time.Second),
		Done:   func() bool { return false },
	}, nil)
	if err != nil {
		panic(err)
	}
	s.Run()
	// Output:
	// 1s: node 0/1 sees term 1
	// 3s: node 0/1 delivers 0: apples
	// 20s: node 0/2 sees term 1
	// 20s: node 0/2 delivers 0: apples
	// 20s: node 0/2 sees term 2
	// 20s: node 0/2 delivers 1: pears
}
