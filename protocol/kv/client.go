package kv

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/backoff"
	"dessim/protocol/seal"
)

// Client is a node that does the operations of its inputs one after the other. It
// asks one replica, and the next one when that does not answer.
type Client struct {
	cfg     Config
	waiting []Command         // not begun
	now     Command           // if open
	open    bool              // an operation has begun and not completed
	resting bool              // between two operations
	count   uint64            // operations begun in this incarnation
	at      int               // place of the replica to ask
	asked   int               // replicas, for this operation
	seen    map[uint64]uint64 // by key, the value that this client last saw
	scratch []byte
	stats   Stats
}

// AskAgain is the rule for asking the next replica: pauses grow with each round of all,
// until one replies.
var AskAgain = backoff.Rule{Kind: protocol.KindOf("kv.again"), Doublings: 2, Jitter: protocol.Ratio{Num: 1, Den: 4}}

// kindRest is the question how long a client rests between two operations.
var kindRest = protocol.KindOf("kv.rest")

const (
	// PatienceDelays is how long a client first waits for a reply, in Config.Delay: longer
	// than ordering takes without faults, and about as long as a crash goes undetected.
	PatienceDelays = 50
	restDelays     = 2

	incarnationShift = 32
)

// The timers.
var (
	tagRetry = Component.Tag(1)
	tagRest  = Component.Tag(2)
)

// NewClient returns a Client. Of cfg it uses Members, the replicas, and Delay.
func NewClient(cfg Config) *Client {
	if len(cfg.Members) == 0 || cfg.Delay < 1 {
		panic(fmt.Sprintf("kv: a client's config has %d members and delay %v, want more than 0", len(cfg.Members), cfg.Delay))
	}
	return &Client{cfg: cfg, seen: make(map[uint64]uint64)}
}

// Start begins an incarnation, which remembers nothing of former ones. Clients begin
// with different replicas.
func (c *Client) Start(env *protocol.Env) {
	c.at = int(uint64(env.ID()) % uint64(len(c.cfg.Members)))
}

// Receive consumes a reply, or an input.
func (c *Client) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		m, ok := decode(msg)
		if !ok || m.typ != typeAsk {
			c.stats.Malformed++
			return
		}
		c.waiting = append(c.waiting, m.cmd)
		c.begin(env)
		return
	}
	msg, ok := seal.Open(msg)
	if !ok {
		c.stats.Corrupt++
		return
	}
	m, ok := decode(msg)
	switch {
	case !ok || m.typ != typeReply:
		c.stats.Malformed++
	case !c.open || m.res.Seq != c.now.Seq:
		c.stats.Late++ // a replica answered after another had, or twice
	default:
		c.finish(env, m.res)
	}
}

// begin begins the next operation, if none is open.
func (c *Client) begin(env *protocol.Env) {
	if c.open || c.resting || len(c.waiting) == 0 {
		return
	}
	c.now, c.waiting = c.waiting[0], c.waiting[1:]
	c.open, c.asked = true, 0
	c.count++
	c.now.Client, c.now.Seq = env.ID(), uint64(env.Incarnation())<<incarnationShift|c.count
	if c.now.Op == CAS {
		c.now.Old = c.seen[c.now.Key]
	}
	env.Output(KindCalled, c.now.append(nil))
	c.ask(env)
}

func (c *Client) ask(env *protocol.Env) {
	c.scratch = seal.Append(message{typ: typeRequest, cmd: c.now}.append(c.scratch[:0]))
	env.Send(c.cfg.Members[c.at], KindRequest, c.scratch)
	env.SetTimer(AskAgain.Pause(env, PatienceDelays*c.cfg.Delay, c.asked/len(c.cfg.Members)), tagRetry)
	c.asked++
}

func (c *Client) finish(env *protocol.Env, r Return) {
	c.open = false
	c.seen[c.now.Key] = r.Value
	if c.now.Op != Get && r.OK {
		c.seen[c.now.Key] = c.now.New
	}
	env.CancelTimer(tagRetry)
	env.Output(KindReturned, r.record())
	// The next operation begins at a later time, so that a history in virtual time
	// shows that it came after this one.
	c.resting = true
	rest := 1 + time.Duration(env.Choose(kindRest, uint64(restDelays*c.cfg.Delay)))
	env.SetTimer(rest, tagRest)
}

// Timeout asks the next replica, or begins the next operation.
func (c *Client) Timeout(env *protocol.Env, tag uint64) {
	switch tag {
	case tagRetry:
		c.at = (c.at + 1) % len(c.cfg.Members)
		c.ask(env)
	case tagRest:
		c.resting = false
		c.begin(env)
	}
}

// Stats returns the counts so far.
func (c *Client) Stats() Stats { return c.stats }
