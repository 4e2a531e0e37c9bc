package kv

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// The kinds of messages and outputs.
var (
	KindRequest  = protocol.KindOf("kv.request")  // client to replica
	KindReply    = protocol.KindOf("kv.reply")    // replica to client
	KindCalled   = protocol.KindOf("kv.called")   // output of a client: an operation began, a Command
	KindReturned = protocol.KindOf("kv.returned") // output of a client: it completed, a Return
	KindApplied  = protocol.KindOf("kv.applied")  // output of a replica: a place in the order, an Applied
)

// Op is what a command does.
type Op uint8

// The operations. All of them return the value that the key had before.
const (
	Get Op = iota
	Put    // sets the key to New
	CAS    // compare and swap: sets it to New if it is Old
)

// String names the operation.
func (o Op) String() string { return [...]string{"get", "put", "cas", "?"}[o&3] }

// Command is one operation of a client. Fields that its Op does not use are 0.
type Command struct {
	Client   protocol.NodeID
	Seq      uint64 // ascends; the client's incarnation in the upper half
	Op       Op
	Key      uint64
	Old, New uint64
}

// String returns the operation in words: "cas 3 from 5 to 7".
func (c Command) String() string {
	switch c.Op {
	case Put:
		return fmt.Sprintf("put %d to %d", c.Key, c.New)
	case CAS:
		return fmt.Sprintf("cas %d from %d to %d", c.Key, c.Old, c.New)
	}
	return fmt.Sprintf("get %d", c.Key)
}

// A message is the component byte and one bencoded list; on the wire a seal
// follows.
//
//	request  0 seq op key old new  seq at least 1: sessions begin with 0
//	reply    1 seq ok value
//	ask      2 op key new         input to a client: Old is what it saw last
//
// A command in the order is a list of client, seq, op, key, old and new.
type message struct {
	typ int
	cmd Command
	res Return
}

const (
	typeRequest = iota
	typeReply
	typeAsk
)

func (m message) append(b []byte) []byte {
	b = append(b, byte(Component), 'l')
	b = bencode.AppendUint(b, uint64(m.typ))
	switch m.typ {
	case typeRequest:
		b = bencode.AppendUint(b, m.cmd.Seq)
		b = m.cmd.appendTerms(b)
	case typeReply:
		b = m.res.append(b)
	case typeAsk:
		b = bencode.AppendUint(b, uint64(m.cmd.Op))
		b = bencode.AppendUint(b, m.cmd.Key)
		b = bencode.AppendUint(b, m.cmd.New)
	}
	return append(b, 'e')
}

func decode(b []byte) (m message, ok bool) {
	r := bencode.ListOf(Component.Cut(b))
	m.typ = int(r.UintMax(typeAsk))
	switch m.typ {
	case typeRequest:
		m.cmd.Seq = r.Uint()
		m.cmd.cutTerms(&r)
	case typeReply:
		m.res.cut(&r)
	case typeAsk:
		m.cmd.Op = Op(r.UintMax(uint64(CAS)))
		m.cmd.Key = r.Uint()
		m.cmd.New = r.Uint()
	}
	return m, r.Finish() && (m.typ != typeRequest || m.cmd.Seq > 0)
}

func (c *Command) appendTerms(b []byte) []byte {
	b = bencode.AppendUint(b, uint64(c.Op))
	b = bencode.AppendUint(b, c.Key)
	b = bencode.AppendUint(b, c.Old)
	return bencode.AppendUint(b, c.New)
}

func (c *Command) cutTerms(r *bencode.Reader) {
	c.Op = Op(r.UintMax(uint64(CAS)))
	c.Key = r.Uint()
	c.Old = r.Uint()
	c.New = r.Uint()
}

func (c *Command) append(b []byte) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, uint64(c.Client))
	b = bencode.AppendUint(b, c.Seq)
	return append(c.appendTerms(b), 'e')
}

// decodeCommand reads a command of the order.
func decodeCommand(b []byte) (c Command, ok bool) {
	r := bencode.ListOf(b)
	c.Client = protocol.NodeID(r.UintMax(uint64(protocol.Outside) - 1))
	c.Seq = r.Uint()
	c.cutTerms(&r)
	return c, r.Finish() && c.Seq > 0
}

func (x *Return) append(b []byte) []byte {
	b = bencode.AppendUint(b, x.Seq)
	b = bencode.AppendBool(b, x.OK)
	return bencode.AppendUint(b, x.Value)
}

func (x *Return) cut(r *bencode.Reader) {
	x.Seq = r.Uint()
	x.OK = r.Bool()
	x.Value = r.Uint()
}

// AskInput returns an input that has a Client do an operation after those of earlier
// inputs: c's Op, Key and New.
func AskInput(c Command) []byte { return message{typ: typeAsk, cmd: c}.append(nil) }

// DecodeCalled reads an output of KindCalled.
func DecodeCalled(rec []byte) (Command, bool) { return decodeCommand(rec) }

// Return is an output of KindReturned: what became of a command.
type Return struct {
	Seq   uint64 // of the Command
	OK    bool   // false only for a CAS that did not swap
	Value uint64 // that the key had before
}

func (x *Return) record() []byte { return append(x.append([]byte{'l'}), 'e') }

// DecodeReturned reads an output of KindReturned.
func DecodeReturned(rec []byte) (Return, bool) {
	var x Return
	r := bencode.ListOf(rec)
	x.cut(&r)
	return x, r.Finish()
}

// Applied is an output of KindApplied: a place in the order, and the replica's state
// after the command there.
type Applied struct{ Index, State uint64 }

func (n *Node) outputApplied(env *protocol.Env, index uint64) {
	b := append(n.scratch[:0], 'l')
	b = bencode.AppendUint(b, index)
	b = bencode.AppendUint(b, n.state)
	n.scratch = append(b, 'e')
	env.Output(KindApplied, n.scratch)
}

// DecodeApplied reads an output of KindApplied.
func DecodeApplied(rec []byte) (a Applied, ok bool) {
	r := bencode.ListOf(rec)
	a.Index = r.Uint()
	a.State = r.Uint()
	return a, r.Finish()
}

// Text returns a message or input of this package in words: "kv.request 4294967297:
// put 3 to 5". The text of what is not canonical is empty.
func Text(msg []byte) string {
	m, ok := decode(msg)
	if !ok {
		return ""
	}
	switch m.typ {
	case typeRequest:
		return fmt.Sprintf("%v %d: %v", KindRequest, m.cmd.Seq, m.cmd)
	case typeReply:
		return fmt.Sprintf("%v %s", KindReply, m.res.text())
	}
	return fmt.Sprintf("ask for %v", m.cmd)
}

func (x *Return) text() string {
	if !x.OK {
		return fmt.Sprintf("%d: refused, it is %d", x.Seq, x.Value)
	}
	return fmt.Sprintf("%d: done, it was %d", x.Seq, x.Value)
}

// TextOutput returns an output of this package in words. The text of anything else is
// empty.
func TextOutput(kind protocol.Kind, rec []byte) string {
	switch kind {
	case KindCalled:
		if c, ok := DecodeCalled(rec); ok {
			return fmt.Sprintf("%d: %v", c.Seq, c)
		}
	case KindReturned:
		if r, ok := DecodeReturned(rec); ok {
			return r.text()
		}
	case KindApplied:
		if a, ok := DecodeApplied(rec); ok {
			return fmt.Sprintf("number %d, state %016x", a.Index, a.State)
		}
	}
	return ""
}
