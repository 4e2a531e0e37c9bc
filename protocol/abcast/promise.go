package abcast

import "dessim/protocol"

// What a node promises in views: see protocol.Promise.
var (
	// KindStarted is the incarnation that tells anything: no later one may be it again, and
	// repeat its ids.
	KindStarted = protocol.KindOf("abcast.started")
	// KindPromised is the highest view that the node has promised to join: it does
	// nothing more in lower ones.
	KindPromised = protocol.KindOf("abcast.promised")
	// KindAdopted is the view whose log the node has adopted.
	KindAdopted = protocol.KindOf("abcast.adopted")
	// KindLog is how long the node's log is at least, in the view of the key.
	KindLog = protocol.KindOf("abcast.log")
	// KindEntry is which entry ends a log of that length in that view, as a hash. Logs of a
	// view are prefixes of each other.
	KindEntry = protocol.KindOf("abcast.entry")
	// KindHeld is that a majority of the nodes has the message of the key in its log: node,
	// incarnation and seq. It is promised when the message is delivered.
	KindHeld = protocol.KindOf("abcast.held")
)

// PromiseHeld returns what the delivery of a message promises, of nodes that are members
// in all: KindHeld.
func PromiseHeld(id MsgID, members int) protocol.Promise {
	return protocol.Promise{Kind: KindHeld, Key: [3]uint64{uint64(id.Node), uint64(id.Incarnation), id.Seq}, Value: 1, Holders: members/2 + 1}
}

// Held returns the message that a promise of PromiseHeld is about.
func Held(p *protocol.Promise) MsgID {
	return MsgID{Node: protocol.NodeID(p.Key[0]), Incarnation: uint32(p.Key[1]), Seq: p.Key[2]}
}

// A Promiser is an Orderer whose messages and deliveries promise something: the host hands it
// the effect that carries such a message, and that message, or an output of kind
// KindDelivered, and nil.
type Promiser interface {
	Promises(list []protocol.Promise, f *protocol.Effect, msg []byte) []protocol.Promise
	Keeps(p *protocol.Promise) (value uint64, known bool)
}

// Promises appends what a message of this component promises: a report of the log's length,
// the promise of a view, and the log with which one begins; and what a delivery promises.
func (m *membership) Promises(list []protocol.Promise, f *protocol.Effect, msg []byte) []protocol.Promise {
	switch f.Kind {
	case KindStable, KindViewPromise, KindNewView:
	case KindDelivered:
		if _, id, ok := DecodeDelivered(f.Body); ok {
			list = append(list, PromiseHeld(id, len(m.peers)))
		}
		return list
	default:
		return list
	}
	d, ok := new(datagramReader).decode(msg)
	if !ok {
		return list
	}
	list = append(list, least(KindStarted, uint64(d.inc)))
	switch d.op {
	case opFrame:
		if length, ok := new(datagramReader).stable(d.body); ok && d.view == m.log.adopted {
			list = append(m.promisesLog(list, d.view, length), least(KindAdopted, d.view))
		}
	case opPromise:
		list = append(m.promisesLog(list, d.adopted, d.length), least(KindPromised, d.view), least(KindAdopted, d.adopted))
	case opNewView:
		list = append(m.promisesLog(list, d.view, d.base+len(d.entries)), least(KindAdopted, d.view))
	}
	return list
}

func least(kind protocol.Kind, value uint64) protocol.Promise {
	return protocol.Promise{Kind: kind, Value: value, Least: true}
}

// promisesLog appends that the log in a view is at least that long, and with what it ends.
func (m *membership) promisesLog(list []protocol.Promise, view uint64, length int) []protocol.Promise {
	if length == 0 {
		return list
	}
	list = append(list, protocol.Promise{Kind: KindLog, Key: [3]uint64{view}, Value: uint64(length), Least: true})
	if length <= len(m.log.entries) && view == m.log.adopted {
		list = append(list, protocol.Promise{Kind: KindEntry, Key: [3]uint64{view, uint64(length)}, Value: m.log.entries[length-1].fold(), Common: true})
	}
	return list
}

// fold hashes what an entry is.
func (e *logEntry) fold() uint64 {
	id := e.m.ID
	h := protocol.Hash3(e.view, uint64(id.Node)<<32|uint64(id.Incarnation), id.Seq)
	return protocol.Hash2(h, protocol.HashBytes(e.m.Payload))
}

// Keeps returns what the node knows in the place of a promise of Promises. A log that was
// adopted in a later view has whatever mattered of the earlier ones.
func (m *membership) Keeps(p *protocol.Promise) (value uint64, known bool) {
	switch p.Kind {
	case KindStarted:
		return uint64(m.recorded), true
	case KindPromised:
		return m.promised, true
	case KindAdopted:
		return m.log.adopted, true
	case KindHeld:
		return 1, m.log.has(Held(p))
	}
	switch view, length := p.Key[0], len(m.log.entries); {
	case m.log.adopted > view:
		return p.Value, true
	case m.log.adopted < view:
		return 0, false
	case p.Kind == KindLog:
		return uint64(length), true
	case p.Kind == KindEntry && p.Key[1] <= uint64(length):
		return m.log.entries[p.Key[1]-1].fold(), true
	}
	return 0, false
}
