package scenarios

import (
	"fmt"
	"math"
	"slices"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"

	"github.com/anishathalye/porcupine"
)

// dealings is the history of a ledger as an object that is asked for transactions,
// in virtual time. It is an observer, to be shown an event after ledgers is.
//
// What is judged is the log as the first node puts it out: each place of it is read
// then, by that node. An errand is what somebody asked for. It begins with the input
// that asks, and ends when the asker says how: the client by its answer, a liar by
// its own entry of what it said. One that does not end has happened or has not.
//
// Since the places are read, an order of all operations is one in which errands fill
// place after place: so the state is how many are filled, the search is short, and
// there is nothing to gain by parts. (By coins, say; it would also lose something:
// what one party was told before another asked binds across all coins.)
type dealings struct {
	l       *ledgers
	errands []*errand
	asked   map[uint64]*errand    // of the client, by transfer
	said    map[ledger.ID]*errand // of liars, by wtxid, or by txid if it is to be endorsed yet
	places  []*logPlace
	good    outpoints
}

// errand is one transaction that somebody asked for.
type errand struct {
	who  protocol.NodeID
	from protocol.Time

	// What: a client tells what it wants, a liar the very transaction.
	sender ledger.Owner
	peer.Request
	tx, wtx ledger.ID // wtx is zero if endorsements are to come
	flawed  bool      // as it is, no ledger may take it: its endorsements are no good

	done     bool
	to       protocol.Time
	accepted bool
}

// String gives the errand in words.
func (e *errand) String() string {
	what := fmt.Sprintf("node %v's transaction %s", e.who, e.tx.String()[:8])
	if e.tx == (ledger.ID{}) {
		what = fmt.Sprintf("transfer %d, of %d", e.Transfer, e.Amount)
	}
	switch {
	case !e.done:
		return fmt.Sprintf("%s, asked for at %v", what, e.from)
	case e.accepted:
		return fmt.Sprintf("%s, asked for at %v and accepted at %v", what, e.from, e.to)
	}
	return fmt.Sprintf("%s, asked for at %v and refused at %v", what, e.from, e.to)
}

// logPlace is a place of the log.
type logPlace struct {
	index    int
	at       protocol.Time // when a node first put it out
	tx       *ledger.Tx    // nil: nothing that can be decoded
	id, wtx  ledger.ID
	accepted bool
	good     bool // accepted and it could be, or refused and it had to be, by coins and pairs alone
	again    bool // refused, and the transaction had a place before, or is unsigned: nobody need have asked
	unsigned bool // a liar's, refused for its signatures
}

func newDealings(w *world, l *ledgers) *dealings {
	return &dealings{l: l, asked: make(map[uint64]*errand), said: make(map[ledger.ID]*errand), good: newOutpoints(w)}
}

// ask takes note that the client is to be asked for t.
func (d *dealings) ask(at protocol.Time, client protocol.NodeID, t transfer) {
	e := &errand{who: client, from: at, sender: d.l.w.owners[t.sender], Request: t.Request}
	d.errands = append(d.errands, e)
	d.asked[t.Transfer] = e
}

// say takes note that a liar is to say tx, for the first time if it is said again;
// flawed tells that nobody may believe it.
func (d *dealings) say(at protocol.Time, liar protocol.NodeID, tx *ledger.Tx, flawed bool) {
	e := &errand{who: liar, from: at, tx: tx.TxID(), wtx: tx.WTxID(), flawed: flawed}
	if d.said[e.wtx] == nil {
		d.said[e.wtx] = e
		d.errands = append(d.errands, e)
	}
}

// spend takes note that a liar is to have tx endorsed, and said.
func (d *dealings) spend(at protocol.Time, liar protocol.NodeID, tx *ledger.Tx) {
	e := &errand{who: liar, from: at, tx: tx.TxID()}
	d.said[e.tx] = e
	d.errands = append(d.errands, e)
}

// Watch gives what makes the history.
func (d *dealings) Watch() sim.What { return sim.Output }

// Observe enters what a node or the client put out.
func (d *dealings) Observe(e *sim.Event) {
	switch {
	case d.l.entered:
		d.entered(e, &d.l.entry)
	case e.Kind == peer.KindAnswered:
		if a, ok := peer.DecodeAnswer(e.Body); ok && d.asked[a.Transfer] != nil {
			d.asked[a.Transfer].end(e.At, a.Outcome == peer.Accepted)
		}
	}
}

func (e *errand) end(at protocol.Time, accepted bool) {
	if !e.done {
		e.done, e.to, e.accepted = true, at, accepted
	}
}

// entered takes an entry: it may fill the next place, and end an errand of the node.
func (d *dealings) entered(e *sim.Event, x *peer.Entry) {
	if x.Index > uint64(len(d.places)) {
		return // a gap: order's business
	}
	if x.Index == uint64(len(d.places)) {
		d.fill(e, x)
	}
	p := d.places[x.Index]
	if p.unsigned {
		return // it ends nothing: with its signatures the transaction may have another place
	}
	for _, id := range []ledger.ID{p.wtx, p.id} {
		if s := d.said[id]; s != nil && s.who == e.Node && p.wtx == x.WTxID {
			s.end(e.At, x.Verdict == ledger.Accepted)
		}
	}
}

func (d *dealings) fill(e *sim.Event, x *peer.Entry) {
	p := &logPlace{index: len(d.places), at: e.At, wtx: x.WTxID, id: x.WTxID, accepted: x.Verdict == ledger.Accepted}
	d.places = append(d.places, p)
	p.good = !p.accepted
	if body, ok := d.l.w.nodes[e.Node].Body(x.WTxID); ok {
		if tx, v := ledger.Decode(body); v == ledger.Accepted {
			p.tx, p.id = tx, tx.TxID()
			p.good, p.again = d.good.enter(p)
			p.unsigned = d.unsigned(tx, x.Verdict)
			p.again = p.again || p.unsigned
		}
	}
}

// unsigned reports whether a place is refused for its signatures, and of a liar's: who
// takes part in what a liar commits broadcasts it for him without all of them, if he
// gives him none. Nobody asked for that.
func (d *dealings) unsigned(tx *ledger.Tx, v ledger.Verdict) bool {
	liar := slices.ContainsFunc(d.l.w.liars, func(id protocol.NodeID) bool { return d.l.w.owners[id] == tx.Sender })
	return liar && v >= ledger.EndorsementsUnsorted && v <= ledger.WrongKey
}

// isFor reports whether the place is what the errand asked for.
func (p *logPlace) isFor(e *errand) bool {
	switch {
	case e.wtx != (ledger.ID{}):
		return p.wtx == e.wtx
	case e.tx != (ledger.ID{}):
		return p.id == e.tx
	}
	return p.tx != nil && p.tx.Sender == e.sender && p.tx.Witness == e.Witness && pays(p.tx, e.Receiver, e.Amount)
}

// pays reports whether tx gives the receiver that amount, and all the rest back.
func pays(tx *ledger.Tx, receiver ledger.Owner, amount uint64) bool {
	sum := uint64(0)
	for i := range tx.Outputs {
		switch tx.Outputs[i].Owner {
		case receiver:
			sum += tx.Outputs[i].Amount
		case tx.Sender:
		default:
			return false
		}
	}
	return sum == amount
}

// fits reports whether the errand can have this place: it went as the ledger must
// have it, and as its asker was told, not before anybody had it in his log.
func (p *logPlace) fits(e *errand) bool {
	switch {
	case !p.good && (p.accepted || !e.flawed):
		return false
	case p.accepted && e.flawed:
		return false
	}
	return !e.done || e.accepted == p.accepted && p.at <= e.to
}

// dealt is what there is of places and errands: all, or up to some time.
type dealt struct {
	places  []*logPlace
	errands []*errand
}

// log is the model: a log whose places errands fill, one after the other. The state is
// the number of the next place. To read a place takes that it is filled.
func (h *dealt) log() porcupine.Model {
	filled := h.assign()
	return porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, _ any) (bool, any) {
			n := state.(int)
			if p, read := input.(*logPlace); read {
				return n > p.index, n
			}
			e := input.(*errand)
			for ; n < len(h.places); n++ {
				if filled[e] == h.places[n] {
					return true, n + 1
				}
				if !h.places[n].again {
					return false, n
				}
			}
			return !e.done, n // after all that was done comes what was not
		},
	}
}

// assign tells which errand fills which place. Most places are for one errand alone.
// Of errands that are alike any could be it, and the judge, who would try them all,
// would never end: so the one goes first that was told first, of those that had been
// asked for when the place was read. If that leaves one without a place, or a place
// without one, so does every other way.
func (h *dealt) assign() map[*errand]*logPlace {
	filled := make(map[*errand]*logPlace, len(h.places))
	for _, p := range h.places {
		var first *errand
		for _, e := range h.errands {
			if p.isFor(e) && p.fits(e) && e.from <= p.at && filled[e] == nil && (e.done || !p.again) &&
				(first == nil || e.done && (!first.done || e.to < first.to)) {
				first = e
			}
		}
		if first != nil {
			filled[first] = p
		}
	}
	return filled
}

// operations gives the history as the judge wants it. See kvhistory.go for those that
// have not ended.
func (h *dealt) operations() []porcupine.Operation {
	out := make([]porcupine.Operation, 0, len(h.errands)+len(h.places))
	for _, e := range h.errands {
		o := porcupine.Operation{Input: e, Call: int64(e.from), Return: math.MaxInt64}
		if e.done {
			o.Return = int64(e.to)
		}
		out = append(out, o)
	}
	for _, p := range h.places {
		if !p.again {
			out = append(out, porcupine.Operation{Input: p, Call: int64(p.at), Return: int64(p.at)})
		}
	}
	return out
}

func (h *dealt) linearizable() bool { return porcupine.CheckOperations(h.log(), h.operations()) }

// until gives the history up to that time.
func (h *dealt) until(at protocol.Time) *dealt {
	cut := new(dealt)
	for _, p := range h.places {
		if p.at <= at {
			cut.places = append(cut.places, p)
		}
	}
	for _, e := range h.errands {
		if e.from > at {
			continue
		}
		if e.done && e.to > at {
			open := *e
			open.done, open.accepted = false, false
			e = &open
		}
		cut.errands = append(cut.errands, e)
	}
	return cut
}

// wrong tells what a history that is not linearizable shows first: each part of a
// linearizable history up to some time is linearizable too.
func (h *dealt) wrong() error {
	words := make(map[protocol.Time]string)
	for _, p := range h.places {
		verdict := "refused"
		if p.accepted {
			verdict = "accepted"
		}
		words[p.at] = fmt.Sprintf("place %d of the log, %s %s at %v", p.index, p.wtx.String()[:8], verdict, p.at)
	}
	for _, e := range h.errands {
		if e.done {
			words[e.to] = e.String()
		}
	}
	times := protocol.SortedKeys(words)
	i, _ := slices.BinarySearchFunc(times, false, func(at protocol.Time, _ bool) int {
		if h.until(at).linearizable() {
			return -1
		}
		return 0
	})
	return fmt.Errorf("no order of %d errands explains %s", len(h.until(times[i]).errands), words[times[i]])
}

// mostDealings bounds the transfers of a run that is judged: what it costs grows with
// the square of those under way at once.
const mostDealings = 2000

// linearizable demands that there is an order of all errands and readings which
// explains what was told and read, and in which none comes before one that had ended
// when it began. It judges once, in the end: a history that is linearizable was so all
// the time. See history for why a judge that runs goroutines may.
func (d *dealings) linearizable() *check.Check {
	name := "what clients are told of the ledger is linearizable"
	if len(d.l.wishes) > mostDealings {
		return check.Skip(name, fmt.Sprintf("there are more than %d transfers", mostDealings))
	}
	return check.Finally(name, func() (uint64, error) {
		h := &dealt{d.places, d.errands}
		ended := uint64(0)
		for _, e := range h.errands {
			if e.done {
				ended++
			}
		}
		if h.linearizable() {
			return ended, nil
		}
		return ended, h.wrong()
	})
}

// outpoints is the ledger's rule by which errands are refused, once more: a
// transaction spends outputs that are there, its sender's and worth what it makes of
// them, and is no other one's double. It is another one than audit's, which does not
// judge what is refused.
type outpoints struct {
	w     *world
	made  map[ledger.Outpoint]ledger.TxOut // those of the genesis are not entered
	spent map[ledger.Outpoint]bool
	pairs map[pair]bool
	known map[ledger.ID]bool // had a place
}

type pair struct {
	sender ledger.Owner
	seq    uint64
}

func newOutpoints(w *world) outpoints {
	return outpoints{w: w, made: make(map[ledger.Outpoint]ledger.TxOut), spent: make(map[ledger.Outpoint]bool),
		pairs: make(map[pair]bool), known: make(map[ledger.ID]bool)}
}

func (o *outpoints) find(p ledger.Outpoint) (out ledger.TxOut, ok bool) {
	if p.TxID == o.w.genesis.TxID() && uint64(p.Index) < uint64(coins*len(o.w.owners)) {
		return ledger.TxOut{Owner: o.w.owners[p.Index/coins], Amount: coinWorth}, true
	}
	out, ok = o.made[p]
	return out, ok
}

// free reports whether tx may be accepted now.
func (o *outpoints) free(tx *ledger.Tx) bool {
	in, out := uint64(0), uint64(0)
	for i := range tx.Inputs {
		p := tx.Inputs[i].Outpoint
		was, ok := o.find(p)
		if !ok || o.spent[p] || was.Owner != tx.Sender || was.Amount != tx.Inputs[i].Claimed {
			return false
		}
		in += was.Amount
	}
	for i := range tx.Outputs {
		out += tx.Outputs[i].Amount
	}
	return in == out && !o.pairs[pair{tx.Sender, tx.Seq}]
}

// enter judges a place, and enters what it does.
func (o *outpoints) enter(p *logPlace) (good, again bool) {
	good = o.free(p.tx) == p.accepted
	again = !p.accepted && o.known[p.id]
	o.known[p.id] = true
	if !p.accepted {
		return good, again
	}
	o.pairs[pair{p.tx.Sender, p.tx.Seq}] = true
	for i := range p.tx.Inputs {
		o.spent[p.tx.Inputs[i].Outpoint] = true
	}
	for i := range p.tx.Outputs {
		o.made[ledger.Outpoint{TxID: p.id, Index: uint32(i)}] = p.tx.Outputs[i]
	}
	return good, again
}
