//go:build dessim_overlay

package host

import _ "unsafe" // for go:linkname

// available reports whether the program was built with the overlay.
const available = true

// These functions are in the runtime, by the overlay: see overlay/added/runtime.txt, which says
// what each does.

//go:linkname simRun runtime.simRun
func simRun(f func())

//go:linkname simBegin runtime.simBegin
func simBegin(seed uint64, local any, ask func(name, operation uint64) (yields bool, stalls int64))

//go:linkname simDisturb runtime.simDisturb
func simDisturb(on bool)

//go:linkname simGuest runtime.simGuest
func simGuest(guest bool)

//go:linkname simQuiet runtime.simQuiet
func simQuiet(quiet bool) bool

//go:linkname simMapped runtime.simMapped
func simMapped()

//go:linkname simSetTime runtime.simSetTime
func simSetTime(name uint64, now, offset int64)

//go:linkname simNextTimer runtime.simNextTimer
func simNextTimer() int64

//go:linkname simWait runtime.simWait
func simWait() (contest bool)

//go:linkname simQueued runtime.simQueued
func simQueued(i int) (name, woken uint64, begun [4]uintptr)

//go:linkname simGrant runtime.simGrant
func simGrant(i int)

//go:linkname simSelf runtime.simSelf
func simSelf() (name uint64, begun [4]uintptr)

//go:linkname simPanics runtime.simPanics
func simPanics() bool

//go:linkname simWaiting runtime.simWaiting
func simWaiting(f func(name uint64, begun [4]uintptr, reason string, panics any, stack []uintptr))

//go:linkname simEnded runtime.simEnded
func simEnded() (ended, panicked, own bool, why any, stack []uintptr)

//go:linkname simExit runtime.simExit
func simExit(code int)

//go:linkname simKill runtime.simKill
func simKill() (n int)

//go:linkname simRanged runtime.simRanged
func simRanged() [16]uintptr

//go:linkname simRested runtime.simRested
func simRested() int64

//go:linkname simInitGoroutines runtime.simInitGoroutines
func simInitGoroutines() [8]uintptr

//go:linkname simLog runtime.simLog
func simLog(most int) []simTurn

//go:linkname simVersion runtime.simVersion
func simVersion() string
