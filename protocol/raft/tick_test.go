package raft

import (
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
)

// A longest answers each question with the last answer.
type longest struct{ protocol.Benign }

func (longest) Choose(_ protocol.Key, n uint64) uint64 { return n - 1 }

func TestTicksDifferByAnAnswer(t *testing.T) {
	g := New(Config{Members: []protocol.NodeID{0, 1, 2}, Datagram: (*protocol.Env).Send, Tick: time.Second,
		Deliver: func(*protocol.Env, uint64, abcast.Message) {}})
	var env protocol.Env
	env.Enter(1, 1, 0, nil)
	g.Start(&env)
	for want, src := range map[time.Duration]protocol.Source{time.Second: nil, time.Second * 39 / 32: longest{}} {
		env.Enter(1, 1, 0, src)
		g.Timeout(&env, tagTick)
		for _, e := range env.Effects() {
			if e.Op == protocol.OpSetTimer && e.After != want {
				t.Errorf("the next tick comes after %v, want %v", e.After, want)
			}
		}
	}
}
