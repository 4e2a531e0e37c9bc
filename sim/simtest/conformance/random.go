package conformance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
)

// random plays scripts drawn at random.
func random(t *testing.T, fresh func(t testing.TB) Runtime) {
	first := "" // a runtime on a real clock may not do it again
	defer func() {
		if t.Failed() {
			t.Log("at first:", first)
		}
	}()
	rapid.Check(t, func(rt *rapid.T) {
		d := drawer{T: rt, nodes: rapid.IntRange(1, 3).Draw(rt, "nodes")}
		var boot []Act
		if rapid.Bool().Draw(rt, "boots") {
			boot = d.acts("boot", 1)
		}
		p := script(d.nodes, boot, d.script()...)
		if bad := p.play(rt, fresh(t)); bad != nil {
			if first == "" {
				first = strings.Join(bad, "\n") + "\n" + p.report()
			}
			rt.Fatal(p.report())
		}
	})
}

// drawer draws scripts.
type drawer struct {
	*rapid.T
	nodes, texts int
}

func (d *drawer) number(what string, least, most int) int {
	return rapid.IntRange(least, most).Draw(d.T, what)
}

func (d *drawer) node() protocol.NodeID {
	return protocol.NodeID(d.number("node", 0, d.nodes-1))
}

// script draws what is done. Of a node that is to crash at its next step, only a Wait tells
// whether it is down.
func (d *drawer) script() (do []Action) {
	const (
		isDown = iota
		isUp
		isDoomed
	)
	state := make([]int, d.nodes)
	rest := func() {
		do = append(do, Action{Do: Wait})
		for i := range state {
			if state[i] == isDoomed {
				state[i] = isDown
			}
		}
	}
	for range d.number("actions", 1, 12) {
		id := d.node()
		switch what := d.number("action", 0, 9); {
		case state[id] == isDown:
			do = append(do, start(id))
			state[id] = isUp
		case what < 5 || state[id] == isDoomed:
			do = append(do, input(id, d.acts("input", 3)...))
		case what < 7:
			rest()
		case what == 7:
			do = append(do, Action{Do: []Do{Crash, Stop}[d.number("end", 0, 1)], Node: id})
			state[id] = isDown
		case what == 8:
			do = append(do, crashIn(id, d.number("effects", 1, 6)), input(id, d.acts("cut", 2)...))
			state[id] = isDoomed
		default:
			do = append(do, failSync(id), input(id, append(d.acts("failing", 2), Act{Do: syncing}, say("never"))...))
			state[id] = isDoomed
		}
	}
	rest()
	return do
}

// acts draws what a step does; the messages and timers of it lead to steps that do so, too,
// but not beyond that depth.
func (d *drawer) acts(label string, depth int) (acts []Act) {
	for range d.number(label, 0, 5) {
		d.texts++
		text := fmt.Sprint("t", d.texts)
		a := Act{Do: rapid.SampledFrom([]act{send, send, set, set, cancel, persist, persist, syncing, discard, output, output, note, ask}).Draw(d.T, "act")}
		switch a.Do {
		case send:
			a.To = d.node()
			if depth > 0 {
				a.Then = d.acts("message", depth-1)
			}
		case set:
			a.Tag, a.After = uint64(d.number("tag", 0, 3)), time.Duration(d.number("after", 1, 4_000_000))
			if depth > 0 {
				a.Then = d.acts("timer", depth-1)
			}
		case cancel:
			a.Tag = uint64(d.number("tag", 0, 3))
		case discard:
			a.Tag = uint64(d.number("up to", 0, 6))
		case persist, output, note:
			a.Text = text
		}
		acts = append(acts, a)
	}
	return acts
}
