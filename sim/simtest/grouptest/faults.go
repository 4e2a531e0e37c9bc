package grouptest

import (
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// drawFaults draws the faults up to the heal.
func (w *World) drawFaults() []fault.Fault {
	faults := []fault.Fault{{Op: fault.Heal, At: w.calm}}
	faults = append(faults, w.drawLinkFaults()...)
	faults = append(faults, w.drawCrashes()...)
	for range w.Draw(4) {
		at, node := w.moment()
		motif := []func(protocol.Time, protocol.NodeID) []fault.Fault{w.onlyDisk, w.twoLeaders, w.outvoted}[w.Draw(3)]
		faults = append(faults, motif(at, node)...)
	}
	for i := range faults {
		faults[i].ID = uint64(i) + 1
	}
	return faults
}

// drawLinkFaults draws losses, copies, slow links and cuts.
func (w *World) drawLinkFaults() (faults []fault.Fault) {
	everywhere := [][]protocol.NodeID{nil, nil}
	if loss := []uint32{0, 0, 5, 20}[w.Draw(4)]; loss > 0 {
		faults = append(faults, fault.Fault{Op: fault.Lose, Groups: everywhere, Rate: protocol.Percent(loss)})
	}
	if w.Chance(50) {
		faults = append(faults, fault.Fault{Op: fault.Copy, Groups: everywhere, Rate: protocol.Percent(10)})
	}
	if slowest := []time.Duration{0, 30, 80, 200, 400}[w.Draw(5)] * time.Millisecond; slowest > 0 {
		for range w.Draw(16) {
			at, node := w.moment()
			f := fault.Fault{Op: fault.Slow, At: at, For: 1 + w.upTo(4*Tick), By: 1 + w.upTo(slowest),
				Groups: [][][]protocol.NodeID{{{node}, nil}, {nil, {node}}, everywhere}[w.Draw(3)]}
			if w.Chance(10) {
				f.By *= 1 + time.Duration(w.Draw(24)) // so that very old messages arrive
			}
			faults = append(faults, f)
		}
	}
	for range w.Draw(5) {
		at, node := w.moment()
		faults = append(faults, w.anyCut(fault.Fault{At: at, For: 1 + w.upTo(8*Tick)}, node)...)
	}
	return faults
}

// anyCut makes f a cut of some shape, or nothing if a side would be empty.
func (w *World) anyCut(f fault.Fault, node protocol.NodeID) []fault.Fault {
	all := uint64(1)<<w.Size() - 1
	set, self := w.Draw(all+1), uint64(1)<<node
	switch w.Draw(5) {
	case 0: // two parts
		return w.parted(f, set, ^set)
	case 1: // one alone
		return w.parted(f, self, ^self)
	case 2: // three parts
		other := w.Draw(all+1) &^ set
		return w.parted(f, set, other, ^(set | other))
	case 3: // one way
		return w.oneWay(f, set)
	}
	return w.parted(f, set&^self, ^(set | self)) // two parts that share a node
}

// parted makes f a partition into the sets that are not empty.
func (w *World) parted(f fault.Fault, sets ...uint64) []fault.Fault {
	f.Op = fault.Partition
	for _, set := range sets {
		if ids := w.nodes(set); len(ids) > 0 {
			f.Groups = append(f.Groups, ids)
		}
	}
	if len(f.Groups) < 2 {
		return nil
	}
	return []fault.Fault{f}
}

// oneWay makes f a cut from a set to all others.
func (w *World) oneWay(f fault.Fault, set uint64) []fault.Fault {
	f.Op, f.Groups = fault.Cut, [][]protocol.NodeID{w.nodes(set), w.nodes(^set)}
	if len(f.Groups[0]) == 0 || len(f.Groups[1]) == 0 {
		return nil
	}
	return []fault.Fault{f}
}

func (w *World) nodes(set uint64) (ids []protocol.NodeID) {
	for _, m := range w.members {
		if set>>m.id&1 == 1 {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// drawCrashes draws crashes: mostly single ones, sometimes of all nodes at once.
func (w *World) drawCrashes() (faults []fault.Fault) {
	for range w.Draw(6) * w.Draw(4) {
		at, node := w.moment()
		faults = append(faults, w.anyCrash(at, node, 25)...)
	}
	if w.Chance(12) {
		at, _ := w.moment()
		for _, m := range w.members {
			faults = append(faults, w.anyCrash(min(at.Add(w.upTo(Tick/4)), w.calm-1), m.id, 50)...)
		}
	}
	return faults
}

// crash draws what a crash leaves on the disk.
func (w *World) crash(at protocol.Time, node protocol.NodeID, down time.Duration) fault.Fault {
	return fault.Fault{Op: fault.Crash, Node: node, At: at, For: 1 + w.upTo(down), Disk: fault.Survival(w.Draw(uint64(fault.KeepAny) + 1))}
}

// anyCrash crashes a node between steps in that percentage of cases, otherwise within a
// step; then it may also cut off some node.
func (w *World) anyCrash(at protocol.Time, node protocol.NodeID, between uint64) []fault.Fault {
	if w.Chance(between) {
		return []fault.Fault{w.crash(at, node, 8*Tick)}
	}
	f := w.crash(at, node, []time.Duration{time.Millisecond, Tick, 8 * Tick}[w.Draw(3)])
	switch w.Draw(6) {
	case 0: // a step of any sort
		f.After = 1 + int(w.Draw(12))
		return []fault.Fault{f}
	case 1: // nothing after it has happened
		f.On = fault.Anchor{Op: protocol.OpPersist, N: 1 + w.Draw(3)}
	case 2:
		f.On = fault.Anchor{Op: protocol.OpSync, N: 1 + w.Draw(2)}
	case 3:
		f.On = fault.Anchor{Op: protocol.OpOutput, Kind: HandedOver, N: 1 + w.Draw(2)}
	default: // it may have reached only some nodes
		f.On = fault.Anchor{Op: protocol.OpSend, Kind: w.protocol.Steps[w.Draw(uint64(len(w.protocol.Steps)))], N: 1 + w.Draw(uint64(w.Size()))}
	}
	if w.Chance(30) {
		return append(w.cutOff(&f, 1<<w.Draw(uint64(w.Size())), 10*Tick), f)
	}
	return []fault.Fault{f}
}

// cutOff severs a set from all others when a crash comes that waits for an effect.
func (w *World) cutOff(crash *fault.Fault, set uint64, d time.Duration) []fault.Fault {
	on := crash.On
	on.Other, on.Of = true, crash.Node
	return w.parted(fault.Fault{At: crash.At, On: on, For: 1 + w.upTo(d)}, set, ^set)
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

// onlyDisk is a pattern: the node and half of the others learn an order before the rest;
// it crashes around its report of that and restarts at once, and that half is cut off.
// Then a majority has only the node's disk to know what was stable.
func (w *World) onlyDisk(at protocol.Time, id protocol.NodeID) []fault.Fault {
	first, _ := w.halves(id)
	faults := w.oneWay(fault.Fault{At: at, For: 1 + w.upTo(3*Tick)}, first|1<<id)
	f := w.crash(at, id, Tick/10)
	f.On = fault.Anchor{Op: protocol.OpSend, Kind: w.protocol.Report, N: 1 + w.Draw(uint64(w.Size()))}
	if w.Chance(15) { // before the first of its reports
		f.On = fault.Anchor{Op: protocol.OpSync, N: 1}
	}
	return append(append(faults, w.cutOff(&f, first, 16*Tick)...), f)
}

// twoLeaders is a pattern: two camps share only this node, each wants its own leader, and
// the node crashes around a promise to one of them and restarts at once.
func (w *World) twoLeaders(at protocol.Time, id protocol.NodeID) []fault.Fault {
	a, b := w.halves(id)
	f := w.crash(at, id, Tick/4)
	f.On = fault.Anchor{Op: protocol.OpSend, Kind: []protocol.Kind{w.protocol.Promise, w.protocol.Report}[w.Draw(2)], N: 1 + w.Draw(2)}
	if w.Chance(30) { // before it sends the promise, which is on disk or not yet
		f.On = fault.Anchor{Op: []protocol.Op{protocol.OpPersist, protocol.OpSync}[w.Draw(2)], N: 1}
	}
	return append(w.parted(fault.Fault{At: at, For: 6*Tick + w.upTo(12*Tick)}, a, b), f)
}

// outvoted is a pattern: the node is cut off, so what it writes alone is replaced when it
// reconnects; then it crashes, and its disk has both.
func (w *World) outvoted(at protocol.Time, id protocol.NodeID) []fault.Fault {
	alone := fault.Fault{At: at, For: 3*Tick + w.upTo(6*Tick)}
	back := min(alone.End(), w.calm-1)
	return append(w.parted(alone, 1<<id, ^(1<<id)), w.crash(min(back.Add(w.upTo(4*Tick)), w.calm-1), id, Tick))
}
