package peer

import (
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/bencode"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/ledger"
)

// doubling returns that many pauses that double that often.
func doubling(first time.Duration, doublings uint8, n int) (pauses []time.Duration) {
	for i := range n {
		pauses = append(pauses, first<<min(i, int(doublings)))
	}
	return pauses
}

// pause returns how long the timer was set for in this step, last; 0 if it was not.
func pause(env *protocol.Env, tag uint64) time.Duration {
	for _, e := range slices.Backward(env.Effects()) {
		if e.Op == protocol.OpSetTimer && e.Tag == tag {
			return e.After
		}
	}
	return 0
}

func TestAClientsPatienceGrowsAndAReplyAndTheSendersReturnBeginItAnew(t *testing.T) {
	c := NewClient(delay, true)
	var env protocol.Env
	tag := protocol.Peer.Tag(7)
	step := func(do func()) time.Duration {
		env.Enter(9, 1, 0, nil)
		do()
		return pause(&env, tag)
	}
	again := func() time.Duration { return step(func() { c.Timeout(&env, tag) }) }
	input := TransferInput(3, Request{Transfer: 7, Receiver: ledger.Owner{1}, Witness: ledger.Owner{2}, Amount: 1})
	reply := func(o Outcome) time.Duration {
		return step(func() {
			c.deliver(&env, 3, message{typ: typeReply, req: Request{Transfer: 7, Attempt: c.transfers[7].req.Attempt}, outcome: o}.append(nil))
		})
	}
	begin := step(func() { c.Receive(&env, protocol.Outside, input) })
	anew := map[string]func() time.Duration{
		"it begins":           func() time.Duration { return begin },
		"the sender returned": func() time.Duration { return step(func() { c.returned(&env, 3) }) },
		"the sender aborted":  func() time.Duration { reply(Aborted); return again() },
	}
	for _, what := range []string{"it begins", "the sender returned", "the sender aborted", "the sender returned"} {
		want := doubling(patienceDelays*delay, Patience.Doublings, 7)
		got := []time.Duration{anew[what]()}
		for len(got) < len(want) {
			got = append(got, again())
		}
		if !slices.Equal(got, want) {
			t.Errorf("after %s a client waits for %v, want %v", what, got, want)
		}
	}
	if got := step(func() { c.returned(&env, 4) }); got != 0 {
		t.Errorf("when another node returns a client waits for %v", got)
	}
}

func TestASendersReturnBeginsAClientsPatienceAnewHoweverFewTriesWereInVain(t *testing.T) {
	for tries := range 6 {
		c := NewClient(delay, true)
		var env protocol.Env
		tag := protocol.Peer.Tag(7)
		env.Enter(9, 1, 0, nil)
		c.Receive(&env, protocol.Outside, TransferInput(3, Request{Transfer: 7, Receiver: ledger.Owner{1}, Witness: ledger.Owner{2}, Amount: 1}))
		for range tries + 1 {
			c.Timeout(&env, tag)
		}
		env.Enter(9, 1, 0, nil)
		c.returned(&env, 3)
		if got := pause(&env, tag); got != patienceDelays*delay {
			t.Errorf("when the sender returns after %d tries in vain a client waits for %v, want %v", tries+1, got, patienceDelays*delay)
		}
	}
}

func TestAnAbortedTransferIsTriedAgainAfterPausesThatGrowUntilItIsAnswered(t *testing.T) {
	c := NewClient(delay, true)
	var env protocol.Env
	tag := protocol.Peer.Tag(7)
	env.Enter(9, 1, 0, nil)
	c.Receive(&env, protocol.Outside, TransferInput(3, Request{Transfer: 7, Receiver: ledger.Owner{1}, Witness: ledger.Owner{2}, Amount: 1}))
	reply := func(o Outcome) time.Duration {
		env.Enter(9, 1, 0, nil)
		c.deliver(&env, 3, message{typ: typeReply, req: Request{Transfer: 7, Attempt: c.transfers[7].req.Attempt}, outcome: o}.append(nil))
		return pause(&env, tag)
	}
	var got []time.Duration
	want := doubling(attemptDelays*delay, AttemptAgain.Doublings, 8)
	for range want {
		got = append(got, reply(Aborted))
		c.Timeout(&env, tag)
	}
	if !slices.Equal(got, want) {
		t.Errorf("a transfer that aborts is tried again after %v, want %v", got, want)
	}
	if p := reply(Accepted); p != 0 {
		t.Errorf("a transfer that was accepted is tried again after %v", p)
	}
}

// alone returns member 0 of three in a step, joined and without contacts, and what fires
// one of its timers, in a step of its own.
func alone() (w *world, n *Node, env *protocol.Env, fire func(timer uint64) time.Duration) {
	w = newWorld(3, 1)
	n, env = w.make(0), new(protocol.Env)
	env.Enter(0, 1, 0, nil)
	env.Mount(func(func(uint64, []byte) bool) {})
	n.Start(env)
	return w, n, env, func(timer uint64) time.Duration {
		env.Enter(0, 1, 0, nil)
		n.Timeout(env, protocol.Peer.Tag(timer))
		return pause(env, protocol.Peer.Tag(timer))
	}
}

func TestLookupsOfMissingKeysHavePausesThatGrowAndAHelloOrAKeyFoundBeginsThemAnew(t *testing.T) {
	w, n, env, fire := alone()
	n.want(env, []ledger.Owner{w.owner(3)})
	got := []time.Duration{pause(env, protocol.Peer.Tag(timerKeys))}
	for _, anew := range []func(){
		func() { n.greeted(env, 1) },
		func() {
			n.dht.Put(env, bencode.AppendBytes(nil, w.keys[1].Public()), func(*protocol.Env, int) {})
			n.want(env, []ledger.Owner{w.owner(1)})
		},
		func() {},
	} {
		want := doubling(keyDelays*delay, KeyAgain.Doublings, 9)
		for len(got) < len(want) {
			got = append(got, fire(timerKeys))
		}
		if !slices.Equal(got, want) {
			t.Errorf("a key that is missing is looked for after %v, want %v", got, want)
		}
		got = nil
		anew()
	}
}

func TestAPutThatNoNodeKeepsHasPausesThatGrowAndAHelloOrOneThatKeepsItBeginsThemAnew(t *testing.T) {
	_, n, env, fire := alone()
	k := kademlia.Defaults(kademlia.ID(n.self), protocol.SimBook{}, 1)
	keeps := kademlia.New(k)
	k.Items = 0
	refuses := kademlia.New(k)
	n.dht = refuses
	n.putKey(env)
	got := []time.Duration{pause(env, protocol.Peer.Tag(timerPut))}
	for _, anew := range []func(){
		func() { n.greeted(env, 1) },
		func() {
			n.dht = keeps
			if p := fire(timerPut); p != 0 {
				t.Errorf("a key that a node keeps is put after %v", p)
			}
			n.dht = refuses
		},
		func() {},
	} {
		want := doubling(keyDelays*delay, PutAgain.Doublings, 8)
		for len(got) < len(want) {
			got = append(got, fire(timerPut))
		}
		if !slices.Equal(got, want) {
			t.Errorf("a key that no node keeps is put after %v, want %v", got, want)
		}
		got = nil
		anew()
	}
}

// A round asks the origin and each member. The next body that is missing begins anew.
func TestABodyIsFetchedInRoundsWithPausesThatGrowUntilItHasCome(t *testing.T) {
	_, n, env, fire := alone()
	const round = 4
	for i, body := range []string{"one", "two"} { // which are no transactions, and refused
		id := ledger.ID(gossip.Sum([]byte(body)))
		env.Enter(0, 1, 0, nil)
		n.ordered(env, uint64(i), abcast.Message{ID: abcast.MsgID{Node: 1}, Payload: id[:]})
		got := []time.Duration{pause(env, protocol.Peer.Tag(timerFetch))}
		var want []time.Duration
		for _, p := range doubling(fetchDelays*delay, FetchAgain.Doublings, 6) {
			want = append(want, slices.Repeat([]time.Duration{p}, round)...)
		}
		for len(got) < len(want) {
			got = append(got, fire(timerFetch))
		}
		if !slices.Equal(got, want) {
			t.Errorf("body %d is fetched after %v, want %v", i, got, want)
		}
		n.fetched(env, id, []byte(body))
		if n.queue.timer || len(n.queue.items) != 0 {
			t.Errorf("a body has come and is still fetched: %+v", n.queue)
		}
	}
}

func TestRefreshesOfAQuietTableHavePausesThatGrowAndMoreOrFewerContactsBeginThemAnew(t *testing.T) {
	_, n, env, _ := alone()
	for _, before := range []int{0, -1, 1} { // contacts: as many, fewer, more
		n.contacts = before
		if before != 0 {
			n.refreshed(env)
		}
		var got []time.Duration
		want := doubling(refreshDelays*delay, Refresh.Doublings, 6)
		for range want {
			env.Enter(0, 1, 0, nil)
			n.awaitRefresh(env)
			got = append(got, pause(env, protocol.Peer.Tag(timerRefresh)))
			n.refreshed(env)
		}
		if !slices.Equal(got, want) {
			t.Errorf("with %d contacts before the table is refreshed after %v, want %v", before, got, want)
		}
	}
}
