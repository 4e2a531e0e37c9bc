package kademlia

import (
	"bytes"
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// sixBook is a SimBook in which the nodes from 100 on have IPv6 addresses: node 100 has
// [2001:db8::64]:6881. From gone on it has forgotten them.
type sixBook struct {
	protocol.SimBook
	gone protocol.NodeID
}

func (b *sixBook) Endpoint(id protocol.NodeID) protocol.Endpoint {
	if id < 100 {
		return b.SimBook.Endpoint(id)
	}
	return protocol.Endpoint{5: byte(id)}
}

func (b *sixBook) Node(e protocol.Endpoint) (protocol.NodeID, bool) {
	if id := protocol.NodeID(e[5]); id >= 100 && id < b.gone && e == b.Endpoint(id) {
		return id, true
	}
	return b.SimBook.Node(e)
}

func (b *sixBook) Long(e protocol.Endpoint) (long protocol.Endpoint6, ok bool) {
	if _, ok := b.Node(e); !ok || e.Is4() {
		return long, false
	}
	return protocol.Endpoint6{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 15: e[5], 16: 0x1a, 17: 0xe1}, true
}

func (b *sixBook) Short(long protocol.Endpoint6) (e protocol.Endpoint, ok bool) {
	e = protocol.Endpoint{5: long[15]}
	back, ok := b.Long(e)
	return e, ok && back == long
}

// A node learns of an IPv6 node from an answer, asks it, and tells others of it.
func TestANodeWithAnIPv6AddressIsReachedAndNamed(t *testing.T) {
	book := &sixBook{gone: 200}
	r := newRig(t, func(c *Config) { c.Book = book })
	r.meet(1, r.inBucket(0, 1))
	six := Contact{r.inBucket(0, 2), book.Endpoint(100)}
	q := r.step(func(env *protocol.Env) { r.d.Lookup(env, six.ID, func(*protocol.Env, Result) {}) })
	n := named{v4: []byte{}}
	n = n.with(book, &six)
	if want := append(six.ID[:], "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x64\x1a\xe1"...); !bytes.Equal(n.v6, want) {
		t.Fatalf("node 100 is named %x, want %x", n.v6, want)
	}
	out := queries(r.reply(q[0], r.inBucket(0, 1), message{nodes: n}))
	if len(out) != 1 || out[0].to != 100 {
		t.Fatalf("a node that was told of node 100 asks %v, want it", out)
	}
	r.reply(out[0], six.ID, message{nodes: naming()})
	if !slices.Contains(r.d.Contacts(), six) {
		t.Fatalf("node 100 has answered and is not among the contacts %v", r.d.Contacts())
	}
	asks := message{method: findNode, hasTarget: true, target: six.ID}
	if got := r.query(1, r.inBucket(0, 1), asks)[0].nodes; !bytes.Equal(got.v6, n.v6) || len(got.v4) != 0 {
		t.Errorf("an asker is told of %x, want %x", got, n)
	}
	asks.target = r.inBucket(0, 1)
	if got := r.query(100, six.ID, asks)[0].nodes; got.v6 != nil || len(got.v4) != compact4 {
		t.Errorf("node 100 is told of %x, want node 1 alone", got)
	}
	book.gone = 100
	if got := r.query(1, r.inBucket(0, 1), asks)[0].nodes; got.v6 != nil || len(got.v4) != 0 {
		t.Errorf("an asker is told of %x, want nobody: the Book has forgotten node 100", got)
	}
}

// No IPv4 address begins with 0; the same bytes stand for an IPv6 endpoint of the Book,
// and nobody may choose one for another.
func TestANameWithoutAPossibleAddressHasNoEndpoint(t *testing.T) {
	book := &sixBook{gone: 200}
	id := anyID(1, 1)
	n := named{v4: append(id[:], 0, 0, 0, 0, 0, 100), v6: append(anyID(1, 2).bytes(), make([]byte, 18)...)}
	for range 2 {
		if c, ok := n.cut(book); !ok || c.Addr != (protocol.Endpoint{}) {
			t.Errorf("a contact without an address is read as %v, %v", c, ok)
		}
	}
	if c, ok := n.cut(book); ok {
		t.Errorf("behind the last contact there is %v", c)
	}
}

func TestASimulatedNodeSkipsIPv6Contacts(t *testing.T) {
	r := newRig(t, nil)
	r.meet(1, r.inBucket(0, 1))
	q := r.step(func(env *protocol.Env) { r.d.Lookup(env, r.inBucket(0, 2), func(*protocol.Env, Result) {}) })
	nodes := named{v4: []byte{}, v6: append(r.inBucket(0, 2).bytes(), "\x20\x01\x0d\xb8abcdefghijkl\x1a\xe1"...)}
	b := message{y: 'r', txn: q[0].txn, id: r.inBucket(0, 1), nodes: nodes}.encoded()
	if text := Text(b); !bytes.Contains([]byte(text), []byte(r.inBucket(0, 2).String()[:8])) {
		t.Errorf("the answer reads %q, without the contact", text)
	}
	if out := queries(r.reply(q[0], r.inBucket(0, 1), message{nodes: nodes})); len(out) != 0 || r.d.Stats().Malformed != 0 {
		t.Errorf("an IPv6 contact caused %v and %d malformed messages", out, r.d.Stats().Malformed)
	}
}

func (t ID) bytes() []byte { return t[:] }

func (m message) encoded() []byte {
	b := m.append(nil)
	if !m.decode(new(bencode.Reader), b) {
		panic("kademlia: an encoded message does not decode")
	}
	return b
}
