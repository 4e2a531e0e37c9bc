// Package traitor makes nodes Byzantine: it wraps a node and treats the messages that
// the node sends as faults say. It knows neither the simulator nor the machines.
package traitor

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim/fault"
)

// Node is a Byzantine node: it wraps another node and changes the messages that this
// one sends, as the faults say that are open by the node's own clock. It lies to other
// nodes alone: it stores what the node stores, outputs what it outputs, and is honest to
// itself.
//
// Each treatment is a named answer, so one lie can be taken from a run, and with
// benign answers it does exactly what the node inside does. Of several faults that hit
// one message the first counts.
//
// It remembers the last 16 messages of each kind that the node wanted to send,
// and the last 16 that it received; of an earlier incarnation none.
type Node struct {
	node   protocol.Node
	faults []counted
	inner  protocol.Env
	said   []byKind // in the order of first use
	heard  memory
	spare  []byte // for a message that is changed
}

// Acts counts what a Byzantine fault did.
type Acts struct {
	Messages uint64 // that its node wanted to send to another while it was open
	Lies     uint64 // of these: not sent, or sent with other bytes
}

// counted is a fault and what it did.
type counted struct {
	fault.Fault
	acts *Acts
}

// byKind is what was sent of one kind.
type byKind struct {
	kind protocol.Kind
	memory
}

// memory is the last few messages, in a ring.
type memory struct {
	ring [16]remembered
	n    uint64 // so far
}

type remembered struct {
	to   protocol.NodeID
	body []byte
}

// Wrap returns a function that makes the nodes of make, those wrapped that one of the
// faults makes Byzantine. What the i-th fault does is added to acts[i].
func Wrap(make func(id protocol.NodeID) protocol.Node, faults []fault.Fault, acts []Acts) func(id protocol.NodeID) protocol.Node {
	return func(id protocol.NodeID) protocol.Node {
		n := make(id)
		if n != nil && slices.ContainsFunc(faults, func(f fault.Fault) bool { return f.Op == fault.Byzantine && f.Node == id }) {
			return wrap(n, faults, acts)
		}
		return n
	}
}

// Honest returns the node inside if n is a traitor, and n itself if not.
func Honest(n protocol.Node) protocol.Node {
	if t, ok := n.(*Node); ok {
		return t.node
	}
	return n
}

// New wraps n. Of the faults those count that are Byzantine and name the node's own
// number, until a Heal among them; so it takes all faults of a plan.
func New(n protocol.Node, faults ...fault.Fault) *Node {
	return wrap(n, faults, make([]Acts, len(faults)))
}

func wrap(n protocol.Node, faults []fault.Fault, acts []Acts) *Node {
	t := &Node{node: n}
	heal := fault.Calm(faults)
	for i, f := range faults {
		if f.Op != fault.Byzantine {
			continue
		}
		if f.Trait < fault.Equivocate || f.Trait > fault.Alter {
			panic(fmt.Sprintf("traitor: node %v has trait %d, want %d to %d", f.Node, f.Trait, fault.Equivocate, fault.Alter))
		}
		if f.For == 0 || f.End() > heal {
			f.For = heal.Sub(f.At) // at most 0 if it never begins
		}
		t.faults = append(t.faults, counted{f, &acts[i]})
	}
	return t
}

// Describe appends the state of the node inside, if that describes itself.
func (t *Node) Describe(b []byte) []byte {
	if d, ok := t.node.(protocol.Describer); ok {
		return d.Describe(b)
	}
	return b
}

// Start starts the node inside.
func (t *Node) Start(env *protocol.Env) {
	env.Fork(&t.inner)
	t.node.Start(&t.inner)
	t.betray(env)
}

// Receive hands the message to the node inside, honestly.
func (t *Node) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	env.Fork(&t.inner)
	t.node.Receive(&t.inner, from, msg)
	if from != protocol.Outside {
		t.heard.add(from, msg)
	}
	t.betray(env)
}

// Timeout hands the timer to the node inside.
func (t *Node) Timeout(env *protocol.Env, tag uint64) {
	env.Fork(&t.inner)
	t.node.Timeout(&t.inner, tag)
	t.betray(env)
}

// Flushed tells the node inside, which is a protocol.Flusher.
func (t *Node) Flushed(env *protocol.Env, tag uint64, failed bool) {
	env.Fork(&t.inner)
	t.node.(protocol.Flusher).Flushed(&t.inner, tag, failed)
	t.betray(env)
}

// betray repeats on env what the node inside did, but for lies.
func (t *Node) betray(env *protocol.Env) {
	env.Join(&t.inner, func(f *protocol.Effect) {
		if f.Op != protocol.OpSend || f.To == env.ID() {
			env.Repeat(f)
			return
		}
		said := t.saidOf(f.Kind)
		if body, send := t.treat(env, f, said); send {
			env.Send(f.To, f.Kind, body)
		}
		said.add(f.To, f.Body)
	})
}

// The kinds of questions: whether a trait hits a message, and how.
var traitKinds = [...]protocol.Kind{
	fault.Equivocate: protocol.KindOf("byz.equiv"),
	fault.Forge:      protocol.KindOf("byz.forge"),
	fault.Replay:     protocol.KindOf("byz.replay"),
	fault.Withhold:   protocol.KindOf("byz.withhold"),
	fault.Alter:      protocol.KindOf("byz.alter"),
}

var (
	byzForm  = protocol.KindOf("byz.form")
	byzMade  = protocol.KindOf("byz.made")
	byzWhich = protocol.KindOf("byz.which")
	byzCount = protocol.KindOf("byz.count")
	byzPlace = protocol.KindOf("byz.place")
	byzBits  = protocol.KindOf("byz.bits")
	byzLie   = protocol.KindOf("byzantine") // of notes
)

// treat returns what is sent in place of a message, and whether anything is. It asks
// for every fault even after a hit: a question is named by how often its kind was
// asked before, and so the lies to one receiver do not rename those to the next.
func (t *Node) treat(env *protocol.Env, f *protocol.Effect, said *byKind) (body []byte, send bool) {
	var hit *counted
	for i := range t.faults {
		x := &t.faults[i]
		if x.Node != env.ID() || env.Now() < x.At || env.Now() >= x.End() {
			continue
		}
		x.acts.Messages++
		if env.Chance(traitKinds[x.Trait], x.Rate) && hit == nil {
			hit = x
		}
	}
	body, send = f.Body, true
	if hit == nil {
		return body, send
	}
	switch hit.Trait {
	case fault.Equivocate:
		body = said.other(f)
	case fault.Forge:
		body = t.forge(env, f.Body)
	case fault.Replay:
		body = t.replay(env, f.Body, said)
	case fault.Withhold:
		send = false
	case fault.Alter:
		body = t.alter(env, f.Body)
	}
	if !send || !bytes.Equal(body, f.Body) {
		hit.acts.Lies++
		env.Note(byzLie, hit.Trait, f.Kind, "to", f.To)
	}
	return body, send
}

// other returns the last different message of the kind to another node, or the
// message itself.
func (m *memory) other(f *protocol.Effect) []byte {
	for back := range m.len() {
		if r := m.last(back); r.to != f.To && !bytes.Equal(r.body, f.Body) {
			return r.body
		}
	}
	return f.Body
}

// replay returns one of the different messages of the kind that were sent before or
// of those that were received, or the message itself. The later come first.
func (t *Node) replay(env *protocol.Env, honest []byte, said *byKind) []byte {
	var old [][]byte
	for _, m := range [...]*memory{&said.memory, &t.heard} {
		for back := range m.len() {
			if r := m.last(back); !bytes.Equal(r.body, honest) {
				old = append(old, r.body)
			}
		}
	}
	if len(old) == 0 {
		return honest
	}
	return old[env.Choose(byzWhich, uint64(len(old)))]
}

// forge makes up a message. The forms end in different layers of a receiver: its
// host looks at the first byte, a machine's decoder at what follows.
func (t *Node) forge(env *protocol.Env, honest []byte) []byte {
	const forms, header = 4, 4
	form := env.Choose(byzForm, forms)
	word := env.Choose(byzMade, 1<<63)
	b := append(t.spare[:0], honest...)
	switch form {
	case 0: // all but the first byte
		if len(b) > 0 {
			makeUp(b[1:], word)
		}
	case 1: // all, and the length
		b = append(b, make([]byte, 4)...)
		b = b[:uint64(len(b))-word%min(8, uint64(len(b)))]
		makeUp(b, word)
	case 2: // the header
		makeUp(b[:min(header, len(b))], word)
	case 3: // the end is missing
		if len(b) > 0 {
			b = b[:word%uint64(len(b))]
		}
	}
	t.spare = b
	return b
}

// makeUp fills b with bytes that follow from word.
func makeUp(b []byte, word uint64) {
	var chunk [8]byte
	for i := uint64(0); len(b) > 0; i++ {
		binary.LittleEndian.PutUint64(chunk[:], protocol.Hash2(word, i))
		b = b[copy(b, chunk[:]):]
	}
}

// alter changes one to four bytes at different places.
func (t *Node) alter(env *protocol.Env, honest []byte) []byte {
	if len(honest) == 0 {
		return honest
	}
	const most = 4
	b := append(t.spare[:0], honest...)
	for range 1 + env.Choose(byzCount, min(most, uint64(len(b)))) {
		i := env.Choose(byzPlace, uint64(len(b)))
		for b[i] != honest[i] { // changed already: there is a byte left that is not
			i = (i + 1) % uint64(len(b))
		}
		b[i] ^= 1 + byte(env.Choose(byzBits, 255))
	}
	t.spare = b
	return b
}

// saidOf returns the memory of a kind. A machine has few kinds.
func (t *Node) saidOf(kind protocol.Kind) *byKind {
	for i := range t.said {
		if t.said[i].kind == kind {
			return &t.said[i]
		}
	}
	t.said = append(t.said, byKind{kind: kind})
	return &t.said[len(t.said)-1]
}

// add copies a message into the memory, in place of the oldest.
func (m *memory) add(to protocol.NodeID, body []byte) {
	r := &m.ring[m.n%uint64(len(m.ring))]
	r.to, r.body = to, append(r.body[:0], body...)
	m.n++
}

func (m *memory) len() uint64 { return min(m.n, uint64(len(m.ring))) }

// last returns the message that was added last, or back before it.
func (m *memory) last(back uint64) *remembered {
	return &m.ring[(m.n-1-back)%uint64(len(m.ring))]
}
