package scenarios

import (
	"testing"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/scenarios/judge"
)

// Every verdict that can be said of a transaction has a kind of tampering, and every
// kind, in the package's own three stages, the verdict that it is to get.
func TestEveryVerdictHasATamperingAndEveryTamperingItsVerdict(t *testing.T) {
	for _, nodes := range []int{4, 9} {
		p := verify().Defaults
		p.Nodes = nodes
		w := newWorld(paramsOf(verify(), p, protocol.Benign{}))
		forger := newTamperer(w, protocol.NodeID(nodes-1), protocol.NodeID(nodes-2))
		before, after := ledger.NewState(w.Genesis), ledger.NewState(w.Genesis)
		after.Apply(forger.first, ledger.Accepted)

		names, bodies := make(map[string]bool), make(map[string]bool)
		reached := map[ledger.Verdict]bool{ledger.Unjudged: true, ledger.Accepted: true, ledger.UnknownKey: true, ledger.WrongKey: true}
		for _, k := range tamperings() {
			body := k.make(forger)
			if names[k.name] || bodies[string(body)] {
				t.Errorf("%q: its name or its body is that of another kind", k.name)
			}
			names[k.name], bodies[string(body)], reached[k.want] = true, true, true
			if got := verdict(w, after, body); got != k.want {
				t.Errorf("%q is judged %v, want %v", k.name, got, k.want)
			}
			if got := verdict(w, before, body); got != k.want && !k.late {
				t.Errorf("%q is judged %v before the first transaction, want %v: or it must be said late", k.name, got, k.want)
			}
		}
		for v := range ledger.ClaimWrong + 1 {
			if !reached[v] {
				t.Errorf("no kind of tampering reaches %v", v)
			}
		}
	}
}

// verdict is the three stages of package ledger, from the bytes on.
func verdict(w *world, s *ledger.State, body []byte) ledger.Verdict {
	tx, v := ledger.Decode(body)
	if v == ledger.Accepted {
		v = tx.Check(w.Genesis.Network())
	}
	if v == ledger.Accepted {
		v = tx.CheckSignatures(func(o ledger.Owner) ([]byte, bool) {
			for i, owner := range w.Owners {
				if owner == o {
					return w.Keys[i].Public(), true
				}
			}
			return nil, false
		}, nil)
	}
	if v == ledger.Accepted {
		v = s.Judge(tx)
	}
	return v
}

// The notary takes what all parties signed, and nothing else that was tampered with
// after signing.
func TestTheNotaryTakesOnlyWhatAllPartiesSigned(t *testing.T) {
	w := newWorld(paramsOf(verify(), verify().Defaults, protocol.Benign{}))
	forger, n := newTamperer(w, 4, 3), judge.NewNotary(&w.Network)
	if wrong := n.Verify(forger.first); wrong != nil {
		t.Errorf("an ordinary transaction: %v", wrong)
	}
	for _, k := range tamperings() {
		if k.want != ledger.MissingEndorsement && k.want != ledger.BadSignature {
			continue
		}
		tx, v := ledger.Decode(k.make(forger))
		if v != ledger.Accepted {
			t.Fatalf("%q does not decode: %v", k.name, v)
		}
		if n.Verify(tx) == nil {
			t.Errorf("%q passes", k.name)
		}
	}
}

// Whoever draws what, honest transfers have three parties, and none spends the coins
// whose fate the plan tells.
func TestHonestTransfersLeaveTheReserveAlone(t *testing.T) {
	for nodes := range 3 {
		n := uint64(4 + nodes)
		for a := range n * n * n {
			p := verify().Defaults
			p.Nodes = int(n)
			set(t, verify(), &p, "txs", "1")
			m := newMarket(paramsOf(verify(), p, parts{kindSender: a % n, kindReceiver: a / n % n, kindWitness: a / n / n}))
			m.askHonest()
			if len(m.commits.Parties[0]) != 3 {
				t.Fatalf("%d nodes, answers %v: parties %v", n, m.p.Source, m.commits.Parties[0])
			}
			if s := m.honest(0).sender; uint64(s) >= n-reserve {
				t.Fatalf("%d nodes, answers %v: node %v sends", n, m.p.Source, s)
			}
		}
	}
}
