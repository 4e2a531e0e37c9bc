package sim

import "dessim/protocol"

// Names of questions. A message is named by its ends, its bytes, its wave and
// how often the step sent the same before. A wave is the name of a cause: that of
// a root is the identity of the plan's item, that of a message is one hop on from
// the step which sent it, that of a timer comes from the step which set it and
// its tag. So a name survives the removal of anything unrelated, needs no counter
// and does not change when another reply completes a quorum. (Named by causes
// alone, the answers behind a quorum would all be drawn anew; by position in one
// stream, all answers.)
//
// The constants set apart what would otherwise be hashed alike.
const (
	rootStart  = 0x5354415254 // "START"
	rootFault  = 0x4641554c54
	rootInput  = 0x494e505554
	waveHop    = 0x484f50
	waveCopy   = 0x434f5059
	waveEcho   = 0x4543484f
	waveRepeat = 0x524550454154
	nameTimer  = 0x54494d4552
	nameFlush  = 0x464c555348
)

// The kinds of the network's, the disk's, the lag's and the goroutines' questions, and of
// those that faults ask.
var (
	kindDelay = protocol.KindOf("net.delay")
	kindLoss  = protocol.KindOf("net.loss")
	kindCopy  = protocol.KindOf("net.copy")
	kindSync  = protocol.KindOf("disk.sync")
	kindFlush = protocol.KindOf("disk.flush")

	kindLose    = protocol.KindOf("net.lose")    // does this fault lose the message?
	kindAlso    = protocol.KindOf("net.also")    // does this fault copy it?
	kindStale   = protocol.KindOf("net.stale")   // does this fault send a copy that comes late?
	kindStaleBy = protocol.KindOf("net.staleby") // by how much, on a scale of powers of two
	kindEcho    = protocol.KindOf("net.echo")    // does this fault send the message again, now?
	kindCorrupt = protocol.KindOf("net.corrupt") // does this fault corrupt it?
	kindBytes   = protocol.KindOf("net.bytes")   // how many of its bytes, less one
	kindPlace   = protocol.KindOf("net.place")   // where, among the bytes still whole
	kindByte    = protocol.KindOf("net.byte")    // to what, by exclusive or, less one

	kindLateStart = protocol.KindOf("late.start")
	kindLateTimer = protocol.KindOf("late.timer")
	kindLateSome  = protocol.KindOf("late.some") // does this fault make the timer late?
	kindLateBy    = protocol.KindOf("late.by")   // by how much, less one nanosecond
	kindLateInput = protocol.KindOf("late.input")
	kindLateSelf  = protocol.KindOf("late.self")

	kindOrder = protocol.KindOf("go.order") // which goroutine runs, of those that could: 0 is the first
	kindYield = protocol.KindOf("go.yield") // does one give its turn away?

	kindStall   = protocol.KindOf("go.stall")   // does this fault have one stand still?
	kindStallBy = protocol.KindOf("go.stallby") // for how long, less one nanosecond
	kindPanics  = protocol.KindOf("go.panics")  // no question
	kindExit    = protocol.KindOf("go.exit")    // nor is this

	kindKeep      = protocol.KindOf("disk.keep")   // how many unsynced records survive, or whether one does: 0 no, 1 whole, 2 torn
	kindShadow    = protocol.KindOf("shadow.look") // whether a node is started beside the run, to ask it what it knows
	kindLucky     = protocol.KindOf("shadow.more") // whether that is done again, with some unsynced records
	kindLuckyKeep = protocol.KindOf("shadow.keep") // what survives of one: 0 nothing, 1 all, 2 a part
	kindLuckyTear = protocol.KindOf("shadow.tear") // how many bytes of a torn one do
	kindTear      = protocol.KindOf("disk.tear")   // how many bytes of a torn one do
	kindRot       = protocol.KindOf("disk.rot")    // which record rots, among those with bytes
	kindRotBit    = protocol.KindOf("disk.rotbit") // which of its bits
)

// hop is the cause that the sends of one step share.
type hop struct {
	wave  uint64
	seen  occurrences
	body  []byte // hashed last
	hash  uint64 // of body
	ready bool
}

func (h *hop) reset() {
	h.seen.reset()
	h.ready = false
}

// message returns the wave and name of the next message of a step of that wave.
func (h *hop) message(stepWave uint64, from, to protocol.NodeID, body []byte) (wave, name uint64) {
	if !h.ready {
		h.ready, h.wave = true, protocol.Hash2(stepWave, waveHop)
		h.hash, h.body = protocol.HashBytes(body), body
	} else if !same(h.body, body) {
		h.hash, h.body = protocol.HashBytes(body), body
	}
	ends := uint64(from)<<32 | uint64(to)
	name = protocol.Hash3(h.hash, h.wave, ends)
	if n := h.seen.count(name); n > 0 {
		wave = protocol.Hash3(h.wave, waveRepeat, n)
		return wave, protocol.Hash3(h.hash, wave, ends)
	}
	return h.wave, name
}

// same reports whether a and b are the same memory, as the bodies of a broadcast
// are.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// occurrences counts equal names within a step.
type occurrences struct {
	few  []uint64
	many map[uint64]uint64 // of what follows a few, and of those too
}

const fewNames = 24

func (o *occurrences) reset() {
	o.few = o.few[:0]
	if len(o.many) > 0 {
		clear(o.many)
	}
}

// count returns how often name was counted before, and counts it.
func (o *occurrences) count(name uint64) (n uint64) {
	if len(o.few) == fewNames {
		return o.countMany(name)
	}
	for _, x := range o.few {
		if x == name {
			n++
		}
	}
	o.few = append(o.few, name)
	return n
}

func (o *occurrences) countMany(name uint64) uint64 {
	if o.many == nil {
		o.many = make(map[uint64]uint64)
	}
	if len(o.many) == 0 {
		for _, x := range o.few {
			o.many[x]++
		}
	}
	n := o.many[name]
	o.many[name] = n + 1
	return n
}
