package peer

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/backoff"
	"dessim/protocol/bencode"
	"dessim/protocol/link"
)

// Client is a node that asks others for transfers, one for each input. It asks for an
// aborted transfer again, with the next attempt number, until it is accepted or
// refused.
type Client struct {
	delay        time.Duration
	patience     time.Duration // 0 is endless
	link         *link.Link
	transfers    map[uint64]*transfer       // by number
	incarnations map[protocol.NodeID]uint32 // the last one heard of, of nodes past their first
	scratch      []byte
	stats        Stats
}

// transfer is one transfer of a client.
type transfer struct {
	sender   protocol.NodeID
	req      Request // Attempt is that of the last attempt
	open     bool    // the last attempt has not ended
	answered bool
	silent   int // attempts in a row without a reply
}

// The rules for what a Client does again.
var (
	// AttemptAgain is for the next attempt at a transfer that aborted. Its jitter is
	// wide, since what aborts is often a conflict of two that began together.
	AttemptAgain = backoff.Rule{Kind: protocol.KindOf("backoff"), Doublings: 4, Jitter: protocol.Ratio{Num: 1, Den: 1}}
	// Patience is for the next attempt at a transfer of which nothing is heard. A reply
	// begins it anew, and so does a new incarnation of the sender.
	Patience = backoff.Rule{Kind: protocol.KindOf("patience"), Doublings: 3, Jitter: protocol.Ratio{Num: 1, Den: 4}}
)

// The first pauses, as multiples of the delay. A client's patience is longer than an
// attempt takes while no node crashes.
const (
	attemptDelays  = 5
	patienceDelays = 150
)

// NewClient makes a Client; delay and survive are as in Config. If nodes can crash it
// asks again when it hears nothing.
func NewClient(delay time.Duration, survive bool) *Client {
	c := &Client{delay: delay, transfers: make(map[uint64]*transfer), incarnations: make(map[protocol.NodeID]uint32)}
	if survive {
		c.patience = patienceDelays * delay
	}
	c.link = link.New(link.Config{Retry: Retry(delay), Window: link.MaxWindow, Deliver: c.deliver, Reset: c.returned})
	return c
}

// Start begins an incarnation, which remembers nothing of earlier ones.
func (c *Client) Start(env *protocol.Env) { c.link.Start(env) }

// Receive consumes a message, or a TransferInput from Outside. A second input for a
// transfer is ignored.
func (c *Client) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from != protocol.Outside {
		if len(msg) > 0 && protocol.Component(msg[0]) == protocol.Link {
			c.link.Receive(env, from, msg)
			return
		}
		c.stats.Malformed++
		return
	}
	m, ok := decode(msg)
	if !ok || m.typ != typeTransfer {
		c.stats.Malformed++
		return
	}
	if c.transfers[m.req.Transfer] != nil {
		c.stats.Late++
		return
	}
	t := &transfer{sender: m.sender, req: m.req}
	c.transfers[m.req.Transfer] = t
	c.ask(env, t)
}

// ask makes the next attempt.
func (c *Client) ask(env *protocol.Env, t *transfer) {
	t.req.Attempt++
	t.open = true
	c.scratch = message{typ: typeRequest, req: t.req, incarnation: c.incarnations[t.sender]}.append(c.scratch[:0])
	c.link.Send(env, t.sender, KindRequest, c.scratch)
	c.await(env, t)
}

// await waits for a reply, where nodes can crash.
func (c *Client) await(env *protocol.Env, t *transfer) {
	if c.patience > 0 {
		env.SetTimer(Patience.Pause(env, c.patience, t.silent), protocol.Peer.Tag(t.req.Transfer))
	}
}

// returned is called when a node turns out to be in a new incarnation, which may not have
// what it was asked for.
func (c *Client) returned(env *protocol.Env, node protocol.NodeID) {
	for _, n := range protocol.SortedKeys(c.transfers) {
		if t := c.transfers[n]; t.sender == node && t.open && t.silent > 0 {
			t.silent = 0
			c.await(env, t)
		}
	}
}

// deliver consumes a sender's reply. An attempt ends once, whatever a sender that
// lies, or a reply that was overtaken, says later.
func (c *Client) deliver(env *protocol.Env, from protocol.NodeID, msg []byte) {
	m, ok := decode(msg)
	if !ok || m.typ != typeReply {
		c.stats.Malformed++
		return
	}
	if m.incarnation > c.incarnations[from] {
		c.incarnations[from] = m.incarnation
	}
	t := c.transfers[m.req.Transfer]
	switch {
	case t == nil: // of an earlier incarnation
		c.stats.Late++
		return
	case t.sender != from || m.req.Attempt > t.req.Attempt:
		c.stats.Malformed++
		return
	case t.answered, (!t.open || m.req.Attempt < t.req.Attempt) && !c.waited(m):
		c.stats.Late++
		return
	}
	t.open = m.outcome == Committed
	t.silent = 0
	env.Note(KindTransfer, m.req.Transfer, "attempt", m.req.Attempt, m.outcome)
	switch m.outcome {
	case Aborted:
		wait := AttemptAgain.Pause(env, attemptDelays*c.delay, int(min(t.req.Attempt-1, 16)))
		env.SetTimer(wait, protocol.Peer.Tag(m.req.Transfer))
	case Accepted, Refused:
		t.answered = true
		if c.patience > 0 {
			env.CancelTimer(protocol.Peer.Tag(m.req.Transfer))
		}
		c.answer(env, t, m.outcome)
	}
}

// waited reports whether a reply can be about an attempt before the last: one that
// committed, while the client lost patience.
func (c *Client) waited(m message) bool { return c.patience > 0 && m.outcome != Aborted }

// Timeout makes the next attempt of a transfer that was aborted, or of which nothing was
// heard.
func (c *Client) Timeout(env *protocol.Env, tag uint64) {
	switch component, n := protocol.SplitTag(tag); component {
	case protocol.Link:
		c.link.Timeout(env, tag)
	case protocol.Peer:
		t := c.transfers[n]
		if t.open {
			t.silent = Patience.Next(t.silent)
		}
		c.ask(env, t)
	}
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats {
	s := c.stats
	s.Malformed += c.link.Stats().Malformed
	return s
}

// Answer is an output of KindAnswered: how a client's transfer ended.
type Answer struct {
	Transfer uint64
	Attempts uint32
	Outcome  Outcome // Accepted or Refused
}

func (c *Client) answer(env *protocol.Env, t *transfer, outcome Outcome) {
	b := append(c.scratch[:0], 'l')
	b = bencode.AppendUint(b, t.req.Transfer)
	b = bencode.AppendUint(b, uint64(t.req.Attempt))
	b = bencode.AppendUint(b, uint64(outcome))
	c.scratch = append(b, 'e')
	env.Output(KindAnswered, c.scratch)
}

// DecodeAnswer reads an output of KindAnswered.
func DecodeAnswer(rec []byte) (a Answer, ok bool) {
	r := bencode.ListOf(rec)
	a.Transfer = r.Uint()
	a.Attempts = uint32(r.UintMax(1<<32 - 1))
	a.Outcome = Outcome(r.UintMax(uint64(Refused)))
	return a, r.Finish()
}
