package judge

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
)

// tables compares a watched node's routing table with a model, step by step, and bounds its
// pings.
type tables struct {
	dht     *kademlia.DHT
	step    uint64
	due     bool  // to be compared, after the step
	want    model // what the table must be then, but for an RPC that fails in the step
	have    model
	timer   bool             // the step is that of a timer, which may end an RPC
	at      protocol.Time    // when it began
	heard   kademlia.Contact // the sender of the answer that began it, if any
	probing []bool           // by bucket that has contacts, before the step
	away    absences

	ping  kademlia.Contact // must be pinged in the step, if it is set
	pings map[uint64]pinged
}

// pinged is a ping under way.
type pinged struct {
	to   protocol.NodeID
	at   protocol.Time // when it was sent last
	whom bool          // it is for one that is no contact
}

// expects notes the routing table before a step, which a message of the DHT begins, or a
// timer if g is nil.
func (q *Queries) expects(n *watched, e *sim.Event, d *kademlia.DHT, g *kademlia.Datagram) {
	q.reunites(e.Node, n, d)
	t := &n.tables
	t.dht, t.step, t.due, t.timer, t.at, t.heard = d, e.Step, true, g == nil, e.At, kademlia.Contact{}
	t.want.own, t.want.k = q.c.IDs[e.Node], q.c.Config.K
	t.want.read(d)
	t.away.before = d.Absent(t.away.before[:0])
	t.probing = t.probing[:0]
	if g == nil {
		for i := range t.want.table {
			for b := t.want.table[i].Bucket; len(t.probing) <= b; {
				t.probing = append(t.probing, d.Probing(len(t.probing)))
			}
		}
		return
	}
	c := kademlia.Contact{ID: g.ID, Addr: protocol.SimBook{}.Endpoint(e.Peer)}
	switch {
	case g.Type == 'r':
		t.heard = c
	case g.Type == 'q' && !g.Quiet:
		t.want.asked(c, g.Kind == kademlia.KindPing)
	}
}

// compare judges the routing table after a step.
func (q *Queries) compare(id protocol.NodeID, n *watched, ignored bool) {
	t := &n.tables
	if !t.due {
		return
	}
	t.due = false
	if ignored {
		t.heard = kademlia.Contact{}
	}
	was := t.want.good(t.heard)
	if t.heard != (kademlia.Contact{}) {
		t.want.heard(t.heard, t.at)
	}
	t.have.read(t.dht)
	n.join.gained(t, was)
	q.remembers(id, t)
	if t.dht.Idle() {
		q.wrong("node %v has newcomers that wait for values, and time to offer them", id)
	}
	if q.c.Untimely {
		t.want.timeless()
		t.have.timeless()
	}
	if t.want.equal(&t.have) {
		return
	}
	q.relevant = true
	if t.timer && q.c.Untimely {
		return // what replaces a contact depends on the node's clock
	}
	if t.timer {
		if c, ok := t.want.failed(&t.have); ok {
			next, try := t.want.lost(c.Contact, &q.c.Config, t.at)
			if try {
				t.ping = next
			}
			q.probed(id, t, &c)
		}
	}
	if err := t.have.differs(&t.want); err != nil {
		q.wrong("node %v %w", id, err)
	}
}

// probed requires that a contact which is pinged because another one waits for its place is
// pinged again until it answers or is stale.
func (q *Queries) probed(id protocol.NodeID, t *tables, c *kademlia.Entry) {
	if !t.probing[c.Bucket] || t.dht.Probing(c.Bucket) {
		return
	}
	i := t.have.find(c.ID)
	if i < 0 || t.have.table[i].Stale || t.have.table[i].Addr != c.Addr {
		return
	}
	if slices.ContainsFunc(t.have.waits, func(w kademlia.Entry) bool { return w.Bucket == c.Bucket }) {
		q.wrong("node %v does not ping contact %.8s again, which did not answer, although another one waits for its place", id, c.ID)
	}
}

// pinging notes a ping that is sent, and bounds those to nodes that are no contacts.
func (q *Queries) pinging(n *watched, e *sim.Event, txn uint64) {
	t := &n.tables
	addr := protocol.SimBook{}.Endpoint(e.Peer)
	if e.Step == t.step && t.ping.Addr == addr {
		t.ping = kademlia.Contact{}
	}
	p, again := t.pings[txn]
	if !again {
		p = pinged{to: e.Peer, whom: !q.contact(e.Node, addr)}
	}
	p.at = e.At
	t.pings[txn] = p
	under := 0
	for _, k := range protocol.SortedKeys(t.pings) {
		o := t.pings[k]
		switch age := e.At.Sub(o.at); {
		case age > q.c.Config.Longest():
			delete(t.pings, k)
		case o.whom && age < q.c.Config.Timeout:
			under++
		}
	}
	if under > q.c.Config.Askers && !q.c.Untimely {
		q.wrong("node %v pings %d nodes at a time that are no contacts, want at most %d", e.Node, under, q.c.Config.Askers)
	}
}

// contact reports whether a node has one at that address.
func (q *Queries) contact(id protocol.NodeID, addr protocol.Endpoint) bool {
	d := q.c.DHT(id)
	q.table = d.Table(q.table[:0])
	return slices.ContainsFunc(q.table, func(e kademlia.Entry) bool { return e.Addr == addr })
}

// tried requires, once a step is over, that the node pinged whoever is to take the place of a
// contact that is stale, unless it has asked that one already, or pings as many as it may.
func (q *Queries) tried(id protocol.NodeID, n *watched) {
	t := &n.tables
	next := t.ping
	t.ping = kademlia.Contact{}
	to, ok := protocol.SimBook{}.Node(next.Addr)
	if !ok || to == id || len(t.pings) >= q.c.Config.Askers {
		return
	}
	if at, asked := n.sent[to]; !asked || t.at.Sub(at) > q.c.Config.Longest() {
		q.wrong("node %v does not ping %.8s, which waits for the place of a contact that does not answer", id, next.ID)
	}
}

// restart forgets what ends with an incarnation.
func (n *watched) restart() {
	n.tables.ping, n.tables.step = kademlia.Contact{}, 0
	clear(n.tables.pings)
	clear(n.sent)
	clear(n.targets)
	n.searches, n.reunion = nil, reunion{}
}
