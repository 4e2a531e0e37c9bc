package judge

import (
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/sim/check/linear"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

// dealer makes histories of a ledger by hand. Its nodes 0 to 3 have coins 0 to 7.
type dealer struct {
	net  *Network
	seq  uint64
	good outpoints
	prefix
}

const (
	coins     = 8
	coinWorth = 1_000_000_000
)

func newDealer() *dealer {
	n := new(Network)
	for i := range byte(4) {
		key := ledger.NewKey([32]byte{i})
		n.Owners = append(n.Owners, key.Owner())
		n.Minted = append(n.Minted, slices.Repeat([]ledger.TxOut{{Owner: key.Owner(), Amount: coinWorth}}, coins)...)
	}
	n.Genesis = ledger.NewGenesis("dessim", n.Minted)
	return &dealer{net: n, good: newOutpoints(n)}
}

// coin names a coin with which a node begins.
func (d *dealer) coin(of, i uint32) ledger.Outpoint {
	return ledger.Outpoint{TxID: d.net.Genesis.TxID(), Index: of*coins + i}
}

// pay returns node 3's next transaction, on its coin: three fifths go to node 0, with
// node 1 as the witness.
func (d *dealer) pay(coin uint32) *ledger.Tx {
	d.seq++
	const part = coinWorth / 5 * 3
	return &ledger.Tx{
		Version: ledger.Version, Network: d.net.Genesis.Network(), Sender: d.net.Owners[3], Seq: d.seq,
		Inputs:  []ledger.Input{{Outpoint: d.coin(3, coin), Claimed: coinWorth}},
		Outputs: []ledger.TxOut{{Owner: d.net.Owners[0], Amount: part}, {Owner: d.net.Owners[3], Amount: coinWorth - part}},
		Witness: d.net.Owners[1],
	}
}

// log fills the next place.
func (d *dealer) log(at protocol.Time, tx *ledger.Tx, accepted bool) {
	p := &logPlace{index: len(d.places), at: at, tx: tx, id: tx.TxID(), wtx: tx.WTxID(), accepted: accepted}
	p.good, p.again = d.good.enter(p)
	d.places = append(d.places, p)
}

func (d *dealer) request(e *request) *request {
	d.requests = append(d.requests, e)
	return e
}

// ask asks for what pay gives, as a client does.
func (d *dealer) ask(from protocol.Time) *request {
	return d.request(&request{from: from, sender: d.net.Owners[3],
		Request: peer.Request{Receiver: d.net.Owners[0], Witness: d.net.Owners[1], Amount: coinWorth / 5 * 3}})
}

// say says tx, as a liar does.
func (d *dealer) say(from protocol.Time, tx *ledger.Tx) *request {
	return d.request(&request{from: from, tx: tx.TxID(), wtx: tx.WTxID()})
}

const accepted, refused = true, false

func TestTheJudgeOfALedgerKnowsWhatIsLinearizable(t *testing.T) {
	for name, c := range map[string]struct {
		deal func(d *dealer)
		want bool
	}{
		"asked for, placed and told":   {func(d *dealer) { d.ask(1).end(3, accepted); d.log(2, d.pay(0), accepted) }, true},
		"told before it is in any log": {func(d *dealer) { d.ask(1).end(2, accepted); d.log(3, d.pay(0), accepted) }, false},
		"told and never in any log":    {func(d *dealer) { d.ask(1).end(2, accepted) }, false},
		"told refused, but accepted":   {func(d *dealer) { d.ask(1).end(3, refused); d.log(2, d.pay(0), accepted) }, false},
		"told accepted, but refused": {func(d *dealer) {
			a, b := d.pay(0), d.pay(0)
			d.say(1, a).end(9, accepted)
			d.say(1, b).end(9, accepted)
			d.log(2, a, accepted)
			d.log(3, b, refused)
		}, false},
		"refused without a reason": {func(d *dealer) { d.ask(1).end(3, refused); d.log(2, d.pay(0), refused) }, false},
		"spent twice, one refused": {func(d *dealer) {
			a, b := d.pay(0), d.pay(0)
			d.say(1, a).end(9, refused)
			d.say(1, b).end(9, accepted)
			d.log(2, b, accepted)
			d.log(3, a, refused)
		}, true},
		"spent twice, the first refused": {func(d *dealer) {
			a, b := d.pay(0), d.pay(0)
			d.say(1, a).end(9, refused)
			d.say(1, b).end(9, accepted)
			d.log(2, a, refused)
			d.log(3, b, accepted)
		}, false},
		"spent twice, both accepted": {func(d *dealer) {
			a, b := d.pay(0), d.pay(0)
			d.say(1, a).end(9, accepted)
			d.say(1, b)
			d.log(2, a, accepted)
			d.log(3, b, accepted)
		}, false},
		"asked for after another was told, but placed before": {func(d *dealer) {
			a, b := d.pay(0), d.pay(1)
			d.say(1, a).end(4, accepted)
			d.say(5, b).end(9, accepted)
			d.log(2, b, accepted)
			d.log(3, a, accepted)
		}, false},
		"asked for while another was under way, and placed before": {func(d *dealer) {
			a, b := d.pay(0), d.pay(1)
			d.say(1, a).end(8, accepted)
			d.say(2, b).end(9, accepted)
			d.log(6, b, accepted)
			d.log(7, a, accepted)
		}, true},
		"in a log before anybody asked": {func(d *dealer) { d.log(1, d.pay(0), accepted); d.ask(2).end(3, accepted) }, false},
		"in a log though nobody asked":  {func(d *dealer) { d.log(1, d.pay(0), accepted) }, false},
		"done twice for one request":    {func(d *dealer) { d.log(2, d.pay(0), accepted); d.log(3, d.pay(1), accepted); d.ask(1).end(9, accepted) }, false},
		"done for two requests that are alike": {func(d *dealer) {
			d.ask(1)
			d.ask(1).end(9, accepted)
			d.ask(5)
			d.log(2, d.pay(0), accepted)
			d.log(6, d.pay(1), accepted)
		}, true},
		"placed twice, and refused then": {func(d *dealer) {
			tx := d.pay(0)
			d.ask(1).end(9, accepted)
			d.log(2, tx, accepted)
			d.log(3, tx, refused)
		}, true},
		"never told, and placed":     {func(d *dealer) { d.ask(1); d.log(2, d.pay(0), accepted) }, true},
		"never told, and not placed": {func(d *dealer) { d.ask(1); d.say(2, d.pay(0)) }, true},
		"for another receiver": {func(d *dealer) {
			d.ask(1)
			tx := d.pay(0)
			tx.Outputs[0].Owner = d.net.Owners[2]
			d.log(2, tx, accepted)
		}, false},
		"less than was asked for": {func(d *dealer) {
			d.ask(1)
			tx := d.pay(0)
			tx.Outputs[0].Amount--
			tx.Outputs[1].Amount++
			d.log(2, tx, accepted)
		}, false},
		"value out of nothing": {func(d *dealer) {
			tx := d.pay(0)
			tx.Outputs[1].Amount++
			d.ask(1)
			d.log(2, tx, accepted)
		}, false},
		"a coin that is another's": {func(d *dealer) {
			tx := d.pay(0)
			tx.Inputs[0].Outpoint = d.coin(2, 0)
			d.ask(1)
			d.log(2, tx, accepted)
		}, false},
		"a coin from a transaction": {func(d *dealer) {
			a, b := d.pay(0), d.pay(1)
			b.Inputs[0] = ledger.Input{Outpoint: ledger.Outpoint{TxID: a.TxID(), Index: 1}, Claimed: a.Outputs[1].Amount}
			b.Outputs = []ledger.TxOut{{Owner: d.net.Owners[0], Amount: a.Outputs[1].Amount}}
			d.say(1, a)
			d.say(1, b)
			d.log(2, a, accepted)
			d.log(3, b, accepted)
		}, true},
		"one pair for two": {func(d *dealer) {
			a, b := d.pay(0), d.pay(1)
			b.Seq = a.Seq
			d.say(1, a)
			d.say(1, b)
			d.log(2, a, accepted)
			d.log(3, b, accepted)
		}, false},
		"flawed and refused":  {func(d *dealer) { tx := d.pay(0); d.say(1, tx).flawed = true; d.log(2, tx, refused) }, true},
		"flawed and accepted": {func(d *dealer) { tx := d.pay(0); d.say(1, tx).flawed = true; d.log(2, tx, accepted) }, false},
	} {
		d := newDealer()
		c.deal(d)
		if got := d.judge() == linear.Linearizable; got != c.want {
			t.Errorf("%s: linearizable is %v, want %v", name, got, c.want)
		}
		if want := c.want; want != d.explained() {
			t.Errorf("%s: by trying all orders it is %v, want %v", name, !want, want)
		}
	}
}

// explained tries to have each request fill each place, and then asks whether the
// moments at which they do can follow each other: the judge's slow twin.
func (h *prefix) explained() bool { return h.explain(0, make([]*request, len(h.places)), nil) }

func (h *prefix) explain(n int, by, used []*request) bool {
	if n == len(h.places) {
		for _, e := range h.requests {
			if e.done && !slices.Contains(used, e) {
				return false
			}
		}
		return h.inTime(by)
	}
	p := h.places[n]
	if by[n] = nil; p.again && h.explain(n+1, by, used) {
		return true
	}
	for _, e := range h.requests {
		told := !e.done || e.accepted == p.accepted && e.to >= p.at
		right := p.accepted && p.good && !e.flawed || !p.accepted && (p.good || e.flawed)
		if by[n] = e; !slices.Contains(used, e) && p.isFor(e) && told && right && h.explain(n+1, by, append(used[:len(used):len(used)], e)) {
			return true
		}
	}
	return false
}

// inTime reports whether requests can fill their places one after the other, each
// between its beginning and its end, and no later than the place is put out.
func (h *prefix) inTime(by []*request) bool {
	earliest := protocol.Time(0)
	for n, p := range h.places {
		latest := p.at
		if e := by[n]; e != nil {
			earliest = max(earliest, e.from)
			if e.done {
				latest = min(latest, e.to)
			}
		}
		if earliest > latest && by[n] != nil {
			return false
		}
	}
	return true
}

// drawPrefix returns places of few transactions, and requests of which most are for one of
// the places and in time.
func drawPrefix(t *rapid.T) *prefix {
	h := new(prefix)
	small := rapid.IntRange(0, 5)
	chance := func(label string, oneIn int) bool { return rapid.IntRange(1, oneIn).Draw(t, label) == oneIn }
	said, flawed := chance("said", 2), chance("flawed", 4) // those of one transaction are alike
	at := protocol.Time(3)
	for i := range small.Draw(t, "places") {
		at += protocol.Time(small.Draw(t, "after"))
		p := &logPlace{index: i, at: at, accepted: !chance("refused", 3), good: !chance("wrong", 20)}
		p.id = ledger.ID{byte(1 + small.Draw(t, "of"))}
		p.wtx = p.id
		p.again = !p.accepted && slices.ContainsFunc(h.places, func(o *logPlace) bool { return o.id == p.id })
		h.places = append(h.places, p)
	}
	for _, p := range append(h.places[:len(h.places):len(h.places)], &logPlace{at: 9, id: ledger.ID{1}}) {
		if p.again == !chance("odd", 4) {
			continue // as a rule only what has its first place was asked for
		}
		e := &request{tx: p.id, from: max(0, p.at+1-protocol.Time(small.Draw(t, "since")))}
		if p.id[0] < 4 && said {
			e.wtx, e.flawed = p.id, p.id[0] == 3 && flawed
		}
		if !chance("never told", 4) {
			e.end(max(e.from, p.at-1+protocol.Time(2*small.Draw(t, "for"))), p.accepted != chance("told wrong", 20))
		}
		h.requests = append(h.requests, e)
	}
	return h
}

func TestTheJudgeOfALedgerAgreesWithTryingAllOrders(t *testing.T) {
	verdicts := make(map[bool]int)
	property := func(t *rapid.T) {
		for range 20 {
			h := drawPrefix(t)
			want := h.explained()
			verdicts[want]++
			if got := h.judge() == linear.Linearizable; got != want {
				t.Fatalf("linearizable is %v, by trying all orders %v: %v", got, want, h.requests)
			}
			if !want {
				if text := h.wrong().Error(); !strings.HasPrefix(text, "no order of ") {
					t.Fatal(text)
				}
			}
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 40, property)
	t.Log("verdicts", verdicts)
	if verdicts[true] == 0 || verdicts[false] == 0 {
		t.Errorf("verdicts %v: the test is vacuous", verdicts)
	}
}

// What is told of a wrong history is its first moment that cannot be explained.
func TestAHistoryIsRightUntilTheMomentThatIsTold(t *testing.T) {
	d := newDealer()
	a, b, c := d.pay(0), d.pay(1), d.pay(2)
	d.say(1, a).end(4, accepted)
	d.say(5, b).end(20, accepted)
	late := d.say(6, c)
	late.end(7, accepted)
	d.log(3, a, accepted)
	d.log(10, b, accepted)
	d.log(11, c, accepted)
	want := "no order of 3 requests explains node 0's transaction " + c.TxID().String()[:8] + ", asked for at 6ns and accepted at 7ns"
	if text := d.wrong().Error(); text != want {
		t.Errorf("%q, want %q", text, want)
	}
	if d.until(6).judge() != linear.Linearizable || d.until(7).judge() != linear.NotLinearizable {
		t.Error("before that it was wrong, or then it was right")
	}
}
