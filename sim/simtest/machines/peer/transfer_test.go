package peer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
)

func TestATransferEndsAcceptedInEqualLedgers(t *testing.T) {
	w := newWorld(4, 2)
	w.order(7, 1, 2, 3, 300)
	if r := w.run(t, source.Seed(1)); r.Reason != sim.Settled {
		t.Errorf("the run ended %v at %v, want all settled", r.Reason, r.End)
	}
	w.mustAgree(t, 1)
	if d := cmp.Diff([]peer.Answer{{Transfer: 7, Attempts: 1, Outcome: peer.Accepted}}, w.answers(t)); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
	for i, want := range []uint64{2 * coin, 2*coin - 300, 2*coin + 300, 2 * coin} {
		if got := w.nodes[0].Ledger().Balance(w.owner(i)); got != want {
			t.Errorf("node %d has %d, want %d", i, got, want)
		}
	}
	told := func() (out []string) {
		for _, e := range w.seen.all(sim.Noted, peer.KindTransfer) {
			if e.Node == w.client() {
				out = append(out, e.Text)
			}
		}
		return out
	}()
	if len(told) == 0 || told[len(told)-1] != "7 attempt 1 accepted" {
		t.Errorf("the client was told %q", told)
	}
	for i, n := range w.nodes {
		if s := n.Stats(); s != (peer.Stats{Fetched: s.Fetched}) {
			t.Errorf("node %d counts %+v in an honest run", i, s)
		}
	}
	if s := w.customer.Stats(); s.Malformed != 0 {
		t.Errorf("the client counts %+v in an honest run", s)
	}
}

// host is a member that is its own client.
type host struct {
	*peer.Node
	client *peer.Client
}

func (h *host) Start(env *protocol.Env) {
	h.Node.Start(env)
	h.client.Start(env)
}

// Receive hands what the node sends to itself to both: each takes what is for it.
func (h *host) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from != protocol.Outside {
		h.Node.Receive(env, from, msg)
	}
	if from == protocol.Outside || from == env.ID() {
		h.client.Receive(env, from, msg)
	}
}

func TestAMemberMayBeItsOwnClient(t *testing.T) {
	w := newWorld(4, 2)
	w.link.Loss = protocol.Percent(10)
	w.wrap = func(_ protocol.NodeID, n *peer.Node) protocol.Node { return &host{n, peer.NewClient(delay, false)} }
	w.input(begin+1, 1, peer.TransferInput(1, peer.Request{Transfer: 7, Receiver: w.owner(2), Witness: w.owner(3), Amount: 300}))
	w.run(t, source.Seed(1))
	w.mustAgree(t, 1)
	if a := w.answers(t); len(a) != 1 || a[0].Outcome != peer.Accepted {
		t.Errorf("the member's client hears %+v, want that its transfer is accepted", a)
	}
	for i, n := range w.nodes {
		if s := n.Stats(); s.Malformed != 0 {
			t.Errorf("node %d counts %+v", i, s)
		}
	}
}

// TestWhatCannotBeDoneIsAborted: the client tries again with growing numbers, in
// vain.
func TestWhatCannotBeDoneIsAborted(t *testing.T) {
	w := newWorld(4, 2)
	w.until = begin + protocol.Time(3*time.Second)
	w.order(1, 1, 2, 3, 2*coin+1) // more than it has
	// The client, which would try for ever, goes in time for all attempts to end.
	w.faults = []fault.Fault{{ID: 1, Op: fault.Crash, Node: w.client(), At: w.until - protocol.Time(time.Second)}}
	w.order(2, 1, 2, 3, 0)
	w.order(3, 1, 4, 3, 10)           // receiver has no node
	w.order(4, 1, 2, 4, 10)           // nor has this witness
	w.order(5, 1, 1, 3, 10)           // to oneself
	w.order(6, 1, 2, 2, 10)           // receiver is no witness
	w.order(7, 1, 2, 1, 10)           // nor is the sender
	w.order(8, 1, 2, 3, 1<<62)        // more than there is
	w.order(9, 1, 2, 3, 1<<64-1)      // as many as can be asked for
	w.order(1<<47-1, 1, 2, 3, 9*coin) // the last transfer
	w.run(t, source.Seed(2))
	w.mustAgree(t, 0)
	if a := w.answers(t); len(a) != 0 {
		t.Errorf("answers %v, want none", a)
	}
	told := make(map[string]bool)
	for _, e := range w.seen.all(sim.Noted, peer.KindTransfer) {
		if e.Node == w.client() {
			told[e.Text] = true
		}
	}
	for _, transfer := range []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 1<<47 - 1} {
		for attempt := range 3 {
			if text := fmt.Sprint(transfer, " attempt ", attempt+1, " aborted"); !told[text] {
				t.Errorf("the client was not told %q", text)
			}
		}
	}
	if n := w.nodes[0].Ledger().LogLen(); n != 0 {
		t.Errorf("%d transactions were ordered", n)
	}
}

// TestTransfersWaitForCoinsUnderWay: five transfers need a coin of which there is
// one; each of the others waits for the change. An attempt may abort all the same,
// when a participant has not applied the parent yet.
func TestTransfersWaitForCoinsUnderWay(t *testing.T) {
	w := newWorld(4, 1)
	for i := range uint64(5) {
		w.order(i, 1, 2, 3, 100)
	}
	w.run(t, source.Seed(3))
	w.mustAgree(t, 5)
	got := w.answers(t)
	if len(got) != 5 {
		t.Errorf("%d answers, want 5", len(got))
	}
	for _, a := range got {
		if a.Outcome != peer.Accepted || a.Attempts > 3 {
			t.Errorf("answer %+v, want accepted after few attempts", a)
		}
	}
	for _, e := range w.seen.of(twopc.KindVoted) {
		if v, ok := twopc.DecodeOutput(e.Kind, e.Body); ok && !v.Yes && e.Node == 1 {
			t.Errorf("the sender votes no on its own transfer %v: it did not wait", v.ID)
		}
	}
}

// TestATransferWaitsForCoinsToCome: what the sender does not have yet is paid to
// it by a transfer under way.
func TestATransferWaitsForCoinsToCome(t *testing.T) {
	w := newWorld(4, 1)
	w.order(1, 2, 1, 3, coin)
	w.input(begin+protocol.Time(20*delay), w.client(), peer.TransferInput(1, peer.Request{Transfer: 2, Receiver: w.owner(0), Witness: w.owner(3), Amount: 2 * coin}))
	w.run(t, source.Seed(3))
	w.mustAgree(t, 2)
	if a := w.answers(t); len(a) != 2 || a[0].Outcome != peer.Accepted || a[1].Outcome != peer.Accepted {
		t.Errorf("answers %v, want both accepted", a)
	}
	if b := w.nodes[0].Ledger().Balance(w.owner(0)); b != 3*coin {
		t.Errorf("node 0 has %d, want %d", b, 3*coin)
	}
}

func TestARandomAbortIsTriedAgainWithTheNextNumber(t *testing.T) {
	for voter := range protocol.NodeID(4) {
		w := newWorld(4, 1)
		w.config = func(id protocol.NodeID, cfg *peer.Config) {
			if id == voter {
				cfg.Abort = abortFirst(2)
			}
		}
		w.order(1, 1, 2, 3, 100)
		w.run(t, source.Seed(4))
		w.mustAgree(t, 1)
		want := uint32(3)
		if voter == 0 { // takes no part
			want = 1
		}
		if d := cmp.Diff([]peer.Answer{{Transfer: 1, Attempts: want, Outcome: peer.Accepted}}, w.answers(t)); d != "" {
			t.Errorf("node %v aborts twice: answers (-want +got):\n%s", voter, d)
		}
	}
}

// deaf drops the flood's messages before they reach a Node.
type deaf struct{ *peer.Node }

func (d deaf) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if len(msg) > 0 && protocol.Component(msg[0]) == protocol.Gossip {
		return
	}
	d.Node.Receive(env, from, msg)
}

func TestABodyThatTheFloodLostIsFetched(t *testing.T) {
	w := newWorld(4, 2)
	w.wrap = func(id protocol.NodeID, n *peer.Node) protocol.Node {
		if id == 0 {
			return deaf{n}
		}
		return n
	}
	w.order(1, 1, 2, 3, 300)
	w.order(2, 2, 3, 1, 300)
	w.run(t, source.Seed(5))
	w.mustAgree(t, 2)
	if s := w.nodes[0].Stats(); s.Fetched != 2 {
		t.Errorf("the deaf node counts %+v, want 2 fetched", s)
	}
	for _, e := range w.seen.all(sim.Sent, peer.KindFetch) {
		if e.Node != 0 {
			t.Errorf("node %v fetches", e.Node)
		}
	}
}

// mute drops what asks for a body before it reaches a Node.
type mute struct{ *peer.Node }

func (m mute) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if body, ok := link.Payload(msg); ok && strings.HasPrefix(peer.Text(body), peer.KindFetch.String()+" ") {
		return
	}
	m.Node.Receive(env, from, msg)
}

func TestABodyIsFetchedFromOthersIfTheSenderIsMute(t *testing.T) {
	w := newWorld(4, 2)
	w.wrap = func(id protocol.NodeID, n *peer.Node) protocol.Node {
		switch id {
		case 0:
			return deaf{n}
		case 1:
			return mute{n}
		}
		return n
	}
	w.order(1, 1, 2, 3, 300)
	w.until = begin + protocol.Time(time.Second)
	w.run(t, source.Seed(5))
	if n := w.nodes[0]; n.Ledger().ListLen() != 1 || n.Stats().Fetched != 1 {
		t.Errorf("the deaf node accepted %d, fetched %d, want 1 and 1", n.Ledger().ListLen(), n.Stats().Fetched)
	}
}

// TestKeysThatAreMissingAreSoughtAgain: the sender publishes its key long after
// its transfer was ordered. The parties need it as well.
func TestKeysThatAreMissingAreSoughtAgain(t *testing.T) {
	const late = 2 * settle
	w := newWorld(4, 2)
	w.config = func(id protocol.NodeID, cfg *peer.Config) {
		if id == 1 {
			cfg.Settle = late
		}
	}
	w.order(1, 1, 2, 3, 300)
	if r := w.run(t, source.Seed(6)); r.Reason != sim.Settled {
		t.Errorf("the run ends %v at %v: somebody still waits for keys", r.Reason, r.End)
	}
	w.mustAgree(t, 1)
	for _, e := range w.seen.of(peer.KindEntry) {
		if early := e.At < protocol.Time(late); early != (e.Node == 1) {
			t.Errorf("node %v enters the transaction at %v; only the sender knows its key before %v", e.Node, e.At, late)
		}
	}
	for _, e := range w.seen.of(peer.KindFound) {
		if f, ok := peer.DecodeFound(e.Body); ok && f.Owner == w.owner(1) && e.At < protocol.Time(late) {
			t.Errorf("node %v found the key at %v, before it was published", e.Node, e.At)
		}
	}
	for i, n := range w.nodes {
		if s := n.Stats(); s.Forged != 0 {
			t.Errorf("node %d counts %+v", i, s)
		}
	}
}

// forged spends a coin of node 1 with signatures of a stranger.
func (w *world) forged() []byte {
	tx := &ledger.Tx{
		Version: ledger.Version, Network: w.genesis.Network(), Sender: w.owner(1), Seq: 1,
		Inputs:  []ledger.Input{{Outpoint: w.outpoint(1, 0), Claimed: coin}},
		Outputs: []ledger.TxOut{{Owner: w.owner(2), Amount: coin}},
		Witness: w.owner(3),
	}
	for _, o := range tx.Endorsers() {
		tx.Endorse(ledger.Endorsement{Owner: o, Signature: w.stranger().Sign(nil, tx.Digest())})
	}
	return tx.Encode(nil)
}

func TestNobodyPassesAForgeryOn(t *testing.T) {
	w := newWorld(4, 2)
	body := w.forged()
	short := body[:len(body)-1]
	w.input(begin+1, 0, gossip.Data(body))
	w.input(begin+2, 0, gossip.Data(short))
	w.run(t, source.Seed(7))
	w.mustAgree(t, 0)
	var refused []ledger.Verdict
	for _, e := range w.seen.of(peer.KindRefused) {
		_, v, ok := peer.DecodeRefused(e.Body)
		if !ok || e.Node != 0 {
			t.Errorf("node %v refuses %q", e.Node, e.Body)
		}
		refused = append(refused, v)
	}
	slices.Sort(refused)
	if d := cmp.Diff([]ledger.Verdict{ledger.Malformed, ledger.BadSignature}, refused); d != "" {
		t.Errorf("verdicts (-want +got):\n%s", d)
	}
	if s := w.nodes[0].Stats(); s.Forged != 2 {
		t.Errorf("node 0 counts %+v, want 2 forged", s)
	}
	if n := len(w.seen.all(sim.Sent, gossip.KindData)); n != 0 {
		t.Errorf("bodies were passed on %d times", n)
	}
}

// spender is a coordinator that lies: it owns the stranger's coins, and votes yes
// on everything.
type spender struct {
	*script
	w       *world
	vote    *twopc.Manager
	decided map[uint64]bool // by transfer: committed
}

func newSpender(w *world) *spender {
	s := &spender{script: newScript(), w: w, decided: make(map[uint64]bool)}
	s.vote = twopc.New(twopc.Config{
		Send: s.link.Send, VoteTimeout: 100 * delay, AskAfter: 200 * delay, Remember: 100,
		Inspect: func(*protocol.Env, twopc.ID, []byte) ([][]byte, []byte, bool) { return nil, nil, true },
		Decided: func(_ *protocol.Env, d twopc.Decision) { s.decided[d.ID.Transfer] = d.Commit },
	})
	s.deliver = s.vote.Receive
	s.later = s.vote.Timeout
	return s
}

// spend begins the transfer of coin j of the stranger to node 0.
func (s *spender) spend(t *testing.T, env *protocol.Env, transfer uint64, j int) {
	tx := &ledger.Tx{
		Version: ledger.Version, Network: s.w.genesis.Network(), Sender: s.w.stranger().Owner(), Seq: transfer,
		Inputs:  []ledger.Input{{Outpoint: s.w.outpoint(len(s.w.members), j), Claimed: coin}},
		Outputs: []ledger.TxOut{{Owner: s.w.owner(0), Amount: coin}},
		Witness: s.w.owner(1),
	}
	id := twopc.ID{Client: env.ID(), Transfer: transfer, Attempt: 1}
	if err := s.vote.Begin(env, id, tx.Encode(nil), []protocol.NodeID{0, 1}); err != nil {
		t.Errorf("begin: %v", err)
	}
}

// TestOneCoinIsPromisedOnce: a sender that lies begins two transactions over one
// coin, at once and one after the other. The coin stays promised after the
// decision, since the transaction is never ordered.
func TestOneCoinIsPromisedOnce(t *testing.T) {
	commits := 0
	for seed := range source.Seed(20) {
		w := newWorld(4, 2)
		s := newSpender(w)
		w.extra = append(w.extra, s)
		s.begin = func(env *protocol.Env) {
			s.spend(t, env, 1, 0)
			s.spend(t, env, 2, 0)
			s.spend(t, env, 3, 1)
			env.SetTimer(100*delay, protocol.TwoPC.Tag(1<<46))
		}
		later := s.later
		s.later = func(env *protocol.Env, tag uint64) {
			if tag != protocol.TwoPC.Tag(1<<46) {
				later(env, tag)
				return
			}
			s.spend(t, env, 4, 0)
			s.spend(t, env, 5, 1)
		}
		w.run(t, seed)
		if len(s.decided) != 5 {
			t.Fatalf("seed %d: decided %v, want all five", seed, s.decided)
		}
		n := 0
		for _, transfer := range []uint64{1, 2, 4} {
			if s.decided[transfer] {
				n++
			}
		}
		if n > 1 {
			t.Errorf("seed %d: %v: %d transactions over the first coin commit, want at most 1", seed, s.decided, n)
		}
		if !s.decided[3] || s.decided[5] {
			t.Errorf("seed %d: %v: of the second coin the first transaction must commit, the later must not", seed, s.decided)
		}
		commits += n
	}
	if commits == 0 {
		t.Error("no transaction over the contested coin ever committed")
	}
}

// TestASpentCoinIsVotedDown: node 1's only coin is spent; a coordinator that lies
// spends it once more.
func TestASpentCoinIsVotedDown(t *testing.T) {
	w := newWorld(4, 1)
	s := newSpender(w)
	w.extra = append(w.extra, s)
	w.order(1, 1, 2, 3, coin)
	s.begin = func(env *protocol.Env) { env.SetTimer(200*delay, protocol.TwoPC.Tag(1<<46)) }
	later := s.later
	s.later = func(env *protocol.Env, tag uint64) {
		if tag != protocol.TwoPC.Tag(1<<46) {
			later(env, tag)
			return
		}
		tx := &ledger.Tx{
			Version: ledger.Version, Network: w.genesis.Network(), Sender: w.owner(1), Seq: 1 << 40,
			Inputs:  []ledger.Input{{Outpoint: w.outpoint(1, 0), Claimed: coin}},
			Outputs: []ledger.TxOut{{Owner: w.owner(0), Amount: coin}},
			Witness: w.owner(3),
		}
		if err := s.vote.Begin(env, twopc.ID{Client: env.ID(), Transfer: 9, Attempt: 1}, tx.Encode(nil), []protocol.NodeID{0, 3}); err != nil {
			t.Errorf("begin: %v", err)
		}
	}
	w.run(t, source.Seed(8))
	w.mustAgree(t, 1)
	if committed, ok := s.decided[9]; !ok || committed {
		t.Errorf("decided %v, want transfer 9 aborted", s.decided)
	}
	said := false
	for _, e := range w.seen.all(sim.Noted, peer.KindRefused) {
		said = said || strings.Contains(e.Text, ledger.InputSpent.String())
	}
	if !said {
		t.Errorf("nobody noted %v", ledger.InputSpent)
	}
}
