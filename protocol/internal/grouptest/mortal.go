package grouptest

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
)

// A member is a node as the judge knows it.
type member struct {
	id    protocol.NodeID
	inc   uint32       // the life that it lives, or lived last
	group Group        // of that life, or nil when it is over
	stats abcast.Stats // of former lives, as far as anybody asks
}

// A mortal is a node of NewWorld, with a disk and lives of its own: to the
// simulator it lives but once.
type mortal struct {
	*member
	world  *World
	env    protocol.Env // of the life: what it does is looked at before it is done
	steps  uint64
	timers []uint64 // that any life has set
	disk   [][]byte
	safe   int // so many records are synced
	armed  *trigger
	slow   map[uint64]message // held by the network; a crash does not touch them
	next   uint64
}

type message struct {
	to   protocol.NodeID
	kind protocol.Kind
	body []byte
}

// The timers of the node itself are beside those of any component.
const (
	tagRevive = 1 << 40
	tagSlow   = 1 << 41
)

func newMortal(w *World, m *member) *mortal {
	return &mortal{member: m, world: w, slow: map[uint64]message{}}
}

func (m *mortal) Start(env *protocol.Env) { m.live(env) }

func (m *mortal) live(env *protocol.Env) {
	m.inc++
	m.group = m.world.protocol.group(m.world.Size())
	m.step(env, func() {
		for _, rec := range m.disk {
			rec := bytes.Clone(rec)
			m.group.Restore(rec)
			spoil(rec)
		}
		m.group.Start(&m.env)
	})
}

func (m *mortal) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		m.told(env, msg)
		return
	}
	if m.group != nil {
		m.step(env, func() { m.group.Receive(&m.env, from, msg) })
	}
}

// told does what the plan wants of the node.
func (m *mortal) told(env *protocol.Env, what []byte) {
	w := m.world
	switch string(what[:1]) {
	case tellBroadcast:
		if m.group != nil {
			m.step(env, func() {
				payload := bytes.Clone(what)
				id := m.group.Broadcast(&m.env, payload)
				w.judge.broadcast(id, string(what), w.now())
				spoil(payload)
			})
		}
	case tellCrash:
		if m.group != nil && w.chaotic() {
			m.crash(env, w.upTo(8*Tick))
		}
	case tellArm:
		m.armed = w.anyTrigger()
	case tellOnlyDisk[:1]:
		m.armed = w.onlyDisk(m.id)
	case tellLeaders[:1]:
		m.armed = w.twoLeaders(m.id)
	case tellRevive:
		m.armed = nil
		if m.group == nil {
			m.live(env)
		}
	}
}

func (m *mortal) Timeout(env *protocol.Env, tag uint64) {
	switch {
	case tag == tagRevive:
		if m.group == nil {
			m.live(env)
		}
	case tag&tagSlow != 0:
		msg := m.slow[tag]
		delete(m.slow, tag)
		m.send(env, msg)
	case m.group != nil:
		m.step(env, func() { m.group.Timeout(&m.env, tag) })
	}
}

// step lets the life do something and does its effects, up to a crash.
func (m *mortal) step(env *protocol.Env, do func()) {
	m.steps++
	m.env.Enter(m.id, m.inc, env.Now(), m.world.Answers)
	m.env.Name(m.steps)
	do()
	effects := m.env.Effects()
	if distort := m.world.protocol.Distort; distort != nil {
		effects = distort(effects)
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
		if !slices.Contains(m.timers, e.Tag) {
			m.timers = append(m.timers, e.Tag)
		}
		env.SetTimer(e.After, e.Tag)
	case protocol.OpCancelTimer:
		env.CancelTimer(e.Tag)
	case protocol.OpPersist:
		m.disk = append(m.disk, bytes.Clone(e.Body))
	case protocol.OpSync:
		m.safe = len(m.disk)
	case protocol.OpOutput:
		m.world.judge.output(m.member, e.Kind, e.Body)
	default:
		panic(fmt.Sprintf("grouptest: node %v: this world has no %v", m.id, e.Op))
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
	if w.Chance(w.copies) {
		copies = 2
	}
	for i := range copies {
		if w.Chance(w.loss) {
			continue
		}
		late := time.Duration(0)
		if w.slowest > 0 && w.Chance(50) {
			late = w.upTo(w.slowest)
			if w.Chance(5) {
				late *= 5
			}
		}
		if i > 0 {
			late *= 1 + time.Duration(w.Draw(24))
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
	w.counts.Crashes++
	w.judge.died(m.member)
	add(&m.stats, m.group.Stats())
	m.group = nil
	unsynced := m.disk[m.safe:]
	m.disk = slices.Clip(m.disk[:m.safe])
	mode := w.Draw(4)
	beginning := 0
	if mode == 2 {
		beginning = int(w.Draw(uint64(len(unsynced) + 1)))
	}
	for i, rec := range unsynced {
		switch {
		case mode == 1 && w.Chance(50), i < beginning, mode == 3 && w.Chance(60):
			m.disk = append(m.disk, rec)
		case mode == 3:
			m.disk = append(m.disk, rec[:w.Draw(uint64(len(rec)))])
			w.counts.Torn++
		}
	}
	m.safe = len(m.disk)
	for _, tag := range m.timers {
		env.CancelTimer(tag)
	}
	env.SetTimer(down+1, tagRevive)
}
