package scenarios

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/kv"
	"dessim/protocol/ledger"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/sim"
	"dessim/sim/scenario"
)

// orderCosts is an observer that counts what the total order of a run costs. Messages and
// syncs count from the first input, with which the workload begins: joining, forming a
// view and electing a leader are not costs of the order. The first broadcast would be too
// late, since two-phase commit syncs before it. They count to the end of the run, since
// acknowledgements follow the last delivery.
type orderCosts struct {
	// Messages are those sent for the order, without heartbeats. Raft and views send
	// acknowledgements themselves, the other orders leave them to the link: so messages
	// that the link sends for the order count too.
	Messages  uint64
	Linked    uint64 // of Messages, those that the link sent: separate acknowledgements and retransmissions
	Syncs     uint64 // of all disks, whatever for
	Delivered uint64 // distinct messages of the order that some incarnation delivered

	// Heartbeats do not depend on what is ordered, so only their rate counts.
	Beats uint64        // heartbeats, and their answers, in the whole run
	Time  protocol.Time // how long the whole run took

	// Waits has the time from the broadcast of each transaction to its entry at each node
	// that was up throughout. A node that was down is left out: its wait would measure the
	// downtime, not the order.
	Waits []protocol.Time
	// Answers has the time from call to answer of each operation of a client of package
	// kv.
	Answers []protocol.Time

	kinds  []protocol.Kind
	begun  bool   // the first input has come
	places uint64 // of the order that some incarnation delivered
	waits  *entryWaits
	called map[asked]protocol.Time
	heard  hop // the last step that consumed a message of the order
}

// entryWaits measures how long the entries of transactions take, from their broadcasts: see
// orderCosts.Waits.
type entryWaits struct {
	started map[protocol.NodeID]protocol.Time
	said    map[ledger.ID]protocol.Time
	seen    map[entered]bool
}

type entered struct {
	id   ledger.ID
	node protocol.NodeID
}

func newEntryWaits() *entryWaits {
	return &entryWaits{started: make(map[protocol.NodeID]protocol.Time), said: make(map[ledger.ID]protocol.Time), seen: make(map[entered]bool)}
}

// see takes all starts and outputs. It returns how long an entry took, if e is one that counts:
// a node that restarts enters all of them again.
func (w *entryWaits) see(e *sim.Event) (wait protocol.Time, ok bool) {
	switch {
	case e.What == sim.Started:
		w.started[e.Node] = e.At
	case e.Kind == peer.KindHanded:
		var id ledger.ID
		copy(id[:], e.Body)
		if _, known := w.said[id]; !known { // by its sender
			w.said[id] = e.At
		}
	case e.Kind == peer.KindEntry:
		x, ok := peer.DecodeEntry(e.Body)
		said, known := w.said[x.WTxID]
		now := entered{x.WTxID, e.Node}
		if !ok || !known || w.seen[now] || w.started[e.Node] > said {
			break
		}
		w.seen[now] = true
		return e.At - said, true
	}
	return 0, false
}

type asked struct {
	client protocol.NodeID
	seq    uint64
}

// hop is a step of a node that consumes a message.
type hop struct {
	step     uint64
	node, of protocol.NodeID
}

func (c *orderCosts) Watch() sim.What {
	return sim.Started | sim.Received | sim.Sent | sim.Synced | sim.Output | sim.Ended
}

func (c *orderCosts) Observe(e *sim.Event) {
	if c.waits == nil {
		c.kinds, c.waits, c.called = orderKinds(), newEntryWaits(), make(map[asked]protocol.Time)
	}
	switch e.What {
	case sim.Started:
		c.waits.see(e)
	case sim.Received:
		c.received(e)
	case sim.Sent:
		c.sent(e)
	case sim.Synced:
		if c.begun {
			c.Syncs++
		}
	case sim.Output:
		c.output(e)
	case sim.Ended:
		c.Time = e.At
	}
}

func (c *orderCosts) received(e *sim.Event) {
	switch {
	case e.Peer == protocol.Outside:
		c.begun = true
	case slices.Contains(c.kinds, e.Kind), repeated(e):
		c.heard = hop{step: e.Step, node: e.Node, of: e.Peer}
	}
}

// repeated reports whether the link sends or receives a message of the order again.
func repeated(e *sim.Event) bool {
	if e.Kind != link.KindResend {
		return false
	}
	msg, ok := link.Payload(e.Body)
	return ok && len(msg) > 0 && protocol.Component(msg[0]) == protocol.ABCAST
}

func (c *orderCosts) sent(e *sim.Event) {
	switch {
	case e.Kind == abcast.KindHeartbeat || e.Kind == raft.KindBeat || e.Kind == raft.KindEcho:
		c.Beats++
	case !c.begun:
	case slices.Contains(c.kinds, e.Kind):
		c.Messages++
	case repeated(e), e.Kind == link.KindAck && c.heard == hop{step: e.Step, node: e.Node, of: e.Peer}:
		// The link acknowledges in the step that receives: see peer.New.
		c.Messages++
		c.Linked++
	}
}

func (c *orderCosts) output(e *sim.Event) {
	if wait, ok := c.waits.see(e); ok {
		c.Waits = append(c.Waits, wait)
	}
	switch e.Kind {
	case abcast.KindDelivered:
		if index, _, ok := abcast.DecodeDelivered(e.Body); ok && index >= c.places {
			c.places = index + 1
			if c.begun {
				c.Delivered++
			}
		}
	case kv.KindCalled:
		if x, ok := kv.DecodeCalled(e.Body); ok {
			c.called[asked{e.Node, x.Seq}] = e.At
		}
	case kv.KindReturned:
		x, ok := kv.DecodeReturned(e.Body)
		if at, known := c.called[asked{e.Node, x.Seq}]; ok && known {
			c.Answers = append(c.Answers, e.At-at)
		}
	}
}

const compareLegend = `Runs the scenario in each order with the same seeds, and shows side by side what
the orders cost. For each message of the order, from the first input on:

messages  sent for the order, without heartbeats. Raft and views acknowledge by
          messages of their own, the other orders leave that to the link below, so
          that counts as well:
by link   those of them that the link sends by itself, to acknowledge or again
syncs     of disks, for whatever they are

And, for whatever is ordered:

beats/s   heartbeats and their answers for each second of virtual time
after     virtual time, in milliseconds, from the broadcast of a transaction until
          a node has entered it, over all nodes that were up all the while; in
          scenario kv from the call of an operation until its client is answered`

func compareOrders() *scenario.Comparison {
	return &scenario.Comparison{Param: "order", Legend: compareLegend, Meter: func() scenario.Meter { return new(orderCosts) }}
}

// Costs returns what the order of the run cost.
func (c *orderCosts) Costs() scenario.Costs {
	out := scenario.Costs{
		Items: c.Delivered, Item: "message in the order", Key: "delivered",
		Sums: []scenario.Sum{
			{Head: "messages", Key: "messages", N: c.Messages},
			{Head: "by link", Key: "by_link", N: c.Linked},
			{Head: "syncs", Key: "syncs", N: c.Syncs},
			{Head: "beats/s", Key: "heartbeats", N: c.Beats, PerSecond: true},
		},
		Time:  c.Time,
		Waits: c.Waits, For: "its broadcast until a node that was up all the while has entered it",
	}
	if len(c.Answers) > 0 {
		out.Waits, out.For = c.Answers, "the call of an operation until its client is answered"
	}
	return out
}
