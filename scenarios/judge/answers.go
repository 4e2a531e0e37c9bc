package judge

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
)

// named requires that an answer names the closest contacts, and carries exactly the value
// that the node holds, with what is left of its life.
func (q *Queries) named(a *dueAnswer, g *kademlia.Datagram) error {
	switch a.query.Kind {
	case kademlia.KindFindNode, kademlia.KindGet:
	default:
		return nil
	}
	if g.Type != 'r' {
		return fmt.Errorf("with an error")
	}
	if ids := g.Named(); a.sampled && !slices.Equal(ids, a.closest) {
		return fmt.Errorf("with contacts %s; the closest to %.8s are %s", short(ids), a.query.Target, short(a.closest))
	}
	h := a.before
	over := h.Expires != 0 && h.Expires <= a.at
	switch {
	case a.query.Kind == kademlia.KindFindNode, q.c.Untimely:
		return nil
	case !a.had || over:
		if g.Value != nil {
			return fmt.Errorf("with a value under %.8s that it does not hold", a.query.Target)
		}
		return nil
	case !bytes.Equal(g.Value, h.Value):
		return fmt.Errorf("with %q, and holds %q", g.Value, h.Value)
	case h.Expires == 0 && (g.Life != 0 || g.Spent):
		return fmt.Errorf("that %.8s has %v left, which never expires", h.ID, g.Life)
	case h.Expires == 0:
		return nil
	}
	const unit = time.Millisecond // in which messages tell the life
	most := max(unit, h.Expires.Sub(a.at)-q.c.Config.Timeout)
	if g.Life > most || g.Life < most-unit {
		return fmt.Errorf("that %.8s has %v left; want %v", h.ID, g.Life, most)
	}
	return nil
}

// held requires that a node holds what it has acknowledged: the value, when it was put, when
// it expires, and whether it is left there on the path of a lookup.
func (q *Queries) held(a *dueAnswer) error {
	g := &a.query
	h, has := a.dht.Held(g.Target)
	if g.Spent {
		if has != a.had || has && !same(h, a.before) {
			return fmt.Errorf("keeps it, although nothing is left of its life")
		}
		return nil
	}
	if !has {
		return fmt.Errorf("does not hold it")
	}
	if !bytes.Equal(h.Value, g.Value) {
		return fmt.Errorf("holds %q, where %q was sent", h.Value, g.Value)
	}
	if want := q.stored(a); !q.c.Untimely && !same(h, want) {
		return fmt.Errorf("says put at %v, expires at %v, cached %v; want %v, %v, %v", h.At, h.Expires, h.Cached, want.At, want.Expires, want.Cached)
	}
	return nil
}

// same reports whether two nodes say the same of a value.
func same(a, b kademlia.Held) bool {
	return a.At == b.At && a.Expires == b.Expires && a.Cached == b.Cached
}

// stored returns what a node must say of a value that it was sent: it lives as long as its
// publisher says, but never shorter than before.
func (q *Queries) stored(a *dueAnswer) kademlia.Held {
	g := &a.query
	if a.had && g.Cached && !a.before.Cached {
		return a.before
	}
	h := kademlia.Held{At: a.at, Cached: g.Cached}
	if most := q.c.Config.Expire; most > 0 {
		if g.Life > 0 {
			most = min(most, g.Life)
		}
		h.Expires = a.at + protocol.Time(most)
	}
	if a.had && (a.before.Expires == 0 || a.before.Expires > h.Expires && h.Expires != 0) {
		h.Expires = a.before.Expires
	}
	return h
}
