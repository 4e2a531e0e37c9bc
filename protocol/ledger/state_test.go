package ledger_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"dessim/protocol/ledger"
	"dessim/sim/simtest/fixed"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// twin is the slow, obvious ledger: it keeps the log and works out everything
// else by replaying it from the genesis.
type twin struct {
	genesis ledger.ID
	outs    []ledger.TxOut
	log     []entry
}

type entry struct {
	tx      *ledger.Tx
	verdict ledger.Verdict
}

type unspent struct {
	at  ledger.Outpoint
	out ledger.TxOut
}

// replay returns the unspent outputs in order of creation, all outpoints that ever
// were, and the list.
func (w *twin) replay() (coins []unspent, ever map[ledger.Outpoint]bool, list []*ledger.Tx) {
	ever = map[ledger.Outpoint]bool{}
	add := func(id ledger.ID, outs []ledger.TxOut) {
		for i, o := range outs {
			p := ledger.Outpoint{TxID: id, Index: uint32(i)}
			coins = append(coins, unspent{p, o})
			ever[p] = true
		}
	}
	add(w.genesis, w.outs)
	for _, e := range w.log {
		if e.verdict != ledger.Accepted {
			continue
		}
		list = append(list, e.tx)
		coins = slices.DeleteFunc(coins, func(c unspent) bool {
			return slices.ContainsFunc(e.tx.Inputs, func(in ledger.Input) bool { return in.Outpoint == c.at })
		})
		add(e.tx.TxID(), e.tx.Outputs)
	}
	return coins, ever, list
}

// judge takes for granted that form and amounts are right.
func (w *twin) judge(x *ledger.Tx) ledger.Verdict {
	coins, ever, list := w.replay()
	for _, y := range list {
		if y.TxID() == x.TxID() {
			return ledger.DuplicateTx
		}
	}
	for _, y := range list {
		if y.Sender == x.Sender && y.Seq == x.Seq {
			return ledger.PairReused
		}
	}
	balance, lied := int64(0), false
	for _, in := range x.Inputs {
		i := slices.IndexFunc(coins, func(c unspent) bool { return c.at == in.Outpoint })
		switch {
		case i < 0 && ever[in.Outpoint]:
			return ledger.InputSpent
		case i < 0:
			return ledger.UnknownInput
		case coins[i].out.Owner != x.Sender:
			return ledger.NotOwned
		}
		balance += int64(coins[i].out.Amount)
		lied = lied || coins[i].out.Amount != in.Claimed
	}
	for _, o := range x.Outputs {
		balance -= int64(o.Amount)
	}
	switch {
	case balance < 0:
		return ledger.Overspends
	case balance > 0:
		return ledger.Underspends
	case lied:
		return ledger.ClaimWrong
	}
	return ledger.Accepted
}

// hashes returns the log's hash and the list's by their definition.
func (w *twin) hashes() (log, list ledger.ID) {
	log, list = w.genesis, w.genesis
	for _, e := range w.log {
		id := e.tx.WTxID()
		link := append(id[:], byte(e.verdict))
		log = sha256.Sum256(append(log[:], link...))
		if e.verdict == ledger.Accepted {
			list = sha256.Sum256(append(list[:], link...))
		}
	}
	return log, list
}

func (w *twin) compare(s *ledger.State, owners []ledger.Owner) error {
	coins, ever, list := w.replay()
	log, accepted := w.hashes()
	if s.LogLen() != uint64(len(w.log)) || s.LogHash() != log {
		return fmt.Errorf("log of %d with hash %v, want %d with %v", s.LogLen(), s.LogHash(), len(w.log), log)
	}
	if s.ListLen() != uint64(len(list)) || s.ListHash() != accepted {
		return fmt.Errorf("list of %d with hash %v, want %d with %v", s.ListLen(), s.ListHash(), len(list), accepted)
	}
	fold := uint64(0)
	for i, o := range w.outs {
		fold ^= ledger.Toggle(ledger.Outpoint{TxID: w.genesis, Index: uint32(i)}, o)
	}
	for _, c := range coins {
		fold ^= ledger.Toggle(c.at, c.out)
	}
	if s.Fold() != fold {
		return fmt.Errorf("fold %016x, want %016x", s.Fold(), fold)
	}
	var total uint64
	for _, o := range owners {
		var want, got []unspent
		var balance uint64
		for _, c := range coins {
			if c.out.Owner == o {
				want = append(want, c)
				balance += c.out.Amount
			}
		}
		total += balance
		for p, amount := range s.Unspent(o) {
			got = append(got, unspent{p, ledger.TxOut{Owner: o, Amount: amount}})
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(unspent{})); d != "" {
			return fmt.Errorf("unspent outputs of %v (-want +got):\n%s", o, d)
		}
		if s.Balance(o) != balance {
			return fmt.Errorf("balance of %v is %d, want %d", o, s.Balance(o), balance)
		}
	}
	if s.Total() != total || s.Minted() != total {
		return fmt.Errorf("%d unspent of %d minted, counted %d", s.Total(), s.Minted(), total)
	}
	for _, c := range coins {
		if out, v := s.Lookup(c.at); v != ledger.Accepted || out != c.out {
			return fmt.Errorf("output %v is %v, %v; want %v, accepted", c.at, out, v, c.out)
		}
		delete(ever, c.at)
	}
	for p := range ever {
		if _, v := s.Lookup(p); v != ledger.InputSpent {
			return fmt.Errorf("spent output %v is %v", p, v)
		}
	}
	return nil
}

// draft draws a transaction of right form: often one that can be accepted,
// otherwise one that fails in some way which depends on the state.
func draft(t *rapid.T, w *twin, owners []ledger.Owner, seq *uint64, past []*ledger.Tx) *ledger.Tx {
	coins, _, _ := w.replay()
	kind := rapid.SampledFrom([]string{
		"good", "good", "good", "good", "again", "resigned", "pair", "respend", "unknown", "index",
		"another's", "overspend", "underspend", "lie",
	}).Draw(t, "kind")
	if len(past) == 0 && (kind == "again" || kind == "resigned" || kind == "pair" || kind == "respend" || kind == "index") {
		kind = "good"
	}
	if kind == "again" || kind == "resigned" {
		x := clone(rapid.SampledFrom(past).Draw(t, "of"))
		if kind == "resigned" {
			x.Endorse(ledger.Endorsement{Owner: x.Witness, Signature: ledger.Signature{rapid.Byte().Draw(t, "signature")}})
		}
		return x
	}
	rich := rapid.SampledFrom(coins).Draw(t, "coin").out.Owner
	*seq++
	x := &ledger.Tx{Version: ledger.Version, Network: network, Sender: rich, Seq: *seq, Witness: ledger.Owner{0xff}}
	var worth uint64
	spend := func(c unspent) {
		x.Inputs = append(x.Inputs, ledger.Input{Outpoint: c.at, Claimed: c.out.Amount})
		worth += c.out.Amount
	}
	mine := slices.DeleteFunc(slices.Clone(coins), func(c unspent) bool { return c.out.Owner != rich })
	for _, c := range rapid.Permutation(mine).Draw(t, "inputs")[:rapid.IntRange(1, min(3, len(mine))).Draw(t, "n")] {
		spend(c)
	}
	worth = bend(t, kind, x, worth, owners, past)
	for n := rapid.IntRange(1, 3).Draw(t, "outputs"); n > 0 && worth > 0; n-- {
		amount := worth
		if n > 1 {
			amount = rapid.Uint64Range(1, worth).Draw(t, "amount")
		}
		x.Outputs = append(x.Outputs, ledger.TxOut{Owner: rapid.SampledFrom(owners).Draw(t, "to"), Amount: amount})
		worth -= amount
	}
	return x
}

// bend makes x odd in the way of kind. It returns what x claims to spend.
func bend(t *rapid.T, kind string, x *ledger.Tx, worth uint64, owners []ledger.Owner, past []*ledger.Tx) uint64 {
	switch kind {
	case "pair":
		y := rapid.SampledFrom(past).Draw(t, "of")
		x.Sender, x.Seq = y.Sender, y.Seq
	case "respend":
		y := rapid.SampledFrom(past).Draw(t, "of")
		x.Sender = y.Sender
		if in := y.Inputs[0]; !slices.ContainsFunc(x.Inputs, func(i ledger.Input) bool { return i.Outpoint == in.Outpoint }) {
			x.Inputs = append(x.Inputs, in)
			worth += in.Claimed
		}
	case "unknown":
		x.Inputs[0].Outpoint.TxID[3]++
	case "index":
		y := rapid.SampledFrom(past).Draw(t, "of")
		x.Inputs[0].Outpoint = ledger.Outpoint{TxID: y.TxID(), Index: uint32(rapid.IntRange(-40, 5).Draw(t, "index"))} // or far above all
	case "another's":
		x.Sender = rapid.SampledFrom(owners).Draw(t, "thief")
	case "overspend":
		x.Inputs[0].Claimed++
		worth++
	case "underspend":
		if x.Inputs[0].Claimed > 1 {
			x.Inputs[0].Claimed--
			worth--
		}
	case "lie":
		if last := len(x.Inputs) - 1; x.Inputs[last].Claimed > 1 {
			x.Inputs[0].Claimed++
			x.Inputs[last].Claimed--
		}
	}
	return worth
}

func TestStateAgreesWithReplayOfTheLog(t *testing.T) {
	owners := []ledger.Owner{{1}, {2}, {3}, {4}} // the last has nothing at first
	reached := map[ledger.Verdict]int{}
	property := func(t *rapid.T) {
		var outs []ledger.TxOut
		for range rapid.IntRange(1, 6).Draw(t, "genesis") {
			outs = append(outs, ledger.TxOut{
				Owner:  rapid.SampledFrom(owners[:3]).Draw(t, "owner"),
				Amount: rapid.Uint64Range(1, 50).Draw(t, "amount"),
			})
		}
		g := ledger.NewGenesis(network, outs)
		s, w := ledger.NewState(g), &twin{genesis: g.TxID(), outs: outs}
		bystander := ledger.NewState(g) // shares the genesis, sees nothing
		var seq uint64
		var past, held []*ledger.Tx
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			x := draft(t, w, owners, &seq, past)
			if len(held) > 0 && rapid.Bool().Draw(t, "late") { // after others, perhaps its own children
				x, held[0] = held[0], x
			} else if rapid.IntRange(0, 9).Draw(t, "hold") == 0 {
				held = append(held, x)
				continue
			}
			want := x.Check(network)
			if want == ledger.Accepted {
				want = w.judge(x)
			}
			before := s.LogHash()
			if got := s.Judge(x); got != want || s.LogHash() != before {
				t.Fatalf("%+v is judged %v, want %v", x, got, want)
			}
			s.Apply(x, want)
			w.log = append(w.log, entry{x, want})
			past = append(past, x)
			reached[want]++
			if err := w.compare(s, owners); err != nil {
				t.Fatalf("after %+v, %v: %v", x, want, err)
			}
		}
		if err := (&twin{genesis: g.TxID(), outs: outs}).compare(bystander, owners); err != nil {
			t.Fatalf("another state of the same genesis changed: %v", err)
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 100, property)
	for v := ledger.DuplicateTx; int(v) < ledger.NumVerdicts; v++ {
		if reached[v] == 0 {
			t.Errorf("never reached %v: %v", v, reached)
		}
	}
}

func TestAChildBeforeItsParentIsRefusedAndMayComeAgain(t *testing.T) {
	w := newWorld()
	parent := w.signed(w.transfer(nil))
	child := w.signed(w.transfer(func(x *ledger.Tx) {
		x.Sender = w.owner(bob)
		x.Inputs = []ledger.Input{{Outpoint: ledger.Outpoint{TxID: parent.TxID()}, Claimed: 70}}
		x.Outputs = []ledger.TxOut{{Owner: w.owner(carol), Amount: 70}}
	}))
	for i, c := range []struct {
		tx   *ledger.Tx
		want ledger.Verdict
	}{
		{child, ledger.UnknownInput}, {parent, ledger.Accepted}, {child, ledger.Accepted}, {child, ledger.DuplicateTx},
	} {
		if got := w.order(c.tx); got != c.want {
			t.Fatalf("delivery %d: %v, want %v", i, got, c.want)
		}
	}
	if got := w.state.Balance(w.owner(carol)); got != 70 {
		t.Errorf("carol has %d, want 70", got)
	}
}

// Of two spends of one output that all concerned endorsed, the order decides,
// equally on all nodes of that order, and a node of the other order shows.
func TestOfTwoSpendsTheFirstOrderedWins(t *testing.T) {
	w := newWorld()
	spends := []*ledger.Tx{
		w.signed(w.transfer(nil)),
		w.signed(w.transfer(func(x *ledger.Tx) {
			x.Seq, x.Witness = 2, w.owner(will)
			x.Outputs = []ledger.TxOut{{Owner: w.owner(carol), Amount: 100}}
		})),
	}
	deliver := func(order ...int) *ledger.State {
		w.state = ledger.NewState(w.genesis)
		for i, at := range order {
			want := []ledger.Verdict{ledger.Accepted, ledger.InputSpent}[i]
			if got := w.order(spends[at]); got != want {
				t.Errorf("order %v: delivery %d is %v, want %v", order, i, got, want)
			}
		}
		return w.state
	}
	a, b, c := deliver(0, 1), deliver(0, 1), deliver(1, 0)
	if a.LogHash() != b.LogHash() || a.ListHash() != b.ListHash() {
		t.Error("one order has two hashes")
	}
	if a.LogHash() == c.LogHash() || a.ListHash() == c.ListHash() {
		t.Error("two orders have one hash")
	}
}

func TestLogHashCommitsToVerdicts(t *testing.T) {
	a, b := ledger.NewState(newGenesis()), ledger.NewState(newGenesis())
	a.Refuse(ledger.ID{1}, ledger.InputSpent)
	b.Refuse(ledger.ID{1}, ledger.UnknownInput)
	if a.LogHash() == b.LogHash() {
		t.Error("two verdicts have one hash")
	}
	if a.ListHash() != b.ListHash() || a.ListLen() != 0 || a.LogLen() != 1 {
		t.Error("a refused transaction touches the list")
	}
}

func TestRefusingLogsWhatApplyDoes(t *testing.T) {
	w := newWorld()
	x := w.transfer(nil)
	a, b := ledger.NewState(w.genesis), ledger.NewState(w.genesis)
	a.Apply(x, ledger.MissingEndorsement)
	b.Refuse(x.WTxID(), ledger.MissingEndorsement)
	if a.LogHash() != b.LogHash() {
		t.Error("two hashes")
	}
}

func TestApplyingAgainstTheRulesPanicsAndChangesNothing(t *testing.T) {
	w := newWorld()
	w.order(w.signed(w.transfer(nil)))
	before, length := w.state.LogHash(), w.state.LogLen()
	panics(t, "a double spend applied as accepted", func() {
		w.state.Apply(w.transfer(func(x *ledger.Tx) { x.Seq = 2 }), ledger.Accepted)
	})
	panics(t, "a transaction without verdict", func() { w.state.Apply(w.transfer(nil), ledger.Unjudged) })
	if w.state.LogHash() != before || w.state.LogLen() != length || w.state.Total() != w.state.Minted() {
		t.Error("something changed")
	}
}

func TestGenesisMistakesPanic(t *testing.T) {
	one := []ledger.TxOut{{Amount: 1}}
	panics(t, "no name", func() { ledger.NewGenesis("", one) })
	panics(t, "a long name", func() { ledger.NewGenesis(string(make([]byte, 33)), one) })
	panics(t, "no output", func() { ledger.NewGenesis(network, nil) })
	panics(t, "an output of 0", func() { ledger.NewGenesis(network, []ledger.TxOut{{}}) })
	panics(t, "too much money", func() {
		ledger.NewGenesis(network, []ledger.TxOut{{Amount: ledger.MaxAmount}, {Amount: 1}})
	})
}

func TestGenesisIDsDiffer(t *testing.T) {
	a, b := newGenesis(), ledger.NewGenesis("other", []ledger.TxOut{{Amount: 1}})
	c := ledger.NewGenesis(network, []ledger.TxOut{{Amount: 2}})
	if a.TxID() == b.TxID() || a.TxID() == c.TxID() {
		t.Error("two geneses have one id")
	}
	if a.TxID() != newGenesis().TxID() || a.Network() != network || a.Minted() != 1 {
		t.Error("a genesis is not a function of name and outputs")
	}
}

// Many enough for the sort not to be an insertion sort.
func TestGenesisOutputsComeInTheirOrder(t *testing.T) {
	owners := []ledger.Owner{{3}, {1}, {2}}
	var outs []ledger.TxOut
	for i := range 300 {
		outs = append(outs, ledger.TxOut{Owner: owners[i%3], Amount: uint64(i + 1)})
	}
	g := ledger.NewGenesis(network, outs)
	w := &twin{genesis: g.TxID(), outs: slices.Clone(outs)}
	clear(outs) // NewGenesis copied them
	if err := w.compare(ledger.NewState(g), owners); err != nil {
		t.Error(err)
	}
}

func TestUnspentStopsWhenTold(t *testing.T) {
	w := newWorld()
	w.order(w.signed(w.transfer(nil))) // alice keeps 50 of the genesis and 30 of this
	for take := range 3 {
		n := 0
		for range w.state.Unspent(w.owner(alice)) {
			if n++; n > take {
				break
			}
		}
		if want := min(take+1, 2); n != want {
			t.Errorf("took %d, want %d", n, want)
		}
	}
}

func TestJudgeAllocatesNothing(t *testing.T) {
	w := newWorld()
	x := w.signed(w.transfer(nil))
	if n := testing.AllocsPerRun(100, func() { w.state.Judge(x) }); n != 0 {
		t.Errorf("allocates %v times", n)
	}
}
