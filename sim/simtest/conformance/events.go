package conformance

import (
	"fmt"
	"testing"

	"dessim/protocol"
)

// claimsOfEvents are of messages, inputs, and nodes that panic.
func claimsOfEvents() []claim {
	return []claim{
		{
			name: "17 18 a message to another node arrives whole, from its sender, and only if it was sent", nodes: 3,
			do: []Action{start(0), start(1), start(2), input(0, many(30, func(i int) []Act {
				return []Act{sendTo(1, say(fmt.Sprint("a", i)), sendTo(2, sendTo(0, say("round")))), sendTo(2, sendTo(1, say("b")))}
			})...)},
			see: func(t *testing.T, p *Play) {
				if j := p.judge(p.history(), len(p.Actions)); j.crossed == 0 {
					t.Errorf("of 60 messages to other nodes none arrives\n%s", p.report())
				}
			},
		},
		{
			name: "18 19 30 the network can make no input, and no message of a node to itself", nodes: 2,
			do: []Action{start(0), start(1), wait(), forge(0, protocol.Outside, say("forged")), forge(0, 0, say("forged")), input(0, say("input")),
				forge(1, 1, say("forged")), forge(1, protocol.Outside, say("forged"))},
			see: sees("input"),
		},
		{
			name: "20 24 inputs to a node that is down are lost, as are those that wait when it crashes", nodes: 2,
			do: append([]Action{input(0, say("early")), start(1)}, append(actions(6, func(i int) []Action {
				first := []Action{start(0), wait()}
				lost := []Action{input(0, say("lost")), input(0, say("lost")), input(0, say("lost"))}
				if i%2 == 0 {
					first = append(first, crashIn(0, 2), input(0, write("r"), force(), say("x")))
					first = append(first, lost...)
					return append(append(first, wait()), lost...)
				}
				return append(append(first, crash(0)), lost...)
			}), start(0), input(0, say("end")))...),
			see: sees("end"),
		},
		{
			name: "29 a node that panics is reported, and not started again", nodes: 1,
			do:  []Action{start(0), input(0, say("before")), wait(), input(0, say("never"), Act{Do: boom, Text: "on purpose"})},
			see: sees("before"),
		},
		{
			name: "30 messages of a node to itself arrive once, whole, later, and in the order of sending", nodes: 1,
			boot: []Act{sendTo(0, say("start"))},
			do: []Action{start(0), input(0, many(20, func(i int) []Act {
				return []Act{sendTo(0, say(fmt.Sprint(i)), sendTo(0, say(fmt.Sprint("again ", i)))), force(), timer(1, uint64(i%4), sendTo(0))}
			})...), input(0, sendTo(0)), input(0, sendTo(0, sendTo(0)))},
			see: func(t *testing.T, p *Play) {
				if n := p.count(outputs, 0); n != 41 {
					t.Errorf("node 0 makes %d outputs, want 41\n%s", n, p.report())
				}
			},
		},
		{
			name: "30 only a crash can prevent that a message of a node to itself arrives", nodes: 1,
			do: append(actions(6, func(i int) []Action {
				return []Action{start(0), wait(), crashIn(0, i+1), input(0, sendTo(0, say("a")), sendTo(0, say("b")), force(), sendTo(0, say("c")), say("d"), sendTo(0)), wait()}
			}), start(0), input(0, sendTo(0, say("end")))),
		},
	}
}
