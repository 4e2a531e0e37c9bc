package judge

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
)

// absences follows which absent nodes a watched node remembers, step by step:
//
//   - A contact that becomes stale is remembered until it answers. If there is no room for it, one
//     that was asked in vain most often makes way; those joined through never do.
//   - Pauses between questions to one that does not answer double, up to half of a refresh
//     interval. One joined through that answers is asked every three quarters of that.
//   - Whoever is due is asked.
type absences struct {
	before, after []kademlia.Absent
}

// Of how many, and how long after they are due, absent nodes are asked at the latest.
const (
	mostAbsent  = 8
	absentGrace = 5 * time.Minute // for work that must wait for other work
)

// absentPause returns the bounds of the pause before an absent node is asked that has not
// answered so many times.
func absentPause(refresh time.Duration, tries uint8) (least, most time.Duration) {
	l, m := growing(max(1, refresh/64), 5, 1)
	return l(int(tries) + 1), m(int(tries) + 1)
}

// remembers judges what a node remembers after a step.
func (q *Queries) remembers(id protocol.NodeID, t *tables) {
	if q.c.Untimely || q.c.Config.Refresh == 0 {
		return
	}
	x, stale := &t.away, t.stale(&q.c.Config)
	x.after = t.dht.Absent(x.after[:0])
	added := kademlia.Absent{}
	for i := range x.after {
		a := &x.after[i]
		if late := t.at.Sub(a.Due); late > absentGrace {
			q.wrong("node %v should have asked %v, which is absent, %v ago", id, a.Addr, late)
		}
		if a.Seed || slices.ContainsFunc(x.before, func(b kademlia.Absent) bool { return b.Contact == a.Contact }) {
			continue
		}
		if added = *a; a.Contact != stale {
			q.wrong("node %v remembers %v as absent, which is no contact that became stale", id, a.Addr)
		}
		q.pauses(id, t, a)
	}
	for i := range x.before {
		q.keeps(id, t, &x.before[i], added, stale)
	}
	if stale != (kademlia.Contact{}) && !slices.ContainsFunc(x.after, func(a kademlia.Absent) bool { return a.Addr == stale.Addr }) {
		q.wrong("node %v does not remember %v, which became stale", id, stale.Addr)
	}
	if len(x.after) > mostAbsent {
		q.wrong("node %v remembers %d absent nodes, want at most %d", id, len(x.after), mostAbsent)
	}
}

// keeps judges what became of an absent node that was remembered.
func (q *Queries) keeps(id protocol.NodeID, t *tables, b *kademlia.Absent, added kademlia.Absent, stale kademlia.Contact) {
	x, rarely := &t.away, q.c.Config.Refresh/4*3
	answered := t.heard.Addr == b.Addr
	i := slices.IndexFunc(x.after, func(a kademlia.Absent) bool { return a.Contact == b.Contact && a.Seed == b.Seed })
	if i < 0 {
		most := uint8(0)
		for j := range x.before {
			if o := &x.before[j]; !o.Seed {
				most = max(most, o.Tries)
			}
		}
		switch {
		case b.Seed:
			q.wrong("node %v forgets %v, which it joined through", id, b.Addr)
		case answered:
		case added == (kademlia.Absent{}) || len(x.before) < mostAbsent:
			q.wrong("node %v forgets %v, which is absent and has not answered", id, b.Addr)
		case b.Tries < most:
			q.wrong("node %v forgets %v, which it asked in vain %d times, for another one; it asked another one %d times", id, b.Addr, b.Tries, most)
		}
		return
	}
	switch a := &x.after[i]; {
	case answered && !b.Seed:
		q.wrong("node %v remembers %v as absent, which answered", id, b.Addr)
	case *a == *b:
	case a.Tries == 0 && answered:
		if pause := a.Due.Sub(t.at); pause < rarely || pause > rarely*5/4 {
			q.wrong("node %v asks %v, which it joined through and which answered, again after %v", id, b.Addr, pause)
		}
	case a.Tries == b.Tries+1 || a.Tries == b.Tries && a.Addr == stale.Addr && a.Due < b.Due:
		q.pauses(id, t, a)
	default:
		q.wrong("node %v asks %v, which is absent, again at %v after %d tries, and before it was at %v after %d", id, b.Addr, a.Due, a.Tries, b.Due, b.Tries)
	}
}

// pauses requires that an absent node is asked again in time.
func (q *Queries) pauses(id protocol.NodeID, t *tables, a *kademlia.Absent) {
	least, most := absentPause(q.c.Config.Refresh, a.Tries)
	if pause := a.Due.Sub(t.at); pause < least || pause > most {
		q.wrong("node %v asks %v, which did not answer %d times, again after %v, want %v to %v", id, a.Addr, a.Tries, pause, least, most)
	}
}

// stale returns the contact that became stale in the step, if one did.
func (t *tables) stale(cfg *kademlia.Config) (c kademlia.Contact) {
	if !t.timer {
		return c
	}
	if o, ok := t.want.failed(&t.have); ok && !o.Waits && int(o.Fails)+1 == cfg.Stale {
		return o.Contact
	}
	return c
}
