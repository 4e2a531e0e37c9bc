package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"sort"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// Faults of the slow twin: each question of whether a fault is there is answered
// by going through the plan.

// slowAnchor is a fault that waits for an effect.
type slowAnchor struct {
	fault *fault.Fault
	left  uint64
}

func (w *slow) calm() protocol.Time {
	calm := protocol.Time(1 << 60)
	for _, f := range w.plan.Faults {
		if f.Op == fault.Heal && f.At < calm {
			calm = f.At
		}
	}
	return calm
}

// from returns when a fault begins: long after any run while it waits for its effect.
func (w *slow) from(f *fault.Fault) protocol.Time {
	if at, began := w.opened[f.ID]; began || f.On.N > 0 && f.Op != fault.Crash && f.Op != fault.FailSync {
		return cmp.Or(at, 1<<61)
	}
	return f.At
}

// end returns when a fault is over for good.
func (w *slow) end(f *fault.Fault) protocol.Time {
	if end := w.from(f) + protocol.Time(f.For); f.For > 0 && end < w.calm() {
		return end
	}
	return w.calm()
}

func (w *slow) on(f *fault.Fault, now protocol.Time) bool {
	if now < w.from(f) || now >= w.end(f) {
		return false
	}
	for on, at := true, w.from(f); f.Every > 0; on, at = !on, at+protocol.Time(f.Every) {
		if now < at+protocol.Time(f.Every) {
			return on
		}
	}
	return true
}

// pushFaults enters all events of faults, also all their comings and goings.
func (w *slow) pushFaults() {
	stopped := map[protocol.NodeID]bool{0: true}
	var heal *fault.Fault
	for i := range w.plan.Faults {
		f := &w.plan.Faults[i]
		root := protocol.Hash2(rootFault, f.ID)
		switch f.Op {
		case fault.Heal:
			if f.At <= protocol.MaxTime {
				heal = f
			}
			continue
		case fault.Crash, fault.FailSync, fault.Pause:
			stopped[f.Node] = true
		}
		if f.On.N > 0 {
			stopped[f.Site()] = true
		}
		where := f.Node
		if f.On.Other {
			where = f.On.Of
		}
		w.push(&slowEvent{at: f.At, dst: where, seq: 1 + f.ID, does: "fault", wave: root, name: root, fault: f})
		if f.On.N == 0 {
			w.pushTurns(f)
		}
	}
	for id := range stopped {
		if heal != nil {
			wave := protocol.Hash3(rootFault, heal.ID, 2+uint64(id))
			w.push(&slowEvent{at: heal.At, dst: id, seq: 1 + heal.ID, does: "fault", wave: wave, name: wave, fault: heal})
		}
	}
}

// pushTurns enters the comings and goings of a window whose beginning is known.
func (w *slow) pushTurns(f *fault.Fault) {
	switch f.Op {
	case fault.Pause, fault.SlowSync, fault.LateTimer, fault.Order, fault.Yield, fault.Stall, fault.Full, fault.Drift, fault.Byzantine, fault.Partition, fault.Cut, fault.Ring, fault.Deaf, fault.Mute, fault.Clog, fault.Slow, fault.Lose, fault.Copy, fault.Late, fault.Echo, fault.Corrupt:
		if f.Every > 0 {
			for at := w.from(f) + protocol.Time(f.Every); at < w.end(f) && at <= w.plan.Until+protocol.Time(f.Every); at += protocol.Time(f.Every) {
				w.push(&slowEvent{at: at, dst: f.Node, seq: 1 + f.ID, does: "turn", background: true, fault: f})
			}
		}
		if w.end(f) <= protocol.MaxTime {
			w.push(&slowEvent{at: w.end(f), dst: f.Node, seq: 1 + f.ID, does: "turn", background: true, fault: f})
		}
	}
}

// open lets a fault begin that waited for an effect: at the next nanosecond.
func (w *slow) open(f *fault.Fault) {
	if w.now+1 >= w.calm() {
		return
	}
	w.opened[f.ID] = w.now + 1
	root := protocol.Hash2(rootFault, f.ID)
	w.push(&slowEvent{at: w.now + 1, dst: f.Node, seq: 1 + f.ID, does: "fault", wave: root, name: root, fault: f})
	w.pushTurns(f)
	for _, e := range w.events {
		if e.does == "timer" && e.dst == f.Node && f.Op == fault.Drift && e.at > w.now && w.elapsed(e.dst, w.now).Cmp(e.target) < 0 {
			e.at = w.due(e.dst, e.target) + e.lag
		}
	}
	w.sort()
}

func (w *slow) announce(what What, f *fault.Fault) {
	id := f.Node
	switch f.Op {
	case fault.Partition, fault.Cut, fault.Ring, fault.Clog, fault.Slow, fault.Lose, fault.Copy, fault.Late, fault.Echo, fault.Corrupt, fault.Heal:
		id = protocol.Outside
	}
	w.show(&Event{What: what, Node: id, Tag: f.ID, Text: f.String(), At: w.now, Step: w.result.Events})
}

func (w *slow) fault(n *slowNode, e *slowEvent) {
	f := e.fault
	if f.Op == fault.Heal {
		w.heal(n, e)
		return
	}
	if w.from(f) > protocol.MaxTime {
		n.anchors = append(n.anchors, &slowAnchor{f, f.On.N})
		return
	}
	w.announce(Injected, f)
	counts := &w.result.Faults
	switch f.Op {
	case fault.Restart:
		w.restart(n, e)
	case fault.Crash:
		switch {
		case f.After > 0:
			if n.armed == nil || f.After < n.armed.After {
				n.armed = f
			}
		case f.On.N > 0:
			n.anchors = append(n.anchors, &slowAnchor{f, f.On.N})
		case n.busy != nil:
			w.crash(n, f, "while syncing")
		case n.machine != nil && n.paused > 0:
			w.crash(n, f, "while paused")
		case n.machine != nil:
			w.crash(n, f, "between steps")
		}
	case fault.FailSync:
		if f.On.N > 0 {
			n.anchors = append(n.anchors, &slowAnchor{f, f.On.N})
		} else {
			n.failing = append(n.failing, f)
		}
	case fault.Pause:
		if n.machine != nil {
			counts.Pauses++
			n.paused = max(n.paused, w.end(f))
		}
	case fault.Echo:
		w.echo(f, nil)
	case fault.Rot:
		w.rot(n, f)
	case fault.Jump:
		counts.Jumps++
	case fault.Drift:
		counts.Drifts++
	}
}

func (w *slow) turn(n *slowNode, e *slowEvent) {
	was, is := w.on(e.fault, w.now-1), w.on(e.fault, w.now)
	if is && !was {
		w.announce(Injected, e.fault)
	}
	if was && !is {
		w.announce(Lifted, e.fault)
	}
	if e.fault.Op == fault.Pause && n.paused > 0 && n.paused <= w.now {
		n.paused = 0
		w.workOff(n)
	}
}

func (w *slow) heal(n *slowNode, e *slowEvent) {
	if n.id == 0 {
		w.result.Healed = w.now
		w.announce(Injected, e.fault)
	}
	n.armed, n.anchors, n.failing = nil, nil, nil
	if n.busy != nil && n.busy.crash != nil {
		w.crash(n, n.busy.crash, "while syncing")
	}
	w.restart(n, e)
}

func (w *slow) restart(n *slowNode, e *slowEvent) {
	if n.machine != nil || n.inc == 0 || n.damaged {
		return
	}
	for _, i := range protocol.SortedKeys(n.disk.records) {
		if rec := n.disk.records[i]; rec.payload == 0 && !bytes.Equal(rec.bytes, rec.written) {
			n.damaged = true
			n.digest.Network = protocol.Hash3(n.digest.Network^foldDamaged, uint64(w.now), uint64(n.inc))
			w.result.Faults.Damaged++
			w.tell(n, Event{What: Damaged, Text: fmt.Sprintf("record %d fails its checksum", i)})
			return
		}
	}
	w.result.Restarts++
	w.start(n, e)
}

// reached counts an effect and returns the faults that it causes, crashes of the node
// itself last.
func (n *slowNode) reached(f *protocol.Effect) (crashes []*fault.Fault) {
	for _, a := range n.anchors {
		if a.fault.On.Op != f.Op || a.fault.On.Kind != 0 && a.fault.On.Kind != f.Kind {
			continue
		}
		if a.left--; a.left == 0 {
			crashes = append(crashes, a.fault)
		}
	}
	n.anchors = slices.DeleteFunc(n.anchors, func(a *slowAnchor) bool { return a.left == 0 })
	slices.SortStableFunc(crashes, func(a, b *fault.Fault) int {
		own := func(f *fault.Fault) int { return map[bool]int{true: 1}[f.Op == fault.Crash && f.Node == n.id] }
		return own(a) - own(b)
	})
	return crashes
}

func (w *slow) slowSync(n *slowNode) (late protocol.Time) {
	for i := range w.plan.Faults {
		if f := &w.plan.Faults[i]; f.Op == fault.SlowSync && f.Node == n.id && w.on(f, w.now) {
			late += protocol.Time(f.By)
		}
	}
	if late > 0 {
		w.result.Faults.SlowedSyncs++
	}
	return late
}

// ppm returns by how much the clock of a node runs too fast at a time.
func (w *slow) ppm(id protocol.NodeID, at protocol.Time) int64 {
	sum := int64(0)
	for i := range w.plan.Faults {
		if f := &w.plan.Faults[i]; f.Op == fault.Drift && f.Node == id && w.on(f, at) {
			sum += int64(f.PPM)
		}
	}
	return max(-fault.MaxDrift, min(sum, fault.MaxDrift))
}

// elapsed returns what has passed on the clock of a node by a time, without its jumps, in
// millionths of a nanosecond.
func (w *slow) elapsed(id protocol.NodeID, at protocol.Time) *big.Int {
	turns := []protocol.Time{0, at}
	for i := range w.plan.Faults {
		if f := &w.plan.Faults[i]; f.Op == fault.Drift && f.Node == id {
			turns = append(turns, min(w.from(f), at), min(w.end(f), at))
		}
	}
	slices.Sort(turns)
	sum := new(big.Int)
	for i := range turns[1:] {
		rate := big.NewInt(1_000_000 + w.ppm(id, turns[i]))
		sum.Add(sum, rate.Mul(rate, big.NewInt(int64(turns[i+1]-turns[i]))))
	}
	return sum
}

// steady returns what has passed by the clock of a node, without its jumps.
func (w *slow) steady(id protocol.NodeID) protocol.Time {
	passed := w.elapsed(id, w.now)
	return protocol.Time(min(passed.Div(passed, big.NewInt(1_000_000)).Int64(), int64(protocol.MaxTime)))
}

// local returns the clock of a node now.
func (w *slow) local(id protocol.NodeID) protocol.Time {
	local := w.elapsed(id, w.now)
	local.Div(local, big.NewInt(1_000_000))
	for i := range w.plan.Faults {
		if f := &w.plan.Faults[i]; f.Op == fault.Jump && f.Node == id && f.At <= w.now {
			local.Add(local, big.NewInt(int64(f.By)))
		}
	}
	return protocol.Time(max(0, min(local.Int64(), int64(protocol.MaxTime))))
}

// target returns what must have elapsed on the clock of a node for a timer that is set now.
func (w *slow) target(id protocol.NodeID, after time.Duration) *big.Int {
	t := big.NewInt(int64(min(after, longest)))
	return t.Add(t.Mul(t, big.NewInt(1_000_000)), w.elapsed(id, w.now))
}

// due searches for the first time after now at which a clock reaches the target, as far as
// is known now.
func (w *slow) due(id protocol.NodeID, target *big.Int) protocol.Time {
	return w.now + 1 + protocol.Time(sort.Search(int(3*longest), func(i int) bool {
		return w.elapsed(id, w.now+1+protocol.Time(i)).Cmp(target) >= 0
	}))
}

// slowIn reports whether a node is in the i-th group.
func slowIn(f *fault.Fault, i int, id protocol.NodeID) bool {
	return i >= len(f.Groups) || f.Groups[i] == nil || slices.Contains(f.Groups[i], id)
}

// hits reports whether a fault is there and about the link.
func (w *slow) hits(f *fault.Fault, from, to protocol.NodeID, kind protocol.Kind) bool {
	if from == to || f.Only != 0 && f.Only != kind || !w.on(f, w.now) {
		return false
	}
	switch f.Op {
	case fault.Cut, fault.Clog, fault.Slow, fault.Lose, fault.Copy, fault.Late, fault.Echo, fault.Corrupt:
		return slowIn(f, 0, from) && slowIn(f, 1, to)
	case fault.Partition:
		a := slices.IndexFunc(f.Groups, func(g []protocol.NodeID) bool { return g == nil || slices.Contains(g, from) })
		b := slices.IndexFunc(f.Groups, func(g []protocol.NodeID) bool { return g == nil || slices.Contains(g, to) })
		return a != b && a >= 0 && b >= 0
	case fault.Deaf:
		return to == f.Node
	case fault.Mute:
		return from == f.Node
	case fault.Ring:
		ring := f.Groups[0]
		if ring == nil {
			for i := range w.nodes {
				ring = append(ring, protocol.NodeID(i))
			}
		}
		for i, id := range ring {
			if next := ring[(i+1)%len(ring)]; id == from && next == to || id == to && next == from {
				return false
			}
		}
		return slices.Contains(ring, from) && slices.Contains(ring, to)
	}
	return false
}

func (w *slow) strikes(n *slowNode, kind protocol.Kind, f *fault.Fault, to protocol.NodeID, name uint64) bool {
	return w.chance(n, protocol.Key{Kind: kind, A: n.id, B: to, N: protocol.Hash2(name, f.ID)}, f.Rate)
}

// linkFaults does to a message what faults do: it reports a loss, or returns the message
// as it goes on and how much later it arrives.
func (w *slow) linkFaults(n *slowNode, e slowEvent) (changed slowEvent, late protocol.Time, lost bool) {
	counts := &w.result.Faults
	var there []*fault.Fault
	for i := range w.plan.Faults {
		if f := &w.plan.Faults[i]; w.hits(f, n.id, e.dst, e.kind) {
			there = append(there, f)
		}
	}
	for _, f := range there {
		switch {
		case slices.Contains([]fault.Op{fault.Partition, fault.Cut, fault.Ring, fault.Deaf, fault.Mute}, f.Op):
			counts.Cut++
			return e, 0, true
		case f.Op == fault.Lose && w.strikes(n, kindLose, f, e.dst, e.name):
			counts.Lost++
			return e, 0, true
		}
	}
	slowed, free := protocol.Time(0), w.now
	for _, f := range there {
		switch f.Op {
		case fault.Slow:
			slowed += protocol.Time(f.By)
		case fault.Clog:
			free = max(free, w.end(f))
		}
	}
	if slowed > 0 {
		counts.Slowed++
	}
	if free > w.now {
		counts.Clogged++
	}
	for _, f := range there {
		if f.Op == fault.Corrupt && len(e.body) > 0 && w.strikes(n, kindCorrupt, f, e.dst, e.name) {
			counts.Corrupted++
			e.body = w.corrupt(n, f, &e)
			w.tell(n, Event{What: Corrupted, Peer: e.dst, Kind: e.kind, Seq: e.seq, Body: e.body})
			break
		}
	}
	return e, slowed + free - w.now, false
}

func (w *slow) corrupt(n *slowNode, f *fault.Fault, e *slowEvent) []byte {
	key := protocol.Key{A: n.id, B: e.dst}
	ask := func(kind protocol.Kind, i int, among int) int {
		key.Kind, key.N = kind, protocol.Hash3(e.name, f.ID, uint64(i))
		if among == 1 {
			return 0
		}
		return int(w.choose(n, key, uint64(among)))
	}
	b := bytes.Clone(e.body)
	var whole []int
	for i := range b {
		whole = append(whole, i)
	}
	for i := range 1 + ask(kindBytes, 0, min(4, len(b))) {
		k := ask(kindPlace, i, len(whole))
		b[whole[k]] ^= byte(1 + ask(kindByte, i, 255))
		whole = slices.Delete(whole, k, k+1)
	}
	return b
}
