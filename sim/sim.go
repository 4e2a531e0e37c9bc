// Package sim runs nodes in virtual time. A run is a function of a plan and of
// the answers of a source: equal plans and equal answers give equal runs, on any
// machine, in any process, whatever else runs beside it. It does not model CPU
// time: a step takes none.
//
// # Order
//
// Events happen in the order (At, Dst, Src, Seq): the time, the node they happen
// to, where they come from (faults first, then inputs, then nodes by number) and
// the source's own count of its messages and timers, lost messages too. This is a
// property of the run. An insertion counter would be a simpler tie-break, but its
// value depends on who pushed first, and a parallel run could not agree on it.
// Nothing is scheduled at or before now, so what happens at one time to different
// nodes commutes.
//
// # Faults
//
// A Fault's window is a function of the plan and of time, so links and clocks ask
// whether it is open now instead of waiting for an event. A window that waits for an
// effect becomes one when the effect is done, and opens strictly later, so that what
// happens at one time still commutes. Each fault counts what it did: see Sim.Impacts. The
// events Injected and Lifted are for observers. Clocks bend Env.Now and, but for their
// jumps, timers; everything else follows true time. Order, Yield and Stall act on nodes that have
// goroutines of their own: see protocol.Scheduler.
//
// # Disks
//
// A node's disk is a log of records. A sync makes all of them safe, and a flush some of them: see
// protocol.Env. A crash loses the others, or as many as its fault says, each by a question. So a file
// system that keeps its operations as records needs nothing else of the simulator to lose a rename
// and keep the data, or the other way round.
//
// # Shadow restarts
//
// What a node tells others must be on its disk. A node that is a protocol.Promiser says what
// an effect promises. When that effect leaves, Plan.Shadow has the run start another node
// from the records that a crash would leave then, and ask it. So a promise that is made too early is
// seen without a crash, in a run that stays the same.
//
// # Parts
//
// A run with Plan.Threads is in parts: nodes are parted among goroutines, which run apart by at
// most the least delay of a link. Digests, what observers are shown and where the run ends are
// the same. Observers say what they read (see Reads), and see each event when all before it have
// happened; those that read the node of an event look at it when it happens. A run is serial where
// that cannot be exact: with faults that nodes far apart see at once, a source with a memory, or
// an observer that may look at any node. See parts.go.
//
// # Layout
//
// The loop allocates nothing per event. The queue moves entries of 16 bytes; a
// pending event is one cache line in pages that never move, with bodies of up to
// 32 bytes inline and longer ones shared by reference; a node is one cache line,
// and everything seldom needed (disk, faults, held events) stands elsewhere
// behind one flag. Memory follows from the most events that were ever pending at once: records and
// chunks are used again and never given back. Cancelled events stay pending only while they are
// outnumbered by others: see kill.
//
// # Observers
//
// Observers stand in lists by sort of event and, for messages, by first byte: see Selective.
// More than half of the messages of a run may be heartbeats, and most checks are for others. Lists by
// sort and kind alone, with observers that look for themselves, were 3 to 4% slower than one
// list. An Event is shown in place; one made for each observer would escape to the heap.
//
// # Where to start
//
// Plan describes a run, New and Sim.Run make it, and Result is its result; the package example has
// two nodes. To run a protocol of your own, begin with package scenario. Below this package, and
// without knowledge of any machine:
//
//	fault       the fault language
//	traitor     nodes that lie
//	cryptorand  answers crypto/rand
//	swarm       draws faults from a source
//	source      answers questions: seeds, replay files, bytes of a fuzzer, all in turn
//	check       judges runs; check/linear judges what clients saw of a shared object
//	watch       watches runs: panics with their places, steps that do not end
//	scenario    named plans with parameters and checks
//	explore     sweeps seeds, shrinks failures, makes all runs of a small world
//	history     keeps what happened in a run, with its causes
//	story       tells a run in a dozen lines
//	export      writes a run for other tools: Perfetto, ShiViz, Mermaid, JSON
//	report      shows a run, or a sweep, as one HTML file
//	stats       measures a run: latencies, hops, messages
//	simtest     runs scenarios as Go tests, and connects rapid and fuzzing
//	files       names files, and writes them whole
//	cluster     runs a scenario's nodes on real clocks, networks and disks, and records them
//	enact       makes such a run again in virtual time
//	phold       a benchmark
//	wording     texts for people
package sim

import (
	"reflect"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/traitor"
)

// Sim is one run. It is not safe for concurrent use; any number of them may run
// side by side.
type Sim struct {
	plan     Plan
	src      protocol.Source
	q        queue
	slab     slab
	nodes    []node
	timers   []*timers
	cold     []*coldState
	env      protocol.Env
	now      protocol.Time
	doing    doing // what the node does whose code is running
	hop      hop
	net      network
	want     What // some observer wants to see
	wide     What // some observer wants to see of every node
	watchers watchers
	shown    Event           // what the watchers are being shown
	kinds    []protocol.Kind // of pending messages by slot, when an observer watches arrivals
	result   Result
	shadows  *shadows      // nil without Plan.Shadow
	live     [2]int        // pending events that will happen, by whether they are background
	dead     int           // entries of the queue that will not happen: see kill
	askAt    uint64        // step before which Done is not asked again
	horizon  protocol.Time // nothing later happens, as far as is known
	most     uint64        // Plan.Events less one: no bound is the greatest number
	over     bool

	team   *team    // of a run in parts, or nil
	member *part    // that this is, or nil
	serial string   // why the run has fewer threads than the plan asks for, or ""
	linked []impact // of a part: what faults of links did in it, by the plan's order

	lags   bool            // a timer's record has room for its lag
	itself []protocol.Time // when the last message of each node to itself arrives; nil without Plan.Lag

	windows []fault.Window // of the plan's faults, in their order
	impacts []impact       // likewise
	turns   turns          // of the step under way, while a fault is about its goroutines
	acts    []traitor.Acts // likewise; nil without Byzantine faults
}

// node is what the loop needs of a node: one cache line.
type node struct {
	machine   protocol.Node // nil while down
	state     *byte         // first byte of the machine, to be touched ahead
	seq       uint64        // messages (lost ones and copies too), timers and syncs so far
	decisions uint64
	network   uint64
	outputs   uint64
	inc       uint32
	down      bool
	special   bool // look at that, or at the cold state, before anything else
	chosen    bool // a Sampling observer wants to see its events
}

// New prepares the run of plan under the answers of src; nil means Benign.
// Observers are shown the run in the order given. The error is Plan.Validate's.
func New(plan Plan, src protocol.Source, observers ...Observer) (*Sim, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	if src == nil {
		src = protocol.Benign{}
	}
	s := &Sim{
		plan:   plan,
		src:    src,
		nodes:  make([]node, plan.Nodes),
		timers: make([]*timers, plan.Nodes),

		doing:   doing{node: protocol.Outside},
		horizon: plan.Until,
		most:    plan.Events - 1,
	}
	// Here and not where plans are made, so that a Byzantine fault of a replay works
	// for any of them.
	s.wrapTraitors()
	s.plan.Node = guard(s.plan.Node, plan.Random)
	s.initShadows()
	if plan.Bound > 0 {
		s.horizon = min(plan.Bound, plan.Until)
	}
	if plan.Lag > 0 {
		s.lags = true
		s.itself = make([]protocol.Time, plan.Nodes)
	}
	s.slab.free = noSlot
	s.q.init(&s.slab, s.nodes)
	s.net.init(&s.plan)
	s.watchers.init(observers, s.nodes)
	s.want, s.wide = s.watchers.want, s.watchers.wide
	s.env.Observe(s.want&Noted != 0)
	s.schedule()
	s.split()
	return s, nil
}

// Ranks of sources: where an event comes from, in the order of events.
const (
	fromPlan  = 0 // starts and faults
	fromInput = 1
	fromNode  = 2 // plus the node's number
)

func (s *Sim) schedule() {
	for i := range s.nodes {
		var at protocol.Time
		if s.plan.Starts != nil {
			at = s.plan.Starts[i]
		}
		slot, r := s.slab.alloc(opStart, 0)
		r.src, r.seq = fromPlan, 0
		r.wave = protocol.Hash2(rootStart, uint64(i))
		r.name = r.wave
		at += s.lag(&s.nodes[i], protocol.Key{Kind: kindLateStart, A: protocol.NodeID(i), N: r.name})
		s.push(entry{at, uint32(i), slot}, r)
		s.nodes[i].down = true
		s.nodes[i].settle(nil)
	}
	s.scheduleFaults()
	for i := range s.plan.Inputs {
		in := &s.plan.Inputs[i]
		slot, r := s.slab.alloc(opMessage, 0)
		r.src, r.seq = fromInput, in.ID
		r.wave = protocol.Hash2(rootInput, in.ID)
		r.name = r.wave
		s.slab.store(r, in.Body)
		at := in.At + s.lag(&s.nodes[in.Node], protocol.Key{Kind: kindLateInput, A: in.Node, N: in.ID})
		s.push(entry{at, uint32(in.Node), slot}, r)
	}
}

// push enters the event e of record r, whose src and seq must be set, since the
// queue may look at them at once.
func (s *Sim) push(e entry, r *record) {
	s.live[r.flag&background]++
	s.q.push(e)
}

// later returns the time d after now, or one after the end of any run: an event of
// then is kept and never happens, so a long timer near the end is no overflow.
func (s *Sim) later(d time.Duration) protocol.Time {
	return s.now + min(protocol.Time(d), protocol.MaxTime+1)
}

// Node returns node id's machine, or nil while it is down: for checks and reports,
// which must only read. Of a Byzantine node it is the honest machine.
func (s *Sim) Node(id protocol.NodeID) protocol.Node {
	return inside(s.nodes[id].machine)
}

// Nodes returns the number of nodes.
func (s *Sim) Nodes() int { return len(s.nodes) }

// Now returns the virtual time.
func (s *Sim) Now() protocol.Time { return s.now }

// Events returns the number of events so far, as Result does, at no cost.
func (s *Sim) Events() uint64 { return s.result.Events }

// Result returns what happened so far. It folds the digests of all nodes.
func (s *Sim) Result() Result {
	r := s.result
	if s.team != nil {
		s.team.sum(&r)
	}
	r.End, r.Digest = s.now, s.Digest()
	for i, a := range s.acts {
		r.Faults.Lies += a.Lies
		if t := s.plan.Faults[i].Trait; t == fault.Forge || t == fault.Alter {
			r.Faults.Forged += a.Lies
		}
	}
	return r
}

// Run runs to the end. A panic within becomes a *Panic that names the node and the
// place.
func (s *Sim) Run() Result {
	for s.Advance(1 << 20) {
	}
	return s.Result()
}

// Advance runs at most n events; in parts, it ends with the window in which the n-th lies. It
// reports false when the run is over. A panic within becomes a *Panic.
func (s *Sim) Advance(n int) bool {
	defer s.locate()
	if s.team != nil {
		return s.team.advance(n)
	}
	for range n {
		if !s.next() {
			return false
		}
	}
	return !s.over
}

// Step runs the next event, in the global order if the run is in parts. It reports false, and
// nothing happens, when the run is over.
func (s *Sim) Step() bool {
	if s.team != nil {
		return s.team.next()
	}
	return s.next()
}

func (s *Sim) next() bool {
	for !s.over {
		if s.live[0] == 0 && s.finished(s.live[background]) {
			return false
		}
		e, ok := s.q.pop(s.horizon)
		if !ok {
			if s.extends() {
				continue
			}
			return false
		}
		r := s.slab.at(e.slot)
		if r.op == opDead {
			s.dead--
			s.slab.release(e.slot, r)
			continue
		}
		if s.result.Events > s.most {
			s.end(Bounded)
			return false
		}
		s.now = e.at
		s.result.Events++
		s.happen(e, r)
		return true
	}
	return false
}

// finished ends the run, if it may end now that all that is pending, if anything, is
// background.
func (s *Sim) finished(background int) bool {
	switch {
	case background == 0:
		s.end(Quiet)
	case s.done():
		s.end(Settled)
	}
	return s.over
}

// extends is called when nothing is pending up to the horizon. It moves that to the end of the
// plan or, if it is there, ends the run.
func (s *Sim) extends() bool {
	if s.horizon < s.plan.Until && (s.plan.Done == nil || s.plan.Done()) {
		s.horizon = s.plan.Until
		return true
	}
	s.now = s.horizon
	s.end(TimeUp)
	return false
}

// done asks the plan whether all is done. After a no it asks again only when as many
// steps have passed as there are nodes, since an answer may look at each.
func (s *Sim) done() bool {
	if s.plan.Done == nil {
		return true
	}
	if s.result.Events < s.askAt {
		return false
	}
	s.askAt = s.result.Events + uint64(len(s.nodes))
	return s.plan.Done()
}

// Interrupt ends the run here, unless it is over.
func (s *Sim) Interrupt() {
	if !s.over {
		s.end(Interrupted)
	}
}

func (s *Sim) end(why Reason) {
	s.over = true
	s.result.Reason = why
	if s.want&Ended != 0 {
		s.show(&Event{What: Ended, Text: why.String()})
	}
}

func (s *Sim) happen(e entry, r *record) {
	s.live[r.flag&background]--
	n := &s.nodes[e.dst]
	if (n.special || r.op > opTimer) && !s.ready(e, r) {
		return
	}
	c := causeOf(e, r)
	s.step(&c, n, e, r)
}

func causeOf(e entry, r *record) cause {
	return cause{id: protocol.NodeID(e.dst), wave: r.wave, name: r.name, flag: r.flag & background}
}

// step has the node consume the event, or start if r is nil, and applies the effects.
func (s *Sim) step(c *cause, n *node, e entry, r *record) {
	if n.special {
		s.enter(c, n)
	} else {
		s.env.Enter(c.id, n.inc, s.now, s.src)
	}
	s.env.Name(c.name)
	switch {
	case r == nil:
		s.boot(c.id, n)
	case r.op == opMessage:
		s.receive(e, r, n)
	case r.op == opTimer:
		s.timeout(e, r, n)
	default:
		s.flushed(e, r, n)
	}
	if a := s.env.Answers(); a != 0 {
		n.foldAnswer(a)
	}
	s.hop.reset()
	if n.special {
		s.toldFull(c.id)
		if x := s.cold[c.id]; x.armed != nil {
			s.crashInStep(c, n, x, s.env.Effects())
			return
		}
	}
	s.perform(c, n, s.env.Effects(), 0)
}

func (s *Sim) receive(e entry, r *record, n *node) {
	from := protocol.Outside
	if r.src >= fromNode {
		from = protocol.NodeID(r.src - fromNode)
	}
	body, kind := s.slab.view(r), s.kindOf(e.slot)
	if x := s.shadows.of(protocol.NodeID(e.dst)); x != nil {
		x.hears(from, body)
	}
	n.foldEvent(foldMessage, s.now, r.name)
	s.result.Received++
	if s.wants(n, Received) {
		s.show(&Event{What: Received, Node: protocol.NodeID(e.dst), Peer: from, Incarnation: n.inc, Kind: kind, Seq: r.seq, Body: body})
	}
	s.doing = doing{node: protocol.NodeID(e.dst), peer: from, op: opMessage, kind: kind}
	n.machine.Receive(&s.env, from, body)
	s.doing.node = protocol.Outside
	if s.plan.Poison {
		s.poison(body, r)
	}
	s.slab.release(e.slot, r)
}

func (s *Sim) timeout(e entry, r *record, n *node) {
	tag := r.word(0)
	t := s.timers[e.dst]
	t.remove(t.find(tag))
	if x := s.shadows.of(protocol.NodeID(e.dst)); x != nil {
		x.hears(protocol.Outside, nil)
	}
	n.foldEvent(foldTimer, s.now, r.name)
	s.result.Fired++
	if s.wants(n, Fired) {
		s.show(&Event{What: Fired, Node: protocol.NodeID(e.dst), Incarnation: n.inc, Seq: r.seq, Tag: tag})
	}
	s.slab.release(e.slot, r)
	s.doing = doing{node: protocol.NodeID(e.dst), op: opTimer, tag: tag}
	n.machine.Timeout(&s.env, tag)
	s.doing.node = protocol.Outside
}

// poison overwrites a borrowed message, so that a node that keeps it fails. A body
// shared with other messages is left alone.
func (s *Sim) poison(body []byte, r *record) {
	if r.flag&long == 0 || s.slab.longs[uint32(r.word(0))].refs == 1 {
		spoil(body)
	}
}

func spoil(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}

// kindOf returns the kind of a pending message if an observer watches arrivals, or 0.
func (s *Sim) kindOf(slot uint32) protocol.Kind {
	if int(slot) < len(s.kinds) {
		return s.kinds[slot]
	}
	return 0
}

// stateOf finds the first byte of a machine's state, or nil.
func stateOf(m protocol.Node) *byte {
	v := reflect.ValueOf(m)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Type().Size() == 0 {
		return nil
	}
	return (*byte)(v.UnsafePointer())
}

// locate adds node and place to a panic. It recovers only to panic again
// within the deferred call, which keeps the stack.
func (s *Sim) locate() {
	v := recover()
	if p, ok := v.(*Panic); ok { // of a part
		panic(p)
	}
	if v != nil {
		panic(&Panic{Moment: s.Where(), Value: v, Stack: stackOf(v)})
	}
}

// stackOf returns the stack that a panic brings with it, or nil: that of a goroutine of the
// node's own.
func stackOf(v any) []byte {
	if x, ok := v.(interface{ NodeStack() []byte }); ok {
		return x.NodeStack()
	}
	return nil
}
