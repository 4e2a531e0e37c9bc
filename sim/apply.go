package sim

import (
	"fmt"

	"dessim/protocol"
)

// cause is the step whose effects are being applied.
type cause struct {
	id         protocol.NodeID
	wave, name uint64
	flag       uint8 // background or 0
}

// perform applies the effects of a step from the i-th on, in their order, and shows its notes
// between. It stops at a sync that takes time: the rest happens when the disk is done.
func (s *Sim) perform(c *cause, n *node, effects []protocol.Effect, i int) {
	told := s.shadows.of(c.id)
	careful := s.want&Noted != 0 || n.special && s.cold[c.id].watchful()
	stored := uint32(noSlot)
	var body []byte // of which stored is the long copy
	for ; i < len(effects); i++ {
		f := &effects[i]
		if careful && s.before(c, n, effects, i) {
			return
		}
		if told != nil {
			s.shadow(c, n, told, f)
		}
		switch f.Op {
		case protocol.OpSend:
			if !same(f.Body, body) {
				stored, body = noSlot, f.Body
			}
			stored = s.send(c, n, f, stored)
		case protocol.OpSetTimer:
			s.setTimer(c, n, f)
		case protocol.OpCancelTimer:
			s.cancelTimer(c.id, n, f.Tag)
		case protocol.OpOutput:
			s.output(c, n, f)
		case protocol.OpPersist:
			s.persist(c, n, f)
		case protocol.OpDiscard:
			s.discard(c, n, f)
		case protocol.OpSync:
			if s.sync(c, n, effects, i) {
				return
			}
		case protocol.OpFlush:
			s.flush(c, n, effects, i)
		default:
			panic(fmt.Sprintf("sim: node %v: effect %d is %v", c.id, i, f.Op))
		}
	}
	if careful {
		s.before(c, n, effects, len(effects))
	}
}

// before does what must be done before effect i: it shows the notes made there,
// crashes the node if the effect before was one that a fault waits for, or if this
// one is a sync that fails. It reports a crash.
func (s *Sim) before(c *cause, n *node, effects []protocol.Effect, i int) bool {
	if s.want&Noted != 0 {
		s.showNotes(c, n, i)
	}
	if !n.special {
		return false
	}
	x := s.cold[c.id]
	if i > 0 && s.strike(c, n, &effects[i-1], i) {
		return true
	}
	if i < len(effects) && effects[i].Op == protocol.OpSync && len(x.failing) > 0 {
		f := x.failing[0]
		x.failing = x.failing[1:]
		s.result.Syncs++
		s.result.Faults.FailedSyncs++
		s.crash(c.id, n, f, fmt.Sprintf("at effect %d, a sync that failed", i+1))
		return true
	}
	return false
}

// showNotes shows the notes made before effect i. Notes of a step that waited for
// the disk were all shown when it began to wait.
func (s *Sim) showNotes(c *cause, n *node, i int) {
	for _, note := range s.env.Notes() {
		if note.Before == i {
			s.show(&Event{What: Noted, Node: c.id, Incarnation: n.inc, Kind: note.Kind, Text: note.Text})
		}
	}
}

func (s *Sim) output(c *cause, n *node, f *protocol.Effect) {
	n.foldOutput(f)
	s.result.Outputs++
	if s.want&Output != 0 {
		s.show(&Event{What: Output, Node: c.id, Incarnation: n.inc, Kind: f.Kind, Body: f.Body})
	}
}

func (s *Sim) setTimer(c *cause, n *node, f *protocol.Effect) {
	s.cancelTimer(c.id, n, f.Tag)
	flag := c.flag
	if f.Tag&protocol.Periodic != 0 {
		flag |= background
	}
	n.seq++
	slot, r := s.slab.alloc(opTimer, flag)
	r.wave = protocol.Hash2(c.wave, f.Tag)
	r.name = protocol.Hash3(r.wave, nameTimer, uint64(c.id))
	r.src, r.seq = fromNode+uint32(c.id), n.seq
	r.setWord(0, f.Tag)
	if s.wants(n, TimerSet) {
		s.show(&Event{What: TimerSet, Node: c.id, Incarnation: n.inc, Seq: n.seq, Tag: f.Tag, After: f.After})
	}
	var at protocol.Time
	if n.special {
		at = s.byClock(c.id, f.After, r)
	} else {
		at = s.later(f.After)
	}
	at += s.timerLag(n, c.id, r)
	s.push(entry{at, uint32(c.id), slot}, r)
	t := s.timers[c.id]
	if t == nil {
		t = new(timers)
		s.timers[c.id] = t
	}
	t.add(f.Tag, slot)
}

func (s *Sim) cancelTimer(id protocol.NodeID, n *node, tag uint64) {
	t := s.timers[id]
	i := t.find(tag)
	if i < 0 {
		return
	}
	slot := t.slots[i].slot
	if s.wants(n, TimerCancelled) {
		s.show(&Event{What: TimerCancelled, Node: id, Incarnation: n.inc, Seq: s.slab.at(slot).seq, Tag: tag})
	}
	s.kill(slot)
	t.remove(i)
}
