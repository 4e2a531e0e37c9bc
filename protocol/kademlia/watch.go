package kademlia

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// Datagram is what a message says, for checks that watch the network. Its slices alias the
// message.
type Datagram struct {
	Type   byte          // 'q' for a query, 'r' for an answer, 'e' for an error
	Kind   protocol.Kind // of a query: KindPing, KindFindNode, KindGet or KindPut
	Txn    []byte        // the transaction id
	ID     ID            // of the sender; not in errors
	Target ID            // of a query; the value's Key if it is a put
	Token  []byte
	Value  []byte
	Life   time.Duration // of the value; 0: as long as the receiver likes
	Spent  bool          // the value has no life left: it is not kept
	Cached bool          // the value is left on the path of a lookup
	Code   int64         // of an error
	nodes  named
}

// Refused is the code of the error for a put without a good token.
const Refused = errProtocol

// Watcher reads messages for checks. The zero Watcher is ready.
type Watcher struct {
	r bencode.Reader
	m message
}

// Read returns what a message says. ok is false if a node would drop it as malformed.
func (w *Watcher) Read(msg []byte) (g Datagram, ok bool) {
	m := &w.m
	if !m.decode(&w.r, msg) {
		return Datagram{}, false
	}
	g = Datagram{Type: m.y, Txn: m.txn, ID: m.id, Target: m.target, Token: m.token, Value: m.value,
		Life: time.Duration(m.life) * time.Millisecond, Spent: m.life == noLife, Cached: m.cached, Code: m.code, nodes: m.nodes}
	if m.y == 'q' && m.method != unknownMethod {
		g.Kind = methodKinds[m.method]
	}
	if m.y == 'q' && m.method == put {
		g.Target = Key(m.value)
	}
	return g, true
}

// Named returns the ids of the contacts in an answer, nearest first if they have addresses
// of one family.
func (g *Datagram) Named() []ID { return g.nodes.ids() }

// Entry is a contact in a routing table.
type Entry struct {
	Contact
	Bucket int  // bits that its id shares with the node's own
	Stale  bool // it has failed to answer too often
}

// Table appends all contacts of the routing table to dst, those farthest from the node
// first.
func (d *DHT) Table(dst []Entry) []Entry {
	for i := range d.tab.buckets {
		for j := range d.tab.buckets[i].live {
			c := &d.tab.buckets[i].live[j]
			dst = append(dst, Entry{c.Contact, i, c.fails >= d.tab.stale})
		}
	}
	return dst
}

// Unheard returns for how long the good contact has not answered that has not for longest. ok
// is false if there are no good contacts.
func (d *DHT) Unheard(now protocol.Time) (silence time.Duration, ok bool) {
	for i := range d.tab.buckets {
		for _, c := range d.tab.buckets[i].live {
			if c.fails < d.tab.stale {
				silence, ok = max(silence, now.Sub(protocol.Time(c.seen)*stampUnit)), true
			}
		}
	}
	return silence, ok
}
