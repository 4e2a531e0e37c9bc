package raft_test

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
	"dessim/sim"
	"dessim/sim/source"
)

const tick = 100 * time.Millisecond

// kindHandedOver is the output of a delivery: see host.deliver.
var kindHandedOver = protocol.KindOf("handed-over")

// A world is one run of a group under misfortunes drawn from a seed: a swarm, so
// that most runs have few kinds of them and all of those. What a step does is
// cut by its crash between any two effects, and of what was not synced anything
// may survive, with gaps and torn.
//
// The crashes are the world's own and not the plan's: they wait for a step of
// some kind, and what they leave on disk is worse than what sim.Fault leaves.
type world struct {
	seed     uint64
	drawn    uint64
	snapshot uint64
	mutant   func([]protocol.Effect) []protocol.Effect // what a wrong library would do
	answers  protocol.Source

	loss, copies uint64 // percent
	slowest      time.Duration
	calm         protocol.Time // from then on nothing bad happens

	hosts   []*mortal
	windows []window
	judge   *judge
	sim     *sim.Sim
	end     sim.Result
	counts  counts
}

// counts say how much a run had of what it is about.
type counts struct {
	crashes, torn, minorities                    int
	stats                                        abcast.Stats
	broadcasts, deliveries, canon, terms, orphan int
	healed                                       float64 // ticks after calm
}

// A window severs links for a while.
type window struct {
	from, to protocol.Time
	camps    []uint64 // sets of nodes by bits; who shares none is severed
	oneWay   bool     // from the first camp to the others only
	split    bool     // the camps are disjoint and hold all nodes
}

func (w *world) draw(n uint64) uint64 {
	w.drawn++
	return protocol.Hash3(w.seed, w.drawn, 0x77) % n
}

func (w *world) chance(percent uint64) bool { return w.draw(100) < percent }

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.draw(uint64(d) + 1)) }

func (w *world) now() protocol.Time { return w.sim.Now() }

func (w *world) chaotic() bool { return w.now() < w.calm }

// severed tells whether a message that leaves now is lost to a window.
func (w *world) severed(from, to protocol.NodeID) bool {
	now := w.now()
	for i := range w.windows {
		x := &w.windows[i]
		if now < x.from || now >= min(x.to, w.calm) {
			continue
		}
		joint := false
		for _, c := range x.camps {
			joint = joint || c>>from&1 == 1 && c>>to&1 == 1
		}
		if !joint && !(x.oneWay && x.camps[0]>>from&1 == 0) {
			return true
		}
	}
	return false
}

// isolated gives since when the node has been within one minority, or ok false.
func (w *world) isolated(id protocol.NodeID) (since protocol.Time, ok bool) {
	now := w.now()
	for i := range w.windows {
		x := &w.windows[i]
		if !x.split || now < x.from || now >= min(x.to, w.calm) {
			continue
		}
		for _, c := range x.camps {
			if c>>id&1 == 1 && ones(c) <= len(w.hosts)/2 && (!ok || x.from < since) {
				since, ok = x.from, true
			}
		}
	}
	return since, ok
}

func ones(set uint64) (n int) {
	for ; set != 0; set &= set - 1 {
		n++
	}
	return n
}

// A mortal is a node with a disk and lives of its own. Each life is a host.
type mortal struct {
	world *world
	id    protocol.NodeID
	inc   uint32
	host  *life
	env   protocol.Env // of the life: what it does is looked at before it is done
	disk  [][]byte
	safe  int
	armed *trigger
	slow  map[uint64]message // held by the network; a crash does not touch them
	next  uint64
	steps uint64
	stats abcast.Stats // of former lives
}

type message struct {
	to   protocol.NodeID
	kind protocol.Kind
	body []byte
}

// A trigger crashes its node in a step that does a thing.
type trigger struct {
	does func(e *protocol.Effect) bool
	cut  func(does, effects int) int // how many effects happen
	down time.Duration
	then func() // what befalls the others
}

const (
	tagRevive = 1 << 40
	tagSlow   = 1 << 41
)

func (m *mortal) Start(env *protocol.Env) { m.live(env) }

func (m *mortal) live(env *protocol.Env) {
	m.inc++
	m.host = newLife(m.world.config())
	m.step(env, func() {
		for _, rec := range m.disk {
			rec := bytes.Clone(rec)
			m.host.group.Restore(rec)
			spoil(rec)
		}
		m.host.group.Start(&m.env)
	})
}

func spoil(b []byte) {
	for i := range b {
		b[i] = 0xee
	}
}

func (m *mortal) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		m.command(env, msg)
		return
	}
	if m.host != nil {
		m.step(env, func() { m.host.group.Receive(&m.env, from, msg) })
	}
}

// command does what the plan wants of the node.
func (m *mortal) command(env *protocol.Env, what []byte) {
	w := m.world
	switch what[0] {
	case 'b':
		if m.host != nil {
			m.step(env, func() {
				payload := bytes.Clone(what)
				id := m.host.group.Broadcast(&m.env, payload)
				w.judge.broadcast(id, string(what), w.now())
				spoil(payload)
			})
		}
	case 'x':
		if m.host != nil && w.chaotic() {
			m.crash(env, w.upTo(8*tick))
		}
	case 'a':
		m.armed = w.anyTrigger(m)
	case 'm':
		w.secondVote(m)
	case 'o':
		w.onlyDisk(m)
	case 'r': // the calm begins
		m.armed = nil
		if m.host == nil {
			m.live(env)
		}
	}
}

func (m *mortal) Timeout(env *protocol.Env, tag uint64) {
	switch {
	case tag == tagRevive:
		if m.host == nil {
			m.live(env)
		}
	case tag&tagSlow != 0:
		msg := m.slow[tag]
		delete(m.slow, tag)
		m.send(env, msg)
	case m.host != nil:
		m.step(env, func() { m.host.group.Timeout(&m.env, tag) })
	}
}

// step lets the life do something and does its effects, up to a crash.
func (m *mortal) step(env *protocol.Env, do func()) {
	m.env.Enter(m.id, m.inc, env.Now(), m.world.answers)
	m.steps++
	m.env.Name(m.steps)
	do()
	effects := m.env.Effects()
	if m.world.mutant != nil {
		effects = m.world.mutant(effects)
	}
	cut := len(effects)
	var fired *trigger
	if t := m.armed; t != nil && m.world.chaotic() {
		if i := slices.IndexFunc(effects, func(e protocol.Effect) bool { return t.does(&e) }); i >= 0 {
			fired, m.armed = t, nil
			cut = min(max(t.cut(i, len(effects)), 0), len(effects))
		}
	}
	for i := range effects[:cut] {
		m.do(env, &effects[i])
	}
	if fired != nil {
		m.crash(env, fired.down)
		if fired.then != nil {
			fired.then()
		}
	}
}

func (m *mortal) do(env *protocol.Env, e *protocol.Effect) {
	switch e.Op {
	case protocol.OpSend:
		m.post(env, message{e.To, e.Kind, bytes.Clone(e.Body)})
	case protocol.OpSetTimer:
		env.SetTimer(e.After, e.Tag)
	case protocol.OpPersist:
		m.disk = append(m.disk, bytes.Clone(e.Body))
	case protocol.OpSync:
		m.safe = len(m.disk)
	case protocol.OpOutput:
		m.world.judge.output(m, e.Kind, e.Body)
	}
}

// post loses, copies and delays a message; the copy may come very late.
func (m *mortal) post(env *protocol.Env, msg message) {
	w := m.world
	if !w.chaotic() {
		m.send(env, msg)
		return
	}
	copies := 1
	if w.chance(w.copies) {
		copies = 2
	}
	for i := range copies {
		if w.chance(w.loss) {
			continue
		}
		late := time.Duration(0)
		if w.slowest > 0 && w.chance(50) {
			late = w.upTo(w.slowest)
			if w.chance(5) {
				late *= 5
			}
		}
		if i > 0 {
			late *= 1 + time.Duration(w.draw(24))
		}
		if late == 0 {
			m.send(env, msg)
			continue
		}
		m.next++
		tag := protocol.Periodic | tagSlow | m.next
		m.slow[tag] = msg
		env.SetTimer(late, tag)
	}
}

func (m *mortal) send(env *protocol.Env, msg message) {
	if !m.world.severed(m.id, msg.to) {
		env.Send(msg.to, msg.kind, msg.body)
	}
}

// crash ends a life. Of what was not synced nothing, a beginning, or anything
// survives, and of what follows perhaps a part of a record.
func (m *mortal) crash(env *protocol.Env, down time.Duration) {
	w := m.world
	w.counts.crashes++
	w.judge.died(m)
	add(&m.stats, m.host.group.Stats())
	m.host = nil
	unsynced := m.disk[m.safe:]
	m.disk = slices.Clip(m.disk[:m.safe])
	mode := w.draw(4)
	for i, rec := range unsynced {
		switch {
		case mode == 1 && w.chance(50), mode == 2 && i <= int(w.draw(uint64(len(unsynced)))), mode == 3 && w.chance(60):
			m.disk = append(m.disk, rec)
		case mode == 3:
			m.disk = append(m.disk, rec[:1+w.draw(uint64(len(rec)-1))])
			w.counts.torn++
		}
	}
	m.safe = len(m.disk)
	env.CancelTimer(protocol.ABCAST.Tag(protocol.Periodic | 1))
	env.SetTimer(down+1, tagRevive)
}

// A life is one life of a host: a Group whose deliveries become outputs, so
// that only those count that a crash did not cut off.
type life struct{ group *raft.Group }

func newLife(cfg raft.Config) *life {
	h := &life{}
	cfg.Deliver = func(env *protocol.Env, index uint64, m abcast.Message) {
		env.Output(kindHandedOver, fmt.Appendf(nil, "%d %d %d %d %s", index, m.ID.Node, m.ID.Incarnation, m.ID.Seq, m.Payload))
		spoil(m.Payload)
	}
	h.group = raft.New(cfg)
	return h
}

func (w *world) config() raft.Config {
	var ids []protocol.NodeID
	for i := range w.hosts {
		ids = append(ids, protocol.NodeID(i))
	}
	return raft.Config{Members: ids, Datagram: (*protocol.Env).Send, Tick: tick, Snapshot: w.snapshot}
}

// newWorld draws a run.
func newWorld(size int, seed uint64) *world {
	w := &world{seed: protocol.Hash3(seed, 5, uint64(size))}
	for i := range size {
		w.hosts = append(w.hosts, &mortal{world: w, id: protocol.NodeID(i), slow: map[uint64]message{}})
	}
	w.judge = newJudge(w)
	w.loss = []uint64{0, 0, 5, 20}[w.draw(4)]
	w.copies = []uint64{0, 10}[w.draw(2)]
	w.slowest = []time.Duration{0, 30, 80, 200, 400}[w.draw(5)] * time.Millisecond
	w.snapshot = []uint64{0, 1, 2, 5}[w.draw(4)]
	if w.chance(75) {
		w.answers = source.Seed(w.seed)
	}
	chaos := protocol.Time((8 + time.Duration(w.draw(20))) * tick)
	w.calm = chaos
	plan := sim.Plan{
		Nodes:  size,
		Node:   func(id protocol.NodeID) protocol.Node { return w.hosts[id] },
		Link:   sim.Link{Delay: time.Millisecond, Jitter: 20 * time.Millisecond},
		Until:  chaos.Add(60 * tick),
		Done:   w.settled,
		Poison: true,
	}
	id := uint64(0)
	input := func(at protocol.Time, node uint64, body string) {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: id, At: at, Node: protocol.NodeID(node), Body: []byte(body)})
		id++
	}
	some := func() (protocol.Time, uint64) {
		return protocol.Time(w.upTo(time.Duration(chaos))), w.draw(uint64(size))
	}
	for i := range 2 + w.draw(28) {
		at, node := some()
		for j := range 1 + w.draw(3) {
			input(at, node, fmt.Sprintf("broadcast %d.%d", i, j))
		}
	}
	w.misfortunes(input, some)
	for i := range uint64(size) {
		input(chaos, i, "revive")
		input(chaos.Add(w.upTo(3*tick)), i, fmt.Sprint("broadcast in the calm ", i))
	}
	s, err := sim.New(plan, source.Seed(seed))
	if err != nil {
		panic(err)
	}
	w.sim = s
	return w
}

// misfortunes draws crashes, motifs and windows.
func (w *world) misfortunes(input func(protocol.Time, uint64, string), some func() (protocol.Time, uint64)) {
	size := len(w.hosts)
	for range w.draw(6) * w.draw(4) {
		at, node := some()
		input(at, node, []string{"x", "a", "a", "a"}[w.draw(4)])
	}
	if w.chance(12) {
		at, _ := some()
		for i := range w.hosts {
			input(at.Add(w.upTo(tick/4)), uint64(i), []string{"x", "a"}[w.draw(2)])
		}
	}
	for range w.draw(3) {
		at, node := some()
		input(at, node, []string{"only its disk", "meets two leaders"}[w.draw(2)])
	}
	for range w.draw(4) {
		from, node := some()
		x := window{from: from, to: from.Add(w.upTo(8 * tick))}
		all := uint64(1)<<size - 1
		set := w.draw(all + 1)
		switch w.draw(5) {
		case 0: // two parts
			x.camps, x.split = []uint64{set, all &^ set}, true
		case 1: // one alone
			x.camps, x.split = []uint64{1 << node, all &^ (1 << node)}, true
		case 2: // three parts
			other := w.draw(all+1) &^ set
			x.camps, x.split = []uint64{set, other, all &^ set &^ other}, true
		case 3: // one way
			x.camps, x.oneWay = []uint64{set, all &^ set}, true
		case 4: // two parts that share a node
			x.camps = []uint64{set | 1<<node, all&^set | 1<<node}
		}
		w.windows = append(w.windows, x)
	}
}

// anyTrigger crashes the node in some step, within it, and may cut off another
// one then.
func (w *world) anyTrigger(m *mortal) *trigger {
	kinds := []protocol.Kind{raft.KindPropose, raft.KindAppend, raft.KindAck, raft.KindPolled, raft.KindVote, raft.KindVoted, raft.KindSnap, raft.KindEcho, kindHandedOver}
	kind := kinds[w.draw(uint64(len(kinds)))]
	t := &trigger{
		does: func(e *protocol.Effect) bool { return e.Kind == kind },
		down: []time.Duration{w.upTo(time.Millisecond), w.upTo(tick), w.upTo(8 * tick)}[w.draw(3)],
	}
	if w.chance(20) {
		t.does = func(e *protocol.Effect) bool { return e.Op == protocol.OpSync }
	}
	where := w.draw(4)
	t.cut = func(does, effects int) int {
		switch where {
		case 0:
			return does
		case 1:
			return does + 1
		}
		return int(w.draw(uint64(effects) + 1))
	}
	if w.chance(30) {
		t.then = func() { w.cutOff(1<<w.draw(uint64(len(w.hosts))), w.upTo(10*tick)) }
	}
	return t
}

// cutOff severs a set from all others from now on.
func (w *world) cutOff(set uint64, d time.Duration) {
	all := uint64(1)<<len(w.hosts) - 1
	w.windows = append(w.windows, window{from: w.now() + 1, to: w.now().Add(d), camps: []uint64{set, all &^ set}, split: true})
}

// halves draws two sets of the other nodes that are a majority with m each.
func (w *world) halves(m *mortal) (a, b uint64) {
	var others []uint64
	for i := range w.hosts {
		if i != int(m.id) {
			others = append(others, 1<<i)
		}
	}
	for i := range others {
		j := i + int(w.draw(uint64(len(others)-i)))
		others[i], others[j] = others[j], others[i]
	}
	for i, bit := range others {
		if i < len(w.hosts)/2 {
			a |= bit
		} else {
			b |= bit
		}
	}
	return a, b
}

// onlyDisk is a motif: the node and half of the others learn of entries before the
// rest, it crashes around its acknowledgement and comes back at once, and that
// half is cut off. Then its disk is all that a majority has of what was stable.
func (w *world) onlyDisk(m *mortal) {
	first, _ := w.halves(m)
	self := uint64(1) << m.id
	w.windows = append(w.windows, window{from: w.now(), to: w.now().Add(w.upTo(3 * tick)), camps: []uint64{first | self, ^(first | self)}, oneWay: true})
	where := w.draw(8)
	m.armed = &trigger{
		does: func(e *protocol.Effect) bool { return e.Kind == raft.KindAck },
		cut: func(does, effects int) int {
			if where < 3 {
				return does + int(where)
			}
			return does + int(w.draw(uint64(len(w.hosts))))
		},
		down: w.upTo(tick / 10),
		then: func() { w.cutOff(first, w.upTo(16*tick)) },
	}
}

// secondVote is a motif: two camps share only this node, both elect, and it
// crashes about a vote and comes back at once.
func (w *world) secondVote(m *mortal) {
	a, b := w.halves(m)
	self := uint64(1) << m.id
	w.windows = append(w.windows, window{from: w.now(), to: w.now().Add(6*tick + w.upTo(12*tick)), camps: []uint64{a | self, b | self}})
	kind := []protocol.Kind{raft.KindVoted, raft.KindAck}[w.draw(2)]
	where := int(w.draw(3))
	m.armed = &trigger{
		does: func(e *protocol.Effect) bool { return e.Kind == kind },
		cut:  func(does, effects int) int { return does + where },
		down: w.upTo(tick / 4),
	}
}

func add(sum *abcast.Stats, s abcast.Stats) {
	sum.Malformed += s.Malformed
	sum.Foreign += s.Foreign
	sum.Stray += s.Stray
	sum.Early += s.Early
	sum.Ballots += s.Ballots
	sum.Installed += s.Installed
	sum.Excluded += s.Excluded
	sum.Learned += s.Learned
	sum.Cut += s.Cut
	sum.Flushed += s.Flushed
	sum.Repeated += s.Repeated
	sum.Torn += s.Torn
	sum.Gaps += s.Gaps
	sum.Clamped += s.Clamped
}
