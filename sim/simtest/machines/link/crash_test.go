package link_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"
)

// An account is the books of all sends and deliveries of a run.
type account struct {
	fifo   bool
	cfg    link.Config
	clocks [nodes][]jump
	sends  []entry
	incs   [nodes]uint32 // the latest
	faults []string
	late   int // deliveries of what was sent before the receiver's incarnation was known
}

const nodes = 3

// An entry is a message and the incarnations that it was delivered to.
type entry struct {
	from, to protocol.NodeID
	inc      uint32   // of from
	known    uint32   // incarnation of to that it is for, 0 as long as from knows none
	got      []uint32 // incarnations of to
}

// A jump says by how much a node's clock is off from then on.
type jump struct {
	at  protocol.Time
	off time.Duration
}

func (a *account) fault(format string, args ...any) {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
}

// A clerk sends what its inputs say and books deliveries. Its link runs by a clock
// that jumps.
type clerk struct {
	a    *account
	id   protocol.NodeID
	link *link.Link
	own  protocol.Env // what the link sees
	last map[[2]uint32]uint32
}

func (a *account) node(id protocol.NodeID) protocol.Node {
	c := &clerk{a: a, id: id, last: map[[2]uint32]uint32{}}
	cfg := a.cfg
	cfg.Deliver = c.deliver
	c.link = link.New(cfg)
	return c
}

func (c *clerk) deliver(env *protocol.Env, from protocol.NodeID, msg []byte) {
	n := binary.BigEndian.Uint32(msg)
	m := &c.a.sends[n]
	if m.from != from || m.to != c.id {
		c.a.fault("message %d from %d to %d comes from %d to %d", n, m.from, m.to, from, c.id)
	}
	if slices.Contains(m.got, env.Incarnation()) {
		c.a.fault("message %d is delivered twice to node %d/%d", n, c.id, env.Incarnation())
	}
	m.got = append(m.got, env.Incarnation())
	pair := [2]uint32{uint32(from), m.inc}
	if last := c.last[pair]; c.a.fifo && last > n {
		c.a.fault("node %d/%d receives message %d after %d", c.id, env.Incarnation(), n, last)
	}
	c.last[pair] = n
}

// step runs the link under its own clock and passes on what it does. Then it notes
// which incarnations the link has learned of: they inherit what was sent while none
// was known.
func (c *clerk) step(env *protocol.Env, f func(env *protocol.Env)) {
	c.a.incs[c.id] = env.Incarnation()
	now := env.Now().Add(24 * time.Hour)
	for _, j := range c.a.clocks[c.id] {
		if env.Now() >= j.at {
			now = env.Now().Add(24*time.Hour + j.off)
		}
	}
	c.own.Enter(c.id, env.Incarnation(), now, nil)
	f(&c.own)
	for _, e := range c.own.Effects() {
		switch e.Op {
		case protocol.OpSend:
			env.Send(e.To, e.Kind, e.Body)
		case protocol.OpSetTimer:
			env.SetTimer(e.After, e.Tag)
		case protocol.OpCancelTimer:
			env.CancelTimer(e.Tag)
		}
	}
	for i := range c.a.sends {
		if m := &c.a.sends[i]; m.from == c.id && m.inc == env.Incarnation() && m.known == 0 {
			m.known = c.known(m.to)
		}
	}
}

// known returns the latest incarnation of a node that the link has heard of, as its
// state says, or 0.
func (c *clerk) known(to protocol.NodeID) (life uint32) {
	_, state, found := strings.Cut("\n"+string(c.link.AppendState(nil)), fmt.Sprintf("\nlink to %v ", to))
	if !found {
		return 0
	}
	if _, err := fmt.Sscanf(state, "life %d,", &life); err != nil {
		c.a.fault("the state of node %d's link to %d is %q: %v", c.id, to, state, err)
	}
	return life
}

func (c *clerk) Start(env *protocol.Env) {
	c.step(env, c.link.Start)
}

func (c *clerk) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	c.step(env, func(own *protocol.Env) {
		if from != protocol.Outside {
			c.link.Receive(own, from, msg)
			return
		}
		for range msg[1] {
			n := len(c.a.sends)
			to := protocol.NodeID(msg[0])
			c.a.sends = append(c.a.sends, entry{from: c.id, to: to, inc: env.Incarnation(), known: c.known(to)})
			c.link.Send(own, to, kindItem, binary.BigEndian.AppendUint32(nil, uint32(n)))
		}
	})
}

func (c *clerk) Timeout(env *protocol.Env, tag uint64) {
	c.step(env, func(own *protocol.Env) { c.link.Timeout(own, tag) })
}

// judge compares the books with the promise, once all nodes stay up and the
// network is at rest.
func (a *account) judge(t *rapid.T) {
	type pair struct {
		from, to   protocol.NodeID
		inc, other uint32
	}
	gap := map[pair]int{} // of each pair of incarnations the first message that was not delivered
	for n, m := range a.sends {
		p := pair{m.from, m.to, m.inc, m.known}
		got := m.known != 0 && slices.Contains(m.got, m.known)
		if first, ok := gap[p]; got && ok && a.fifo {
			a.fault("message %d, %+v, is delivered, %d before it is not", n, m, first)
		}
		if _, ok := gap[p]; !got && !ok {
			gap[p] = n
		}
		if last := m.inc == a.incs[m.from] && m.known == a.incs[m.to]; last && !got {
			a.fault("message %d, %+v, is not delivered, though neither end restarted", n, m)
		}
		for _, inc := range m.got {
			if inc != m.known {
				a.late++
			}
		}
	}
	if len(a.faults) > 0 {
		t.Fatalf("%s", a.faults[0])
	}
}

func drawPlan(t *rapid.T, a *account) sim.Plan {
	ms := func(most int, what string) time.Duration {
		return time.Duration(rapid.IntRange(1, most).Draw(t, what)) * time.Millisecond
	}
	plan := sim.Plan{Nodes: nodes, Node: a.node, Until: protocol.Time(time.Hour), Poison: true,
		Link: sim.Link{Delay: 5 * time.Millisecond, Jitter: ms(400, "jitter"), Loss: protocol.Percent(rapid.Uint32Range(0, 40).Draw(t, "loss")),
			Copy: protocol.Percent(rapid.Uint32Range(0, 40).Draw(t, "copies"))}}
	for i := range rapid.IntRange(1, 25).Draw(t, "inputs") {
		from := rapid.IntRange(0, nodes-1).Draw(t, "from")
		to := (from + rapid.IntRange(1, nodes-1).Draw(t, "to")) % nodes
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: protocol.Time(ms(3000, "at")), Node: protocol.NodeID(from),
			Body: []byte{byte(to), byte(rapid.IntRange(1, 5).Draw(t, "burst"))}})
	}
	for i := range rapid.IntRange(0, 8).Draw(t, "crashes") {
		plan.Faults = append(plan.Faults, fault.Fault{ID: uint64(i), Op: fault.Crash, Node: protocol.NodeID(rapid.IntRange(0, nodes-1).Draw(t, "node")),
			At: protocol.Time(ms(3000, "crash")), After: rapid.IntRange(0, 6).Draw(t, "effects"), For: ms(500, "down")})
	}
	for i := range a.clocks {
		for range rapid.IntRange(0, 3).Draw(t, "jumps") {
			a.clocks[i] = append(a.clocks[i], jump{protocol.Time(ms(4000, "jump")), time.Duration(rapid.Int64Range(-86400, 86400).Draw(t, "seconds")) * time.Second})
		}
		slices.SortStableFunc(a.clocks[i], func(x, y jump) int { return int(x.at - y.at) })
	}
	return plan
}

// TestCrashesLateFramesAndBadClocksBreakNoPromise crashes either end after any
// effect, lets frames of former incarnations arrive late and clocks jump.
func TestCrashesLateFramesAndBadClocksBreakNoPromise(t *testing.T) {
	runs, crashes, late, delivered := 0, uint64(0), 0, 0
	property := func(t *rapid.T) {
		a := &account{fifo: rapid.Bool().Draw(t, "fifo")}
		a.cfg = link.Config{Retry: 100 * time.Millisecond, FIFO: a.fifo, Window: rapid.SampledFrom([]int{1, 3, 64}).Draw(t, "window")}
		s, err := sim.New(drawPlan(t, a), source.Seed(rapid.Uint64().Draw(t, "seed")))
		if err != nil {
			t.Fatal(err)
		}
		r := s.Run()
		if r.Reason != sim.Quiet {
			t.Fatalf("the run ends %v at %v, want rest", r.Reason, r.End)
		}
		a.judge(t)
		for i := range protocol.NodeID(nodes) {
			if s := s.Node(i).(*clerk).link.Stats(); s.Malformed+s.Corrupt != 0 {
				t.Fatalf("node %d: %+v", i, s)
			}
		}
		runs, crashes, late = runs+1, crashes+r.Crashes, late+a.late
		for _, m := range a.sends {
			delivered += len(m.got)
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	t.Logf("%d runs, %d crashes, %d deliveries, %d of them to an incarnation that the sender did not know", runs, crashes, delivered, late)
	if !t.Failed() && (crashes == 0 || delivered == 0 || late == 0) {
		t.Error("vacuous")
	}
}
