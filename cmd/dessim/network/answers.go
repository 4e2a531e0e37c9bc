package network

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dessim/cmd/dessim/cmdline"
	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/protocol/words"
)

func (n *node) status(p *peer.Node, l *life) *reply {
	network := n.genesis.hash(n.order)
	view, in := p.View()
	s := l.node.Stats()
	hash := p.Ledger().ListHash()
	facts := []fact{
		{"node", n.id.String()}, {"id", n.self().owner().String()}, {"network", fmt.Sprintf("%x", network[:8])}, {"order", n.order},
		{"incarnation", l.node.Incarnation()}, {"joined", p.Joined()}, {"view", view}, {"view_members", words.Ranges(in)},
	}
	if n.order == orderRaft {
		facts = append(facts, fact{"term", p.Term()})
	}
	dropped := uint64(0)
	for _, d := range n.drops(p, l) {
		dropped += d.count
	}
	return &reply{Facts: append(facts, []fact{
		{"accepted", p.Ledger().ListLen()}, {"ledger", hash.String()}, {"balance", p.Ledger().Balance(n.self().owner())},
		{"undecided", p.Undecided()}, {"contacts", len(p.DHT().Contacts())}, {"neighbours", p.Degree()},
		{"steps", s.Steps}, {"syncs", s.Syncs}, {"waiting", s.Waiting}, {"dropped", dropped},
	}...)}
}

func (n *node) ledger(p *peer.Node) *reply {
	l := p.Ledger()
	list, log := l.ListHash(), l.LogHash()
	return &reply{Facts: []fact{
		{"accepted", l.ListLen()}, {"ledger", list.String()}, {"ordered", l.LogLen()}, {"log", log.String()},
		{"total", l.Total()}, {"minted", l.Minted()},
	}}
}

func (n *node) balance(p *peer.Node, who string) *reply {
	owner := n.self().owner()
	if who != "" {
		var err error
		if owner, err = n.genesis.named(who); err != nil {
			return refused(cmdlineRefused, "%v", err)
		}
	}
	return &reply{Facts: []fact{{"id", owner.String()}, {"balance", p.Ledger().Balance(owner)}}}
}

func (n *node) peers(p *peer.Node) *reply {
	r := &reply{Head: []string{"node", "address", "id", "balance", "in view", "contact"}}
	_, view := p.View()
	contacts := p.DHT().Contacts()
	for i := range n.genesis.members {
		m := &n.genesis.members[i]
		id := protocol.NodeID(i)
		known := slices.ContainsFunc(contacts, func(c kademlia.Contact) bool { return c.ID == kademlia.ID(m.owner()) })
		contact := words.YesNo(known)
		if id == n.id {
			contact = "itself"
		}
		r.Rows = append(r.Rows, []string{id.String(), m.at.String(), m.owner().String(), strconv.FormatUint(p.Ledger().Balance(m.owner()), 10),
			words.YesNo(slices.Contains(view, id)), contact})
	}
	return r
}

func (n *node) routing(p *peer.Node) *reply {
	r := &reply{Head: []string{"id", "address", "node"}}
	for _, c := range p.DHT().Contacts() {
		node := "stranger"
		for i := range n.genesis.members {
			if kademlia.ID(n.genesis.members[i].owner()) == c.ID {
				node = strconv.Itoa(i)
			}
		}
		r.Rows = append(r.Rows, []string{c.ID.String(), n.book.address(c.Addr), node})
	}
	return r
}

// put stores a value in the DHT.
func (v *visit) put(l *life, r *request) *reply {
	if r.Text == "" || len(r.Text) > peer.MaxValue {
		return refused(cmdlineRefused, "value has %d bytes; want 1 to %d", len(r.Text), peer.MaxValue)
	}
	key := peer.ValueKey([]byte(r.Text))
	v.mu.Lock()
	w := v.await("put " + key.String())
	v.mu.Unlock()
	l.node.Input(0, peer.PutInput([]byte(r.Text)))
	if !v.until(l, w, r) {
		return refused(cmdline.CodeUnknown, "not known to be stored within %v; its key is %v", r.Timeout, key)
	}
	return &reply{Facts: []fact{{"key", key.String()}, {"nodes", w.result.(peer.Stored).Nodes}}}
}

// get finds a value in the DHT.
func (v *visit) get(l *life, r *request) *reply {
	b, err := hex.DecodeString(r.Text)
	if err != nil || len(b) != len(kademlia.ID{}) {
		return refused(cmdlineRefused, "key %s: want the 40 hex digits that put prints", cmdline.Quote(r.Text))
	}
	v.mu.Lock()
	w := v.await("get " + kademlia.ID(b).String())
	v.mu.Unlock()
	l.node.Input(0, peer.ValueInput(kademlia.ID(b)))
	if !v.until(l, w, r) {
		return refused(cmdline.CodeUnknown, "not found within %v", r.Timeout)
	}
	x := w.result.(peer.Value)
	if !x.Found {
		return refused(cmdline.CodeRefused, "no node has a value for %s", r.Text)
	}
	value := string(x.Value)
	if bytes.ContainsFunc(x.Value, func(c rune) bool { return c < ' ' || c > '~' }) {
		value = strconv.QuoteToASCII(value)
	}
	return &reply{Facts: []fact{{"value", value}, {"hops", x.Hops}}}
}

// A transfer's number is unique for its client for all time: the incarnation of the client
// above a count.
const countBits = 24

func transferText(id uint64) string {
	return fmt.Sprintf("%d.%d", id>>countBits, id&(1<<countBits-1))
}

func parseTransfer(text string) (uint64, error) {
	life, count, ok := strings.Cut(text, ".")
	i, err := strconv.ParseUint(life, 10, 47-countBits)
	n, err2 := strconv.ParseUint(count, 10, countBits)
	if !ok || err != nil || err2 != nil || transferText(i<<countBits|n) != text {
		return 0, fmt.Errorf("id %s: want one that ctl transfer printed, such as 1.1", cmdline.Quote(text))
	}
	return i<<countBits | n, nil
}

// transfer has the client make a transfer and waits for its outcome, or waits for that of one
// that was begun. It begins when ctl has answered the reply with its id. A transfer of
// an earlier incarnation ends with it, unless it had committed: that has a record, and what
// Start finds is all that there will ever be.
func (v *visit) transfer(l *life, r *request) *reply {
	if r.ID != "" {
		return v.again(l, r)
	}
	q, bad := v.terms(l, r)
	if bad != nil {
		return bad
	}
	v.mu.Lock()
	full := v.issued+1 >= 1<<countBits || l.client.Incarnation() >= 1<<(47-countBits)
	v.issued++
	q.Transfer = uint64(l.client.Incarnation())<<countBits | v.issued
	v.mu.Unlock()
	if full {
		return refused(cmdline.CodeRefused, "the node has no ids left for transfers; start it again")
	}
	if v.reply(&reply{ID: transferText(q.Transfer)}) != nil {
		return nil
	}
	if line, err := v.in.ReadString('\n'); err != nil || line != "go\n" {
		return nil // ctl has not heard of it, so it must not happen
	}
	if bad := v.afford(l, &q); bad != nil {
		return bad
	}
	l.client.Input(q.Transfer, peer.TransferInput(v.n.id, q))
	return v.outcome(l, r, q.Transfer)
}

// terms reads who gets how much before whom.
func (v *visit) terms(l *life, r *request) (q peer.Request, bad *reply) {
	g := v.n.genesis
	self := v.n.self().owner()
	var err error
	if q.Receiver, err = g.named(r.Who); err != nil {
		return q, refused(cmdlineRefused, "to %v", err)
	}
	if q.Receiver == self {
		return q, refused(cmdlineRefused, "to %s is the node itself; want another member", r.Who)
	}
	if q.Witness, err = v.witness(l, q.Receiver, r.Witness); err != nil {
		return q, refused(cmdlineRefused, "witness %v", err)
	}
	if q.Witness == self || q.Witness == q.Receiver {
		return q, refused(cmdlineRefused, "witness %s takes part; want a third member", r.Witness)
	}
	if q.Amount = r.Amount; q.Amount == 0 {
		return q, refused(cmdlineRefused, "amount 0; want 1 or more")
	}
	return q, nil
}

// witness returns the member that a user names, or else one that is up, as far as it is known.
func (v *visit) witness(l *life, receiver ledger.Owner, text string) (o ledger.Owner, err error) {
	g := v.n.genesis
	if text != "" {
		return g.named(text)
	}
	var view []protocol.NodeID
	l.look(func(p *peer.Node) { _, view = p.View() })
	for _, id := range slices.Concat(view, g.ids()) {
		if o := g.members[id].owner(); id != v.n.id && o != receiver {
			return o, nil
		}
	}
	panic("network: fewer than three members")
}

// afford refuses a transfer that the balance does not cover, beside those under way: the
// client would try for ever. It enters the others as under way.
func (v *visit) afford(l *life, q *peer.Request) *reply {
	balance := uint64(0)
	l.look(func(p *peer.Node) { balance = p.Ledger().Balance(v.n.self().owner()) })
	v.mu.Lock()
	defer v.mu.Unlock()
	open := uint64(0)
	for _, amount := range v.asked { // a sum, in any order
		open += amount
	}
	if q.Amount > balance || open > balance-q.Amount {
		return refused(cmdline.CodeRefused, "refused: amount %d; the balance is %d, of which %d is in transfers under way", q.Amount, balance, open)
	}
	v.asked[q.Transfer] = q.Amount
	return nil
}

// again waits for the outcome of a transfer that was begun before.
func (v *visit) again(l *life, r *request) *reply {
	id, err := parseTransfer(r.ID)
	if err != nil {
		return refused(cmdlineRefused, "%v", err)
	}
	v.mu.Lock()
	_, answered := v.answers[id]
	_, open := v.asked[id]
	v.mu.Unlock()
	if answered || open {
		return v.outcome(l, r, id)
	}
	o, committed := v.lookUp(l, id)
	switch {
	case !committed:
		return refused(cmdline.CodeRefused, "transfer %s was not carried out, and will not be: it was never begun, or the node ended before it committed", r.ID)
	case o == peer.Committed:
		return v.place(l, r, id)
	}
	return ended(id, o)
}

// place waits until a transfer that has committed, in an earlier incarnation, has its place.
func (v *visit) place(l *life, r *request, id uint64) *reply {
	for end := time.Now().Add(r.Timeout); time.Now().Before(end); {
		if o, _ := v.lookUp(l, id); o == peer.Accepted || o == peer.Refused {
			return ended(id, o)
		}
		pause := *r
		pause.Timeout = placePause
		v.until(l, &wait{}, &pause)
	}
	return v.unknown(l, r, id)
}

const placePause = 50 * time.Millisecond

func (v *visit) lookUp(l *life, id uint64) (o peer.Outcome, ok bool) {
	l.look(func(p *peer.Node) { o, ok = p.Outcome(v.n.genesis.client(v.n.id), id) })
	return o, ok
}

// outcome waits for the client's answer.
func (v *visit) outcome(l *life, r *request, id uint64) *reply {
	v.mu.Lock()
	if o, answered := v.answers[id]; answered {
		v.mu.Unlock()
		return ended(id, o)
	}
	w := v.await("transfer " + transferText(id))
	v.mu.Unlock()
	if !v.until(l, w, r) {
		return v.unknown(l, r, id)
	}
	return ended(id, w.result.(peer.Outcome))
}

func (v *visit) unknown(l *life, r *request, id uint64) *reply {
	text := transferText(id)
	select {
	case <-l.node.Done():
		return refused(cmdline.CodeIO, "the node ended before transfer %s had an outcome; ask again with -id %s", text, text)
	default:
	}
	if _, committed := v.lookUp(l, id); committed {
		return refused(cmdline.CodeUnknown, "transfer %s has committed, and has no place in the ledger within %v; ask again with -id %s", text, r.Timeout, text)
	}
	return refused(cmdline.CodeUnknown, "transfer %s has no outcome within %v, and is still tried; ask again with -id %s", text, r.Timeout, text)
}

func ended(id uint64, o peer.Outcome) *reply {
	if o == peer.Refused {
		return refused(cmdline.CodeRefused, "transfer %s was refused: it spends what another one spent first", transferText(id))
	}
	return &reply{Facts: []fact{{"transfer", transferText(id)}, {"outcome", o.String()}}}
}
