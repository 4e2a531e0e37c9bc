package grouptest

import (
	"time"

	"dessim/protocol"
)

// A trigger crashes its node in a step that does a thing.
type trigger struct {
	does func(e *protocol.Effect) bool
	cut  func(does, effects int) int // how many effects happen
	down time.Duration
	then func() // what befalls the others
}

// What the inputs of NewWorld tell a node, by their first letter.
const (
	tellBroadcast = "b"
	tellCrash     = "x"
	tellArm       = "a"
	tellOnlyDisk  = "only its disk"
	tellLeaders   = "meets two leaders"
	tellRevive    = "r" // the calm begins
)

// drawCrashes draws when nodes crash or begin to wait for their crash: each by
// itself, now and then all at once, and in the two motifs.
func (w *World) drawCrashes(input func(at protocol.Time, node uint64, body string)) {
	for range w.Draw(6) * w.Draw(4) {
		at, node := w.moment()
		input(at, node, []string{tellCrash, tellArm, tellArm, tellArm}[w.Draw(4)])
	}
	if w.Chance(12) {
		at, _ := w.moment()
		for i := range w.members {
			input(at.Add(w.upTo(Tick/4)), uint64(i), []string{tellCrash, tellArm}[w.Draw(2)])
		}
	}
	for range w.Draw(3) {
		at, node := w.moment()
		input(at, node, []string{tellOnlyDisk, tellLeaders}[w.Draw(2)])
	}
}

func (w *World) drawWindows() {
	for range w.Draw(4) {
		from, node := w.moment()
		x := window{from: from, to: from.Add(w.upTo(8 * Tick))}
		all := uint64(1)<<w.Size() - 1
		set := w.Draw(all + 1)
		switch w.Draw(5) {
		case 0: // two parts
			x.camps, x.split = []uint64{set, all &^ set}, true
		case 1: // one alone
			x.camps, x.split = []uint64{1 << node, all &^ (1 << node)}, true
		case 2: // three parts
			other := w.Draw(all+1) &^ set
			x.camps, x.split = []uint64{set, other, all &^ set &^ other}, true
		case 3: // one way
			x.camps, x.oneWay = []uint64{set, all &^ set}, true
		case 4: // two parts that share a node
			x.camps = []uint64{set | 1<<node, all&^set | 1<<node}
		}
		w.windows = append(w.windows, x)
	}
}

// anyTrigger crashes a node in some step, within it, and may cut off another one
// then.
func (w *World) anyTrigger() *trigger {
	kind := HandedOver
	if i := w.Draw(uint64(len(w.protocol.Steps)) + 1); i < uint64(len(w.protocol.Steps)) {
		kind = w.protocol.Steps[i]
	}
	t := &trigger{
		does: func(e *protocol.Effect) bool { return e.Kind == kind },
		down: []time.Duration{w.upTo(time.Millisecond), w.upTo(Tick), w.upTo(8 * Tick)}[w.Draw(3)],
	}
	if w.Chance(20) {
		t.does = func(e *protocol.Effect) bool { return e.Op == protocol.OpSync }
	}
	where := w.Draw(4)
	t.cut = func(does, effects int) int {
		switch where {
		case 0:
			return does
		case 1:
			return does + 1
		}
		return int(w.Draw(uint64(effects) + 1))
	}
	if w.Chance(30) {
		t.then = func() { w.cutOff(1<<w.Draw(uint64(w.Size())), w.upTo(10*Tick)) }
	}
	return t
}

// cutOff severs a set from all others from now on.
func (w *World) cutOff(set uint64, d time.Duration) {
	all := uint64(1)<<w.Size() - 1
	w.windows = append(w.windows, window{from: w.now() + 1, to: w.now().Add(d), camps: []uint64{set, all &^ set}, split: true})
}

// halves draws two sets of the other nodes that are a majority with id each.
func (w *World) halves(id protocol.NodeID) (a, b uint64) {
	var others []uint64
	for _, m := range w.members {
		if m.id != id {
			others = append(others, 1<<m.id)
		}
	}
	for i := range others {
		j := i + int(w.Draw(uint64(len(others)-i)))
		others[i], others[j] = others[j], others[i]
	}
	for i, bit := range others {
		if i < w.Size()/2 {
			a |= bit
		} else {
			b |= bit
		}
	}
	return a, b
}

// onlyDisk is a motif: the node and half of the others learn an order before the
// rest, it crashes around its report of that and comes back at once, and that
// half is cut off. Then its disk is all that a majority has of what was stable.
func (w *World) onlyDisk(id protocol.NodeID) *trigger {
	first, _ := w.halves(id)
	self := uint64(1) << id
	w.windows = append(w.windows, window{from: w.now(), to: w.now().Add(w.upTo(3 * Tick)), camps: []uint64{first | self, ^(first | self)}, oneWay: true})
	where := w.Draw(8)
	return &trigger{
		does: func(e *protocol.Effect) bool { return e.Kind == w.protocol.Report },
		cut: func(does, effects int) int {
			if where < 3 {
				return does + int(where)
			}
			return does + int(w.Draw(uint64(w.Size()))) // some of the reports leave
		},
		down: w.upTo(Tick / 10),
		then: func() { w.cutOff(first, w.upTo(16*Tick)) },
	}
}

// twoLeaders is a motif: two camps share only this node, both want a leader of
// their own, and it crashes about a promise to one and comes back at once.
func (w *World) twoLeaders(id protocol.NodeID) *trigger {
	a, b := w.halves(id)
	self := uint64(1) << id
	w.windows = append(w.windows, window{from: w.now(), to: w.now().Add(6*Tick + w.upTo(12*Tick)), camps: []uint64{a | self, b | self}})
	kind := []protocol.Kind{w.protocol.Promise, w.protocol.Report}[w.Draw(2)]
	where := int(w.Draw(3))
	return &trigger{
		does: func(e *protocol.Effect) bool { return e.Kind == kind },
		cut:  func(does, effects int) int { return does + where },
		down: w.upTo(Tick / 4),
	}
}
