package kademlia

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// pause returns how long the timer was set for in the last step, by its tag.
func (r *rig) pause(tag uint64) time.Duration {
	r.t.Helper()
	for _, f := range slices.Backward(r.env.Effects()) {
		if f.Op == protocol.OpSetTimer && f.Tag == protocol.Kademlia.Tag(tag) {
			return f.After
		}
	}
	r.t.Fatalf("timer %d is not set", tag)
	return 0
}

// sends lets the tries of the call in slot 0 pass, after their pauses, and returns how many
// sends it had, and how long it took to fail.
func (r *rig) sends() (n int, took time.Duration) {
	r.t.Helper()
	for n = 1; ; n++ {
		pause := r.pause(0)
		took += pause
		r.now += protocol.Time(pause)
		if out := r.step(func(env *protocol.Env) { r.d.Timeout(env, protocol.Kademlia.Tag(0)) }); len(out) == 0 {
			return n, took
		}
	}
}

func TestTheTriesOfAQueryHaveGrowingPausesAndAnEnd(t *testing.T) {
	r := newRig(t, nil)
	r.query(1, r.inBucket(0, 1), message{method: findNode, hasTarget: true})
	n, took := r.sends()
	if n != r.d.cfg.Tries || took != (1+1+2+2+2+2)*r.d.cfg.Timeout || took > r.d.cfg.Longest() {
		t.Errorf("a ping was sent %d times in %v, want %d, with pauses that double once, and at most %v", n, took, r.d.cfg.Tries, r.d.cfg.Longest())
	}
}

// A node with nobody to talk to asks each contact once a while, and the while grows: a
// lookup that comes before does not ask it.
func TestAStaleContactIsAskedAgainOnceAndAfterPausesThatGrow(t *testing.T) {
	r := newRig(t, nil)
	id := r.inBucket(0, 1)
	r.meet(1, id)
	look := func() int {
		return len(r.step(func(env *protocol.Env) { r.d.Lookup(env, id, func(*protocol.Env, Result) {}) }))
	}
	for range r.d.cfg.Stale {
		if look() != 1 {
			t.Fatal("a good contact is not asked")
		}
		r.silence()
	}
	pause := r.d.cfg.Pause
	for i := range 10 {
		r.now += protocol.Time(pause - stampUnit)
		if n := look(); n != 0 {
			t.Fatalf("%d: after less than %v a stale contact is asked", i, pause)
		}
		r.now += 2 * stampUnit
		if n := look(); n != 1 {
			t.Fatalf("%d: after %v a stale contact is not asked", i, pause)
		}
		if n, _ := r.sends(); n != 1 {
			t.Fatalf("%d: a stale contact is asked %d times", i, n)
		}
		pause = min(2*pause, r.d.cfg.Pause<<StaleAgain.Doublings)
	}
	r.now += protocol.Time(pause) + stampUnit
	look()
	var q sent
	q.decode(new(bencode.Reader), r.env.Effects()[0].Body)
	q.to = 1
	r.reply(q, id, message{nodes: naming()})
	if r.d.tab.isStale(contactOf(1, id)) || look() != 1 {
		t.Error("a contact that answers again is still stale")
	}
}

func TestAStaleContactsAnswerBeginsItsPausesAnew(t *testing.T) {
	r := newRig(t, nil)
	c := contactOf(1, r.inBucket(0, 1))
	r.meet(1, c.ID)
	for range 2 {
		for range r.d.cfg.Stale - 1 {
			r.step(func(env *protocol.Env) { r.d.lost(env, c) })
		}
		for i := range 10 {
			r.step(func(env *protocol.Env) { r.d.lost(env, c) })
			want := r.d.cfg.Pause << min(i, int(StaleAgain.Doublings))
			o, _ := r.d.tab.get(&c)
			if got := time.Duration(int32(r.d.tab.locked(o.who)-stamp(&r.env))) * stampUnit; got < want-stampUnit || got > want+stampUnit {
				t.Errorf("after %d tries in vain a stale contact is asked after %v, want %v", i, got, want)
			}
		}
		r.step(func(env *protocol.Env) { r.d.heard(env, c) })
	}
}

func TestASilentBootstrapperIsAskedAfterPausesThatGrow(t *testing.T) {
	r := newRig(t, nil)
	r.step(func(env *protocol.Env) { r.d.Join(env, protocol.SimBook{}.Endpoint(7), func(*protocol.Env) {}) })
	for i := range 10 {
		r.sends()
		if got, want := r.pause(pauseTimer), r.d.cfg.Pause<<min(i, int(JoinAgain.Doublings)); got != want {
			t.Fatalf("after %d tries it waits for %v, want %v", i+1, got, want)
		}
		r.now += protocol.Time(r.pause(pauseTimer))
		r.step(func(env *protocol.Env) { r.d.Timeout(env, protocol.Kademlia.Tag(pauseTimer)) })
	}
}

// However many contacts a node gives up, it asks few again, and those it joined through
// always.
func TestAbsentNodesAreFewAndNoSeedIsForgotten(t *testing.T) {
	r := lasting(t, nil)
	var known []protocol.Endpoint
	for n := range 20 {
		known = append(known, protocol.SimBook{}.Endpoint(protocol.NodeID(500+n)))
	}
	r.step(func(env *protocol.Env) {
		r.d.Rejoin(env, known, func(*protocol.Env) {})
		for n := range 100 {
			r.d.gaveUp(env, contactOf(1+n, r.inBucket(0, n)))
		}
	})
	seeds, all := 0, fmt.Sprint(r.d.up.absent)
	for i, a := range r.d.up.absent {
		if a.seed && a.Addr == known[i] {
			seeds++
		}
	}
	if len(r.d.up.absent) != maxAbsent || seeds != maxSeeds {
		t.Errorf("%d nodes are absent, %d of them seeds; want %d and %d: %s", len(r.d.up.absent), seeds, maxAbsent, maxSeeds, all)
	}
}

// A refresh interval is enough to ask an absent node again, however long it has been away.
func TestAnAbsentNodeIsAskedAfterPausesThatGrowToHalfARefresh(t *testing.T) {
	r := lasting(t, nil)
	r.step(func(env *protocol.Env) { r.d.gaveUp(env, contactOf(1, r.inBucket(0, 1))) })
	asked, pause := protocol.Time(0), r.d.cfg.Refresh/absentParts
	for i := range 10 {
		out := r.wake(time.Duration(r.d.up.wake))
		if len(out) != 1 || out[0].to != 1 || out[0].method != findNode || out[0].target != r.d.cfg.Self || r.now.Sub(asked) != pause {
			t.Fatalf("%d: after %v it sends %v, want the absent node to be asked for the own id after %v", i, r.now.Sub(asked), out, pause)
		}
		if n, _ := r.sends(); n != 1 {
			t.Fatalf("%d: an absent node is asked %d times", i, n)
		}
		asked, pause = r.now, min(2*pause, r.d.cfg.Refresh/2)
	}
}

// Itself and a contact that it knows may come before the one that it lacks.
func TestAnAnswerIsReadToItsEndForAContactThatIsLacking(t *testing.T) {
	r := newRig(t, nil)
	self, known, unknown := contactOf(0, r.d.cfg.Self), contactOf(1, r.inBucket(0, 1)), contactOf(2, r.inBucket(0, 2))
	r.meet(1, known.ID)
	for _, c := range []struct {
		nodes []Contact
		want  bool
	}{
		{nil, false},
		{[]Contact{self, known}, false},
		{[]Contact{self, unknown}, true},
		{[]Contact{known, unknown}, true},
		{[]Contact{self, known, unknown}, true},
		{[]Contact{unknown, known, self}, true},
	} {
		if got := r.d.lacks(naming(c.nodes...)); got != c.want {
			t.Errorf("lacks one of %v: %v, want %v", c.nodes, got, c.want)
		}
	}
}

func TestAnAbsentNodeThatAnsweredIsAskedAfterTheFirstPauseWhenItIsGivenUpAgain(t *testing.T) {
	r := lasting(t, nil)
	to, first := contactOf(1, r.inBucket(0, 1)), r.d.cfg.Refresh/absentParts
	for life := range 2 {
		r.step(func(env *protocol.Env) { r.d.gaveUp(env, to) })
		asked, pause := r.now, first
		for i := range 4 {
			out := r.wake(time.Duration(r.d.up.wake))
			if len(out) != 1 || out[0].to != 1 || r.now.Sub(asked) != pause {
				t.Fatalf("after %d answers, %d: after %v it sends %v, want the absent node to be asked after %v", life, i, r.now.Sub(asked), out, pause)
			}
			if i < 3 {
				r.sends()
				asked, pause = r.now, 2*pause
				continue
			}
			r.reply(out[0], to.ID, message{nodes: naming()})
		}
		if r.d.absent(to.Addr) >= 0 || r.d.up.seeking {
			t.Fatal("a node that answered is still absent, or sought")
		}
	}
}

// A node through which it joined is asked for ever: soon after each answer, and after
// pauses that grow while it is silent.
func TestASeedsAnswerBeginsItsPausesAnew(t *testing.T) {
	r := lasting(t, nil)
	r.step(func(env *protocol.Env) { r.d.seedsAre(env, []protocol.Endpoint{contactOf(1, ID{}).Addr}) })
	seed := &r.d.up.absent[0]
	r.now = seed.due
	for range 2 {
		for tries := range 8 {
			r.step(func(env *protocol.Env) { r.d.absentEnd(env, &call{to: seed.Contact}, nil) })
			if got, want := seed.due.Sub(r.now), r.d.cfg.Refresh/absentParts<<min(tries+1, int(AbsentAgain.Doublings)); got != want {
				t.Errorf("after %d tries in vain a seed is asked after %v, want %v", tries+1, got, want)
			}
		}
		r.step(func(env *protocol.Env) { r.d.absentEnd(env, &call{to: seed.Contact}, &message{}) })
		if got, want := seed.due.Sub(r.now), r.d.cfg.Refresh/4*3; got != want {
			t.Errorf("after its answer a seed is asked after %v, want %v", got, want)
		}
	}
}

func TestAPutThatNobodyStoredIsTriedAfterPausesThatGrowAndOneThatIsStoredBeginsThemAnew(t *testing.T) {
	var env protocol.Env
	p := &publication{}
	for range 2 {
		for tries := range 10 {
			env.Enter(0, 1, 0, nil)
			p.putEnd(&env, time.Second, 0)
			if want := protocol.Time(time.Second << min(tries, int(PutAgain.Doublings))); p.due != want {
				t.Errorf("after %d puts that nobody stored the next comes after %v, want %v", tries+1, p.due, want)
			}
		}
		p.putEnd(&env, time.Second, 1)
	}
}

func TestABootstrappersAnswerBeginsItsPausesAnew(t *testing.T) {
	r := newRig(t, nil)
	r.meet(1, r.inBucket(0, 1)) // whom the lookup after the answer waits for
	r.step(func(env *protocol.Env) { r.d.Join(env, contactOf(7, ID{}).Addr, func(*protocol.Env) {}) })
	for range 2 {
		for i := range 10 {
			r.step(func(env *protocol.Env) { r.d.bootEnd(env, false) })
			if got, want := r.pause(pauseTimer), r.d.cfg.Pause<<min(i, int(JoinAgain.Doublings)); got != want {
				t.Errorf("after %d tries in vain it waits for %v, want %v", i+1, got, want)
			}
		}
		r.step(func(env *protocol.Env) { r.d.bootEnd(env, true) })
		if r.d.join == nil {
			t.Fatal("the join ends while its lookup is under way")
		}
	}
}

// The k-th contact of an answer counts as the first does, and so does the last place among the
// node's own k.
func TestAnAnswerLacksNothingThatIsNoCloserThanTheClosestContacts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, nil)
		k := r.d.cfg.K
		closer := func(a, b Contact) int { return r.d.cfg.Self.compare(&a.ID, &b.ID) }
		var mine []Contact
		for i := range rapid.IntRange(k-1, k).Draw(rt, "contacts") {
			mine = append(mine, contactOf(1+i, r.inCell(0, 4, 10+i)))
			r.meet(1+i, mine[i].ID)
		}
		slices.SortFunc(mine, closer)
		stranger := contactOf(100, r.inCell(0, rapid.IntRange(0, 7).Draw(rt, "cell of the stranger"), 100))
		at := rapid.IntRange(0, len(mine)).Draw(rt, "place in the answer")
		named := slices.Insert(rapid.Permutation(mine).Draw(rt, "named"), at, stranger)
		want := at < k && (len(mine) < k || closer(stranger, mine[k-1]) < 0)
		if got := r.d.lacks(naming(named...)); got != want {
			rt.Fatalf("of %d contacts, an answer with a stranger at place %d lacks one: %v, want %v", len(mine), at, got, want)
		}
	})
}
