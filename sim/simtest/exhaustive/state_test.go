package exhaustive_test

import (
	"fmt"
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/link"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// Why fields are not written down.
const (
	constant = "never changes"
	counts   = "only counts"
	scratch  = "holds nothing between steps"
	derived  = "follows from what is written"
)

// readRuns reads the machines of nodes after each step of some runs of plan.
func readRuns(t *testing.T, plan sim.Plan, machines func(n protocol.Node) []protocol.Stateful, into *reader) {
	t.Helper()
	for seed := range uint64(3) {
		s, err := sim.New(plan, source.Seed(seed))
		if err != nil {
			t.Fatal(err)
		}
		for s.Step() {
			for id := range s.Nodes() {
				if n := s.Node(protocol.NodeID(id)); n != nil {
					for _, m := range machines(n) {
						into.read(m)
					}
				}
			}
		}
	}
}

func TestTheStateOfTwoPCIsWhole(t *testing.T) {
	r := newReader(map[string]string{
		"Manager.cfg":     constant,
		"Manager.timers":  derived,
		"Manager.records": derived, // from the disk
		"Manager.stats":   counts,
		"Manager.buf":     scratch,
		"past.limit":      constant,
	})
	plan := sim.Plan{
		Nodes: 3,
		Node:  func(protocol.NodeID) protocol.Node { return newCommitter(40) },
		Link:  sim.Link{Delay: 1, Jitter: 30, Loss: protocol.Percent(10)},
		Until: 2000,
	}
	for i := range uint64(4) {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(1 + 300*i), Node: 0, Body: fmt.Append(nil, "payload ", i)})
	}
	for i := range protocol.NodeID(3) {
		plan.Faults = append(plan.Faults, fault.Fault{ID: uint64(i), Op: fault.Crash, At: 310 + 20*protocol.Time(i), For: 50, Node: i})
	}
	readRuns(t, plan, func(n protocol.Node) []protocol.Stateful { return []protocol.Stateful{n.(*committer).m} }, r)
	r.judge(t)
}

// linked hosts a group, over links if there are no views.
type linked struct {
	link  *link.Link
	group abcast.Orderer
}

func newLinked(o abcast.Order, views bool) *linked {
	l := &linked{}
	l.link = link.New(link.Config{Retry: 30, Window: 2, FIFO: true,
		Deliver: func(env *protocol.Env, from protocol.NodeID, msg []byte) { l.group.Receive(env, from, msg) }})
	c := abcast.Config{
		Members: []protocol.NodeID{0, 1, 2},
		Order:   o,
		Send:    l.link.Send,
		Deliver: func(*protocol.Env, uint64, abcast.Message) {},
	}
	if views {
		l.link = nil
		c.Views = &abcast.Views{Datagram: (*protocol.Env).Send, Tick: 40, Merge: 5}
	}
	l.group = abcast.New(c)
	return l
}

func (l *linked) Start(env *protocol.Env) {
	if l.link == nil {
		for _, rec := range env.Records() {
			l.group.Restore(rec)
		}
	}
	l.group.Start(env)
}

func (l *linked) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	switch {
	case from == protocol.Outside:
		l.group.Broadcast(env, msg)
	case l.link == nil:
		l.group.Receive(env, from, msg)
	default:
		l.link.Receive(env, from, msg)
	}
}

func (l *linked) Timeout(env *protocol.Env, tag uint64) {
	if c, _ := protocol.SplitTag(tag); c == protocol.Link {
		l.link.Timeout(env, tag)
		return
	}
	l.group.Timeout(env, tag)
}

// talk is a plan of a group that broadcasts.
func talk(o abcast.Order, views bool) sim.Plan {
	p := sim.Plan{
		Nodes: 3,
		Node:  func(protocol.NodeID) protocol.Node { return newLinked(o, views) },
		Link:  sim.Link{Delay: 1, Jitter: 20, Loss: protocol.Percent(15)},
		Until: 500,
	}
	if views {
		p.Until = 3000
		for i := range uint64(2) {
			p.Faults = append(p.Faults, fault.Fault{ID: i, Op: fault.Crash, At: protocol.Time(500 + 600*i), For: 200, Node: protocol.NodeID(2 * i)})
		}
	}
	for i := range uint64(8) {
		p.Inputs = append(p.Inputs, sim.Input{ID: i, At: protocol.Time(1+i/4) * p.Until / 4, Node: protocol.NodeID(i % 3), Body: fmt.Append(nil, "m", i)})
	}
	return p
}

func TestTheStateOfBroadcastIsWhole(t *testing.T) {
	r := newReader(map[string]string{
		"plain.cfg":         constant,
		"plain.ordered":     scratch,
		"plain.handing":     scratch,
		"plain.out":         scratch,
		"plain.stats":       counts,
		"isis.view":         constant,
		"isis.out":          scratch,
		"lamport.view":      constant,
		"lamport.out":       scratch,
		"sequencer.view":    constant,
		"sequencer.out":     scratch,
		"holdback.byID":     derived,
		"entry.at":          derived,
		"tally.missing":     derived,
		"membership.cfg":    constant,
		"membership.stats":  counts,
		"membership.self":   constant,
		"membership.inc":    "stands in last",
		"membership.ending": scratch,
		"membership.lens":   scratch,
		"membership.out":    scratch,
		"membership.body":   scratch,
		"membership.seen":   scratch,
		"membership.sent":   "saves a copy of equal bytes",
		"membership.in":     scratch,
		"journal.seqs":      derived,
		"ballot.count":      derived,

		"lamport.queue.heap.deliverable": "of ISIS alone",
		"lamport.queue.heap.tally":       "of ISIS alone",
		"sequencer.waiting.ID":           derived,
		"rule.isis.early":                "over FIFO channels there is none",
		"rule.sequencer.places":          "over FIFO channels a place seldom waits for its message",
	})
	groups := func(n protocol.Node) []protocol.Stateful {
		return []protocol.Stateful{n.(*linked).group.(protocol.Stateful)}
	}
	for _, o := range abcast.Orders() {
		readRuns(t, talk(o, false), groups, r)
		readRuns(t, talk(o, true), groups, r)
	}
	r.read(early(t).(protocol.Stateful))
	r.judge(t)
}

// early makes a member that has heard of an agreed stamp before the message, which the
// links of those who keep the rules do not let happen.
func early(t *testing.T) abcast.Orderer {
	t.Helper()
	var final []byte
	finals := observing(func(e *sim.Event) {
		if e.Kind == abcast.KindFinal && e.Node == 0 {
			final = slices.Clone(e.Body)
		}
	})
	s, err := sim.New(broadcastPlan(abcast.ISIS, 0, 1), source.Seed(1), finals)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	m := newMember(abcast.ISIS)
	var env protocol.Env
	env.Enter(1, 1, 0, source.Seed(1))
	m.group.Start(&env)
	m.group.Receive(&env, 0, final)
	return m.group
}

// observing is an Observer of what is sent.
type observing func(e *sim.Event)

func (o observing) Watch() sim.What      { return sim.Sent }
func (o observing) Observe(e *sim.Event) { o(e) }

func TestTheStateOfLinksIsWhole(t *testing.T) {
	r := newReader(map[string]string{
		"Link.cfg":   constant,
		"Link.stats": counts,
		"Link.frame": scratch,
		"Link.spare": scratch,
		"Link.r":     scratch,
		"queue.head": "where in memory the queue begins",
	})
	readRuns(t, talk(abcast.ISIS, false), func(n protocol.Node) []protocol.Stateful { return []protocol.Stateful{n.(*linked).link} }, r)
	r.judge(t)
}
