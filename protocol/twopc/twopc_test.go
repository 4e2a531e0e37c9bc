package twopc

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
)

var (
	one   = ID{Client: 100, Transfer: 1, Attempt: 1}
	two   = ID{Client: 101, Transfer: 1, Attempt: 1}
	three = []protocol.NodeID{2, 0, 1} // sender (coordinator), receiver, witness
)

// transfer is a world in which the sender 0 has begun with receiver and witness.
func transfer() *world {
	w := newWorld(3)
	w.StartAll()
	return w
}

func nodes(first, last int) (ids []protocol.NodeID) {
	for i := first; i <= last; i++ {
		ids = append(ids, protocol.NodeID(i))
	}
	return ids
}

func TestCommitCostsExactlyWhatTheLiteratureSays(t *testing.T) {
	for n := 0; n <= 6; n++ { // participants apart from the coordinator
		for _, coordinatorToo := range []bool{false, true} {
			if n == 0 && !coordinatorToo {
				continue
			}
			w := newWorld(n + 1)
			w.StartAll()
			first := 1
			if coordinatorToo {
				first = 0
			}
			if err := w.begin(0, one, "a", nodes(first, n)...); err != nil {
				t.Fatal(err)
			}
			w.Settle(0)
			total := w.Sent[KindPrepare] + w.Sent[KindVote] + w.Sent[KindDecision] + w.Sent[KindAck] + w.Sent[KindAsk] + w.Sent[KindAnswer]
			delays := 4
			if n == 0 {
				delays = 0
			}
			if total != 4*n || w.depth != delays || w.syncs != 2*n+1 {
				t.Errorf("%d participants, coordinator too %v: %d messages, %d delays, %d forced writes; want %d, %d, %d",
					n, coordinatorToo, total, w.depth, w.syncs, 4*n, delays, 2*n+1)
			}
			if len(w.Timers) != 0 || !w.judge.verdict[one] {
				t.Errorf("%d participants: %d timers left, commit %v", n, len(w.Timers), w.judge.verdict[one])
			}
			w.heal()
			w.check(t)
		}
	}
}

func TestAbortForcesNothingButTheYesOfOthers(t *testing.T) {
	w := transfer()
	w.refuse[1] = true
	w.begin(0, one, "a", three...)
	w.Settle(0)
	if got := fmt.Sprint(w.Sent[KindPrepare], w.Sent[KindVote], w.Sent[KindDecision], w.Sent[KindAck], w.depth, w.syncs); got != "2 2 2 0 3 1" {
		t.Errorf("prepares, votes, decisions, acks, delays, forced writes are %s, want 2 2 2 0 3 1", got)
	}
	if len(w.Timers) != 0 || w.judge.aborts != 1 {
		t.Errorf("%d timers left, %d aborts", len(w.Timers), w.judge.aborts)
	}
	w.heal()
	w.check(t)

	w = transfer()
	w.refuse[0] = true // the coordinator itself
	w.begin(0, one, "a", three...)
	if len(w.InFlight) != 0 || w.syncs != 0 || w.judge.aborts != 1 {
		t.Errorf("the coordinator's own no costs %d messages and %d forced writes, want none", len(w.InFlight), w.syncs)
	}
	w.heal()
	w.check(t)
}

func TestRecordsAreForcedBeforeTheMessagesThatDependOnThem(t *testing.T) {
	w := transfer()
	w.begin(0, one, "a", three...)
	ops := func(f func()) string {
		f()
		var s []string
		for _, e := range w.did {
			s = append(s, e.Op.String())
			if e.Kind != 0 {
				s[len(s)-1] += ":" + e.Kind.String()
			}
		}
		return fmt.Sprint(s)
	}
	for i, want := range []string{
		"[persist sync output:voted send:vote set-timer]", // prepare at 1
		"[persist sync output:voted send:vote set-timer]", // prepare at 2
		"[]", // first vote
		"[persist sync output:voted output:decided send:decision send:decision set-timer persist]", // second; the host's record last
		"[persist sync cancel-timer output:decided persist send:ack]",                              // decision at 1; the host's record last
		"[persist sync cancel-timer output:decided persist send:ack]",                              // decision at 2
		"[]",             // first ack
		"[cancel-timer]", // second ack
	} {
		if got := ops(func() { w.Deliver(0) }); got != want {
			t.Errorf("message %d: effects %s\nwant %s", i, got, want)
		}
	}
	w.check(t)
}

func TestConflictingTransactionsGetAtMostOneYesAtEachOwner(t *testing.T) {
	w := transfer()
	w.begin(0, one, "ab", three...)
	w.begin(1, two, "bc", three...)
	for _, h := range w.hosts[:2] {
		if !h.Reserved([]byte("b")) || h.Reservations() != 2 {
			t.Errorf("node %v reserves %d keys", h.id, h.Reservations())
		}
	}
	w.Settle(0)
	if c := w.judge.commits; c > 1 {
		t.Errorf("%d commits of two transactions that share an input", c)
	}
	if w.hosts[2].Stats().Conflicts != 1 {
		t.Errorf("the witness saw %d conflicts, want 1", w.hosts[2].Stats().Conflicts)
	}
	w.heal()
	w.check(t)
	retry := ID{one.Client, one.Transfer, 2}
	if err := w.begin(0, retry, "ab", three...); err != nil {
		t.Fatal(err)
	}
	w.Settle(0)
	if !w.judge.verdict[retry] {
		t.Error("a retry does not commit: reservations outlived the decision")
	}
	w.heal()
	w.check(t)
}

func TestInDoubtBlocksWhileNobodyKnowsAndDecidesOnReturn(t *testing.T) {
	w := transfer()
	w.begin(0, one, "a", three...)
	w.Deliver(0)
	w.Deliver(0) // both prepared
	w.Crash(0, steps.Nothing)
	w.Settle(50)
	for _, h := range w.hosts[1:] {
		if h.Status(one) != InDoubt || !h.Reserved([]byte("a")) || h.InDoubt() != 1 {
			t.Errorf("node %v is %v, want in doubt with its reservation", h.id, h.Status(one))
		}
		if h.Stats().Asked < 10 {
			t.Errorf("node %v asked %d times in 50 timers", h.id, h.Stats().Asked)
		}
	}
	w.heal()
	w.check(t)
	if w.judge.commits != 0 || w.judge.aborts != 1 {
		t.Errorf("%d commits, %d aborts after the coordinator returned without a record", w.judge.commits, w.judge.aborts)
	}
}

func TestInDoubtLearnsFromAPeerWhileTheCoordinatorIsDown(t *testing.T) {
	w := transfer()
	w.begin(0, one, "a", three...)
	for range 4 {
		w.Deliver(0)
	}
	w.Deliver(0) // decision at 1
	w.InFlight = slices.DeleteFunc(w.InFlight, func(m steps.Message) bool { return m.To == 2 })
	w.Crash(0, steps.Nothing)
	w.Settle(4)
	if s := w.hosts[2].Status(one); s != Committed {
		t.Errorf("node 2 is %v, want committed by cooperative termination", s)
	}
	w.heal()
	w.check(t)
}

func TestWhoeverNeverVotedAbortsWhenAskedAndNeverVotesYes(t *testing.T) {
	w := transfer()
	w.begin(0, one, "a", three...)
	late := w.InFlight[1] // prepare to 2
	w.InFlight = w.InFlight[:1]
	w.Deliver(0)
	w.Crash(0, steps.Nothing)
	w.Settle(4)
	for _, h := range w.hosts[1:] {
		if s := h.Status(one); s != Aborted {
			t.Errorf("node %v is %v, want aborted by cooperative termination", h.id, s)
		}
	}
	w.Restart(2)
	w.Hand(late)
	if w.hosts[2].InDoubt() != 0 {
		t.Error("node 2 votes yes after a restart, having promised not to")
	}
	w.heal()
	w.check(t)
}

func TestLateCopiedPrepareNeitherReservesNorVotesAgain(t *testing.T) {
	for _, limit := range []int{1, 8} { // forgotten, remembered
		for i := range 4 {
			restart := i%2 == 1
			w := newWorld(3)
			w.limit = limit
			w.rest = i / 2 * eager
			w.StartAll()
			for i := range 3 {
				w.begin(0, ID{100, uint64(i), 0}, string(rune('a'+i)), three...)
				w.Settle(0)
			}
			if restart {
				w.Restart(1)
				w.Settle(0)
			}
			for _, l := range slices.Clone(w.Delivered) {
				w.Hand(l)
			}
			for _, h := range w.hosts {
				if h.Reservations() != 0 || h.Open() != 0 {
					t.Errorf("remembering %d, restart %v: copies open transactions:\n%s", limit, restart, h.Describe(nil))
				}
			}
			w.heal()
			w.check(t)
		}
	}
}

func TestVoteThatMeetsNoRecordIsAnsweredAbortAtOnce(t *testing.T) {
	w := transfer()
	w.begin(0, one, "a", three...)
	w.Restart(0)
	w.Settle(0)
	for _, h := range w.hosts[1:] {
		if s := h.Status(one); s != Aborted {
			t.Errorf("node %v is %v without any timer, want aborted", h.id, s)
		}
	}
	w.heal()
	w.check(t)
}

func TestYesThatDidNotLeaveBeforeACrashNeverLeaves(t *testing.T) {
	w := transfer()
	w.Crashes[4] = steps.Crash{After: 3} // persist, sync, voted; not the vote
	w.begin(0, one, "a", three...)
	prepare := w.InFlight[0]
	w.Deliver(0)
	w.Start(1)
	w.Hand(prepare) // the network's copy
	if w.Sent[KindVote] != 0 || w.hosts[1].Status(one) != InDoubt {
		t.Errorf("node 1 sent %d votes and is %v, want none and in doubt", w.Sent[KindVote], w.hosts[1].Status(one))
	}
	w.heal()
	w.check(t)
}

func TestAbortThatOvertakesItsPrepareIsRemembered(t *testing.T) {
	w := transfer()
	w.refuse[1] = true
	w.begin(0, one, "a", three...)
	late := w.InFlight[1]
	w.InFlight = w.InFlight[:1]
	w.Settle(0)
	w.Hand(late)
	if m := w.hosts[2]; m.Open() != 0 || m.Reservations() != 0 || w.syncs != 0 {
		t.Errorf("a prepare after its abort costs %d forced writes and opens\n%s", w.syncs, m.Describe(nil))
	}
	w.heal()
	w.check(t)
}

func TestDescribeNamesWhatIsOpen(t *testing.T) {
	w := transfer()
	w.begin(0, one, "a", three...)
	w.Deliver(0)
	want := `open:
  100/1.1:
    state: collecting
    coordinator: 0
    participants: 0-2
    votes missing: 1-2
    payload: "a"
    keys: a
    own endorsement: "100/1.1 by 0"
    endorsements:
      0: "100/1.1 by 0"
    timer: 1, for 1s after 0 pauses
reserved:
  a: 100/1.1
ended: none
restored: no
timers: 1
open:
  100/1.1:
    state: in doubt
    coordinator: 0
    participants: 0-2
    waits for: the decision of 0
    payload: "a"
    keys: a
    own endorsement: "100/1.1 by 1"
    asked: no
    timer: 1, for 2s after 0 pauses
reserved:
  a: 100/1.1
ended: none
restored: no
timers: 1
`
	if d := cmp.Diff(want, string(w.hosts[1].Describe(w.hosts[0].Describe(nil)))); d != "" {
		t.Errorf("coordinator and participant (-want +got):\n%s", d)
	}
}

func TestBeginRefusesWhatItKnowsAndWhatIsMistaken(t *testing.T) {
	w := newWorld(2)
	w.limit = 1
	w.StartAll()
	for _, bad := range [][]protocol.NodeID{{}, {1, 1}, {0, protocol.Outside}} {
		if w.begin(0, one, "", bad...) == nil {
			t.Errorf("Begin accepts participants %v", bad)
		}
	}
	next := ID{one.Client, one.Transfer, one.Attempt + 1}
	for _, id := range []ID{one, next} {
		if err := w.begin(0, id, "", 0, 1); err != nil {
			t.Fatal(err)
		}
		if w.begin(0, id, "", 0, 1) == nil {
			t.Errorf("Begin accepts %v twice while it is open", id)
		}
		w.Settle(0)
		if w.begin(0, id, "", 0, 1) == nil {
			t.Errorf("Begin accepts %v after it ended", id)
		}
	}
	if w.begin(0, one, "", 0, 1) == nil {
		t.Errorf("Begin accepts %v, which it may have forgotten", one)
	}
	w.heal()
	w.check(t)
}

func TestRandomAbortVotesNo(t *testing.T) {
	w := newWorld(2)
	w.abort = func(ID) protocol.Ratio { return protocol.Percent(100) }
	w.StartAll()
	w.begin(0, one, "a", 1)
	w.Settle(0)
	if s := w.hosts[1].Stats(); s.Random != 1 || w.judge.aborts != 1 {
		t.Errorf("%d random noes and %d aborts, want 1 and 1", s.Random, w.judge.aborts)
	}
	w.heal()
	w.check(t)
}

func TestHostileBytesAreCountedAndDropped(t *testing.T) {
	w := transfer()
	w.begin(0, one, "a", three...)
	m := w.hosts[1]
	var env protocol.Env
	receive := func(from protocol.NodeID, v message) []protocol.Effect {
		env.Enter(1, 1, 0, nil)
		m.Receive(&env, from, v.append(nil))
		return env.Effects()
	}
	w.Deliver(0)
	all := []Endorsement{{0, nil}, {1, nil}, {2, nil}}
	for name, f := range map[string]func() []protocol.Effect{
		"decision of another": func() []protocol.Effect { return receive(2, message{kind: msgDecision, id: one}) },
		"commit not endorsed": func() []protocol.Effect {
			return receive(0, message{kind: msgDecision, id: one, yes: true, endorsements: all[:2]})
		},
		"commit never voted on": func() []protocol.Effect {
			return receive(0, message{kind: msgDecision, id: two, yes: true, endorsements: all})
		},
		"answer of a stranger": func() []protocol.Effect { return receive(7, message{kind: msgAnswer, id: one, outcome: saysAbort}) },
		"prepare without me": func() []protocol.Effect {
			return receive(2, message{kind: msgPrepare, id: two, participants: nodes(2, 3)})
		},
		"vote to a participant":  func() []protocol.Effect { return receive(2, message{kind: msgVote, id: one, yes: true}) },
		"ack to a participant":   func() []protocol.Effect { return receive(2, message{kind: msgAck, id: one}) },
		"question of a stranger": func() []protocol.Effect { return receive(7, message{kind: msgAsk, id: one}) },
		"from outside":           func() []protocol.Effect { return receive(protocol.Outside, message{kind: msgDecision, id: one}) },
	} {
		before := m.Stats().Stray
		if e := f(); len(e) != 0 || m.Stats().Stray != before+1 || m.Status(one) != InDoubt {
			t.Errorf("%s: %d effects, %d strays, %v", name, len(e), m.Stats().Stray-before, m.Status(one))
		}
	}
	m.Receive(&env, 0, []byte("\x03l"))
	if m.Stats().Malformed != 1 {
		t.Errorf("malformed bytes are counted %d times", m.Stats().Malformed)
	}
}

func TestMistakenConfigsPanic(t *testing.T) {
	good := (&host{w: newWorld(0)}).config()
	for name, spoil := range map[string]func(c *Config){
		"Send":        func(c *Config) { c.Send = nil },
		"Inspect":     func(c *Config) { c.Inspect = nil },
		"Decided":     func(c *Config) { c.Decided = nil },
		"VoteTimeout": func(c *Config) { c.VoteTimeout = 0 },
		"AskAfter":    func(c *Config) { c.AskAfter = -1 },
		"Remember":    func(c *Config) { c.Remember = 0 },
		"Discard":     func(c *Config) { c.Discard = new(Discard) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New accepts a bad %s", name)
				}
			}()
			c := good
			spoil(&c)
			New(c)
		}()
	}
}
