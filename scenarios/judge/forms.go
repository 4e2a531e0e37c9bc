package judge

import (
	"fmt"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/check"
)

// Strict requires that nodes read messages of the documented form, and no others: a message that
// breaks one rule of it is dropped, however it came to be. No honest node sends one, so from
// what is sent the judge derives some that break one rule each, and some at the bounds, and asks
// what nodes read with whether it takes them. It looks at ever fewer messages of a kind.
func Strict() *check.Check {
	var w kademlia.Watcher
	var m maker
	seen := make(map[protocol.Kind]uint64)
	return check.Always("only messages of the right form are read", sim.Sent, func(e *sim.Event) (bool, error) {
		var reads func(msg []byte) bool
		switch {
		case isGossip(e):
			reads = func(msg []byte) bool { _, ok := gossip.Read(msg); return ok }
		case isDHT(e):
			reads = func(msg []byte) bool { _, ok := w.Read(msg); return ok }
		default:
			return false, nil
		}
		seen[e.Kind]++
		if n := seen[e.Kind]; n&(n-1) != 0 || !reads(e.Body) { // liars may send anything
			return false, nil
		}
		var wrong error
		m.judges = func(f *form) {
			if wrong == nil && reads(f.msg) != f.good {
				wrong = fmt.Errorf("a message like that which node %v sends to node %v, but with %s, is read: %v, want %v", e.Node, e.Peer, f.what, !f.good, f.good)
			}
		}
		if isGossip(e) {
			m.gossip(e.Body)
		} else {
			m.query(e.Body)
		}
		return true, wrong
	}).OfMessages(sim.Sent, ofGossip, ofDHT).ReadingEvents().OrNotApplicable("no such message is sent")
}

// First bytes of messages: see package protocol.
const (
	ofLink   = byte(protocol.Link)
	ofGossip = byte(protocol.Gossip)
	ofOrder  = byte(protocol.ABCAST)
	ofDHT    = 'd'
)

// Steps makes a check that looks at nodes when their next step begins pass over the steps that
// consume a message of the order, and returns it. More than half of all messages are heartbeats,
// which change nothing that is looked at; and what another message of the order changes is still
// there when the next timer fires.
func Steps(c *check.Check) *check.Check { return c.OfMessages(sim.Received, ofLink, ofGossip, ofDHT) }

// ArmedSteps is Steps of a check that looks at the steps of those nodes alone for which armed is true
// then.
func ArmedSteps(c *check.Check, armed []bool) *check.Check {
	return c.WhileArmed(sim.Received, armed, ofLink, ofGossip, ofDHT).WhileArmed(sim.Fired, armed)
}

// form is a message, and whether a node must read it.
type form struct {
	what string
	good bool
	msg  []byte
}

// value is a bencoded value: of type 'l' or 'd' with its parts, which in a dictionary are keys
// and values in turn, of type 'i' with its digits, or of type 's' with its bytes.
type value struct {
	typ   byte
	parts []value
	text  string
}

func text[S []byte | string](s S) value { return value{typ: 's', text: string(s)} }
func number(digits string) value        { return value{typ: 'i', text: digits} }
func list(parts ...value) value         { return value{typ: 'l', parts: parts} }

// parse reads the first value of b, which is canonical.
func parse(b []byte) (v value, rest []byte) {
	switch b[0] {
	case 'l', 'd':
		v.typ = b[0]
		for b = b[1:]; b[0] != 'e'; {
			var part value
			part, b = parse(b)
			v.parts = append(v.parts, part)
		}
		return v, b[1:]
	case 'i':
		end := slices.Index(b, 'e')
		return number(string(b[1:end])), b[end+1:]
	}
	n, i := 0, 0
	for ; b[i] != ':'; i++ {
		n = 10*n + int(b[i]-'0')
	}
	return text(b[i+1:][:n]), b[i+1+n:]
}

func (v *value) append(b []byte) []byte {
	switch v.typ {
	case 's':
		return bencode.AppendBytes(b, v.text)
	case 'i':
		return append(append(append(b, 'i'), v.text...), 'e')
	}
	b = append(b, v.typ)
	for i := range v.parts {
		b = v.parts[i].append(b)
	}
	return append(b, 'e')
}

// get returns the value of a key, or nil.
func (v *value) get(key string) *value {
	for i := 0; i+1 < len(v.parts); i += 2 {
		if v.parts[i].text == key {
			return &v.parts[i+1]
		}
	}
	return nil
}

// set gives a key a value, in its place.
func (v *value) set(key string, to value) {
	i := 0
	for ; i < len(v.parts) && v.parts[i].text < key; i += 2 {
	}
	if i < len(v.parts) && v.parts[i].text == key {
		v.parts[i+1] = to
		return
	}
	v.parts = slices.Insert(v.parts, i, text(key), to)
}

// drop removes a key.
func (v *value) drop(key string) {
	for i := 0; i < len(v.parts); i += 2 {
		if v.parts[i].text == key {
			v.parts = slices.Delete(v.parts, i, i+2)
			return
		}
	}
}

// long returns a string of n bytes.
func long(n int) string { return strings.Repeat("a", n) }
