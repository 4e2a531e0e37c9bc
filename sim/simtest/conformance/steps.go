package conformance

import (
	"fmt"
	"testing"

	"dessim/protocol"
)

// claimsOfSteps are of incarnations and steps.
func claimsOfSteps() []claim {
	return []claim{
		{
			name: "1 2 no two incarnations share a number, even if one crashes in its Start", nodes: 1,
			boot: []Act{say("a"), say("b")},
			do: append(actions(4, func(i int) []Action {
				return []Action{crashIn(0, 1+i%2), start(0), wait()}
			}), start(0)),
			see: sees("a", "a", "b", "a", "a", "b", "a", "b"),
		},
		{
			name: "3 16 the steps of a node happen one at a time, and syncs do not part them", nodes: 2,
			do: append([]Action{start(0), start(1)}, actions(20, func(i int) []Action {
				text := fmt.Sprint(i)
				return []Action{input(0, write("r"+text), force(), say("a"+text), sendTo(1, force(), say("c")), force(), say("b"+text))}
			})...),
		},
		{
			name: "5 6 no two steps have one name, and no question is asked twice", nodes: 2, named: true,
			boot: many(3, func(int) []Act { return []Act{{Do: ask}} }),
			do: []Action{
				start(0), start(1),
				input(0, many(5, func(i int) []Act {
					return []Act{{Do: ask}, sendTo(0, Act{Do: ask}), timer(ms, uint64(i), Act{Do: ask}), sendTo(1, Act{Do: ask})}
				})...),
				wait(), crash(0), start(0), input(0, Act{Do: ask}),
			},
			see: func(t *testing.T, p *Play) {
				if len(p.asked) < 20 {
					t.Errorf("%d questions are asked, want 20 or more\n%s", len(p.asked), p.report())
				}
			},
		},
	}
}

// claimsOfEffects are of crashes amid effects.
func claimsOfEffects() []claim {
	return []claim{
		{
			name: "8 9 after i effects of a step those have happened, and no other, whatever is noted", nodes: 2,
			do: append([]Action{start(1)}, actions(12, func(i int) []Action {
				return []Action{
					start(0), wait(), crashIn(0, 1+i),
					input(0, remark(), say("a"), remark(), remark(), sendTo(1, say("m")), say("b"), write("r"), remark(), force(), say("c"),
						sendTo(0, say("self")), timer(ms, 1, say("t")), write("s"), say("d"), sendTo(1, say("n")), remark()),
					wait(),
				}
			})...),
			see: func(t *testing.T, p *Play) {
				if n := p.count(outputs, 0); n != 32 {
					t.Errorf("node 0 makes %d outputs, want 32\n%s", n, p.report())
				}
			},
		},
		{
			name: "10 a message to a node that does not exist is lost and is no mistake", nodes: 1,
			do:  []Action{start(0), input(0, sendTo(77, say("x")), sendTo(protocol.Outside, say("x")), say("sent"))},
			see: sees("sent"),
		},
	}
}

// claimsOfTimers are of timers.
func claimsOfTimers() []claim {
	return []claim{
		{
			name: "11 a timer leads to one Timeout, which is not early", nodes: 1,
			do: []Action{start(0), input(0, timer(1, 1, say("1ns"), timer(3*ms/2, 1, say("again"))), timer(20*ms, 2, say("20ms")),
				timer(1_000_001, 3), timer(1_999_999, 4), timer(999_999, 5), force(), timer(2*ms+1, 6))},
			see: func(t *testing.T, p *Play) {
				if n := p.count(outputs, 0); n != 3 {
					t.Errorf("node 0 makes %d outputs, want 3\n%s", n, p.report())
				}
			},
		},
		{
			name: "11 12 a timer that is set again is replaced, and a later one does not come early", nodes: 1,
			do: []Action{
				start(0),
				input(0, timer(2*ms, 1, say("old")), timer(40*ms, 1, say("new"))),
				input(0, timer(2*ms, 2, say("old")), timer(3*ms, 3, timer(30*ms, 2, say("never")), stop(2), say("cancelled"))),
				input(0, timer(5*ms, 4), timer(20*ms, 4)), input(0, timer(ms, 4, timer(ms, 4, say("last")))),
			},
		},
		{
			name: "12 a timer that is due and waits for its turn can be cancelled and replaced", nodes: 1,
			// All of them are due when the first fires, as far as the runtime's clock goes on in a
			// step; the first one takes the others away.
			do: []Action{start(0), input(0, append(many(5, func(i int) []Act {
				return []Act{timer(1, uint64(i), append(many(5, func(j int) []Act { return []Act{stop(uint64(j))} }), say("one"), timer(ms, 5, say("two")), timer(1, 6), stop(6), timer(10*ms, 6, say("three")))...)}
			}), force())...)},
			see: sees("one", "two", "three"),
		},
		{
			name: "14 24 timers, and what waited, are gone after a crash", nodes: 1,
			do: append(actions(5, func(i int) []Action {
				ends := []Action{crashIn(0, 3), crashIn(0, 4), failSync(0), crash(0), halt(0)}[i]
				first := []Action{start(0), wait()}
				if i < 3 {
					first = append(first, ends)
				}
				first = append(first, input(0, timer(5*ms, 1, say("old")), timer(30*ms, 2, say("old")), write("r"), force(), say("x"), timer(ms, 3, say("old"))))
				first = append(first, input(0, say("waited")), input(0, say("waited")), input(0, timer(1, 4)))
				if i < 3 {
					return append(first, wait())
				}
				return append(first, ends)
			}), start(0), input(0, timer(60*ms, 7, say("end")))),
		},
	}
}
