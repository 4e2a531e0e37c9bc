package kademlia

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/words"
)

// Text returns a message in words: "dht.find 8be9d698, rpc 5c1e77aa", and for an
// answer the contacts, nearest first (those with IPv6 addresses after the others), and
// the rest. The rpc is in all tries of a query
// and in its answers. It returns "" for a message that is not canonical.
func Text(msg []byte) string {
	var m message
	if !m.decode(new(bencode.Reader), msg) {
		return ""
	}
	rpc := "rpc " + words.Short(m.txn)
	switch m.y {
	case 'q':
		return m.query() + rpc
	case 'e':
		return fmt.Sprintf("%v %s: %d %+.40q", KindError, rpc, m.code, m.text)
	}
	s := fmt.Sprintf("%v %s", KindAnswer, rpc)
	if m.nodes.v4 != nil || m.nodes.v6 != nil {
		ids := m.nodes.ids()
		s += ": " + words.List(len(ids), func(i int) string { return words.Short(ids[i][:]) })
	}
	if m.token != nil {
		s += ", token"
	}
	if m.value != nil {
		s += ", value " + valueName(m.value)
	}
	return s
}

// query returns the words of a query up to its rpc.
func (m *message) query() string {
	switch m.method {
	case ping:
		return fmt.Sprintf("%v ", KindPing)
	case findNode, get:
		return fmt.Sprintf("%v %s, ", methodKinds[m.method], words.Short(m.target[:]))
	case put:
		if m.cached {
			return fmt.Sprintf("%v %s to spare, ", KindPut, valueName(m.value))
		}
		return fmt.Sprintf("%v %s, ", KindPut, valueName(m.value))
	}
	return fmt.Sprintf("query %+.32q, ", m.name)
}

func valueName(value []byte) string {
	key := Key(value)
	return words.Short(key[:])
}

// TextTimer returns the timer under tag in words.
func TextTimer(tag uint64) string {
	c, n := protocol.SplitTag(tag)
	switch {
	case c != protocol.Kademlia:
		return ""
	case n == pauseTimer:
		return "kademlia join goes on"
	case n == upkeepTimer:
		return "kademlia upkeep"
	}
	return fmt.Sprintf("kademlia query %d unanswered", n)
}
