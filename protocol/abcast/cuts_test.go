package abcast

import (
	"flag"
	"fmt"
	"math/bits"
	"testing"
	"time"

	"dessim/protocol"

	"pgregory.net/rapid"
)

// full is for make full: all ways to cut a group, of which the tests take a fifth.
var full = flag.Bool("full", false, "cut groups in all ways, at all paces")

const sample = 5

// The specification of failure detection, by brute force: of n nodes, of which hears[a]
// is the set that a hears.
type hearing struct {
	n     int
	hears []uint
}

func everyone(n int) hearing {
	h := hearing{n, make([]uint, n)}
	for a := range n {
		h.hears[a] = 1<<n - 1
	}
	return h
}

// connected reports whether two nodes hear each other.
func (h hearing) connected(a, b int) bool {
	return a == b || h.hears[a]>>b&1 == 1 && h.hears[b]>>a&1 == 1
}

// whole reports whether all nodes of a set hear each other.
func (h hearing) whole(set uint) bool {
	for a := range h.n {
		for b := range a {
			if set>>a&1 == 1 && set>>b&1 == 1 && !h.connected(a, b) {
				return false
			}
		}
	}
	return true
}

// core returns the nodes that are in each view that could be: in each majority that all
// hear each other and that no other node fits. any reports whether there is such a
// majority.
func (h hearing) core() (core uint, any bool) {
	core = 1<<h.n - 1
	for set := range uint(1) << h.n {
		if bits.OnesCount(set) <= h.n/2 || !h.whole(set) {
			continue
		}
		greatest := true
		for a := range h.n {
			greatest = greatest && (set>>a&1 == 1 || !h.whole(set|1<<a))
		}
		if greatest {
			core, any = core&set, true
		}
	}
	return core, any
}

func (h hearing) String() string {
	s := ""
	for a, set := range h.hears {
		s += fmt.Sprintf(" %d hears %0*b;", a, h.n, set)
	}
	return s
}

// A lockstep is a group whose nodes tick at once, and whose messages take no time.
type lockstep struct {
	hearing
	nodes     []*membership
	env       protocol.Env
	flight    []sentTo
	delivered []map[string]bool // by node
	now       protocol.Time
}

type sentTo struct {
	from, to protocol.NodeID
	msg      []byte
}

func newLockstep(o Order, n int) *lockstep {
	l := &lockstep{hearing: everyone(n)}
	ids := make([]protocol.NodeID, n)
	for id := range ids {
		ids[id] = protocol.NodeID(id)
	}
	for id := range ids {
		got := map[string]bool{}
		l.delivered = append(l.delivered, got)
		l.nodes = append(l.nodes, New(Config{
			Members: ids, Order: o,
			Deliver: func(_ *protocol.Env, _ uint64, m Message) { got[string(m.Payload)] = true },
			Views:   &Views{Datagram: (*protocol.Env).Send, Tick: time.Second},
		}).(*membership))
		l.step(id, func() { l.nodes[id].Start(&l.env) })
	}
	l.settle()
	return l
}

func (l *lockstep) step(id int, do func()) {
	l.env.Enter(protocol.NodeID(id), 1, l.now, nil)
	do()
	for _, e := range l.env.Effects() {
		if e.Op == protocol.OpSend && l.hears[e.To]>>id&1 == 1 {
			l.flight = append(l.flight, sentTo{protocol.NodeID(id), e.To, append([]byte(nil), e.Body...)})
		}
	}
}

func (l *lockstep) settle() {
	for len(l.flight) > 0 {
		m := l.flight[0]
		l.flight = l.flight[1:]
		l.step(int(m.to), func() { l.nodes[m.to].Receive(&l.env, m.from, m.msg) })
	}
}

func (l *lockstep) tick(times int) {
	for range times {
		l.now = l.now.Add(time.Second)
		for id := range l.nodes {
			l.step(id, func() { l.nodes[id].Timeout(&l.env, tagTick) })
		}
		l.settle()
	}
}

func (l *lockstep) broadcast(payload string) {
	for id := range l.nodes {
		l.step(id, func() { l.nodes[id].Broadcast(&l.env, fmt.Append(nil, payload, " ", id)) })
	}
	l.settle()
}

func (l *lockstep) ballots() (n uint64) {
	for _, m := range l.nodes {
		n += m.stats.Ballots
	}
	return n
}

// lacks returns what some node of a set lacks of what the nodes of the set broadcast,
// or "".
func (l *lockstep) lacks(payload string, set uint) string {
	for a := range l.n {
		for b := range l.n {
			if set>>a&1 == 1 && set>>b&1 == 1 && !l.delivered[a][fmt.Sprint(payload, " ", b)] {
				return fmt.Sprintf("node %d has not delivered %q of node %d", a, payload, b)
			}
		}
	}
	return ""
}

// The bounds, in ticks.
const (
	formed  = listenFirst + graceAfter
	adapted = suspectAfter + 3*graceAfter
	patient = 2 * maxPause
)

// through cuts the group as h says, for good, and then heals it. It returns what is wrong, or "".
func (l *lockstep) through(h hearing) string {
	l.tick(formed)
	l.broadcast("before")
	all := uint(1)<<l.n - 1
	if s := l.lacks("before", all); s != "" {
		return s
	}
	before := l.ballots()
	l.hearing = h
	l.broadcast("at once")
	l.tick(adapted)
	core, any := h.core()
	settled := l.ballots()
	if !any && settled > before+1 { // one can begin before all reports are in
		return fmt.Sprintf("%d ballots, and no majority hears each other", settled-before)
	}
	l.broadcast("late")
	l.tick(adapted)
	if any {
		if s := l.lacks("at once", core); s != "" {
			return s
		}
		if s := l.lacks("late", core); s != "" {
			return s
		}
	}
	if n := l.ballots(); n != settled {
		return fmt.Sprintf("%d ballots begin when all have adapted", n-settled)
	}
	l.hearing = everyone(l.n)
	l.tick(adapted)
	if s := l.lacks("late", all); s != "" {
		return "after the heal " + s
	}
	if settled = l.ballots(); settled > before+4 {
		return fmt.Sprintf("%d ballots for one cut and one heal", settled-before)
	}
	return ""
}

// cuts calls f for every way in which some of n nodes do not hear some others; if both is
// set, only those in which no node is heard by one that it does not hear.
func cuts(n int, both bool, f func(h hearing)) {
	type pair struct{ a, b int }
	var pairs []pair
	for a := range n {
		for b := range n {
			if a < b || a > b && !both {
				pairs = append(pairs, pair{a, b})
			}
		}
	}
	for set := range uint(1) << len(pairs) {
		h := everyone(n)
		for i, p := range pairs {
			if set>>i&1 == 1 {
				h.hears[p.a] &^= 1 << p.b
				if both {
					h.hears[p.b] &^= 1 << p.a
				}
			}
		}
		f(h)
	}
}

// Whoever stops hearing whom: those that are in every majority of nodes that hear each
// other go on, without a storm of ballots, and all others come back when it ends.
func TestWhoeverHearsWhomAConnectedMajorityGoesOn(t *testing.T) {
	for _, c := range []struct {
		n      int
		both   bool
		orders []Order
		of     int // one cut of so many, for each order others
	}{
		{3, false, Orders(), 1},
		{4, false, []Order{ISIS}, sample},
		{5, true, Orders(), sample},
	} {
		for i, o := range c.orders {
			all, count, demanded := 0, 0, 0
			cuts(c.n, c.both, func(h hearing) {
				if all++; !*full && all%c.of != i%c.of {
					return
				}
				count++
				if _, any := h.core(); any {
					demanded++
				}
				if wrong := newLockstep(o, c.n).through(h); wrong != "" && !t.Failed() {
					t.Errorf("%v:%v %s", o, h, wrong)
				}
			})
			t.Logf("%v: %d cuts of %d nodes, %d with a connected majority", o, count, c.n, demanded)
		}
	}
}

// mischosen returns what is wrong with the view that self chooses of those that it is
// connected with, or "".
func (h hearing) mischosen(self int) string {
	candidates, all := newPlaces(h.n), uint(0)
	for q := range h.n {
		if h.connected(self, q) {
			candidates.add(q)
			all |= 1 << q
		}
	}
	got := choose(self, h.n/2+1, candidates, func(q int) places { return places{uint64(h.hears[q])} })
	if got == nil {
		for set := range uint(1) << h.n {
			if set&^all == 0 && set>>self&1 == 1 && bits.OnesCount(set) > h.n/2 && h.whole(set) {
				return fmt.Sprintf("finds nothing, but %b is a majority with %d", set, self)
			}
		}
		return ""
	}
	set := uint(got[0])
	if set>>self&1 == 0 || bits.OnesCount(set) <= h.n/2 || !h.whole(set) {
		return fmt.Sprintf("finds %b, which is no connected majority with %d", set, self)
	}
	for q := range h.n {
		if set>>q&1 == 0 && h.whole(set|1<<q) {
			return fmt.Sprintf("finds %b, into which %d would fit", set, q)
		}
	}
	return ""
}

func TestChooseFindsAMajorityWheneverThereIsOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 14).Draw(t, "nodes")
		self := rapid.IntRange(0, n-1).Draw(t, "self")
		h := everyone(n)
		for range rapid.IntRange(0, n*n/2).Draw(t, "cuts") {
			a, b := rapid.IntRange(0, n-1).Draw(t, "a"), rapid.IntRange(0, n-1).Draw(t, "b")
			if a != b && a != self && b != self {
				h.hears[a] &^= 1 << b
			}
		}
		if wrong := h.mischosen(self); wrong != "" {
			t.Fatalf("%v: %s", h, wrong)
		}
	})
}

// One that does not hear another is as bad as one that is not heard, whoever of the two
// has the lower place.
func TestChooseTakesNoPairOfWhichOneDoesNotHearTheOther(t *testing.T) {
	cuts(4, false, func(h hearing) {
		for self := range h.n {
			if wrong := h.mischosen(self); wrong != "" && !t.Failed() {
				t.Errorf("%v: %s", h, wrong)
			}
		}
	})
}

// A link that fails and comes back again and again changes the view less and less often.
// Those that it does not concern go on, and the others catch up now and then.
func TestAFlappingLinkCausesNoStormOfBallots(t *testing.T) {
	const n, ticks = 5, 900
	worst := uint64(0)
	for i, c := range []struct {
		name string
		cut  func(h hearing)
	}{
		{"0 hears nobody", func(h hearing) { h.hears[0] = 1 }},
		{"4 hears nobody", func(h hearing) { h.hears[4] = 1 << 4 }},
		{"nobody hears 0", func(h hearing) { h.mute(0) }},
		{"nobody hears 2", func(h hearing) { h.mute(2) }},
		{"0 and 1 are cut off", func(h hearing) { h.part(1<<0 | 1<<1) }},
		{"3 and 4 are cut off", func(h hearing) { h.part(1<<3 | 1<<4) }},
		{"0 does not hear 1", func(h hearing) { h.hears[0] &^= 1 << 1 }},
		{"3 does not hear 2", func(h hearing) { h.hears[3] &^= 1 << 2 }},
		{"4 hears and is heard by 0", func(h hearing) { h.hears[4] = 1 | 1<<4; h.mute(4); h.hears[0] |= 1 << 4 }},
	} {
		for j, down := range []int{1, 4, 5, 6, 12} {
			for k, up := range []int{1, 2, 5, 10, 40} {
				if !*full && (i+j+k)%sample != 0 { // each down and each up once for each cut
					continue
				}
				l := newLockstep(Sequencer, n)
				l.tick(formed)
				bad := everyone(n)
				c.cut(bad)
				core, _ := bad.core()
				before := l.ballots()
				for tick := 0; tick < ticks; tick += down + up {
					if due := (tick - patient) / (down + up) * (down + up); due >= 0 {
						if s := l.lacks(fmt.Sprint(due), core); s != "" {
							t.Fatalf("%s for %d ticks of %d: %s for %d ticks", c.name, down, down+up, s, tick-due)
						}
					}
					l.hearing = bad
					l.broadcast(fmt.Sprint(tick))
					l.tick(down)
					l.hearing = everyone(n)
					l.tick(up)
				}
				l.hearing = bad
				l.broadcast("last")
				l.tick(adapted)
				if s := l.lacks("last", core); s != "" {
					t.Errorf("%s for %d ticks of %d: %s", c.name, down, down+up, s)
				}
				if s := l.lacks("0", 1<<n-1); up >= 10 && s != "" {
					t.Errorf("%s for %d ticks of %d: in %d ticks %s", c.name, down, down+up, ticks, s)
				}
				most := uint64(ticks / 15) // two for each pause
				if down+up == suspectAfter {
					// A node that is suspected for one tick of each period begins a ballot, and
					// a second one before the others notice.
					most = 3 * ticks / maxPause
				}
				if n := l.ballots() - before; n > most {
					t.Errorf("%s for %d ticks of %d: %d ballots in %d ticks", c.name, down, down+up, n, ticks)
				} else {
					worst = max(worst, n)
				}
			}
		}
	}
	t.Logf("%d ballots at worst", worst)
}

// mute makes nobody hear a node.
func (h hearing) mute(a int) {
	for b := range h.n {
		if b != a {
			h.hears[b] &^= 1 << a
		}
	}
}

// part cuts a set off from the others.
func (h hearing) part(set uint) {
	for a := range h.n {
		if set>>a&1 == 1 {
			h.hears[a] &= set
		} else {
			h.hears[a] &^= set
		}
	}
}
