package kademlia

import (
	"encoding/binary"
	"slices"
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
	Quiet  bool          // of a query: the asker answers none itself (BEP 43)
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
		Life: time.Duration(m.life) * time.Millisecond, Spent: m.life == noLife, Cached: m.cached, Code: m.code, Quiet: m.readOnly, nodes: m.nodes}
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

// Entry is a contact in a routing table, or one that waits there for a place.
type Entry struct {
	Contact
	Bucket   int           // bits that its id shares with the node's own
	Stale    bool          // it has failed to answer too often
	Waits    bool          // for a place in the bucket
	Answered bool          // it has answered; always so unless it waits
	Fails    uint8         // RPCs that it failed to answer since
	Seen     protocol.Time // when it answered last, in units of ten milliseconds
}

// Table appends all contacts of the routing table to dst, those farthest from the node
// first.
func (d *DHT) Table(dst []Entry) []Entry {
	for i := range d.tab.buckets {
		for _, c := range d.tab.contacts(i) {
			dst = append(dst, d.entry(i, &c))
		}
	}
	return dst
}

// Waiting appends the contacts that wait for a place in a bucket, those of the farthest
// bucket first, and of a bucket the newest last.
func (d *DHT) Waiting(dst []Entry) []Entry {
	for i := range d.tab.buckets {
		for _, c := range d.tab.waiting(i) {
			e := d.entry(i, &c)
			e.Waits = true
			dst = append(dst, e)
		}
	}
	return dst
}

func (d *DHT) entry(bucket int, c *contact) Entry {
	return Entry{
		Contact: d.tab.contact(c.who), Bucket: bucket, Stale: c.fails >= d.tab.stale,
		Answered: c.answered, Fails: c.fails, Seen: protocol.Time(c.seen) * stampUnit,
	}
}

// Probing reports whether a contact of a bucket is being pinged to see whether it is still
// there.
func (d *DHT) Probing(bucket int) bool {
	return bucket < len(d.tab.buckets) && d.tab.probing(bucket)
}

// Unheard returns for how long the good contact has not answered that has not for longest. ok
// is false if there are no good contacts.
func (d *DHT) Unheard(now protocol.Time) (silence time.Duration, ok bool) {
	for _, c := range d.tab.rows[liveRow] {
		if c.fails < d.tab.stale {
			silence, ok = max(silence, now.Sub(protocol.Time(c.seen)*stampUnit)), true
		}
	}
	return silence, ok
}

// Absent is a node that the DHT asks now and then, since it joined through it or has given it
// up.
type Absent struct {
	Contact               // its ID is zero if it is not known
	Seed    bool          // it joined through this one
	Tries   uint8         // times in a row that it did not answer
	Due     protocol.Time // when it is asked next
}

// Absent appends the absent nodes to dst.
func (d *DHT) Absent(dst []Absent) []Absent {
	for i := range d.up.absent {
		a := &d.up.absent[i]
		dst = append(dst, Absent{a.Contact, a.seed, a.tries, a.due})
	}
	return dst
}

// Lookups appends the targets of the lookups under way to dst, that of each once.
func (d *DHT) Lookups(dst []ID) []ID {
	for i := range d.calls {
		l := d.calls[i].lookup
		counted := slices.ContainsFunc(d.calls[:i], func(c call) bool { return c.lookup == l })
		if l != nil && !counted {
			dst = append(dst, l.target)
		}
	}
	return dst
}

// LookupsOf returns how many lookups are under way that have the target of the one which sends
// queries with a transaction id, that one included. It is 0 if the query is of no lookup.
func (d *DHT) LookupsOf(txn []byte) (n int) {
	if len(txn) != 8 {
		return 0
	}
	i := slices.IndexFunc(d.calls, func(c call) bool { return c.lookup != nil && c.txn == binary.BigEndian.Uint64(txn) })
	if i < 0 {
		return 0
	}
	for _, t := range d.Lookups(nil) {
		if t == d.calls[i].target {
			n++
		}
	}
	return n
}

// Publishes returns until when the DHT publishes the value under id; 0 is without end.
func (d *DHT) Publishes(id ID) (until protocol.Time, ok bool) {
	if i := d.publication(id); i >= 0 {
		return d.up.published[i].until, true
	}
	return 0, false
}

// Seeks reports whether a query with that transaction id is under way to an absent node.
func (d *DHT) Seeks(txn []byte) bool {
	return len(txn) == 8 && slices.ContainsFunc(d.calls, func(c call) bool {
		return c.purpose == forAbsent && c.txn == binary.BigEndian.Uint64(txn)
	})
}

// Idle reports whether newcomers wait to be offered values although the upkeep has time for it.
func (d *DHT) Idle() bool { return len(d.up.newcomers) > 0 && d.up.busy < maxBusy }

// BeginsRound reports whether the timer under tag begins a round of a join.
func BeginsRound(tag uint64) bool { return tag == protocol.Kademlia.Tag(pauseTimer) }
