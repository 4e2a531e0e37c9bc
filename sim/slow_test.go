package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/traitor"
)

// slow is the twin of Sim: the same runs by the most obvious means, with one
// sorted slice of events, which cancelling shortens, a new Env for every step,
// and copies of everything. It shares with Sim only what observers see, the
// quantiles of shapes and the constants of names.
type slow struct {
	plan   Plan
	src    protocol.Source
	show   func(e *Event)
	now    protocol.Time
	events []*slowEvent
	nodes  []*slowNode
	last   map[[2]protocol.NodeID]protocol.Time // FIFO
	result Result
	askAt  uint64
	opened map[uint64]protocol.Time // when faults began that waited for an effect, by ID
	passed []*slowEvent             // messages that no link or fault lost, in the order of sending
	echoed map[slowEcho]uint64      // how often a message could have come again
}

type slowEvent struct {
	at   protocol.Time
	dst  protocol.NodeID
	rank int // 0 the plan, 1 an input, 2 and more a node
	seq  uint64

	does       string // start, fault, turn, revive, message, timer, synced or flushed
	wave, name uint64
	background bool
	from       protocol.NodeID
	kind       protocol.Kind
	body       []byte
	late       protocol.Time // of a copy
	tag        uint64
	target     *big.Int      // what must have elapsed on its node's clock, of a timer
	lag        protocol.Time // of a timer
	fault      *fault.Fault
	inc        uint32 // that crashed, of a revive
	flush      slowFlush
}

type slowNode struct {
	id      protocol.NodeID
	machine protocol.Node // nil while down
	inc     uint32
	seq     uint64
	disk    slowRecords
	damaged bool
	armed   *fault.Fault
	anchors []*slowAnchor
	failing []*fault.Fault
	paused  protocol.Time // until then, or 0
	busy    *slowStep     // waits for the disk
	held    []*slowEvent
	digest  Digest
}

// slowStep is what is left of a step.
type slowStep struct {
	wave, name uint64
	background bool
	todo       []any // protocol.Effect or protocol.Note
	done       int   // effects
	last       *protocol.Effect
	sent       []slowSent
	syncs      uint64
	flushed    map[uint64]uint64 // how many flushes there were, by tag
	crash      *fault.Fault
	when       string
}

type slowSent struct {
	to   protocol.NodeID
	body string
}

func newSlow(plan Plan, src protocol.Source, show func(e *Event)) *slow {
	w := &slow{plan: plan, src: src, show: show, last: make(map[[2]protocol.NodeID]protocol.Time), opened: make(map[uint64]protocol.Time), echoed: make(map[slowEcho]uint64)}
	for i := range plan.Nodes {
		id := protocol.NodeID(i)
		w.nodes = append(w.nodes, &slowNode{id: id, disk: newSlowRecords()})
		at := protocol.Time(0)
		if plan.Starts != nil {
			at = plan.Starts[i]
		}
		root := protocol.Hash2(rootStart, uint64(i))
		at += w.lag(w.nodes[i], "late.start", root)
		w.push(&slowEvent{at: at, dst: id, does: "start", wave: root, name: root})
	}
	w.pushFaults()
	for _, in := range plan.Inputs {
		root := protocol.Hash2(rootInput, in.ID)
		at := in.At + w.lag(w.nodes[in.Node], "late.input", in.ID)
		w.push(&slowEvent{at: at, dst: in.Node, rank: 1, seq: in.ID, does: "message", wave: root, name: root, from: protocol.Outside, body: bytes.Clone(in.Body)})
	}
	return w
}

func (w *slow) push(e *slowEvent) {
	w.events = append(w.events, e)
	w.sort()
}

func (w *slow) sort() {
	slices.SortFunc(w.events, func(a, b *slowEvent) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.dst, b.dst), cmp.Compare(a.rank, b.rank), cmp.Compare(a.seq, b.seq))
	})
}

// remove takes away the events of node n that which picks, wherever they wait.
func (w *slow) remove(n *slowNode, which func(e *slowEvent) bool) {
	w.events = slices.DeleteFunc(w.events, func(e *slowEvent) bool { return e.dst == n.id && which(e) })
	n.held = slices.DeleteFunc(n.held, which)
}

func (w *slow) tell(n *slowNode, e Event) {
	e.Node, e.Incarnation, e.At, e.Step = n.id, n.inc, w.now, w.result.Events
	w.show(&e)
}

func (w *slow) run() Result {
	for w.result.Reason == Running {
		w.result.Reason = w.advance()
	}
	w.show(&Event{What: Ended, At: w.now, Step: w.result.Events, Text: w.result.Reason.String()})
	w.result.End = w.now
	for _, n := range w.nodes {
		d := &w.result.Digest
		d.Decisions = protocol.Hash2(d.Decisions, n.digest.Decisions)
		d.Network = protocol.Hash2(d.Network, n.digest.Network)
		d.Outputs = protocol.Hash2(d.Outputs, n.digest.Outputs)
	}
	return w.result
}

func (w *slow) advance() Reason {
	waiting := slices.Clone(w.events)
	for _, n := range w.nodes {
		waiting = append(waiting, n.held...)
	}
	if len(waiting) == 0 {
		return Quiet
	}
	if !slices.ContainsFunc(waiting, func(e *slowEvent) bool { return !e.background }) && w.done() {
		return Settled
	}
	if w.events[0].at > w.plan.Until {
		w.now = w.plan.Until
		return TimeUp
	}
	e := w.events[0]
	w.events = w.events[1:]
	w.now = e.at
	n := w.nodes[e.dst]
	if (n.busy != nil || n.paused > 0) && (e.does == "message" || e.does == "timer" || e.does == "flushed") {
		n.held = append(n.held, e)
		return Running
	}
	if n.paused > 0 && e.does == "synced" {
		n.held = slices.Insert(n.held, 0, e)
		return Running
	}
	w.result.Events++
	w.happen(n, e)
	return Running
}

func (w *slow) done() bool {
	if w.plan.Done == nil {
		return true
	}
	if w.result.Events < w.askAt {
		return false
	}
	w.askAt = w.result.Events + uint64(len(w.nodes))
	return w.plan.Done()
}

func (w *slow) happen(n *slowNode, e *slowEvent) {
	switch {
	case e.does == "start":
		w.start(n, e)
	case e.does == "revive":
		if n.inc == e.inc {
			w.restart(n, e)
		}
	case e.does == "fault":
		w.fault(n, e)
	case e.does == "turn":
		w.turn(n, e)
	case e.does == "synced":
		w.synced(n)
	case n.machine == nil:
		w.drop(n, e)
	default:
		w.consume(n, e)
	}
}

func (w *slow) start(n *slowNode, e *slowEvent) {
	n.inc++
	n.machine = w.plan.Node(n.id)
	var traits []fault.Fault
	for _, f := range w.plan.Faults {
		if f.Op == fault.Byzantine && f.Node == n.id {
			if w.end(&f) <= protocol.MaxTime {
				f.For = time.Duration(w.end(&f) - f.At)
			}
			traits = append(traits, f)
		}
	}
	if traits != nil {
		n.machine = traitor.New(n.machine, traits...)
	}
	n.digest.Network = protocol.Hash3(n.digest.Network^foldStart, uint64(w.now), uint64(n.inc))
	w.tell(n, Event{What: Started})
	w.step(n, e, func(env *protocol.Env) {
		env.Mount(func(yield func(uint64, []byte) bool) {
			for _, i := range protocol.SortedKeys(n.disk.records) {
				if !yield(i, bytes.Clone(n.disk.records[i].bytes)) {
					return
				}
			}
		})
		n.machine.Start(env)
	})
	if n.inc > 1 {
		for i := range w.plan.Faults {
			if f := &w.plan.Faults[i]; f.Op == fault.Echo && w.on(f, w.now) {
				w.echo(f, n)
			}
		}
	}
}

func (w *slow) consume(n *slowNode, e *slowEvent) {
	if e.does == "timer" {
		n.digest.Network = protocol.Hash3(n.digest.Network^foldTimer, uint64(w.now), e.name)
		w.result.Fired++
		w.tell(n, Event{What: Fired, Seq: e.seq, Tag: e.tag})
		w.step(n, e, func(env *protocol.Env) { n.machine.Timeout(env, e.tag) })
		return
	}
	if e.does == "flushed" {
		w.flushed(n, e)
		return
	}
	n.digest.Network = protocol.Hash3(n.digest.Network^foldMessage, uint64(w.now), e.name)
	w.result.Received++
	w.tell(n, Event{What: Received, Peer: e.from, Kind: e.kind, Seq: e.seq, Body: e.body})
	w.step(n, e, func(env *protocol.Env) { n.machine.Receive(env, e.from, bytes.Clone(e.body)) })
}

func (w *slow) drop(n *slowNode, e *slowEvent) {
	w.result.Dropped++
	n.digest.Network = protocol.Hash3(n.digest.Network^foldDropped, uint64(w.now), e.name)
	w.tell(n, Event{What: Dropped, Peer: e.from, Kind: e.kind, Seq: e.seq, Body: e.body})
}

// step lets the node do what it does, up to the effect at which it crashes.
func (w *slow) step(n *slowNode, e *slowEvent, do func(env *protocol.Env)) {
	env := new(protocol.Env)
	env.Observe(true)
	env.Enter(n.id, n.inc, w.local(n.id), w.src)
	env.SetSteady(w.steady(n.id))
	env.Name(e.name)
	if turns := (slowTurns{w, n, e.name}); turns.open(fault.Order) || turns.open(fault.Yield) || turns.open(fault.Stall) {
		env.Schedule(turns)
	}
	for i := range w.plan.Faults {
		if f := &w.plan.Faults[i]; f.Op == fault.Full && f.Node == n.id && w.on(f, w.now) {
			env.Fill()
		}
	}
	do(env)
	if env.ToldFull() {
		w.result.Faults.Full++
	}
	if a := env.Answers(); a != 0 {
		n.digest.Decisions = protocol.Hash2(n.digest.Decisions, a)
	}
	st := &slowStep{wave: e.wave, name: e.name, background: e.background, flushed: make(map[uint64]uint64)}
	effects := env.Effects()
	if n.armed != nil {
		k := min(n.armed.After, len(effects))
		st.crash, st.when = n.armed, fmt.Sprintf("after %d of %d effects", k, len(effects))
		n.armed = nil
		effects = effects[:k]
	}
	for i := 0; i <= len(effects); i++ {
		for _, note := range env.Notes() {
			if note.Before == i {
				st.todo = append(st.todo, note)
			}
		}
		if i < len(effects) {
			st.todo = append(st.todo, effects[i])
		}
	}
	w.goOn(n, st)
}

// goOn does what is left of a step, up to its end or a sync that takes time.
func (w *slow) goOn(n *slowNode, st *slowStep) {
	for {
		for len(st.todo) > 0 {
			note, ok := st.todo[0].(protocol.Note)
			if !ok {
				break
			}
			w.tell(n, Event{What: Noted, Kind: note.Kind, Text: note.Text})
			st.todo = st.todo[1:]
		}
		if st.last != nil {
			for _, f := range n.reached(st.last) {
				switch f.Op {
				case fault.Crash:
				case fault.FailSync:
					w.nodes[f.Node].failing = append(w.nodes[f.Node].failing, f)
					continue
				default:
					w.open(f)
					continue
				}
				when := fmt.Sprintf("after effect %d of node %v, its %v", st.done, n.id, st.last.Op)
				if f.Node == n.id {
					when = fmt.Sprintf("after effect %d, its %v", st.done, st.last.Op)
				}
				if w.nodes[f.Node].machine != nil {
					w.crash(w.nodes[f.Node], f, when)
				}
			}
			if n.machine == nil {
				return
			}
		}
		if len(st.todo) == 0 {
			break
		}
		f := st.todo[0].(protocol.Effect)
		st.todo, st.last = st.todo[1:], &f
		st.done++
		if f.Op == protocol.OpSync && len(n.failing) > 0 {
			w.result.Syncs++
			w.result.Faults.FailedSyncs++
			why := n.failing[0]
			n.failing = n.failing[1:]
			w.crash(n, why, fmt.Sprintf("at effect %d, a sync that failed", st.done))
			return
		}
		if f.Op == protocol.OpSync && w.sync(n, st) {
			return
		}
		w.effect(n, st, &f)
	}
	if st.crash != nil {
		w.crash(n, st.crash, st.when)
	}
}

func (w *slow) effect(n *slowNode, st *slowStep, f *protocol.Effect) {
	switch f.Op {
	case protocol.OpSend:
		w.send(n, st, f)
	case protocol.OpSetTimer:
		w.remove(n, func(e *slowEvent) bool { return e.does == "timer" && e.tag == f.Tag })
		n.seq++
		wave, target := protocol.Hash2(st.wave, f.Tag), w.target(n.id, f.After)
		name := protocol.Hash3(wave, nameTimer, uint64(n.id))
		lag := w.lag(n, "late.timer", name) + w.lateTimer(n, name)
		w.push(&slowEvent{
			at: w.due(n.id, target) + lag, target: target, lag: lag, dst: n.id, rank: fromNode + int(n.id), seq: n.seq, does: "timer", tag: f.Tag,
			wave: wave, name: name,
			background: st.background || f.Tag&protocol.Periodic != 0,
		})
	case protocol.OpCancelTimer:
		w.remove(n, func(e *slowEvent) bool { return e.does == "timer" && e.tag == f.Tag })
	case protocol.OpPersist:
		w.tell(n, Event{What: Persisted, Tag: n.disk.next, Body: f.Body})
		n.digest.Outputs = protocol.Hash3(n.digest.Outputs, foldPersist, protocol.HashBytes(f.Body))
		n.disk.append(slowRecord{bytes: f.Body, written: f.Body, payload: f.Tag})
	case protocol.OpDiscard:
		n.disk.forget = max(n.disk.forget, min(f.Tag, n.disk.next))
	case protocol.OpFlush:
		w.flush(n, st, f)
	case protocol.OpOutput:
		n.digest.Outputs = protocol.Hash3(n.digest.Outputs, uint64(f.Kind), protocol.HashBytes(f.Body))
		w.result.Outputs++
		w.tell(n, Event{What: Output, Kind: f.Kind, Body: f.Body})
	}
}

// sync reports whether it takes time.
func (w *slow) sync(n *slowNode, st *slowStep) bool {
	w.result.Syncs++
	took := protocol.Time(w.plan.Disk.Sync)
	if j := uint64(w.plan.Disk.Jitter); j > 0 {
		took += protocol.Time(w.choose(n, protocol.Key{Kind: kindSync, A: n.id, N: protocol.Hash3(st.name, uint64(n.inc), st.syncs)}, j+1))
	}
	st.syncs++
	took += w.slowSync(n)
	for _, e := range w.flushes(n) {
		took = max(took, e.at-w.now)
	}
	if took == 0 {
		w.durable(n)
		return false
	}
	for _, item := range st.todo {
		if note, ok := item.(protocol.Note); ok {
			w.tell(n, Event{What: Noted, Kind: note.Kind, Text: note.Text})
		}
	}
	st.todo = slices.DeleteFunc(st.todo, func(item any) bool { _, ok := item.(protocol.Note); return ok })
	n.busy = st
	n.seq++
	w.push(&slowEvent{at: w.now + took, dst: n.id, rank: fromNode + int(n.id), seq: n.seq, does: "synced", background: st.background})
	return true
}

func (w *slow) durable(n *slowNode) {
	for _, rec := range n.disk.records {
		rec.safe = true
	}
	n.disk.drop(n.disk.forget)
	w.tell(n, Event{What: Synced, Tag: n.disk.next})
}

func (w *slow) synced(n *slowNode) {
	st := n.busy
	n.busy = nil
	w.durable(n)
	w.goOn(n, st)
	w.workOff(n)
}

// workOff lets the node consume what was held, as far as it can.
func (w *slow) workOff(n *slowNode) {
	for len(n.held) > 0 && n.paused == 0 && (n.busy == nil || n.held[0].does == "synced") {
		e := n.held[0]
		n.held = n.held[1:]
		w.result.Events++
		if e.does == "synced" {
			w.synced(n)
		} else {
			w.consume(n, e)
		}
	}
}

func (w *slow) crash(n *slowNode, f *fault.Fault, when string) {
	w.remove(n, func(e *slowEvent) bool { return e.does == "timer" || e.does == "synced" || e.does == "flushed" })
	for _, e := range n.held {
		w.drop(n, e)
	}
	n.held, n.busy, n.paused = nil, nil, 0
	fates := w.salvage(n, f)
	n.machine = nil
	n.digest.Network = protocol.Hash3(n.digest.Network^foldCrash, uint64(w.now), uint64(n.inc))
	w.result.Crashes++
	w.tell(n, Event{What: Crashed, Tag: f.ID, Text: when})
	for _, e := range fates {
		w.tell(n, e)
	}
	if f.For > 0 {
		root := protocol.Hash3(rootFault, f.ID, 1)
		w.push(&slowEvent{at: w.now + protocol.Time(f.For), dst: n.id, seq: 1 + f.ID, does: "revive", wave: root, name: root, fault: f, inc: n.inc})
	}
}

// link finds the link by asking how well each rule fits.
func (w *slow) link(from, to protocol.NodeID) Link {
	best, link := 0, w.plan.Link
	for _, r := range w.plan.Links {
		fit := 0
		switch {
		case r.From == from && r.To == to:
			fit = 3
		case r.From == from && r.To == Any:
			fit = 2
		case r.From == Any && r.To == to:
			fit = 1
		}
		if fit > best {
			best, link = fit, r.Link
		}
	}
	return link
}

func (w *slow) send(n *slowNode, st *slowStep, f *protocol.Effect) {
	times := uint64(0)
	for _, old := range st.sent {
		if old == (slowSent{f.To, string(f.Body)}) {
			times++
		}
	}
	st.sent = append(st.sent, slowSent{f.To, string(f.Body)})
	e := slowEvent{
		dst: f.To, rank: fromNode + int(n.id), does: "message", background: st.background,
		from: n.id, kind: f.Kind, body: bytes.Clone(f.Body), wave: protocol.Hash2(st.wave, waveHop),
	}
	if times > 0 {
		e.wave = protocol.Hash3(e.wave, waveRepeat, times)
	}
	e.name = protocol.Hash3(protocol.HashBytes(f.Body), e.wave, uint64(n.id)<<32|uint64(f.To))
	w.result.Sent++
	w.result.Bytes += uint64(len(f.Body))
	n.seq++
	e.seq = n.seq
	w.tell(n, Event{What: Sent, Peer: f.To, Kind: f.Kind, Seq: e.seq, Body: e.body})
	if int64(f.To) >= int64(w.plan.Nodes) {
		if w.result.Misaddressed.Sent == 0 {
			w.result.Misaddressed = Misaddressed{From: n.id, To: f.To, Kind: f.Kind, At: w.now, Step: w.result.Events}
		}
		w.result.Misaddressed.Sent++
		w.lose(n, &e)
		return
	}
	if f.To == n.id { // nothing that happens to links happens to it
		e.at = w.now + protocol.Time(w.plan.Link.Delay) + w.lag(n, "late.self", e.name)
		for _, earlier := range slices.Concat(w.events, n.held) {
			if earlier.does == "message" && earlier.dst == n.id && earlier.from == n.id {
				e.at = max(e.at, earlier.at)
			}
		}
		w.push(&e)
		return
	}
	l := w.link(n.id, f.To)
	if first := e; w.travel(n, l, e) {
		w.passed = append(w.passed, &first)
	}
	copied := func(wave, name uint64, late protocol.Time) {
		again := e
		again.late = late
		w.result.Copied++
		n.seq++
		again.seq, again.wave, again.name = n.seq, wave, name
		w.tell(n, Event{What: Copied, Peer: f.To, Kind: f.Kind, Seq: again.seq, Body: e.body})
		w.travel(n, l, again)
	}
	if w.chance(n, protocol.Key{Kind: kindCopy, A: n.id, B: f.To, N: e.name}, l.Copy) {
		copied(protocol.Hash2(e.wave, waveCopy), protocol.Hash2(e.name, waveCopy), 0)
	}
	for i := range w.plan.Faults {
		why := &w.plan.Faults[i]
		if !w.hits(why, n.id, f.To, f.Kind) {
			continue
		}
		wave, name := protocol.Hash3(e.wave, waveCopy, why.ID), protocol.Hash3(e.name, waveCopy, why.ID)
		if why.Op == fault.Copy && w.strikes(n, kindAlso, why, f.To, e.name) {
			w.result.Faults.Copied++
			copied(wave, name, 0)
		}
		if why.Op == fault.Late && w.strikes(n, kindStale, why, f.To, e.name) {
			w.result.Faults.Late++
			copied(wave, name, w.lateness(n, l, why, &e))
		}
	}
}

func (w *slow) lose(n *slowNode, e *slowEvent) {
	w.result.Lost++
	w.tell(n, Event{What: Lost, Peer: e.dst, Kind: e.kind, Seq: e.seq, Body: e.body})
}

func (w *slow) travel(n *slowNode, l Link, e slowEvent) (arrives bool) {
	e, late, lost := w.linkFaults(n, e)
	if lost {
		w.lose(n, &e)
		return false
	}
	key := protocol.Key{Kind: kindLoss, A: n.id, B: e.dst, N: e.name}
	if w.chance(n, key, l.Loss) {
		w.lose(n, &e)
		return false
	}
	e.at = w.now + e.late + late + protocol.Time(l.Delay)
	key.Kind = kindDelay
	switch {
	case l.Jitter == 0:
	case l.Shape == Uniform:
		e.at += protocol.Time(w.choose(n, key, uint64(l.Jitter)+1))
	case l.Shape == Exponential:
		e.at += protocol.Time(quantile(expQuantiles, w.choose(n, key, shapeRange), uint64(l.Jitter)))
	default:
		e.at += protocol.Time(quantile(heavyQuantiles, w.choose(n, key, shapeRange), uint64(l.Jitter)))
	}
	if l.FIFO && e.late == 0 {
		pair := [2]protocol.NodeID{n.id, e.dst}
		e.at = max(e.at, w.last[pair]+1)
		w.last[pair] = e.at
	}
	w.push(&e)
	return true
}

// lag returns how much later than due a node takes something up.
func (w *slow) lag(n *slowNode, kind string, name uint64) protocol.Time {
	if w.plan.Lag == 0 {
		return 0
	}
	return protocol.Time(w.choose(n, protocol.Key{Kind: protocol.KindOf(kind), A: n.id, N: name}, uint64(w.plan.Lag)+1))
}

func (w *slow) choose(n *slowNode, k protocol.Key, among uint64) uint64 {
	a := w.src.Choose(k, among)
	n.digest.Decisions = protocol.Hash2(n.digest.Decisions, a)
	return a
}

func (w *slow) chance(n *slowNode, k protocol.Key, p protocol.Ratio) bool {
	if p.Never() || p.Sure() {
		return p.Sure()
	}
	a, bit := w.src.Chance(k, p), uint64(0)
	if a {
		bit = 1
	}
	n.digest.Decisions = protocol.Hash2(n.digest.Decisions, bit)
	return a
}
