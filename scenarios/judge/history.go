package judge

import (
	"cmp"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/check/linear"
	"dessim/sim/wording"
)

// LedgerHistory is the history of a ledger, as an object on which clients and liars request
// transactions, in virtual time. It is an observer, and sees each event after Ledgers.
//
// It judges the log as the first node to output each place reads it. A request begins with
// the input that asks for a transaction, and ends with the output that tells the outcome:
// the client's answer, or a liar's own log entry of its broadcast. A request that does not
// end may have happened or not.
//
// Since the places are read, requests fill one place after the other in any order of all
// operations. So the state is the number of filled places, the search is short, and
// splitting the history, by coins for instance, would gain nothing. It would lose that what
// one party learnt before another asked binds across all coins.
type LedgerHistory struct {
	net      *Network
	l        *Ledgers
	requests []*request
	asked    map[uint64]*request    // the client's, by transfer
	said     map[ledger.ID]*request // liars', by wtxid, or by txid if it has no endorsements yet
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
	tx, wtx ledger.ID // wtx is zero if endorsements are still missing
	flawed  bool      // no ledger may accept it: its endorsements are invalid

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
	tx       *ledger.Tx    // nil if it cannot be decoded
	id, wtx  ledger.ID
	accepted bool
	good     bool // the verdict is right, by coins and pairs alone
	again    bool // refused, and a repetition or unsigned: it needs no request
	unsigned bool // a liar's, refused for its signatures
}

// NewLedgerHistory returns a judge of the history of l's ledgers.
func NewLedgerHistory(l *Ledgers) *LedgerHistory {
	return &LedgerHistory{net: l.net, l: l, asked: make(map[uint64]*request), said: make(map[ledger.ID]*request), good: newOutpoints(l.net)}
}

// Ask records that the client will ask for a transfer of a sender.
func (d *LedgerHistory) Ask(at protocol.Time, client, sender protocol.NodeID, r peer.Request) {
	e := &request{who: client, from: at, sender: d.net.Owners[sender], Request: r}
	d.requests = append(d.requests, e)
	d.asked[r.Transfer] = e
}

// Say records that a liar will broadcast tx; only the first time counts. A flawed tx is one
// that no ledger may accept.
func (d *LedgerHistory) Say(at protocol.Time, liar protocol.NodeID, tx *ledger.Tx, flawed bool) {
	e := &request{who: liar, from: at, tx: tx.TxID(), wtx: tx.WTxID(), flawed: flawed}
	if d.said[e.wtx] == nil {
		d.said[e.wtx] = e
		d.requests = append(d.requests, e)
	}
}

// Spend records that a liar will get tx endorsed and broadcast it.
func (d *LedgerHistory) Spend(at protocol.Time, liar protocol.NodeID, tx *ledger.Tx) {
	e := &request{who: liar, from: at, tx: tx.TxID()}
	d.said[e.tx] = e
	d.requests = append(d.requests, e)
}

// Watch returns the events that Observe needs.
func (d *LedgerHistory) Watch() sim.What { return sim.Output }

// Selects limits them to what it records.
func (d *LedgerHistory) Selects() []sim.Selection {
	return []sim.Selection{{Of: sim.Output, Kinds: []protocol.Kind{peer.KindEntry, peer.KindAnswered}}}
}

// Observe records the outputs of nodes and the client.
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

// entered records a log entry: it may fill the next place, and end a request of the node.
func (d *LedgerHistory) entered(e *sim.Event, x *peer.Entry) {
	if x.Index > uint64(len(d.places)) {
		return // a gap: the order check reports it
	}
	if x.Index == uint64(len(d.places)) {
		d.fill(e, x)
	}
	p := d.places[x.Index]
	if p.unsigned {
		return // no request ends: with its signatures the transaction may get another place
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

// unsigned reports whether a place is a liar's transaction, refused for its signatures. If
// a liar commits a transaction and sends a participant no signatures, the participant
// broadcasts it without them. No request asks for that.
func (d *LedgerHistory) unsigned(tx *ledger.Tx, v ledger.Verdict) bool {
	liar := slices.ContainsFunc(d.net.Liars, func(id protocol.NodeID) bool { return d.net.Owners[id] == tx.Sender })
	return liar && v >= ledger.EndorsementsUnsorted && v <= ledger.WrongKey
}

// isFor reports whether the place has the transaction that the request asked for.
func (p *logPlace) isFor(e *request) bool {
	switch {
	case e.wtx != (ledger.ID{}):
		return p.wtx == e.wtx
	case e.tx != (ledger.ID{}):
		return p.id == e.tx
	}
	return p.tx != nil && p.tx.Sender == e.sender && p.tx.Witness == e.Witness && pays(p.tx, e.Receiver, e.Amount)
}

// pays reports whether tx pays the receiver that amount, and the rest back to the sender.
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

// fits reports whether the request can have this place: the verdict is right, and is what
// the asker learnt, not before some node had the place in its log.
func (p *logPlace) fits(e *request) bool {
	switch {
	case !p.good && (p.accepted || !e.flawed):
		return false
	case p.accepted && e.flawed:
		return false
	}
	return !e.done || e.accepted == p.accepted && p.at <= e.to
}

// prefix is the places and requests up to some time, or all.
type prefix struct {
	places   []*logPlace
	requests []*request
}

// log is the model: a log whose places are filled by requests, one after the other. The
// state is the number of the next place. Only a filled place can be read. An operation is a
// *request or a *logPlace.
func (h *prefix) log() *linear.Model[int, any, bool] {
	filled := h.assign()
	return &linear.Model[int, any, bool]{Steps: 4 * mostTransfers * mostTransfers, Step: func(n int, o any, _ *bool) (int, bool) {
		if p, read := o.(*logPlace); read {
			return n, n > p.index
		}
		for ; n < len(h.places); n++ {
			if filled[o.(*request)] == h.places[n] {
				return n + 1, true
			}
			if !h.places[n].again {
				return n, false
			}
		}
		return n, false
	}}
}

// assign returns which request fills which place. Most places fit only one request. If
// several equal requests fit, trying all assignments would never end: so of those that had
// begun when the place was read, it takes the one that ended first. If that leaves a
// request without a place, or a place without a request, so does every other assignment.
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

// operations returns the requests and the readings of places.
func (h *prefix) operations() (all []*linear.Op[any, bool]) {
	for _, e := range h.requests {
		o := &linear.Op[any, bool]{Call: e.from, Input: e}
		if e.done {
			o.Return, o.Output = e.to, &e.accepted
		}
		all = append(all, o)
	}
	for _, p := range h.places {
		if !p.again {
			all = append(all, &linear.Op[any, bool]{Call: p.at, Return: p.at, Input: p, Output: &p.accepted})
		}
	}
	return all
}

func (h *prefix) judge() linear.Verdict { return h.log().Judge(h.operations()) }

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

// wrong returns the first operation that makes a history not linearizable: each prefix of a
// linearizable history is linearizable too.
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
		if h.until(at).judge() == linear.NotLinearizable {
			return 0
		}
		return -1
	})
	return h.until(times[i]).evidence(times[i]).With(
		fmt.Errorf("no order of %d requests explains %s", len(h.until(times[i]).requests), words[times[i]]))
}

// evidence returns the history as a report draws it. What happened at that time is wrong.
func (h *prefix) evidence(wrong protocol.Time) *check.Evidence {
	var all []check.Operation
	for _, e := range h.requests {
		o := check.Operation{Who: fmt.Sprintf("node %v", e.who), Text: e.String(), Call: e.from, Return: protocol.MaxTime}
		if e.done {
			o.Return, o.Wrong = e.to, e.to == wrong
		}
		all = append(all, o)
	}
	for _, p := range h.places {
		verdict := "refused"
		if p.accepted {
			verdict = "accepted"
		}
		all = append(all, check.Operation{Who: "the log", Text: fmt.Sprintf("place %d: %s %s", p.index, p.wtx.String()[:8], verdict), Call: p.at, Return: p.at, Wrong: p.at == wrong})
	}
	slices.SortStableFunc(all, func(a, b check.Operation) int { return cmp.Compare(a.Call, b.Call) })
	return &check.Evidence{History: all}
}

// mostTransfers bounds the transfers of a run that can be judged: the cost grows with the
// square of the number of concurrent ones.
const mostTransfers = 2000

// Linearizable requires an order of all requests and readings that explains all answers
// and readings, and in which no operation precedes one that had ended when it began. It
// judges once, at the end: each prefix of a linearizable history is linearizable.
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
		switch h.judge() {
		case linear.NotLinearizable:
			return ended, h.wrong()
		case linear.Undecided:
			return ended, check.Undecided(fmt.Sprintf("the search for an order of %s ended before it knew", wording.Count(len(h.requests), "request")))
		}
		return ended, nil
	})
}
