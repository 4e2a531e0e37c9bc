package peer

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/words"
)

// Text returns a message or input of this component in words: "request transfer 0
// attempt 1: 385 to 8be9d698 before 72acd373". Owners and transactions are shown by
// their first digits. It returns "" for a message that is not canonical.
func Text(msg []byte) string {
	if l, ok := decodeLie(msg); ok {
		return l.text()
	}
	if v, ok := decodeValueInput(msg); ok {
		return v.text()
	}
	m, ok := decode(msg)
	if !ok {
		return ""
	}
	switch m.typ {
	case typeRequest:
		return fmt.Sprintf("%v transfer %d attempt %d%s: %s", KindRequest, m.req.Transfer, m.req.Attempt, m.later(), m.req.terms())
	case typeReply:
		return fmt.Sprintf("%v transfer %d attempt %d%s: %v", KindReply, m.req.Transfer, m.req.Attempt, m.later(), m.outcome)
	case typeHello:
		return fmt.Sprintf("%v from a neighbour", KindHello)
	case typeFetch:
		return fmt.Sprintf("%v %s", KindFetch, words.Short(m.id[:]))
	case typeBody:
		return fmt.Sprintf("%v %s", KindBody, content(m.body))
	case typeLook:
		return fmt.Sprintf("look up %s", words.Short(m.owner[:]))
	case typeGet:
		return fmt.Sprintf("get the key of %s", words.Short(m.owner[:]))
	}
	return fmt.Sprintf("order transfer %d of node %v: %s", m.req.Transfer, m.sender, m.req.terms())
}

// later names the incarnation if it is not the first.
func (m *message) later() string {
	if m.incarnation < 2 {
		return ""
	}
	return fmt.Sprintf(" of life %d", m.incarnation)
}

// content names a body.
func content(body []byte) string {
	id := gossip.Sum(body)
	return words.Short(id[:]) + " " + words.Count(uint64(len(body)), "byte")
}

// terms returns what is asked for.
func (r *Request) terms() string {
	return string(words.Row(make([]byte, 0, 48)).Uint(r.Amount).Str(" to ").Short(r.Receiver[:]).Str(" before ").Short(r.Witness[:]))
}

// TextOutput returns the words that follow kind, for an output of this package, or ""
// for another and for one that is not canonical.
func TextOutput(kind protocol.Kind, rec []byte) string {
	switch kind {
	case KindJoined:
		var r bencode.Reader
		r.Reset(rec)
		if n := r.Uint(); r.Done() {
			return "with " + words.Count(n, "neighbour")
		}
	case KindEntry:
		if e, ok := DecodeEntry(rec); ok {
			return fmt.Sprintf("%d: %s %v, log %s, list %s, total %d", e.Index, words.Short(e.WTxID[:]), e.Verdict,
				words.Short(e.LogHash[:]), words.Short(e.ListHash[:]), e.Total)
		}
	case KindHanded:
		if len(rec) == len(ledger.ID{}) {
			return words.Short(rec)
		}
	case KindRefused:
		if id, v, ok := DecodeRefused(rec); ok {
			return fmt.Sprintf("%s %v", words.Short(id[:]), v)
		}
	case KindLooked:
		if l, ok := DecodeLooked(rec); ok {
			return fmt.Sprintf("%s in %s: %s", words.Short(l.Target[:]), words.Count(uint64(l.Hops), "hop"),
				words.List(len(l.Closest), func(i int) string { return words.Short(l.Closest[i][:]) }))
		}
	case KindFound:
		if f, ok := DecodeFound(rec); ok {
			return "key of " + words.Short(f.Owner[:]) + f.where()
		}
	case KindStored:
		if s, ok := DecodeStored(rec); ok {
			return words.Short(s.Key[:]) + " at " + words.Count(uint64(s.Nodes), "node")
		}
	case KindValue:
		if v, ok := DecodeValue(rec); ok && v.Found {
			return words.Short(v.Key[:]) + " " + words.Content(v.Value) + " in " + words.Count(uint64(v.Hops), "hop")
		} else if ok {
			return words.Short(v.Key[:]) + " not found"
		}
	case KindAnswered:
		if a, ok := DecodeAnswer(rec); ok {
			return fmt.Sprintf("transfer %d attempt %d: %v", a.Transfer, a.Attempts, a.Outcome)
		}
	}
	return ""
}

func (v *valueInput) text() string {
	if v.typ == valuePut {
		return "put the value " + words.Content(v.value)
	}
	return "find the value " + words.Short(v.key[:])
}

func (f *FoundKey) where() string {
	if !f.Remote {
		return " in its own store"
	}
	return " in " + words.Count(uint64(f.Hops), "hop")
}

// TextTimer returns a Node's timer of this component in words.
func TextTimer(tag uint64) string {
	switch tag {
	case protocol.Peer.Tag(timerSettle):
		return "peer settle"
	case protocol.Peer.Tag(timerFetch):
		return "peer fetch the next body"
	case protocol.Peer.Tag(timerKeys):
		return "peer ask for keys again"
	}
	return ""
}

// TextClientTimer does the same for a Client, whose tags mean something else.
func TextClientTimer(tag uint64) string {
	c, n := protocol.SplitTag(tag)
	if c != protocol.Peer {
		return ""
	}
	return fmt.Sprintf("peer retry transfer %d", n)
}

// TextRecord returns a record of this package in words, or "" if it is not canonical.
func TextRecord(rec []byte) string {
	s, ok := decodeStored(rec)
	if !ok {
		return ""
	}
	switch s.typ {
	case storeKey:
		return fmt.Sprintf("key of %v", ledger.OwnerOf(s.key))
	case storeBody:
		return fmt.Sprintf("body %v", gossip.Sum(s.body))
	}
	return fmt.Sprintf("body %v of the commit of %v by %v", gossip.Sum(s.body), s.id, s.nodes)
}
