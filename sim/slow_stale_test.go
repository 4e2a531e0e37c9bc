package sim

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// slowEcho names a message that a fault can send again.
type slowEcho struct{ fault, seq, sender uint64 }

// lateness returns how much later than the original a copy comes.
func (w *slow) lateness(n *slowNode, l Link, f *fault.Fault, e *slowEvent) protocol.Time {
	most := f.By
	if most == 0 {
		most = 2 * time.Minute
	}
	var all []time.Duration
	for base := l.Delay; len(all) == 0 || base <= most; base *= 2 {
		for i := range time.Duration(16) {
			all = append(all, min(base+base/16*i, most))
		}
	}
	return protocol.Time(all[w.choose(n, protocol.Key{Kind: kindStaleBy, A: n.id, B: e.dst, N: protocol.Hash2(e.name, f.ID)}, uint64(len(all)))])
}

// echo sends again messages that have passed, those from and to a node if there is one.
func (w *slow) echo(f *fault.Fault, end *slowNode) {
	var kinds []protocol.Kind
	last := make(map[protocol.Kind][]*slowEvent)
	for _, e := range w.passed {
		if e.from == e.dst || !slowIn(f, 0, e.from) || !slowIn(f, 1, e.dst) || f.Only != 0 && f.Only != e.kind {
			continue
		}
		if !slices.Contains(kinds, e.kind) {
			kinds = append(kinds, e.kind)
		}
		last[e.kind] = append(last[e.kind], e)
	}
	for _, kind := range kinds {
		of := last[kind]
		for _, e := range of[max(0, len(of)-16):] {
			if end == nil || e.from == end.id || e.dst == end.id {
				w.again(f, e)
			}
		}
	}
}

// again asks whether a message comes again.
func (w *slow) again(f *fault.Fault, first *slowEvent) {
	x := slowEcho{f.ID, first.seq, uint64(first.from)}
	times := protocol.Hash2(f.ID, w.echoed[x])
	w.echoed[x]++
	n, e := w.nodes[first.from], *first
	e.wave, e.name = protocol.Hash3(first.wave, waveEcho, times), protocol.Hash3(first.name, waveEcho, times)
	if !w.strikes(n, kindEcho, f, e.dst, e.name) {
		return
	}
	w.result.Faults.Echoed++
	w.result.Copied++
	n.seq++
	e.seq = n.seq
	w.tell(n, Event{What: Copied, Tag: Again, Peer: e.dst, Kind: e.kind, Seq: e.seq, Body: e.body})
	w.travel(n, w.link(n.id, e.dst), e)
}

// lateTimer returns how much later the faults of a node make a timer.
func (w *slow) lateTimer(n *slowNode, name uint64) (late protocol.Time) {
	for i := range w.plan.Faults {
		f := &w.plan.Faults[i]
		if f.Op != fault.LateTimer || f.Node != n.id || !w.on(f, w.now) {
			continue
		}
		key := protocol.Key{Kind: kindLateSome, A: n.id, N: protocol.Hash2(name, f.ID)}
		if w.chance(n, key, f.Rate) {
			key.Kind = kindLateBy
			late += 1 + protocol.Time(w.choose(n, key, uint64(f.By)))
		}
	}
	if late > 0 {
		w.result.Faults.LateTimers++
	}
	return late
}
