//go:build dessim_overlay

package main

import (
	"time"
	_ "unsafe" // for go:linkname
)

//go:linkname simRun runtime.simRun
func simRun(f func())

//go:linkname simBegin runtime.simBegin
func simBegin(seed uint64, local any, ask func(name, operation uint64) (yields bool, stalls int64))

//go:linkname simDisturb runtime.simDisturb
func simDisturb(on bool)

//go:linkname simGuest runtime.simGuest
func simGuest(guest bool)

//go:linkname simSetTime runtime.simSetTime
func simSetTime(name uint64, now, offset int64)

//go:linkname simNextTimer runtime.simNextTimer
func simNextTimer() int64

//go:linkname simWait runtime.simWait
func simWait() (contest bool)

//go:linkname simGrant runtime.simGrant
func simGrant(i int)

//go:linkname simRanged runtime.simRanged
func simRanged() [16]uintptr

//go:linkname simEnded runtime.simEnded
func simEnded() (ended, panicked, own bool, why any, stack []uintptr)

//go:linkname simDigest runtime.simDigest
func simDigest() (turns, operations, digest uint64)

//go:linkname simKill runtime.simKill
func simKill() (n int)

// begins is the bubble's time when a toy begins.
const begins = 946_684_800_000_000_000

func init() {
	drive = func(t *toy, p *printer) { simRun(func() { t.drive(p) }) }
}

// drive is what package host does for a node, without the node.
func (t *toy) drive(p *printer) {
	simBegin(1, p, func(name, operation uint64) (yields bool, stalls int64) { return operation%3 == 0, 0 })
	simDisturb(t.yields)
	simGuest(true)
	go t.run(p)
	simGuest(false)
	const second = int64(time.Second)
	for range 1000 {
		for simWait() {
			simGrant(0)
		}
		if ended, _, _, why, _ := simEnded(); ended {
			p.say("ended: %v", why)
			break
		}
		next := simNextTimer()
		if next == 0 {
			break
		}
		offset := int64(0)
		if t.jumps != 0 && next >= begins+second {
			next, offset = max(next, begins+2*second), t.jumps
		}
		simSetTime(uint64(next), next, offset)
	}
	turns, _, digest := simDigest()
	p.say("%d turns, %x", turns, digest)
	if t.inexact && simRanged()[0] == 0 {
		p.fail("a range over a map of pointers is not told")
	}
	simKill()
}
