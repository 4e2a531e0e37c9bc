//go:build !dessim_overlay

package host

// available reports whether the program was built with the overlay. Without it, New refuses, and
// none of the functions below is called.
const available = false

func simRun(func())                                                                  {}
func simBegin(uint64, any, func(name, operation uint64) (yields bool, stalls int64)) {}
func simDisturb(bool)                                                                {}
func simGuest(bool)                                                                  {}
func simMapped()                                                                     {}
func simQuiet(bool) bool                                                             { return false }
func simSetTime(_ uint64, _, _ int64)                                                {}
func simNextTimer() int64                                                            { return 0 }
func simWait() bool                                                                  { return false }
func simQueued(int) (name, woken uint64, begun [4]uintptr)                           { return 0, 0, begun }
func simGrant(int)                                                                   {}
func simSelf() (name uint64, begun [4]uintptr)                                       { return 0, begun }
func simPanics() bool                                                                { return false }
func simWaiting(func(uint64, [4]uintptr, string, any, []uintptr))                    {}
func simEnded() (ended, panicked, own bool, why any, stack []uintptr) {
	return false, false, false, nil, nil
}
func simExit(int)                           {}
func simKill() int                          { return 0 }
func simRanged() (stack [16]uintptr)        { return stack }
func simRested() int64                      { return 0 }
func simInitGoroutines() (begun [8]uintptr) { return begun }
func simLog(int) []simTurn                  { return nil }
func simVersion() string                    { return "" }
