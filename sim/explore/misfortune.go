package explore

import (
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
	"dessim/sim/wording"
)

// misfortune is one fault that comes at a place, with the answers that it needs, and the same
// fault of other nodes.
type misfortune struct {
	place   *place
	kind    int // in misfortunes
	variant int // which of its kind at that place
	lasts   time.Duration
	fault   fault.Fault       // but for its identity
	others  []protocol.NodeID // that the fault hits too
	what    sim.What          // the event that shows that it has begun
	// answers depend on the identity of the fault; nil is none.
	answers func(f *fault.Fault) []source.Answer
	words   string // describe a misfortune that comes at no place
}

// MisfortuneKind is a sort of misfortune that Misfortunes tries.
type MisfortuneKind struct {
	Name  string
	Means string // in a few words
	// at returns the misfortunes of a place, and the number of those that are skipped, since they
	// have the same effect as another. ok is false if this kind cannot come at the place.
	at func(c *Misfortunes, p *place) (all []misfortune, skipped int, ok bool)
}

// MisfortuneKinds returns the sorts of misfortune.
func MisfortuneKinds() []MisfortuneKind {
	return append([]MisfortuneKind{
		{"crash", "a node crashes, and as many of its unsynced records survive as can", crashes},
		{"blackout", "all nodes crash at once, and lose what is not synced", blackouts},
		{"failsync", "a sync fails: the node crashes there; or a flush, and the node goes on", failedSyncs},
		{"torn", "a node crashes, and of its unsynced records one is torn or lost alone, or survives alone", tears},
		{"lose", "one message is lost", losses},
		{"late", "one message comes again, long after", lateCopies},
		{"pause", "a node does nothing for a while", pauses},
		{"cut", "two nodes hear nothing of each other for a while", cutLinks},
		{"isolate", "a node hears nothing of the others, nor they of it, for a while", isolations},
	}, turnKinds()...)
}

// ofNode reports whether faults of nodes can come at the place.
func (c *Misfortunes) ofNode(p *place) bool { return uint64(p.node) < uint64(c.Nodes) }

// longest is how long a misfortune lasts that comes with one duration only.
func (c *Misfortunes) longest() time.Duration { return slices.Max(c.Downs) }

// crash returns a crash at the place.
func (c *Misfortunes) crash(p *place, down time.Duration) misfortune {
	f := fault.Fault{Op: fault.Crash, At: p.at, For: down, Node: p.node}
	if p.on.N > 0 {
		f.At, f.On = c.From, p.on
	}
	return misfortune{place: p, fault: f, what: sim.Crashed, lasts: down}
}

// crashes returns the crashes after which different records are left. An unsynced record may survive
// or not. If it does not, the crash leaves the same as a crash before the record was written. So in a
// crash after a Persist, that record and all before it survive. The beginning of a flush changes
// nothing.
func crashes(c *Misfortunes, p *place) (all []misfortune, skipped int, ok bool) {
	if !c.ofNode(p) {
		return nil, 0, false
	}
	least, n := 0, len(p.unsynced)
	switch p.on.Op {
	case protocol.OpPersist:
		least = n
	case protocol.OpFlush:
		if p.begins() {
			least = n + 1
		}
	}
	for survive := least; survive <= n; survive++ {
		for _, down := range c.Downs {
			m := c.crash(p, down)
			if survive > 0 {
				m.fault.Disk = fault.KeepTorn
				m.answers = func(f *fault.Fault) []source.Answer {
					return []source.Answer{{Key: sim.Survivors(f), Range: uint64(n) + 1, Value: uint64(survive)}}
				}
			}
			all = append(all, m)
		}
	}
	return all, least * len(c.Downs), true
}

// blackouts returns the crash of all nodes. After a Persist, it leaves the same as before.
func blackouts(c *Misfortunes, p *place) (all []misfortune, skipped int, ok bool) {
	switch {
	case !c.ofNode(p) || c.Nodes < 2:
		return nil, 0, false
	case p.on.Op == protocol.OpPersist || p.begins():
		return nil, 1, true
	}
	m := c.crash(p, slices.Min(c.Downs))
	for id := range protocol.NodeID(c.Nodes) {
		if id != p.node {
			m.others = append(m.others, id)
		}
	}
	return []misfortune{m}, 0, true
}

// failedSyncs returns a failing flush. A failing sync is skipped: it leaves the same as a crash after
// the lasting effect before it.
func failedSyncs(c *Misfortunes, p *place) (all []misfortune, skipped int, ok bool) {
	switch {
	case c.ofNode(p) && p.on.Op == protocol.OpSync:
		return nil, 1, true
	case !c.ofNode(p) || !p.begins() || !p.clean:
		return nil, 0, false
	}
	f := fault.Fault{Op: fault.FailSync, At: c.From, Node: p.node}
	if p.on.N > 1 { // right after the flush before it
		f.On = fault.Anchor{Op: protocol.OpFlush, N: p.on.N - 1}
	}
	return []misfortune{{place: p, fault: f, what: sim.Flushing}}, 0, true
}

// tears returns crashes after which a record is torn, or lost although a later one survives. If the
// node flushes single records, there are also crashes after which one survives alone, as a file's name
// does without its data. After a Persist, only those that concern its record are new.
func tears(c *Misfortunes, p *place) (all []misfortune, skipped int, ok bool) {
	n := len(p.unsynced)
	switch {
	case !c.ofNode(p) || n == 0:
		return nil, 0, false
	case p.begins():
		return nil, 2*n - 1, true
	}
	down := slices.Min(c.Downs)
	for i, size := range p.unsynced {
		if p.on.Op == protocol.OpPersist && i < n-1 || size < 2 {
			skipped++
			continue
		}
		m := c.crash(p, down)
		m.fault.Disk = fault.KeepTorn
		m.answers = func(f *fault.Fault) []source.Answer {
			torn := []source.Answer{{Key: sim.Torn(f), Range: uint64(size), Value: uint64(size) / 2}}
			if i > 0 {
				torn = append(torn, source.Answer{Key: sim.Survivors(f), Range: uint64(n) + 1, Value: uint64(i)})
			}
			return torn
		}
		all = append(all, m)
	}
	for lost := range n - 1 {
		all = append(all, c.scatters(p, func(i int) bool { return i != lost }))
	}
	if p.apart && n > 2 { // of two records, one survives alone if the other is lost
		for only := 1; only < n; only++ {
			if p.on.Op != protocol.OpPersist || only == n-1 {
				all = append(all, c.scatters(p, func(i int) bool { return i == only }))
			}
		}
	}
	return all, skipped, true
}

// scatters returns a crash that the unsynced records survive for which survives is true.
func (c *Misfortunes) scatters(p *place, survives func(i int) bool) misfortune {
	m := c.crash(p, slices.Min(c.Downs))
	m.fault.Disk = fault.KeepScattered
	m.answers = func(f *fault.Fault) (kept []source.Answer) {
		for i := range p.unsynced {
			if survives(i) {
				kept = append(kept, source.Answer{Key: sim.Survives(f, i), Value: 1})
			}
		}
		return kept
	}
	return m
}

// losses returns the loss of the message. A message that no node receives is lost already.
func losses(c *Misfortunes, p *place) (all []misfortune, skipped int, ok bool) {
	if !p.sends() || p.peer == p.node {
		return nil, 0, false
	}
	if p.gone {
		return nil, 1, true
	}
	m := misfortune{place: p, fault: c.some(p, fault.Lose), what: sim.Sent}
	m.answers = func(f *fault.Fault) []source.Answer { return []source.Answer{p.hit(f)} }
	return []misfortune{m}, 0, true
}

// lateCopies returns copies of the message that come later than it by each of Downs.
func lateCopies(c *Misfortunes, p *place) (all []misfortune, skipped int, ok bool) {
	delay := c.delays[pair{p.node, p.peer}]
	if !p.sends() || p.peer == p.node || delay == 0 {
		return nil, 0, false
	}
	for _, by := range c.Downs {
		m := misfortune{place: p, fault: c.some(p, fault.Late), what: sim.Sent, lasts: by}
		m.fault.By = by
		m.answers = func(f *fault.Fault) []source.Answer {
			key, n, latest := sim.Latest(f, delay, p.node, p.peer, p.name)
			return []source.Answer{p.hit(f), {Key: key, Range: n, Value: latest}}
		}
		all = append(all, m)
	}
	return all, 0, true
}

// some returns a fault that asks whether it hits each message on the link.
func (c *Misfortunes) some(p *place, op fault.Op) fault.Fault {
	return fault.Fault{Op: op, At: c.From, Groups: [][]protocol.NodeID{{p.node}, {p.peer}}, Rate: protocol.Ratio{Num: 1, Den: 2}}
}

// hit is the answer with which f hits the message at the place.
func (p *place) hit(f *fault.Fault) source.Answer {
	return source.Answer{Key: sim.Hits(f, p.node, p.peer, p.name), Value: 1}
}

// window returns a fault that begins at the place and lasts.
func (c *Misfortunes) window(p *place, f fault.Fault) []misfortune {
	f.At, f.On, f.For = c.From, p.on, c.longest()
	if f.Op.OfLinks() {
		f.On.Of, f.On.Other = p.node, true
	}
	return []misfortune{{place: p, fault: f, what: sim.Injected, lasts: f.For}}
}

// opens reports whether a window that waits for the effect differs from one that waits for a later
// effect of the node at the same time.
func (c *Misfortunes) opens(p *place) (skipped int, ok bool) {
	switch {
	case !c.ofNode(p) || p.on.N == 0:
		return 0, false
	case !p.last:
		return 1, false
	}
	return 0, true
}

func pauses(c *Misfortunes, p *place) (all []misfortune, skipped int, ok bool) {
	if skipped, ok = c.opens(p); !ok || c.longest() == 0 { // no pause lasts until the heal
		return nil, skipped, skipped > 0
	}
	return c.window(p, fault.Fault{Op: fault.Pause, Node: p.node}), 0, true
}

func isolations(c *Misfortunes, p *place) (all []misfortune, skipped int, ok bool) {
	if skipped, ok = c.opens(p); !ok || c.Nodes < 2 {
		return nil, skipped, skipped > 0
	}
	var others []protocol.NodeID
	for id := range protocol.NodeID(c.Nodes) {
		if id != p.node {
			others = append(others, id)
		}
	}
	return c.window(p, fault.Fault{Op: fault.Partition, Groups: [][]protocol.NodeID{{p.node}, others}}), 0, true
}

// cutLinks returns the cut of the link on which the message travels, which still arrives.
func cutLinks(c *Misfortunes, p *place) (all []misfortune, skipped int, ok bool) {
	switch {
	case !p.sends() || !c.ofNode(p) || uint64(p.peer) >= uint64(c.Nodes) || p.peer == p.node:
		return nil, 0, false
	case !p.final:
		return nil, 1, true
	}
	return c.window(p, fault.Fault{Op: fault.Partition, Groups: [][]protocol.NodeID{{p.node}, {p.peer}}}), 0, true
}

// with returns the trial with the misfortune, and the sign that it has begun.
func (m *misfortune) with(t *Trial) (*Trial, sign) {
	f := m.fault
	f.ID = 1
	for i := range t.Faults {
		f.ID = max(f.ID, t.Faults[i].ID+1)
	}
	more := *t
	more.Faults = append(slices.Clip(t.Faults), f)
	for i, id := range m.others {
		o := f
		o.ID, o.Node = f.ID+1+uint64(i), id
		if o.On.N > 0 {
			o.On.Of, o.On.Other = f.Node, true
		}
		more.Faults = append(more.Faults, o)
	}
	if m.answers != nil {
		more.Answers = append(slices.Clip(t.Answers), m.answers(&f)...)
	}
	if m.what&(sim.Sent|sim.Flushing) != 0 {
		return &more, sign{m.what, m.place.name}
	}
	return &more, sign{m.what, f.ID}
}

// String says what happens: "lose: 0's send vote #2, to 3".
func (m *misfortune) String() string {
	if m.words != "" {
		return m.words
	}
	p := m.place
	name := MisfortuneKinds()[m.kind].Name
	if m.what == sim.Sent {
		return fmt.Sprintf("%s: %v, which %v sends to %v", name, p.on, p.node, p.peer)
	}
	text := fmt.Sprintf("%s: %v", name, &m.fault)
	if n := len(m.others); n > 0 {
		text += ", and " + wording.Count(n, "other node")
	}
	return text
}
