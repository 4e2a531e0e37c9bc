package judge

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

// LedgerHistory is the history of a ledger as an object that is asked for transactions,
// in virtual time. It is an observer, to be shown an event after Ledgers is.
//
// What is judged is the log as the first node puts it out: each place of it is read
// then, by that node. A request begins with the input that asks for a transaction, and
// ends when the asker puts out how: the client with its answer, a liar with its own
// entry of what it broadcast. One that does not end may have happened or not.
//
// Since the places are read, an order of all operations is one in which requests fill
// place after place: so the state is how many are filled, the search is short, and
// there is nothing to gain by parts. (By coins, say; it would also lose something:
// what one party learnt before another asked binds across all coins.)
type LedgerHistory struct {
	net      *Network
	l        *Ledgers
	requests []*request
	asked    map[uint64]*request    // of the client, by transfer
	said     map[ledger.ID]*request // of liars, by wtxid, or by txid if it is yet to be endorsed
	places   []*logPlace
	good     outpoints
}

// request is one transaction that a client or a liar asks for.
type request struct {
	who  protocol.NodeID
	from protocol.Time

	// A client asks for a transfer, a liar for the very transaction.
	sender ledger.Owner
	peer.Request
	tx, wtx ledger.ID // wtx is zero if endorsements are to come
	flawed  bool      // as it is, no ledger may take it: its endorsements are no good

	done     bool
	to       protocol.Time
	accepted bool
}

func (e *request) String() string {
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
	again    bool // refused, and the transaction had a place before, or is unsigned: no request need ask for it
	unsigned bool // a liar's, refused for its signatures
}

// NewLedgerHistory follows the history of the ledgers that l judges.
func NewLedgerHistory(l *Ledgers) *LedgerHistory {
	return &LedgerHistory{net: l.net, l: l, asked: make(map[uint64]*request), said: make(map[ledger.ID]*request), good: newOutpoints(l.net)}
}

// Ask takes note that the client is asked for a transfer of a sender.
func (d *LedgerHistory) Ask(at protocol.Time, client, sender protocol.NodeID, r peer.Request) {
	e := &request{who: client, from: at, sender: d.net.Owners[sender], Request: r}
	d.requests = append(d.requests, e)
	d.asked[r.Transfer] = e
}

// Say takes note that a liar is to broadcast tx; only the first time counts. A flawed tx
// is one that no ledger may accept.
func (d *LedgerHistory) Say(at protocol.Time, liar protocol.NodeID, tx *ledger.Tx, flawed bool) {
	e := &request{who: liar, from: at, tx: tx.TxID(), wtx: tx.WTxID(), flawed: flawed}
	if d.said[e.wtx] == nil {
		d.said[e.wtx] = e
		d.requests = append(d.requests, e)
	}
}

// Spend takes note that a liar is to have tx endorsed, and to broadcast it.
func (d *LedgerHistory) Spend(at protocol.Time, liar protocol.NodeID, tx *ledger.Tx) {
	e := &request{who: liar, from: at, tx: tx.TxID()}
	d.said[e.tx] = e
	d.requests = append(d.requests, e)
}

// Watch returns the events to be shown.
func (d *LedgerHistory) Watch() sim.What { return sim.Output }

// Observe enters what a node or the client put out.
func (d *LedgerHistory) Observe(e *sim.Event) {
	switch {
	case d.l.entered:
		d.entered(e, &d.l.entry)
	case e.Kind == peer.KindAnswered:
		if a, ok := peer.DecodeAnswer(e.Body); ok && d.asked[a.Transfer] != nil {
			d.asked[a.Transfer].end(e.At, a.Outcome == peer.Accepted)
		}
	}
}

func (e *request) end(at protocol.Time, accepted bool) {
	if !e.done {
		e.done, e.to, e.accepted = true, at, accepted
	}
}

// entered takes an entry: it may fill the next place, and end a request of the node.
func (d *LedgerHistory) entered(e *sim.Event, x *peer.Entry) {
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

func (d *LedgerHistory) fill(e *sim.Event, x *peer.Entry) {
	p := &logPlace{index: len(d.places), at: e.At, wtx: x.WTxID, id: x.WTxID, accepted: x.Verdict == ledger.Accepted}
	d.places = append(d.places, p)
	p.good = !p.accepted
	if body, ok := d.net.Nodes[e.Node].Body(x.WTxID); ok {
		if tx, v := ledger.Decode(body); v == ledger.Accepted {
			p.tx, p.id = tx, tx.TxID()
			p.good, p.again = d.good.enter(p)
			p.unsigned = d.unsigned(tx, x.Verdict)
			p.again = p.again || p.unsigned
		}
	}
}

// unsigned reports whether a place is a liar's and refused for its signatures: a
// participant of what a liar commits broadcasts it with signatures missing, if the liar
// sends it none. No request asks for that.
func (d *LedgerHistory) unsigned(tx *ledger.Tx, v ledger.Verdict) bool {
	liar := slices.ContainsFunc(d.net.Liars, func(id protocol.NodeID) bool { return d.net.Owners[id] == tx.Sender })
	return liar && v >= ledger.EndorsementsUnsorted && v <= ledger.WrongKey
}

// isFor reports whether the place is what the request asked for.
func (p *logPlace) isFor(e *request) bool {
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

// fits reports whether the request can have this place: it went as the ledger must
// have it, and as its asker learnt, not before any node had it in its log.
func (p *logPlace) fits(e *request) bool {
	switch {
	case !p.good && (p.accepted || !e.flawed):
		return false
	case p.accepted && e.flawed:
		return false
	}
	return !e.done || e.accepted == p.accepted && p.at <= e.to
}

// prefix is the places and requests up to some time, or all of them.
type prefix struct {
	places   []*logPlace
	requests []*request
}

// log is the model: a log whose places requests fill, one after the other. The state is
// the number of the next place. Only a filled place can be read.
func (h *prefix) log() porcupine.Model {
	filled := h.assign()
	return porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, _ any) (bool, any) {
			n := state.(int)
			if p, read := input.(*logPlace); read {
				return n > p.index, n
			}
			e := input.(*request)
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

// assign returns which request fills which place. Most places suit one request alone. Of
// equal requests any could be it, and a judge that tried them all would never end: so
// the one that ended first goes first, of those that had begun when the place was read.
// If that leaves a request without a place, or a place without a request, so does every
// other way.
func (h *prefix) assign() map[*request]*logPlace {
	filled := make(map[*request]*logPlace, len(h.places))
	for _, p := range h.places {
		var first *request
		for _, e := range h.requests {
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

// operations returns the history in porcupine's terms. See the store's for those that
// have not ended.
func (h *prefix) operations() []porcupine.Operation {
	out := make([]porcupine.Operation, 0, len(h.requests)+len(h.places))
	for _, e := range h.requests {
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

func (h *prefix) linearizable() bool { return porcupine.CheckOperations(h.log(), h.operations()) }

// until returns the history up to that time.
func (h *prefix) until(at protocol.Time) *prefix {
	cut := new(prefix)
	for _, p := range h.places {
		if p.at <= at {
			cut.places = append(cut.places, p)
		}
	}
	for _, e := range h.requests {
		if e.from > at {
			continue
		}
		if e.done && e.to > at {
			open := *e
			open.done, open.accepted = false, false
			e = &open
		}
		cut.requests = append(cut.requests, e)
	}
	return cut
}

// wrong returns what first shows that a history is not linearizable: each part of a
// linearizable history up to some time is linearizable too.
func (h *prefix) wrong() error {
	words := make(map[protocol.Time]string)
	for _, p := range h.places {
		verdict := "refused"
		if p.accepted {
			verdict = "accepted"
		}
		words[p.at] = fmt.Sprintf("place %d of the log, %s %s at %v", p.index, p.wtx.String()[:8], verdict, p.at)
	}
	for _, e := range h.requests {
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
	return fmt.Errorf("no order of %d requests explains %s", len(h.until(times[i]).requests), words[times[i]])
}

// mostTransfers bounds the transfers of a run that is judged: the cost grows with the
// square of those under way at once.
const mostTransfers = 2000

// Linearizable requires that there is an order of all requests and readings which
// explains all answers and readings, and in which none comes before one that had ended
// when it began. It judges once, in the end: a history that is linearizable was so all
// the time. Like the store's judge, it may run goroutines.
func (d *LedgerHistory) Linearizable() *check.Check {
	name := "client-visible ledger history is linearizable"
	if d.l.Asked() > mostTransfers {
		return check.Skip(name, fmt.Sprintf("there are more than %d transfers", mostTransfers))
	}
	return check.Finally(name, func() (uint64, error) {
		h := &prefix{d.places, d.requests}
		ended := uint64(0)
		for _, e := range h.requests {
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
