package judge

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/stats"
)

// Finds judges what nodes that are only part of a DHT find there, knowing all ids. What it keeps
// grows with the lookups that are asked for, and by a bit with the nodes.
type Finds struct {
	c      FindsOf
	near   *nearest
	asked  []find // by the number of the lookup
	looks  int    // of asked, the lookups of nodes
	joined []bool // by node
	joins  int    // nodes that have joined
	looked int    // lookups of nodes that ended
	got    int    // values that were found
	hops   hopCounts
}

// FindsOf is the DHT that a Finds judges, and what is asked of it.
type FindsOf struct {
	Nodes  []*kademlia.Node // current state; nil before the first start
	IDs    []kademlia.ID    // by node
	K      int              // contacts in a node's answer
	Asked  []Find           // a lookup's number is its place here
	Values [][]byte         // all that is published
}

// Find is a lookup that an input asks for: of the node with an id, or of a value.
type Find struct {
	Node   protocol.NodeID
	Target kademlia.ID
	Value  []byte // nil if a node is looked up
}

type find struct {
	Find
	ended bool
}

// NewFinds returns a judge of the DHT.
func NewFinds(c FindsOf) *Finds {
	f := &Finds{c: c, near: newNearest(c.IDs), joined: make([]bool, len(c.IDs))}
	for _, x := range c.Asked {
		f.asked = append(f.asked, find{Find: x})
		if x.Value == nil {
			f.looks++
		}
	}
	return f
}

// Joined requires that every node joins.
func (f *Finds) Joined(bound protocol.Time) *check.Check {
	return check.Eventually("every node joins", bound, func() (uint64, error) {
		if f.joins < len(f.joined) {
			return uint64(f.joins), fmt.Errorf("node %d has not joined", slices.Index(f.joined, false))
		}
		return uint64(f.joins), nil
	}).Seeing(sim.Output, func(e *sim.Event) {
		if e.Kind == kademlia.KindJoined && !f.joined[e.Node] {
			f.joined[e.Node] = true
			f.joins++
		}
	}).ReadingEvents()
}

// Closest requires that each lookup returns the globally closest nodes.
func (f *Finds) Closest() *check.Check {
	if f.looks == 0 {
		return check.Skip(nameClosest, "a single node has no other node to look up")
	}
	return check.Always(nameClosest, sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kademlia.KindLooked {
			return false, nil
		}
		x, ok := kademlia.DecodeLooked(e.Body)
		if !ok {
			return true, fmt.Errorf("node %v put out a lookup that cannot be read", e.Node)
		}
		a := f.of(e.Node, x.Number)
		if a == nil || a.ended || a.Value != nil || a.Target != x.Target {
			return true, fmt.Errorf("node %v ends lookup %d of %v, which it was not asked for or has ended already", e.Node, x.Number, x.Target)
		}
		a.ended = true
		f.looked++
		f.hops.add(x.Hops)
		want := f.closest(x.Target, func(node int) bool { return node != int(e.Node) })
		if !slices.Equal(x.Closest, want) {
			return true, fmt.Errorf("node %v looked up %v and got %s, where the closest are %s", e.Node, x.Target, short(x.Closest), short(want))
		}
		return true, nil
	}).ReadingEvents()
}

// closest returns the ids of the k nodes closest to a point, of those that count.
func (f *Finds) closest(to kademlia.ID, counts func(node int) bool) (ids []kademlia.ID) {
	for _, i := range f.near.to(to, f.c.K, counts) {
		ids = append(ids, f.c.IDs[i])
	}
	return ids
}

// of returns the lookup of that number, or nil if the node was not asked for it.
func (f *Finds) of(id protocol.NodeID, number uint64) *find {
	if number >= uint64(len(f.asked)) || f.asked[number].Node != id {
		return nil
	}
	return &f.asked[number]
}

// Answered requires that each lookup of a node ends.
func (f *Finds) Answered(bound protocol.Time) *check.Check {
	if f.looks == 0 {
		return check.Skip(nameAnswered, "a single node has no other node to look up")
	}
	return check.Eventually(nameAnswered, bound, func() (uint64, error) {
		if f.looked < f.looks {
			return uint64(f.looked), fmt.Errorf("%d of %d lookups have ended", f.looked, f.looks)
		}
		return uint64(f.looked), nil
	})
}

// Found requires that each value that is asked for is found, as it was published.
func (f *Finds) Found(bound protocol.Time) *check.Check {
	values := len(f.asked) - f.looks
	return check.Eventually("every value is found", bound, func() (uint64, error) {
		if f.got < values {
			return uint64(f.got), fmt.Errorf("%d of %d values were found", f.got, values)
		}
		return uint64(f.got), nil
	}).Seeing(sim.Output, func(e *sim.Event) {
		x, ok := kademlia.DecodeEnded(e.Body)
		if e.Kind != kademlia.KindEnded || !ok {
			return
		}
		a := f.of(e.Node, x.Number)
		if a != nil && !a.ended && x.OK && x.ID == a.Target && a.Value != nil && bytes.Equal(x.Value, a.Value) {
			a.ended = true
			f.got++
		}
	}).ReadingEvents()
}

// Placed requires that a value lies on the k nodes closest to its key, and nowhere else, once all
// were found. It looks for some of the values at all nodes.
func (f *Finds) Placed() *check.Check {
	return check.Finally("values lie on the k closest nodes alone", func() (n uint64, wrong error) {
		if f.got < len(f.asked)-f.looks || slices.Contains(f.c.Nodes, nil) {
			return 0, nil // the run ended early
		}
		for k := 0; k < len(f.c.Values); k += max(1, len(f.c.Values)/mostPlaced) {
			key := kademlia.Key(f.c.Values[k])
			near := f.closest(key, func(int) bool { return true })
			for i, node := range f.c.Nodes {
				_, has := node.DHT().Held(key)
				if must := slices.Contains(near, f.c.IDs[i]); has != must {
					return n, fmt.Errorf("node %d holds the value under %v: %v; the closest to it are %s", i, key, has, short(near))
				}
			}
			n++
		}
		return n, nil
	})
}

// Far requires that some lookup led beyond the asker's own contacts.
func (f *Finds) Far() *check.Check {
	const name = "a lookup leads beyond the asker's contacts"
	if few := 4 * f.c.K; len(f.c.IDs) <= few {
		return check.Skip(name, fmt.Sprintf("up to %d nodes are almost all each other's contacts", few))
	}
	return check.Sometimes(name, check.EachRun, sim.Output, func(e *sim.Event) bool {
		x, ok := kademlia.DecodeLooked(e.Body)
		return ok && e.Kind == kademlia.KindLooked && x.Hops > 1
	}).ReadingEvents()
}

// Facts returns how many hops lookups took.
func (f *Finds) Facts(*sim.Sim) []scenario.Fact {
	if f.looked == 0 {
		return nil
	}
	return append([]scenario.Fact{{Name: "lookups", Value: fmt.Sprint(f.looked)}}, f.hops.facts()...)
}

// Measure measures lookups of nodes and of values, and their hops.
func (f *Finds) Measure(m *stats.Meter) {
	look, get := m.Time("lookup", "from the request for a node until its lookup ends"), m.Time("value", "from the request for a value until it is found")
	looked, got := m.Number("hops of lookups", "from contact to contact"), m.Number("hops to values", "from contact to contact")
	began := make(map[string]uint64, len(f.asked))
	for i := range f.asked {
		began[string(f.asked[i].Input(uint64(i)))] = uint64(i)
	}
	m.See(sim.Received|sim.Output, func(e *sim.Event) {
		switch {
		case e.What == sim.Received && e.Peer == protocol.Outside:
			i, ok := began[string(e.Body)]
			switch {
			case !ok:
			case f.asked[i].Value == nil:
				look.Begin(i, e.At)
			default:
				get.Begin(i, e.At)
			}
		case e.What == sim.Output && e.Kind == kademlia.KindLooked:
			if x, ok := kademlia.DecodeLooked(e.Body); ok && look.End(x.Number, e.At) {
				looked.Add(uint64(x.Hops))
			}
		case e.What == sim.Output && e.Kind == kademlia.KindEnded:
			if x, ok := kademlia.DecodeEnded(e.Body); ok && x.OK && get.End(x.Number, e.At) {
				got.Add(uint64(x.Hops))
			}
		}
	})
}

// Input returns the input that asks for the lookup of that number.
func (x *Find) Input(number uint64) []byte {
	if x.Value == nil {
		return kademlia.LookInput(number, x.Target)
	}
	return kademlia.GetInput(number, x.Target)
}
