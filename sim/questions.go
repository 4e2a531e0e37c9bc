package sim

import (
	"strings"

	"dessim/protocol"
)

// AsksDelay reports whether a question of that kind asks how much longer than the least
// delay of its link a message travels.
func AsksDelay(k protocol.Kind) bool { return k == kindDelay }

// AsksTime reports whether a question of that kind asks by how many nanoseconds something takes
// longer: a message on its way, a sync, a flush, or a goroutine that stands still.
func AsksTime(k protocol.Kind) bool {
	return k == kindDelay || k == kindSync || k == kindFlush || k == kindStallBy
}

// AsksOfMessage reports whether a question of that kind is about a message from node A of
// its key to node B.
func AsksOfMessage(k protocol.Kind) bool { return strings.HasPrefix(k.String(), "net.") }

// AsksLag reports whether a question of that kind asks how much later than due node A of
// its key takes something up: see Plan.Lag.
func AsksLag(k protocol.Kind) bool { return strings.HasPrefix(k.String(), "late.") }

// AsksOfTurns reports whether a question of that kind asks which goroutine of node A of its key
// gets a turn, or whether one gives it away or stands still: see protocol.Scheduler.
func AsksOfTurns(k protocol.Kind) bool { return k == kindOrder || k == kindYield || k == kindStall }

// TellsOfGoroutines reports whether a note of that kind is about a goroutine of the node: it says what
// an answer about turns did, or that the goroutine panics while a deferred call of it waits.
func TellsOfGoroutines(k protocol.Kind) bool { return AsksOfTurns(k) || k == kindPanics }

// TellsOfEnd reports whether a note of that kind says how a program ended.
func TellsOfEnd(k protocol.Kind) bool { return k == kindExit }

// AsksToStall reports whether a question of that kind asks whether a goroutine stands still. If so,
// LengthOfStall is asked next.
func AsksToStall(k protocol.Kind) bool { return k == kindStall }

// LengthOfStall returns the key of the question that follows one of AsksToStall: for how long the
// goroutine stands still, in nanoseconds less one.
func LengthOfStall(k protocol.Key) protocol.Key {
	k.Kind = kindStallBy
	return k
}

// AsksOfDisk reports whether a question of that kind is about the disk of node A of its
// key.
func AsksOfDisk(k protocol.Kind) bool { return strings.HasPrefix(k.String(), "disk.") }
