package judge

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/kv"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/stats"
)

// Measure measures the client's transfers. What liars and traitors enter does not count.
func (d *LedgerHistory) Measure(m *stats.Meter, traitors []protocol.NodeID) {
	answer := m.Time("transfer, answered", "from the client's request until it gets its answer")
	first := m.Time("transfer, first node", "from the client's request until a correct node has entered it")
	last := m.Time("transfer, last node", "from the client's request until every correct node has entered it")
	correct := slices.DeleteFunc(slices.Clone(d.net.Members), func(id protocol.NodeID) bool {
		return slices.Contains(d.net.Liars, id) || slices.Contains(traitors, id)
	})
	due := make(map[protocol.Time][]*request)
	for _, id := range protocol.SortedKeys(d.asked) {
		r := d.asked[id]
		due[r.from] = append(due[r.from], r)
	}
	x := &entries{d: d, filled: make(map[ledger.ID]*request), placed: make(map[*request]bool), missing: make(map[*request][]protocol.NodeID)}
	m.See(sim.Received|sim.Output, func(e *sim.Event) {
		switch {
		case e.What == sim.Received && e.Peer == protocol.Outside:
			for _, r := range due[e.At] {
				x.missing[r] = slices.Clone(correct)
				answer.Begin(r.Transfer, e.At)
				first.Begin(r, e.At)
				last.Begin(r, e.At)
			}
			delete(due, e.At)
		case e.What == sim.Output && d.l.entered && slices.Contains(correct, e.Node):
			if r := x.enter(e.Node, &d.l.entry); r != nil {
				first.End(r, e.At)
				if len(x.missing[r]) == 0 {
					last.End(r, e.At)
				}
			}
		case e.What == sim.Output && e.Kind == peer.KindAnswered:
			if a, ok := peer.DecodeAnswer(e.Body); ok {
				answer.End(a.Transfer, e.At)
			}
		}
	})
}

// entries follows which nodes have entered which of the client's transfers.
type entries struct {
	d       *LedgerHistory
	filled  map[ledger.ID]*request
	placed  map[*request]bool
	missing map[*request][]protocol.NodeID // correct nodes that have not entered it
}

// enter records a node's entry, and returns the transfer that it is of, or nil.
func (t *entries) enter(node protocol.NodeID, x *peer.Entry) *request {
	if x.Verdict != ledger.Accepted {
		return nil
	}
	r := t.filled[x.WTxID]
	if r == nil {
		body, ok := t.d.net.Nodes[node].Body(x.WTxID)
		if !ok {
			return nil
		}
		tx, verdict := ledger.Decode(body)
		if verdict != ledger.Accepted {
			return nil
		}
		if r = t.fill(&logPlace{tx: tx, id: tx.TxID(), wtx: x.WTxID}); r == nil {
			return nil
		}
		t.filled[x.WTxID] = r
	}
	t.missing[r] = slices.DeleteFunc(t.missing[r], func(id protocol.NodeID) bool { return id == node })
	return r
}

// fill returns the first of the client's requests that a place is for and that has none. Equal
// requests cannot be told apart.
func (t *entries) fill(p *logPlace) *request {
	for _, r := range t.d.requests {
		if _, begun := t.missing[r]; begun && !t.placed[r] && p.isFor(r) {
			t.placed[r] = true
			return r
		}
	}
	return nil
}

// Measure measures two-phase commit.
func (c *Commits) Measure(m *stats.Meter) {
	commit := m.Time("commit", "from the beginning of two-phase commit until its coordinator decides on commit")
	abort := m.Time("abort", "from the beginning of two-phase commit until its coordinator decides on abort")
	begun := make(map[twopc.ID]protocol.Time)
	m.See(sim.Output, func(e *sim.Event) {
		r, ok := twopc.DecodeOutput(e.Kind, e.Body)
		switch {
		case !ok:
		case e.Kind == twopc.KindBegun:
			begun[r.ID] = e.At
			commit.Begin(r.ID, e.At)
		case e.Kind != twopc.KindDecided || e.Node != r.Coordinator:
		case r.Yes:
			commit.End(r.ID, e.At)
		case commit.Forget(r.ID):
			abort.Add(e.At.Sub(begun[r.ID]))
		}
	})
}

// Measure measures the floods of bodies.
func (f *Floods) Measure(m *stats.Meter) {
	flood := m.Time("flood", "from the first node that is handed a body until each other one is")
	first, had := make(map[gossip.ID]protocol.Time), make(map[handing]bool)
	m.See(sim.Output, func(e *sim.Event) {
		if e.Kind != peer.KindHanded || len(e.Body) != len(gossip.ID{}) {
			return
		}
		h := handing{node: e.Node, id: gossip.ID(e.Body)}
		if from, known := first[h.id]; !known {
			first[h.id] = e.At
		} else if !had[h] {
			flood.Add(e.At.Sub(from))
		}
		had[h] = true
	})
}

// Measure measures lookups of nodes and of keys, and their hops.
func (l *Lookups) Measure(m *stats.Meter) {
	look, get := m.Time("lookup", "from the request for a node until its lookup ends"), m.Time("key", "from the request for a node's key until it is found")
	looked, got := m.Number("hops of lookups", "from contact to contact"), m.Number("hops to keys", "from contact to contact")
	asks := make(map[string]func(asker protocol.NodeID, at protocol.Time), 2*len(l.net.Owners))
	for _, o := range l.net.Owners {
		asks[string(peer.LookInput(o))] = func(asker protocol.NodeID, at protocol.Time) { look.Begin(foundKey{asker, o}, at) }
		asks[string(peer.GetInput(o))] = func(asker protocol.NodeID, at protocol.Time) { get.Begin(foundKey{asker, o}, at) }
	}
	m.SeeAlone(sim.Received|sim.Output, func(e *sim.Event) {
		switch {
		case e.What == sim.Received && e.Peer == protocol.Outside:
			if begin := asks[string(e.Body)]; begin != nil {
				begin(e.Node, e.At)
			}
		case e.What == sim.Output && e.Kind == peer.KindLooked:
			if x, ok := peer.DecodeLooked(e.Body); ok && look.End(foundKey{e.Node, ledger.Owner(x.Target)}, e.At) {
				looked.Add(uint64(x.Hops))
			}
		case e.What == sim.Output && e.Kind == peer.KindFound:
			if x, ok := peer.DecodeFound(e.Body); ok && get.End(foundKey{e.Node, x.Owner}, e.At) {
				got.Add(uint64(x.Hops))
			}
		}
	})
}

// Measure measures lookups and publications, and the hops of the lookups that found their value.
func (j *Churn) Measure(m *stats.Meter) {
	look, publish := m.Time("lookup", "from the request for a value until its lookup ends"), m.Time("publish", "from the request to publish a value until nodes hold it")
	hops := m.Number("hops of lookups", "from contact to contact, of lookups that found their value")
	values := make(map[string]kademlia.ID)
	for _, v := range j.c.Values {
		values[string(kademlia.PublishInput(v.Value, v.Life))] = v.ID
	}
	m.See(sim.Received|sim.Output, func(e *sim.Event) {
		switch {
		case j.asked != nil:
			look.Begin(j.asked, e.At)
		case j.last != nil:
			if look.End(j.last, e.At) && j.last.result.OK {
				hops.Add(uint64(j.last.result.Hops))
			}
		case e.What == sim.Received && e.Peer == protocol.Outside:
			if id, ok := values[string(e.Body)]; ok {
				publish.Begin(id, e.At)
			}
		case e.What == sim.Output && e.Kind == kademlia.KindPublished:
			if p, ok := kademlia.DecodePublished(e.Body); ok && p.Stored > 0 {
				publish.End(p.ID, e.At)
			}
		}
	})
}

// Measure measures the operations of clients.
func (h *Store) Measure(m *stats.Meter) {
	var ops [3]*stats.Time
	for op := range ops {
		ops[op] = m.Time(kv.Op(op).String(), "from the call of an operation until its client is answered")
	}
	m.See(sim.Output, func(e *sim.Event) {
		switch {
		case e.Kind == kv.KindCalled && h.open[e.Node] != nil:
			ops[h.open[e.Node].Input.Op].Begin(e.Node, e.At)
		case e.Kind == kv.KindReturned && h.last != nil:
			ops[h.last.Input.Op].End(e.Node, e.At)
		}
	})
}

// Measure measures how long views take to follow crashes and restarts.
func (v *Views) Measure(m *stats.Meter) {
	out := m.Time("exclusion", "from the crash of a member until a view without it")
	in := m.Time("admission", "from a restart until a view with the node")
	var leaving, coming []abcast.Member
	m.See(sim.Started|sim.Crashed|sim.Output, func(e *sim.Event) {
		self, view := abcast.Member{Node: e.Node, Incarnation: e.Incarnation}, v.views[v.highest]
		switch {
		case e.What == sim.Started && e.Incarnation > 1:
			coming = append(coming, self)
			in.Begin(self, e.At)
		case e.What == sim.Crashed:
			in.Forget(self)
			if slices.Contains(view.Members, self) {
				leaving = append(leaving, self)
				out.Begin(self, e.At)
			}
		case e.What == sim.Output && v.news:
			leaving = slices.DeleteFunc(leaving, func(x abcast.Member) bool { return !slices.Contains(view.Members, x) && out.End(x, e.At) })
			coming = slices.DeleteFunc(coming, func(x abcast.Member) bool { return slices.Contains(view.Members, x) && in.End(x, e.At) })
		}
	})
}
