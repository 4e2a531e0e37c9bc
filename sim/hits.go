package sim

import (
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// The names of questions about a fault, for a search that answers them. All are about what
// the fault does once, so that a search can have it happen there and nowhere else.

// Hits returns the name of the question whether the fault hits a message: one that a Lose
// loses, or of which a Late sends a copy. name is Event.Name of the message.
func Hits(f *fault.Fault, from, to protocol.NodeID, name uint64) protocol.Key {
	kind := kindLose
	if f.Op == fault.Late {
		kind = kindStale
	}
	return protocol.Key{Kind: kind, A: from, B: to, N: protocol.Hash2(name, f.ID)}
}

// Latest returns the name of the question how late the copy comes that a Late sends of that
// message over a link of that delay, the number of its answers, and the one that is the latest.
func Latest(f *fault.Fault, delay time.Duration, from, to protocol.NodeID, name uint64) (k protocol.Key, n, latest uint64) {
	n = lateAnswers(f, delay)
	return protocol.Key{Kind: kindStaleBy, A: from, B: to, N: protocol.Hash2(name, f.ID)}, n, n - 1
}

// Survivors returns the name of the question how many unsynced records survive the
// crash by f, if its Disk is KeepTorn. The choice is among one more than there are.
func Survivors(f *fault.Fault) protocol.Key {
	return protocol.Key{Kind: kindKeep, A: f.Node, N: protocol.Hash2(rootFault, f.ID)}
}

// Torn returns the name of the question how many bytes survive of the record after the
// Survivors. The choice is among as many as the record has; it is not asked of a record of
// fewer than two.
func Torn(f *fault.Fault) protocol.Key {
	return protocol.Key{Kind: kindTear, A: f.Node, N: protocol.Hash2(rootFault, f.ID)}
}

// Survives returns the name of the question whether the i-th of the unsynced records, from
// 0, survives the crash by f, if its Disk is KeepScattered.
func Survives(f *fault.Fault, i int) protocol.Key {
	return protocol.Key{Kind: kindKeep, A: f.Node, N: protocol.Hash3(rootFault, f.ID, uint64(i))}
}
