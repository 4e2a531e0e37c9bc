package twopc_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/link"
	. "dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// The nodes of these tests run in the simulator, with two-phase commit over link
// or over raw datagrams. Node 0 coordinates.

// delays between nodes differ, so that no two steps of a quiet run coincide.
func delay(a, b protocol.NodeID) time.Duration {
	return 10*time.Millisecond + time.Duration(a+b)*1100*time.Microsecond
}

const (
	voteTimeout = 200 * time.Millisecond
	askAfter    = 300 * time.Millisecond
	retry       = 60 * time.Millisecond // of links; eight times that at most
	beginAt     = protocol.Time(100 * time.Millisecond)
	shortly     = 35 * time.Millisecond // down, not even a timeout long
	long        = 3 * time.Second       // all that can be done without the crashed is done meanwhile
)

// A course is a run to be: what happens, before anything is known of it.
type course struct {
	pure     bool              // the coordinator is no participant
	refuse   []protocol.NodeID // vote no
	raw      bool              // datagrams without link
	remember int
	discard  bool                                                  // records of what has ended, as soon as possible
	txs      int                                                   // begun one after the other; 0 means 1
	faults   []fault.Fault                                         // whose IDs are set when it is run
	cut      func(at protocol.Time, from, to protocol.NodeID) bool // messages that do not arrive
	link     *sim.Link                                             // instead of the exact delays
	seed     uint64
}

func (c *course) String() string {
	s := fmt.Sprintf("pure coordinator %v, refusing %v, raw %v, seed %d", c.pure, c.refuse, c.raw, c.seed)
	for _, f := range c.faults {
		s += ", " + f.String()
	}
	return s
}

// A run is what became of a course, by its outputs and messages.
type run struct {
	*course
	judge     *judge
	forced    logBeforeSend
	doubts    Doubts
	steps     [3][]stepInfo // of all incarnations
	nodes     [3]*member    // the latest incarnation
	deeds     [3]deeds      // up to the first crash
	end       sim.Result
	ended     []Doubt
	doubting  map[place]bool              // voted yes, at a participant, and the doubt has not ended
	crashed   [3]protocol.Time            // first; 0 is never
	restarted [3]protocol.Time            // first restart
	sent      [3][4]map[protocol.Kind]int // by node and incarnation
	decided   map[place]protocol.Time     // first
	told      [3]int                      // of commits, in all incarnations
}

type stepInfo struct {
	at      protocol.Time
	effects int
}

// deeds are what a node did of a transaction.
type deeds struct {
	prepares, decisions, acks int // sent, sent, received
	voted, acked, aborted     bool
	yesOnDisk, commitOnDisk   bool
	yesWritten, commitWritten bool
}

// run runs c to its end.
func (c course) run(t testing.TB) *run {
	r := &run{course: &c, judge: newJudge(), decided: map[place]protocol.Time{}, doubting: map[place]bool{}}
	for i := range r.sent {
		for k := range r.sent[i] {
			r.sent[i][k] = map[protocol.Kind]int{}
		}
	}
	plan := sim.Plan{Nodes: 3, Node: r.node, Link: sim.Link{Delay: delay(0, 1)}, Until: protocol.Time(10 * time.Minute), Poison: true}
	for a := range protocol.NodeID(3) {
		for b := range protocol.NodeID(3) {
			if a != b {
				plan.Links = append(plan.Links, sim.LinkRule{From: a, To: b, Link: sim.Link{Delay: delay(a, b)}})
			}
		}
	}
	if c.link != nil {
		plan.Link, plan.Links = *c.link, nil
	}
	for i := range max(1, c.txs) {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: beginAt + protocol.Time(i)*protocol.Time(time.Second), Body: []byte{byte(i)}})
	}
	for i, f := range c.faults {
		f.ID = uint64(i)
		plan.Faults = append(plan.Faults, f)
	}
	r.forced.raw = c.raw
	s, err := sim.New(plan, source.Seed(c.seed), r, &r.forced)
	if err != nil {
		t.Fatal(err)
	}
	r.end = s.Run()
	for i := range r.nodes {
		r.nodes[i], _ = s.Node(protocol.NodeID(i)).(*member)
	}
	return r
}

// check judges what holds of every run whose failures are repaired.
func (r *run) check(t testing.TB) {
	t.Helper()
	r.judge.end()
	if r.judge.err != nil {
		t.Fatalf("%v: %v", r.course, r.judge.err)
	}
	if r.forced.err != nil {
		t.Fatalf("%v: %v", r.course, r.forced.err)
	}
	if r.end.Reason != sim.Quiet {
		t.Fatalf("%v: the run ends %v at %v, want rest", r.course, r.end.Reason, r.end.End)
	}
	for i, n := range r.nodes {
		if n == nil {
			t.Fatalf("%v: node %d is down at the end", r.course, i)
		}
		if n.m.Open() != 0 || n.m.Reservations() != 0 {
			t.Fatalf("%v: at the end node %d: %s", r.course, i, n.m.Describe(nil))
		}
		if s := n.m.Stats(); s.Corrupt+s.Malformed != 0 {
			t.Fatalf("%v: node %d: %+v", r.course, i, s)
		}
	}
	if len(r.doubting) != 0 {
		t.Fatalf("%v: %d doubts last", r.course, len(r.doubting))
	}
}

// transferred returns the ID and the participants of transaction i.
func (c *course) transferred(i int) (ID, []protocol.NodeID) {
	id := ID{Client: 100, Transfer: uint64(1 + i), Attempt: 1}
	if c.pure {
		return id, nodes(1, 2)
	}
	return id, nodes(0, 2)
}

func (r *run) committed() bool { return r.judge.verdict[one] }

// Watch returns the events that the run follows.
func (r *run) Watch() sim.What {
	return sim.Output | sim.Sent | sim.Received | sim.Persisted | sim.Synced | sim.Crashed | sim.Started
}

// Observe enters it.
func (r *run) Observe(e *sim.Event) {
	life := min(int(e.Incarnation), len(r.sent[0])-1)
	switch e.What {
	case sim.Crashed:
		r.judge.crashed(e.Node)
		if r.crashed[e.Node] == 0 {
			r.crashed[e.Node] = e.At
		}
	case sim.Started:
		if e.Incarnation == 2 {
			r.restarted[e.Node] = e.At
		}
	case sim.Sent:
		r.sent[e.Node][life][e.Kind]++
	case sim.Output:
		r.judge.output(e.Node, e.Kind, e.Body)
		if d, ok := r.doubts.Output(e.At, e.Node, e.Kind, e.Body); ok {
			r.ended = append(r.ended, d)
			delete(r.doubting, place{d.ID, d.Node})
		}
		v, _ := DecodeOutput(e.Kind, e.Body)
		if e.Kind == KindVoted && v.Yes && v.Coordinator != e.Node {
			r.doubting[place{v.ID, e.Node}] = true
		}
		if e.Kind == KindDecided {
			if at := (place{v.ID, e.Node}); r.decided[at] == 0 {
				r.decided[at] = e.At
			}
		}
	}
	if r.crashed[e.Node] == 0 {
		r.deeds[e.Node].note(e, r.raw)
	}
}

// note enters an event of the node's first incarnation.
func (d *deeds) note(e *sim.Event, raw bool) {
	switch e.What {
	case sim.Persisted:
		if f, ok := Proves(e.Body); ok {
			d.yesWritten = d.yesWritten || !f.Commit
			d.commitWritten = d.commitWritten || f.Commit
		}
	case sim.Synced:
		d.yesOnDisk, d.commitOnDisk = d.yesWritten, d.commitWritten
	case sim.Output:
		if v, _ := DecodeOutput(e.Kind, e.Body); e.Kind == KindDecided && !v.Yes {
			d.aborted = true
		}
	case sim.Sent:
		switch e.Kind {
		case KindPrepare:
			d.prepares++
		case KindVote:
			d.voted = true
		case KindDecision:
			d.decisions++
		case KindAck:
			d.acked = true
		}
	case sim.Received:
		if strings.HasPrefix(Text(carried(e.Body, raw)), "ack ") {
			d.acks++
		}
	}
}

// carried returns the message that travels in b.
func carried(b []byte, raw bool) []byte {
	if raw {
		return b
	}
	msg, _ := link.Payload(b)
	return msg
}

// logBeforeSend demands that no yes, no commit and no acknowledgement leaves before
// the record that it depends on is safe.
type logBeforeSend struct {
	raw     bool
	written [3][]Fact
	safe    [3]map[Fact]bool
	judged  int
	err     error
}

func (c *logBeforeSend) Watch() sim.What { return sim.Persisted | sim.Synced | sim.Sent }

func (c *logBeforeSend) Observe(e *sim.Event) {
	switch e.What {
	case sim.Persisted:
		if f, ok := Proves(e.Body); ok {
			c.written[e.Node] = append(c.written[e.Node], f)
		}
	case sim.Synced: // what a crash may have lost is not cleared: a node that lost it does not claim it
		if c.safe[e.Node] == nil {
			c.safe[e.Node] = map[Fact]bool{}
		}
		for _, f := range c.written[e.Node] {
			c.safe[e.Node][f] = true
		}
		c.written[e.Node] = nil
	case sim.Sent:
		f, ok := Needs(carried(e.Body, c.raw))
		if !ok {
			return
		}
		c.judged++
		if !c.safe[e.Node][f] && c.err == nil {
			c.err = fmt.Errorf("node %v sends %q at %v in step %d before its record of the %v is safe",
				e.Node, Text(carried(e.Body, c.raw)), e.At, e.Step, f)
		}
	}
}

// member is a node: two-phase commit over link.
type member struct {
	r    *run
	id   protocol.NodeID
	link *link.Link
	m    *Manager
	told map[ID]bool
}

func (r *run) node(id protocol.NodeID) protocol.Node {
	n := &member{r: r, id: id, told: map[ID]bool{}}
	n.link = link.New(link.Config{Retry: retry, Window: 64, FIFO: true,
		Deliver: func(env *protocol.Env, from protocol.NodeID, msg []byte) { n.m.Receive(env, from, msg) },
		Reset:   func(env *protocol.Env, peer protocol.NodeID) { n.m.Returned(env, peer) }})
	send := n.link.Send
	if r.raw {
		send = (*protocol.Env).Send
	}
	var discard *Discard
	if r.discard {
		discard = &Discard{Records: 1}
	}
	n.m = New(Config{
		Send: send, VoteTimeout: voteTimeout, AskAfter: askAfter, Remember: max(1, r.remember), Discard: discard,
		Inspect: func(env *protocol.Env, id ID, payload []byte) ([][]byte, []byte, bool) {
			return [][]byte{bytes.Clone(payload)}, fmt.Appendf(nil, "%v by %v", id, env.ID()), !slices.Contains(r.refuse, n.id)
		},
		Decided: func(_ *protocol.Env, d Decision) {
			if n.told[d.ID] {
				r.judge.fail("node %v is told twice of %v in one incarnation", n.id, d.ID)
			}
			n.told[d.ID] = true
			if d.Commit {
				r.told[n.id]++
			}
			r.judge.told(n.id, d)
		},
	})
	return n
}

func (n *member) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		n.m.Restore(rec)
	}
	n.link.Start(env)
	n.m.Start(env)
	n.stepped(env)
}

func (n *member) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	switch {
	case from == protocol.Outside:
		id, participants := n.r.transferred(int(msg[0]))
		_ = n.m.Begin(env, id, fmt.Append(nil, id), participants) // refused if an earlier incarnation began it
	case n.r.cut != nil && n.r.cut(env.Now(), from, n.id):
	case n.r.raw:
		n.m.Receive(env, from, msg)
	default:
		n.link.Receive(env, from, msg)
	}
	n.stepped(env)
}

func (n *member) Timeout(env *protocol.Env, tag uint64) {
	if c, _ := protocol.SplitTag(tag); c == protocol.Link {
		n.link.Timeout(env, tag)
	} else {
		n.m.Timeout(env, tag)
	}
	n.stepped(env)
}

func (n *member) stepped(env *protocol.Env) {
	doubts := 0
	for i := range max(1, n.r.txs) {
		if id, _ := n.r.transferred(i); n.m.Status(id) == InDoubt {
			doubts++
		}
	}
	if n.m.Reservations() < doubts { // each has one key
		n.r.judge.fail("node %v is in doubt of %d transactions and holds %d keys", n.id, doubts, n.m.Reservations())
	}
	n.r.steps[n.id] = append(n.r.steps[n.id], stepInfo{env.Now(), len(env.Effects())})
}
