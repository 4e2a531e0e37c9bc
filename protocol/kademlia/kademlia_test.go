package kademlia

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// rig is one DHT under a test's hands: node 0.
type rig struct {
	t   *testing.T
	d   *DHT
	env protocol.Env
	now protocol.Time
}

func newRig(t *testing.T, change func(c *Config)) *rig {
	c := Defaults(anyID(9, 0), protocol.SimBook{}, 42)
	c.Fresh = 0
	if change != nil {
		change(&c)
	}
	r := &rig{t: t, d: New(c)}
	r.env.Enter(0, 1, 0, nil)
	r.d.Start(&r.env)
	return r
}

// sent is a message that the DHT sent.
type sent struct {
	to protocol.NodeID
	message
}

// step does one step and returns the messages that it sent.
func (r *rig) step(do func(env *protocol.Env)) (out []sent) {
	r.t.Helper()
	r.env.Enter(0, 1, r.now, nil)
	do(&r.env)
	for _, f := range r.env.Effects() {
		if f.Op == protocol.OpSend {
			s := sent{to: f.To}
			if !s.decode(new(bencode.Reader), bytes.Clone(f.Body)) {
				r.t.Fatalf("sent %q, which is malformed", f.Body)
			}
			out = append(out, s)
		}
	}
	return out
}

func (r *rig) receive(from protocol.NodeID, m message) []sent {
	r.t.Helper()
	return r.step(func(env *protocol.Env) { r.d.Receive(env, from, m.append(nil)) })
}

// query has node n, whose id is given, ask something.
func (r *rig) query(n protocol.NodeID, id ID, m message) []sent {
	r.t.Helper()
	m.y, m.txn, m.id = 'q', []byte("tx"), id
	return r.receive(n, m)
}

// reply has the receiver of q, whose id is given, answer it.
func (r *rig) reply(q sent, id ID, m message) []sent {
	r.t.Helper()
	m.y, m.txn, m.id = 'r', q.txn, id
	return r.receive(q.to, m)
}

// silence lets the tries of all calls pass until none is left, or until node
// stop is asked: then it returns that query.
func (r *rig) silence(stop ...protocol.NodeID) (q sent) {
	r.t.Helper()
	for range 1000 {
		busy := false
		for slot := 0; slot < len(r.d.calls); slot++ {
			if r.d.calls[slot].purpose == 0 {
				continue
			}
			busy = true
			for _, s := range r.step(func(env *protocol.Env) { r.d.Timeout(env, protocol.Kademlia.Tag(uint64(slot))) }) {
				if slices.Contains(stop, s.to) {
					return s
				}
			}
		}
		if !busy && len(stop) == 0 {
			return q
		}
	}
	r.t.Fatalf("in silence calls never end, or %v is never asked", stop)
	return q
}

func contactOf(n int, id ID) Contact {
	return Contact{id, protocol.SimBook{}.Endpoint(protocol.NodeID(n))}
}

// inBucket returns the n-th id that shares exactly some bits with the rig's own. Eight in
// a row are of different cells.
func (r *rig) inBucket(bits, n int) ID { return r.inCell(bits, n%8, n) }

// inCell returns the n-th id of one of the eight cells of a bucket.
func (r *rig) inCell(bits, cell, n int) ID {
	id := anyID(77, n)
	for i := range 3 {
		at := bits + 1 + i
		id[at/8] = id[at/8]&^(0x80>>(at%8)) | byte(cell>>(2-i)&1)<<(7-at%8)
	}
	return r.d.cfg.Self.sibling(bits, &id)
}

// meet makes node n a good contact by having it ask and answer.
func (r *rig) meet(n int, id ID) {
	r.t.Helper()
	for _, s := range r.query(protocol.NodeID(n), id, message{method: findNode, hasTarget: true}) {
		if s.y == 'q' && s.to == protocol.NodeID(n) {
			r.reply(s, id, message{})
			return
		}
	}
	r.t.Fatalf("node %d asked and was not pinged", n)
}

// naming returns contacts as a message names them.
func naming(all ...Contact) named {
	n := named{v4: []byte{}}
	for i := range all {
		n = n.with(protocol.SimBook{}, &all[i])
	}
	return n
}

func queries(all []sent) []sent {
	return slices.DeleteFunc(all, func(s sent) bool { return s.y != 'q' })
}

func TestWhoOnlyAsksIsNeverToldToOthers(t *testing.T) {
	r := newRig(t, nil)
	out := r.query(1, r.inBucket(0, 1), message{method: findNode, hasTarget: true})
	if len(out) != 2 || out[0].y != 'r' || out[1].y != 'q' || out[1].method != ping || out[1].to != 1 {
		t.Fatalf("an unknown asker got %v, want an answer and a ping", out)
	}
	find := message{method: findNode, hasTarget: true, target: r.inBucket(0, 1)}
	if got := r.query(2, r.inBucket(0, 2), find)[0]; len(got.nodes.v4) != 0 {
		t.Errorf("a node that only asked is in answers")
	}
	r.reply(out[1], r.inBucket(0, 1), message{})
	if got := r.query(2, r.inBucket(0, 2), find)[0]; len(got.nodes.v4) != compact4 {
		t.Errorf("a node that answered is not in answers")
	}
	r.silence()
	if got := r.d.Contacts(); len(got) != 1 || got[0] != contactOf(1, r.inBucket(0, 1)) {
		t.Errorf("contacts are %v, want only node 1", got)
	}
}

func TestPingsOfUnknownAskersAreBounded(t *testing.T) {
	r := newRig(t, nil)
	for n := range 500 {
		r.query(protocol.NodeID(n+1), r.inBucket(n%5, n), message{method: findNode, hasTarget: true})
	}
	if r.d.verifying != r.d.cfg.Askers || len(r.d.waiting) != maxWaiting {
		t.Errorf("%d pings in flight and %d to come, want %d and %d", r.d.verifying, len(r.d.waiting), r.d.cfg.Askers, maxWaiting)
	}
	r.silence()
	if r.d.verifying != 0 || len(r.d.waiting) != 0 || len(r.d.Contacts()) != 0 {
		t.Errorf("after silence %d pings in flight, %d to come, contacts %v", r.d.verifying, len(r.d.waiting), r.d.Contacts())
	}
}

// Where answers come too late, pings that cause pings would never end.
func TestAPingCausesNoPing(t *testing.T) {
	r := newRig(t, nil)
	id := r.inBucket(0, 1)
	if out := r.query(1, id, message{method: ping}); len(out) != 1 || out[0].y != 'r' {
		t.Errorf("a ping from a stranger causes %v, want an answer alone", out)
	}
	r.meet(1, id)
	r.step(func(env *protocol.Env) { r.d.Lookup(env, id, func(*protocol.Env, Result) {}) })
	r.silence()
	if out := r.query(1, id, message{method: ping}); len(out) != 1 || out[0].y != 'r' {
		t.Errorf("a ping from a contact that has failed causes %v, want an answer alone", out)
	}
	r.fill()
	if out := r.query(20, r.inBucket(0, 20), message{method: ping}); len(out) != 1 || out[0].y != 'r' {
		t.Errorf("a ping from a newcomer to a full bucket causes %v, want an answer alone", out)
	}
}

func TestReadOnlyAskersAreNotPinged(t *testing.T) {
	r := newRig(t, nil)
	if out := r.query(1, r.inBucket(0, 1), message{method: findNode, hasTarget: true, readOnly: true}); len(out) != 1 {
		t.Errorf("a read-only asker got %v, want an answer only", out)
	}
}

// fill meets eight nodes of the farthest bucket and eight nearer ones, so that
// the far bucket is full.
func (r *rig) fill() {
	r.t.Helper()
	for n := 1; n <= 8; n++ {
		r.meet(n, r.inBucket(0, n))
		r.meet(100+n, r.inBucket(1, n))
	}
}

func TestANewcomerFromACellWithoutAContactTakesAPlaceInTheMostCrowdedCell(t *testing.T) {
	r := newRig(t, nil)
	for n := 1; n <= 8; n++ {
		r.meet(100+n, r.inBucket(1, n))
		r.meet(n, r.inCell(0, 5, n))
	}
	for n := 20; n < 60; n++ { // each cell in turn, five times
		id := r.inCell(0, n%8, n)
		ask := queries(r.query(protocol.NodeID(n), id, message{method: findNode, hasTarget: true}))
		wanted := n < 28 && n%8 != 5
		if asked := len(ask) == 1 && ask[0].to == protocol.NodeID(n); asked != wanted {
			t.Fatalf("newcomer %d of cell %d had %v asked, want itself: %v", n, n%8, ask, wanted)
		}
		if len(ask) == 1 {
			r.reply(ask[0], r.d.calls[0].to.ID, message{})
		}
	}
	cells := map[int]int{}
	for _, c := range r.d.tab.contacts(0) {
		cells[r.d.tab.cell(c.next)]++
	}
	if len(cells) != 8 {
		t.Errorf("contacts by cell are %v, want one each", cells)
	}
}

func TestLiveContactsAreNeverDisplacedByNewcomers(t *testing.T) {
	r := newRig(t, nil)
	r.fill()
	for n := 20; n < 60; n++ {
		first := r.d.tab.contact(r.d.tab.contacts(0)[0].who)
		ask := queries(r.query(protocol.NodeID(n), r.inBucket(0, n), message{method: findNode, hasTarget: true}))
		if len(ask) != 1 || contactOf(int(ask[0].to), first.ID) != first {
			t.Fatalf("newcomer %d had %v asked, want the one heard longest ago, %v", n, ask, first)
		}
		if more := queries(r.query(protocol.NodeID(n+100), r.inBucket(0, n+100), message{method: findNode, hasTarget: true})); len(more) != 0 {
			t.Fatalf("a second ping in the bucket: %v", more)
		}
		r.reply(ask[0], first.ID, message{})
		if live := r.d.tab.contacts(0); r.d.tab.contact(live[len(live)-1].who) != first {
			t.Fatalf("a contact that answered is not the last of its bucket: %v", live)
		}
	}
	for _, c := range r.d.Contacts() {
		if id, _ := (protocol.SimBook{}).Node(c.Addr); id > 8 && id < 101 || id > 108 {
			t.Errorf("newcomer %v displaced a live contact", id)
		}
	}
	if n := len(r.d.tab.waiting(0)); n != 8 {
		t.Errorf("the replacement cache holds %d, want 8", n)
	}
}

func TestNewcomerThatAnsweredHasTheFirstOfAFullBucketPinged(t *testing.T) {
	for _, fresh := range []time.Duration{0, time.Minute} {
		r := newRig(t, func(c *Config) { c.Fresh = fresh })
		r.fill()
		ask := r.step(func(env *protocol.Env) { r.d.verify(env, contactOf(20, r.inBucket(0, 20))) })[0]
		out := r.reply(ask, r.inBucket(0, 20), message{})
		if asked := len(out) == 1 && out[0].to == 1; asked != (fresh == 0) {
			t.Errorf("a newcomer to a full bucket, whose contacts answered just now, caused %v; Fresh is %v", out, fresh)
		}
	}
}

func TestDeadContactGivesWayToNewcomer(t *testing.T) {
	r := newRig(t, nil)
	r.fill()
	ask := queries(r.query(20, r.inBucket(0, 20), message{method: findNode, hasTarget: true}))
	if len(ask) != 1 || ask[0].to != 1 {
		t.Fatalf("a newcomer had %v asked, want node 1", ask)
	}
	r.reply(r.silence(20), r.inBucket(0, 20), message{})
	r.silence()
	has := func(n int) bool { return slices.Contains(r.d.Contacts(), contactOf(n, r.inBucket(0, n))) }
	if has(1) || !has(20) {
		t.Errorf("node 1 is dead and 20 alive, but the contacts are %v", r.d.Contacts())
	}
}

func TestAnswersAreTheKClosestSortedWithoutTheAsker(t *testing.T) {
	r := newRig(t, nil)
	r.fill()
	var all []Contact
	all = append(all, r.d.Contacts()...)
	for i, asker := range all {
		target := anyID(5, i)
		if i%2 == 0 {
			target = asker.ID
		}
		n, _ := protocol.SimBook{}.Node(asker.Addr)
		out := r.query(n, asker.ID, message{method: findNode, hasTarget: true, target: target})
		want := naming(slowClosest(&r.d.tab, query{target: target, n: 8, except: &asker})...)
		if got := out[0].nodes; !bytes.Equal(got.v4, want.v4) || got.v6 != nil {
			t.Errorf("node %v asked for %v and was answered %x, want %x", n, target, got, want)
		}
	}
}

func TestForgedLateAndDuplicateAnswersAreIgnored(t *testing.T) {
	r := newRig(t, nil)
	id := r.inBucket(0, 1)
	ask := queries(r.query(1, id, message{method: findNode, hasTarget: true}))[0]
	forged := ask
	forged.to = 2
	r.reply(forged, id, message{}) // another address
	r.reply(ask, r.inBucket(0, 2), message{})
	wrong := ask
	wrong.txn = []byte("12345678")
	r.reply(wrong, id, message{})
	if got := r.d.Contacts(); len(got) != 0 || r.d.stats.Ignored != 3 {
		t.Fatalf("forged answers made contacts %v, %d ignored, want 3", got, r.d.stats.Ignored)
	}
	r.reply(ask, id, message{})
	if got := r.d.Contacts(); len(got) != 1 {
		t.Fatalf("the true answer came after forged ones and was ignored: %v", got)
	}
	r.reply(ask, id, message{}) // a copy
	if r.d.stats.Ignored != 4 {
		t.Errorf("%d answers ignored, want 4", r.d.stats.Ignored)
	}
	ask = queries(r.query(3, r.inBucket(0, 3), message{method: findNode, hasTarget: true}))[0]
	r.silence()
	r.reply(ask, r.inBucket(0, 3), message{}) // too late
	if r.d.stats.Ignored != 5 || len(r.d.Contacts()) != 1 {
		t.Errorf("a late answer counted: %+v", r.d.stats)
	}
}

func TestTransactionIDsDifferByNodeIncarnationAndSecret(t *testing.T) {
	seen := map[string]bool{}
	n := 0
	for _, secret := range []uint64{1, 2} {
		for node := range protocol.NodeID(2) {
			for inc := range uint32(2) {
				d := New(Defaults(anyID(9, 0), protocol.SimBook{}, secret))
				var env protocol.Env
				env.Enter(node, inc+1, 0, nil)
				d.Start(&env)
				for i := range 5 {
					env.Enter(node, inc+1, 0, nil)
					d.verify(&env, contactOf(i+5, anyID(9, i+1)))
					var m message
					m.decode(new(bencode.Reader), env.Effects()[0].Body)
					seen[string(m.txn)] = true
					n++
				}
			}
		}
	}
	if len(seen) != n {
		t.Errorf("%d different transaction ids in %d queries", len(seen), n)
	}
}

func TestWriteTokensAreBoundToAddressAndPeriod(t *testing.T) {
	value := []byte("5:hello")
	for _, c := range []struct {
		name  string
		from  protocol.NodeID
		after time.Duration
		code  int64
	}{
		{"at once", 1, 0, 0},
		{"in the next period", 1, 5 * time.Minute, 0},
		{"too late", 1, 10 * time.Minute, errProtocol},
		{"from another address", 2, 0, errProtocol},
	} {
		r := newRig(t, nil)
		got := r.query(1, anyID(9, 1), message{method: get, hasTarget: true, target: Key(value)})[0]
		r.now = r.now.Add(c.after)
		out := r.query(c.from, anyID(9, 1), message{method: put, token: got.token, value: value})[0]
		if out.code != c.code || r.d.Holds(Key(value)) != (c.code == 0) {
			t.Errorf("put %s: code %d, want %d", c.name, out.code, c.code)
		}
	}
}

func TestPutsAreRefusedByTheStandardsCodes(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Items = 1 })
	token := r.query(1, anyID(9, 1), message{method: get, hasTarget: true})[0].token
	big := bencode.AppendBytes(nil, make([]byte, 996))
	for _, c := range []struct {
		name string
		m    message
		code int64
	}{
		{"1000 bytes", message{value: big}, 0},
		{"1001 bytes", message{value: bencode.AppendBytes(nil, make([]byte, 997))}, errTooBig},
		{"another target", message{value: []byte("i7e"), hasTarget: true}, errSig},
		{"a second item", message{value: []byte("i8e")}, errServer},
		{"the first again", message{value: big}, 0},
	} {
		c.m.method, c.m.token = put, token
		if out := r.query(1, anyID(9, 1), c.m)[0]; out.code != c.code {
			t.Errorf("put of %s: code %d, want %d", c.name, out.code, c.code)
		}
	}
	out := r.step(func(env *protocol.Env) {
		r.d.Receive(env, 1, []byte("d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:aa1:y1:qe"))
	})
	if out[0].code != errMethod {
		t.Errorf("unknown method: code %d, want %d", out[0].code, errMethod)
	}
}

func TestLookupKeepsAlphaInFlightAndAsksAllOfTheClosestAtTheEnd(t *testing.T) {
	r := newRig(t, nil)
	r.fill()
	target := r.inBucket(0, 50)
	var got *Result
	out := r.step(func(env *protocol.Env) {
		r.d.Lookup(env, target, func(_ *protocol.Env, res Result) { res.Closest = slices.Clone(res.Closest); got = &res })
	})
	want := r.d.Closest(target, 8)
	if len(out) != 3 {
		t.Fatalf("%d queries at first, want alpha", len(out))
	}
	asked, inFlight := slices.Clone(out), 3
	dead := protocol.NodeID(0)
	for i := 0; i < len(asked); i++ {
		q := asked[i]
		if got != nil {
			t.Fatal("the lookup ended before the closest had answered")
		}
		if i == 4 { // it never answers
			dead = q.to
			continue
		}
		c := want[slices.IndexFunc(want, func(c Contact) bool { n, _ := r.d.cfg.Book.Node(c.Addr); return n == q.to })]
		more := queries(r.reply(q, c.ID, message{nodes: naming()}))
		inFlight += len(more) - 1
		if i < 2 && inFlight != 3 {
			t.Errorf("%d in flight after answer %d, want 3", inFlight, i)
		}
		asked = append(asked, more...)
		if i == 2 && len(asked) != 8 {
			t.Errorf("after a round without progress %d were asked, want all 8", len(asked))
		}
	}
	if got != nil {
		t.Fatal("the lookup ended though one has neither answered nor failed")
	}
	r.silence()
	if got == nil || len(got.Closest) != 7 || got.Hops != 1 {
		t.Fatalf("the lookup gave %+v, want the seven that answered", got)
	}
	for _, c := range got.Closest {
		if n, _ := r.d.cfg.Book.Node(c.Addr); n == dead {
			t.Errorf("node %v never answered and is in the result", n)
		}
	}
}

func TestLookupThatComesCloserKeepsAlphaInFlight(t *testing.T) {
	r := newRig(t, nil)
	r.fill()
	target := r.inBucket(0, 50)
	asked := r.step(func(env *protocol.Env) { r.d.Lookup(env, target, func(*protocol.Env, Result) {}) })
	ids := map[protocol.NodeID]ID{}
	for n := range 101 {
		ids[protocol.NodeID(n)] = r.inBucket(0, n)
	}
	for i := range 12 {
		id := anyID(3, i) // ever closer
		c := contactOf(60+i, target.sibling(20+i, &id))
		ids[protocol.NodeID(60+i)] = c.ID
		more := queries(r.reply(asked[i], ids[asked[i].to], message{nodes: naming(c)}))
		more = slices.DeleteFunc(more, func(s sent) bool { return s.method != findNode })
		if len(more) != 1 || more[0].to != protocol.NodeID(60+i) {
			t.Fatalf("answer %d named a closer node and caused %d queries, want one, to it", i, len(more))
		}
		asked = append(asked, more...)
	}
}

func TestALieAboutAnAddressDoesNotHideANode(t *testing.T) {
	r := newRig(t, nil)
	r.meet(1, r.inBucket(0, 1))
	r.meet(2, r.inBucket(0, 2))
	hidden := r.inBucket(0, 3)
	var got *Result
	out := r.step(func(env *protocol.Env) {
		r.d.Lookup(env, hidden, func(_ *protocol.Env, res Result) { res.Closest = slices.Clone(res.Closest); got = &res })
	})
	for i, q := range out {
		c := contactOf(4-i, hidden) // at 4, a lie, then at 3
		id := r.inBucket(0, int(q.to))
		for _, s := range queries(r.reply(q, id, message{nodes: naming(c)})) {
			if s.to == 3 {
				r.reply(s, hidden, message{nodes: naming()})
			}
		}
	}
	r.silence()
	if got == nil || got.Closest[0] != contactOf(3, hidden) {
		t.Errorf("the lookup gave %+v, want first %v", got, contactOf(3, hidden))
	}
}

func TestRestartAtAnotherAddressReplacesTheOldContactOnceThatIsDead(t *testing.T) {
	r := newRig(t, nil)
	id := r.inBucket(0, 1)
	r.meet(1, id)
	ask := queries(r.query(2, id, message{method: findNode, hasTarget: true}))[0]
	probes := queries(r.reply(ask, id, message{}))
	if len(probes) != 1 || probes[0].to != 1 {
		t.Fatalf("the old address was not asked: %v", probes)
	}
	if got := r.d.Contacts(); !slices.Equal(got, []Contact{contactOf(1, id)}) {
		t.Fatalf("contacts are %v while the old address may be alive", got)
	}
	r.silence()
	if got := r.d.Contacts(); !slices.Equal(got, []Contact{contactOf(2, id)}) {
		t.Errorf("contacts are %v, want the new address", got)
	}
}

func TestJoinAsksASilentBootstrapperAgain(t *testing.T) {
	r := newRig(t, nil)
	out := r.step(func(env *protocol.Env) { r.d.Join(env, protocol.SimBook{}.Endpoint(7), func(*protocol.Env) {}) })
	for i := range 5 {
		if len(out) != 1 || out[0].to != 7 || out[0].target != r.d.cfg.Self {
			t.Fatalf("attempt %d sent %v", i, out)
		}
		r.silence()
		out = r.step(func(env *protocol.Env) { r.d.Timeout(env, protocol.Kademlia.Tag(pauseTimer)) })
	}
	r.reply(out[0], r.inBucket(3, 7), message{nodes: naming()})
	if got := r.d.Contacts(); len(got) != 1 || r.d.join.round != 1 {
		t.Errorf("contacts %v in round %d, want the bootstrapper in round 1", got, r.d.join.round)
	}
}

func TestConfigOutOfRangePanics(t *testing.T) {
	for i, change := range []func(c *Config){
		func(c *Config) { c.K = 0 }, func(c *Config) { c.Alpha = 9 }, func(c *Config) { c.Book = nil },
		func(c *Config) { c.Tries = 0 }, func(c *Config) { c.Timeout = 0 }, func(c *Config) { c.Pause = 0 },
		func(c *Config) { c.Stale = 0 }, func(c *Config) { c.Items = -1 }, func(c *Config) { c.Fresh = -1 },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("mistake %d was accepted", i)
				}
			}()
			c := Defaults(ID{}, protocol.SimBook{}, 1)
			change(&c)
			New(c)
		}()
	}
}
