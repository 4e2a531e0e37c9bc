package judge

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
)

// Queries judges the queries of a DHT and their answers, message by message, at some of
// the nodes:
//
//   - A transaction id stands for one query of one incarnation.
//   - An answer counts once, and only from the node that was asked.
//   - A node that answers becomes a contact, if its bucket has room.
//   - Answers name the contacts that are closest, and carry the value that is held, with
//     what is left of its life.
//   - A put is taken with a token that this incarnation gave to the asker, and no other.
//   - A value that is acknowledged is held as it was sent.
//   - After each step the routing table is what a model makes of it.
//   - Nodes that are no contacts are pinged few at a time.
//   - Lookups ask the closest that they know: see search.
type Queries struct {
	c     QueriesOf
	nodes []*watched // by node; nil if it is not

	// scratch: each node has a Queries of its own, since a run may be in parts
	watcher kademlia.Watcher
	table   []kademlia.Entry

	relevant bool // of this event
	err      error
}

// QueriesOf is the DHT that a Queries judges.
type QueriesOf struct {
	DHT      func(id protocol.NodeID) *kademlia.DHT // current state; nil before the first start
	IDs      []kademlia.ID                          // by node
	Config   kademlia.Config                        // of every node, but for what tells them apart
	Traitors []protocol.NodeID
	Untimely bool   // clocks may run wrong
	Seed     uint64 // says which nodes are watched
}

// mostWatched is the most nodes that are watched, which bounds the cost.
const mostWatched = 4

// watched is what the judge knows of a node.
type watched struct {
	judge       *Queries
	incarnation uint32
	asked       map[uint64]asked // by a hash of the transaction id, over all incarnations
	issued      map[protocol.NodeID][]issued
	answer      *dueAnswer // or nil; it is queried
	queried     dueAnswer
	taken       *dueTaken // or nil; it is answered
	answered    dueTaken
	tables      tables
	sent        map[protocol.NodeID]protocol.Time // when it last sent a query that has no answer yet
	join        joining
	reunion     reunion
	searches    []*search
	under       []kademlia.ID        // scratch: targets of lookups
	targets     map[kademlia.ID]bool // points that this incarnation has looked for
	silent      uint64               // the step in which it must not do anything, since what it received means nothing to it
}

// asked is a query that a node sent.
type asked struct {
	to          protocol.NodeID
	incarnation uint32
	what        uint64 // hash of what it asks
	taken       bool   // its answer was
}

// dueAnswer is the answer that a node must give to the query that it received.
type dueAnswer struct {
	dht      *kademlia.DHT
	to       protocol.NodeID
	query    kademlia.Datagram // with slices of its own
	at       protocol.Time
	before   kademlia.Held // what it stored under the target
	had      bool
	sampled  bool
	closest  []kademlia.ID // if sampled
	good     bool          // a put whose token it must take
	bad      bool          // a put whose token it must refuse
	reported bool
}

// dueTaken is an answer that a node received.
type dueTaken struct {
	dht       *kademlia.DHT
	node      protocol.NodeID
	from      protocol.NodeID
	txn       uint64
	asked     bool // by this incarnation, of that node, and not taken before
	contact   bool // it has the id of the node that it comes from, and is one of those that are judged
	ignored   uint64
	failed    bool   // it is an error
	seeks     bool   // it is that of an absent node
	refreshed uint64 // refreshes begun before
	named     []kademlia.ID
	value     kademlia.ID // of the value in it
	life      protocol.Time
}

// NewQueries returns a judge of a DHT.
func NewQueries(c QueriesOf) *Queries {
	q := &Queries{c: c, nodes: make([]*watched, len(c.IDs))}
	for id := range sample(len(c.IDs), mostWatched, c.Seed, c.Traitors) {
		q.nodes[id] = &watched{
			judge: &Queries{c: c, nodes: q.nodes},
			asked: make(map[uint64]asked), issued: make(map[protocol.NodeID][]issued), sent: make(map[protocol.NodeID]protocol.Time),
			tables: tables{pings: make(map[uint64]pinged)}, targets: make(map[kademlia.ID]bool),
		}
	}
	return q
}

// Sound returns the check that judges it all.
func (q *Queries) Sound() *check.Check {
	const watch = sim.Started | sim.Crashed | sim.Received | sim.Fired | sim.Sent | sim.Output | sim.Ended
	return check.Always("the DHT's queries and answers are sound", watch, func(e *sim.Event) (relevant bool, wrong error) {
		switch {
		case e.What == sim.Ended:
			q.relevant, q.err = false, nil
			for i := range q.nodes {
				q.settle(protocol.NodeID(i))
			}
		case uint64(e.Node) < uint64(len(q.nodes)) && q.nodes[e.Node] != nil:
			n := q.nodes[e.Node]
			n.judge.relevant, n.judge.err = false, nil
			n.judge.observe(n, e)
			return n.judge.relevant, n.judge.err
		default:
			return false, nil
		}
		return q.relevant, q.err
	}).OfMessages(sim.Sent, ofDHT).ReadingNode().OrNotApplicable("no watched node asks another, nor is asked").AtNodes(func(id protocol.NodeID) bool {
		return uint64(id) < uint64(len(q.nodes)) && q.nodes[id] != nil
	})
}

func (q *Queries) observe(n *watched, e *sim.Event) {
	q.settle(e.Node)
	if e.What != sim.Crashed && e.Step != n.tables.step {
		q.tried(e.Node, n)
	}
	if e.What == sim.Received || e.What == sim.Fired {
		q.conclude(e.Node, n, e.At)
	}
	switch e.What {
	case sim.Started:
		n.incarnation, n.answer, n.join = e.Incarnation, nil, joining{rounds: 1}
	case sim.Crashed:
		n.restart()
	case sim.Fired:
		if c, _ := protocol.SplitTag(e.Tag); c == protocol.Kademlia {
			if kademlia.BeginsRound(e.Tag) {
				n.join = joining{rounds: n.join.rounds + 1}
			}
			q.expects(n, e, q.c.DHT(e.Node), nil)
		}
	case sim.Received:
		n.answer = nil
		if e.Peer != protocol.Outside {
			q.received(n, e)
		}
	case sim.Sent, sim.Output:
		if e.Step == n.silent {
			q.wrong("node %v acts on an answer that it did not wait for", e.Node)
		}
		switch {
		case e.What == sim.Sent:
			q.sent(n, e)
		case e.Kind == kademlia.KindEnded, e.Kind == peer.KindLooked:
			n.ends(e, q.c.DHT(e.Node))
		case e.Kind == kademlia.KindJoined:
			q.joins(n, e)
		}
	}
}

// wrong records a violation.
func (q *Queries) wrong(format string, args ...any) {
	q.relevant, q.err = true, fmt.Errorf(format, args...)
}

func isDHT(e *sim.Event) bool { return len(e.Body) > 0 && e.Body[0] == 'd' }

func (q *Queries) sent(n *watched, e *sim.Event) {
	if !isDHT(e) {
		return
	}
	g, ok := q.watcher.Read(e.Body)
	switch {
	case !ok:
		q.wrong("node %v sends a message that nobody can read", e.Node)
	case g.Type == 'q':
		q.asks(n, e, &g)
	default:
		q.answers(n, e, &g)
	}
}

// asks requires that a transaction id stands for one query to one node in one incarnation.
func (q *Queries) asks(n *watched, e *sim.Event, g *kademlia.Datagram) {
	q.relevant = true
	txn := protocol.HashBytes(g.Txn)
	n.sent[e.Peer] = e.At
	q.lookFor(n, e, g)
	if g.Kind == kademlia.KindPing {
		q.pinging(n, e, txn)
	}
	a := asked{to: e.Peer, incarnation: e.Incarnation, what: protocol.Hash2(uint64(g.Kind), protocol.HashBytes(g.Target[:]))}
	switch was, there := n.asked[txn]; {
	case !there:
		n.asked[txn] = a
	case was.to != a.to || was.incarnation != a.incarnation || was.what != a.what:
		q.wrong("node %v asks node %v with transaction id %x, which incarnation %d used to ask node %v", e.Node, e.Peer, g.Txn, was.incarnation, was.to)
	}
}

func (q *Queries) received(n *watched, e *sim.Event) {
	if !isDHT(e) {
		return
	}
	g, ok := q.watcher.Read(e.Body)
	d := q.c.DHT(e.Node)
	if !ok || d == nil {
		return
	}
	q.expects(n, e, d, &g)
	if g.Type == 'q' {
		n.answer = q.due(n, e, d, g)
		return
	}
	txn := protocol.HashBytes(g.Txn)
	a, there := n.asked[txn]
	n.taken = &n.answered
	*n.taken = dueTaken{
		dht: d, node: e.Node, from: e.Peer, txn: txn, ignored: d.Stats().Ignored,
		asked:   there && a.incarnation == e.Incarnation && a.to == e.Peer && !a.taken,
		contact: drawn(e) && g.Type == 'r' && uint64(e.Peer) < uint64(len(q.c.IDs)) && g.ID == q.c.IDs[e.Peer],
	}
	if !n.taken.asked {
		n.silent = e.Step
		return
	}
	delete(n.sent, e.Peer)
	delete(n.tables.pings, txn)
	n.taken.failed, n.taken.seeks, n.taken.refreshed = g.Type == 'e', d.Seeks(g.Txn), d.Stats().Refreshed
	if len(n.searches) > 0 || n.taken.seeks {
		n.taken.named, n.taken.life = g.Named(), protocol.Time(g.Life)
		if len(g.Value) > 0 {
			n.taken.value = kademlia.Key(g.Value)
		}
	}
}

// settle judges, before the next step of a node, what it did with an answer.
func (q *Queries) settle(id protocol.NodeID) {
	n := q.nodes[id]
	if n == nil {
		return
	}
	t := n.taken
	n.taken = nil
	ignored := t != nil && t.dht.Stats().Ignored > t.ignored
	q.compare(id, n, ignored)
	if t == nil {
		return
	}
	q.relevant = true
	switch {
	case ignored:
		return
	case !t.asked:
		q.wrong("node %v takes an answer from node %v that it does not wait for", id, t.from)
		return
	}
	a := n.asked[t.txn]
	a.taken = true
	n.asked[t.txn] = a
	n.learn(t, q.c.IDs[id], q.c.Config.K)
	q.absentAnswered(id, n, t)
	if t.contact {
		q.relevant = true
		if err := q.missing(t); err != nil {
			q.wrong("node %v does not have node %v, which answered it, as a contact: %v", id, t.from, err)
		}
	}
}

// missing returns why a node that answered should be a contact and is not, or nil. A bucket
// takes k contacts, and all while fewer than k good ones lie deeper; a stale one makes way.
func (q *Queries) missing(t *dueTaken) error {
	bucket, stale, good, deeper := 0, 0, 0, 0
	own, id := q.c.IDs[t.node], q.c.IDs[t.from]
	for bit(own, bucket) == bit(id, bucket) {
		bucket++
	}
	q.table = t.dht.Table(q.table[:0])
	for i := range q.table {
		switch c := &q.table[i]; {
		case c.ID == id:
			return nil
		case c.Bucket == bucket && c.Stale:
			stale++
		case c.Bucket == bucket:
			good++
		case c.Bucket > bucket && !c.Stale:
			deeper++
		}
	}
	if k := q.c.Config.K; stale > 0 || good < k || deeper < k {
		return fmt.Errorf("bucket %d has %d good ones and %d stale ones, and below it are %d", bucket, good, stale, deeper)
	}
	return nil
}

func bit(id kademlia.ID, i int) byte { return id[i/8] >> (7 - i%8) & 1 }

// oneIn is the share of messages for which contacts are judged: those in an answer, and the
// routing table.
const oneIn = 8

// drawn reports whether e is one of them. The number of a step is not known yet in a run in
// parts.
func drawn(e *sim.Event) bool { return protocol.Hash3(uint64(e.At), uint64(e.Peer), e.Seq)%oneIn == 0 }

// due notes what a node must answer to a query, by its state before the step.
func (q *Queries) due(n *watched, e *sim.Event, d *kademlia.DHT, g kademlia.Datagram) *dueAnswer {
	a := &n.queried
	keep := func(to, from []byte) []byte { return append(to[:0], from...) }
	g.Txn, g.Token, g.Value = keep(a.query.Txn, g.Txn), keep(a.query.Token, g.Token), keep(a.query.Value, g.Value)
	*a = dueAnswer{dht: d, to: e.Peer, query: g, at: e.At}
	switch g.Kind {
	case kademlia.KindPut:
		a.before, a.had = d.Held(g.Target)
		a.good, a.bad = q.permits(n.issued[e.Peer], e, g.Token)
	case kademlia.KindFindNode, kademlia.KindGet:
		a.before, a.had = d.Held(g.Target)
		if a.sampled = drawn(e); a.sampled {
			a.closest = q.closest(d, e.Peer, &g)
		}
	}
	return a
}

// closest returns the k good contacts closest to the target, without the asker, by the
// slow, obvious way.
func (q *Queries) closest(d *kademlia.DHT, asker protocol.NodeID, g *kademlia.Datagram) (ids []kademlia.ID) {
	for _, c := range d.Contacts() {
		if at, ok := (protocol.SimBook{}).Node(c.Addr); c.ID != g.ID && !(ok && at == asker) {
			ids = append(ids, c.ID)
		}
	}
	slices.SortFunc(ids, closer(g.Target))
	return ids[:min(q.c.Config.K, len(ids))]
}

// answers judges an answer, and the state after the step.
func (q *Queries) answers(n *watched, e *sim.Event, g *kademlia.Datagram) {
	a := n.answer
	if a == nil || a.reported || a.to != e.Peer || !bytes.Equal(a.query.Txn, g.Txn) {
		q.wrong("node %v answers node %v, which did not ask", e.Node, e.Peer)
		return
	}
	a.reported = true
	if len(g.Token) > 0 {
		n.issue(e, string(g.Token))
	}
	switch {
	case a.query.Kind != kademlia.KindPut:
		q.relevant = true
		if err := q.named(a, g); err != nil {
			q.wrong("node %v answers node %v %w", e.Node, e.Peer, err)
		}
	case g.Type == 'r' && a.bad:
		q.wrong("node %v takes a value from node %v, to which this incarnation gave no such token, or long ago", e.Node, e.Peer)
	case g.Type == 'e' && a.good && g.Code == kademlia.Refused:
		q.wrong("node %v refuses a value from node %v, to which it gave the token", e.Node, e.Peer)
	default:
		q.relevant = true
		if g.Type == 'r' {
			q.relevant = true
			if err := q.held(a); err != nil {
				q.wrong("node %v acknowledges value %.8s to node %v and %w", e.Node, a.query.Target, e.Peer, err)
			}
		}
	}
}
