package scenarios

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// broadcasting is the scenario broadcast: committed transactions flood.
func broadcasting() *scenario.Scenario {
	return ledgerScenario(scenario.Scenario{
		Name:     "broadcast",
		Shows:    "committed transactions flood: every node is handed each once, and then nothing circulates",
		MinNodes: 3,
		MaxNodes: 100_000,
		Defaults: scenario.Params{Nodes: 12, Delay: time.Millisecond, Jitter: 9 * time.Millisecond,
			Until: time.Minute},
		Moot: withoutTransfers,
		Own:  transfers(8, 0),
	}, buildBroadcast)
}

func buildBroadcast(p params) *scenario.Run {
	m := newMarket(p)
	m.abort = func(twopc.ID) protocol.Ratio { return p.Abort }
	for i := range uint64(p.Txs) {
		m.ask(m.begin+1, m.transfer(i))
	}
	l, f := m.ledgers, newFloods(m)
	r := m.run(check.Suite{
		m.joinedCheck(m.bound),
		p.calmly(f.once()), p.calmly(f.everywhere()), p.calmly(f.exact()), p.calmly(f.quiet()), p.calmly(f.repaired()),
		l.integrity(), l.answered(m.bound), l.audited(), l.equalAtEnd(m.bound), m.dealings.linearizable(),
	})
	facts := r.Facts
	r.Facts = func(s *sim.Sim) []scenario.Fact { return append(f.facts(), facts(s)...) }
	return r
}

// floods follows bodies through the network.
type floods struct {
	m       *market
	handed  map[handing]bool
	copies  map[gossip.ID]uint64 // messages of the flood, by body
	bodies  []gossip.ID          // in the order of their first message
	flying  int64                // bodies on their way
	repairs uint64               // bodies sent because they were asked for
}

// handing is a body handed over at a node in one of its lives.
type handing struct {
	node        protocol.NodeID
	incarnation uint32
	id          gossip.ID
}

func newFloods(m *market) *floods {
	return &floods{m: m, handed: make(map[handing]bool), copies: make(map[gossip.ID]uint64)}
}

// once demands that no node is handed a body twice.
func (f *floods) once() *check.Check {
	return check.Always("every node is handed each body at most once", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != peer.KindHanded || len(e.Body) != len(gossip.ID{}) {
			return false, nil
		}
		h := handing{e.Node, e.Incarnation, gossip.ID(e.Body)}
		if f.handed[h] {
			return true, fmt.Errorf("node %v is handed %v twice", e.Node, h.id)
		}
		f.handed[h] = true
		return true, nil
	})
}

// everywhere demands that every node is handed every body.
func (f *floods) everywhere() *check.Check {
	return check.Eventually("every node is handed every body", f.m.bound, func() (uint64, error) {
		want := f.m.ledgers.listed * uint64(f.m.p.Nodes)
		n := uint64(len(f.handed))
		if n < want {
			return n, fmt.Errorf("of %d bodies at %d nodes each %d were handed over", f.m.ledgers.listed, f.m.p.Nodes, n)
		}
		return n, nil
	})
}

// exact demands the exact number of messages of each flood on a quiet network:
// everybody passes a body on to all neighbours but the one that it came from.
func (f *floods) exact() *check.Check {
	name := "a flood takes the sum of (degree - 1) plus 1 messages"
	if !f.m.p.Loss.Never() || !f.m.p.Copy.Never() {
		return check.Skip(name, "messages are lost or copied")
	}
	return check.Eventually(name, f.m.bound, func() (uint64, error) {
		want := uint64(1)
		for _, n := range f.m.nodes {
			if n != nil && n.Degree() > 0 {
				want += uint64(n.Degree() - 1)
			}
		}
		for _, id := range f.bodies {
			if got := f.copies[id]; got != want {
				return 0, fmt.Errorf("the flood of %v took %d messages, want %d", id, got, want)
			}
		}
		return uint64(len(f.bodies)), nil
	})
}

// quiet sees the bodies that travel, and demands that none does at the end.
func (f *floods) quiet() *check.Check {
	watch := sim.Sent | sim.Copied | sim.Lost | sim.Received | sim.Dropped
	return check.EventuallySeeing("nothing circulates at the end", f.m.bound, watch, f.see, func() (uint64, error) {
		if f.flying != 0 {
			return uint64(len(f.bodies)), fmt.Errorf("%d bodies are still on their way", f.flying)
		}
		return uint64(len(f.bodies)), nil
	})
}

func (f *floods) see(e *sim.Event) {
	if e.Kind != gossip.KindData && e.Kind != gossip.KindBody {
		return
	}
	switch e.What {
	case sim.Sent:
		f.flying++
		if e.Kind == gossip.KindBody {
			f.repairs++
		} else if body, ok := gossip.Payload(e.Body); ok {
			id := gossip.Sum(body)
			if f.copies[id] == 0 {
				f.bodies = append(f.bodies, id)
			}
			f.copies[id]++
		}
	case sim.Copied:
		f.flying++
	default:
		f.flying--
	}
}

// repaired tells whether anti-entropy had to bring a body.
func (f *floods) repaired() *check.Check {
	name := "a body that the flood missed came by repair"
	if f.m.p.Loss.Never() {
		return check.Skip(name, "nothing is lost")
	}
	return check.Sometimes(name, check.InSweep, sim.Sent, func(e *sim.Event) bool { return e.Kind == gossip.KindBody })
}

func (f *floods) facts() []scenario.Fact {
	sum := uint64(0)
	for _, id := range f.bodies {
		sum += f.copies[id]
	}
	return []scenario.Fact{
		{Name: "bodies flooded", Value: fmt.Sprint(len(f.bodies))},
		{Name: "messages of the floods", Value: fmt.Sprint(sum)},
		{Name: "bodies sent for repair", Value: fmt.Sprint(f.repairs)},
	}
}
