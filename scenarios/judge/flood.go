package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// Floods follows bodies that flood the network.
type Floods struct {
	net     *Network
	ledgers *Ledgers
	handed  map[handing]bool
	refused map[handing]bool
	copies  map[gossip.ID]uint64 // messages of the flood, by body
	bodies  []gossip.ID          // in the order of their first message
	flying  int64                // bodies in flight
	repairs uint64               // bodies sent on request
	told    []told               // by node
}

// told is what an incarnation of a node has put out of the bodies that came to it.
type told struct{ handed, refused uint64 }

// handing is a body handed over at one incarnation of a node.
type handing struct {
	node        protocol.NodeID
	incarnation uint32
	id          gossip.ID
}

// NewFloods returns a judge of the floods of transactions that the ledgers must list.
func NewFloods(l *Ledgers) *Floods {
	return &Floods{net: l.net, ledgers: l, handed: make(map[handing]bool), refused: make(map[handing]bool), copies: make(map[gossip.ID]uint64), told: make([]told, len(l.net.Nodes))}
}

// Told requires that a node puts out each body that its flood passes on or refuses, in the
// same step and a refused one once, and that it forgets only what it has no room for. It is compared when the next
// step begins: then all of the last one was seen.
func (f *Floods) Told() *check.Check {
	const watch = sim.Started | sim.Crashed | sim.Output | sim.Received | sim.Fired
	return Steps(check.Always("nodes put out what they pass on or refuse", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(len(f.told)) {
			return false, nil // a client
		}
		x := &f.told[e.Node]
		switch e.What {
		case sim.Started, sim.Crashed: // a crash leaves a step half done
			*x = told{}
		case sim.Output:
			switch e.Kind {
			case peer.KindHanded:
				x.handed++
			case peer.KindRefused:
				x.refused++
				return f.refuses(e)
			}
		default:
			return f.compare(e.Node, *x)
		}
		return false, nil
	})).OfOutputs(peer.KindHanded, peer.KindRefused).OrNotApplicable("no body is passed on")
}

// refuses requires that an incarnation refuses a body once: it remembers that it did.
func (f *Floods) refuses(e *sim.Event) (bool, error) {
	id, _, ok := peer.DecodeRefused(e.Body)
	h := handing{e.Node, e.Incarnation, gossip.ID(id)}
	if ok && f.refused[h] {
		return true, fmt.Errorf("node %v refuses %v twice", e.Node, h.id)
	}
	f.refused[h] = true
	return true, nil
}

func (f *Floods) compare(id protocol.NodeID, x told) (bool, error) {
	n := f.net.Nodes[id]
	s := n.Flood().Stats()
	if s.Refused != x.refused {
		s.Refused -= n.Stats().Overflowed // these are dropped, since too many wait for keys
	}
	if s.Delivered != x.handed || s.Refused != x.refused {
		return true, fmt.Errorf("node %v has passed on %d bodies and refused %d; it put out %d and %d", id, s.Delivered, s.Refused, x.handed, x.refused)
	}
	memory, waiting := n.Flood().Room()
	if most := beyond(s.Delivered, memory) + beyond(s.Refused, memory); s.Evicted > most {
		return true, fmt.Errorf("node %v has forgotten %d bodies that it passed on or refused, want at most %d: it remembers %d of either", id, s.Evicted, most, memory)
	}
	if most := beyond(s.Waited, waiting); s.Overflowed > most {
		return true, fmt.Errorf("node %v has forgotten %d bodies that waited, want at most %d: it keeps %d", id, s.Overflowed, most, waiting)
	}
	return s.Delivered+s.Refused > 0, nil
}

// beyond returns by how much n exceeds room.
func beyond(n uint64, room int) uint64 { return n - min(n, uint64(room)) }

// Once requires that no incarnation of a node is handed a body twice.
func (f *Floods) Once() *check.Check {
	return check.Always("no node is handed a body twice", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != peer.KindHanded || len(e.Body) != len(gossip.ID{}) {
			return false, nil
		}
		h := handing{e.Node, e.Incarnation, gossip.ID(e.Body)}
		if f.handed[h] {
			return true, fmt.Errorf("node %v is handed %v twice", e.Node, h.id)
		}
		f.handed[h] = true
		return true, nil
	}).OfOutputs(peer.KindHanded).OrNotApplicable("no body is handed over")
}

// Everywhere requires that every node is handed every body.
func (f *Floods) Everywhere(bound protocol.Time) *check.Check {
	return check.Eventually("every node is handed every body", bound, func() (uint64, error) {
		want := f.ledgers.Listed * uint64(len(f.net.Nodes))
		n := uint64(len(f.handed))
		if n < want {
			return n, fmt.Errorf("of %d bodies at each of %d nodes, %d were handed over", f.ledgers.Listed, len(f.net.Nodes), n)
		}
		return n, nil
	})
}

// Exact requires the exact number of messages of each flood on a quiet network: each node
// passes a body on to all neighbours but the one that sent it.
func (f *Floods) Exact(bound protocol.Time) *check.Check {
	name := "each flood costs 1 + sum(degree-1) messages"
	if !f.net.Link.Loss.Never() || !f.net.Link.Copy.Never() {
		return check.Skip(name, "messages are lost or copied")
	}
	return check.Eventually(name, bound, func() (uint64, error) {
		want := uint64(1)
		for _, n := range f.net.Nodes {
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

// Quiet requires that no body travels at the end.
func (f *Floods) Quiet(bound protocol.Time) *check.Check {
	return check.Eventually("no body circulates at the end", bound, func() (uint64, error) {
		if f.flying != 0 {
			return uint64(len(f.bodies)), fmt.Errorf("%d bodies are still in flight", f.flying)
		}
		return uint64(len(f.bodies)), nil
	}).Seeing(sim.Sent|sim.Copied|sim.Lost|sim.Received|sim.Dropped, f.see)
}

func (f *Floods) see(e *sim.Event) {
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

// Repaired requires that anti-entropy brings a body.
func (f *Floods) Repaired() *check.Check {
	name := "anti-entropy repairs a missed body"
	if f.net.Link.Loss.Never() {
		return check.Skip(name, "nothing is lost")
	}
	return check.Sometimes(name, check.InSweep, sim.Sent, func(e *sim.Event) bool { return e.Kind == gossip.KindBody })
}

// Bodies returns how many bodies were flooded, in how many messages, and how often one
// was handed over.
func (f *Floods) Bodies() (bodies int, messages uint64, handed int) {
	for _, id := range f.bodies {
		messages += f.copies[id]
	}
	return len(f.bodies), messages, len(f.handed)
}

// Facts returns the figures of the floods.
func (f *Floods) Facts() []scenario.Fact {
	bodies, messages, _ := f.Bodies()
	return []scenario.Fact{
		{Name: "bodies flooded", Value: fmt.Sprint(bodies)},
		{Name: "flood messages", Value: fmt.Sprint(messages)},
		{Name: "bodies repaired", Value: fmt.Sprint(f.repairs)},
	}
}
