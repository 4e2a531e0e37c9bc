// Package fault is the fault language: what can go wrong in a run, as data with a text
// form, how it is read, printed and validated, when it is there, and what it does to a
// link. It does nothing to a run itself; package sim does.
package fault

import (
	"slices"
	"time"

	"dessim/protocol"
)

// Fault is an injected misfortune, as data: it can be printed (String), read
// (ParseOne), edited, and removed alone, since nothing else is named by it.
// Which fields an operation uses stands beside it; the others are 0.
//
// A fault with a window is there from At on and gone at its end. Faults of links
// meet a message when it is sent: what travels already travels on, and what a node
// sends to itself meets none. Several at once combine: any of them can lose the
// message, delays add up, each Copy makes one more; but only the first Corrupt that
// hits a message changes it, since a second one could undo the first. A fault of a
// node meets whichever incarnation lives then; one that needs a node that is up,
// such as Pause, does nothing to one that is down.
type Fault struct {
	ID uint64 // its identity, unique among the faults, below 2^62; never renumbered
	Op Op
	// At is when it begins.
	At protocol.Time
	// For is how long it lasts: of a crash, how long the node stays down, unless
	// something restarts it before. 0 is until the plan heals or ends.
	For time.Duration
	// Node is whom it hits, if it hits one.
	Node protocol.NodeID
	// Groups are the nodes between whom links fail: see the operations. A nil
	// group is all nodes. Each group is ascending and belongs to the plan.
	Groups [][]protocol.NodeID
	// Every makes a cut flap: it is there for that long, then away for as long,
	// and so on. 0 is no flapping. Each change is an event.
	Every time.Duration
	// After of a Crash crashes the node in its first step from At on, a Start too,
	// after the step's After-th effect, or after its last if there are fewer. 0
	// leaves it to On, or crashes the node at At, between two steps. Of several
	// crashes that wait for the same step the earliest counts.
	After int
	// On of a Crash crashes the node right after an effect that it names; of a Sync,
	// when it is done. If several wait for the same effect, it uses them up. A crash
	// that waits for another node's effect passes if its own node is down then.
	On Anchor
	// Disk of a Crash or FailSync says what survives of what was not synced. It counts
	// as synced from then on.
	Disk Survival
	// By of Slow, SlowSync and Jump is by how much; only that of Jump can be
	// negative.
	By time.Duration
	// PPM of Drift is by how many parts in a million the clock is too fast; a
	// negative one is too slow. At most MaxDrift either way, also in sum.
	PPM int32
	// Rate of Lose, Copy, Corrupt and Byzantine is the share of messages that they
	// hit.
	Rate protocol.Ratio
	// Trait of Byzantine is what the node does to its messages.
	Trait Trait
}

// Op says what a Fault does.
type Op uint8

// The faults.
const (
	Crash    Op = iota + 1 // Node loses volatile state, timers and unsynced records; After, On, Disk, For
	Restart                // Node begins its next incarnation, if it is down
	Pause                  // Node does nothing for a time; what comes meanwhile waits, also that its disk is done; a crash ends it; For
	FailSync               // Node's next Sync fails, which crashes it there; several fail one each; Disk, For
	SlowSync               // each Sync of Node takes By longer; For
	Rot                    // one bit of a synced record of Node flips, if it has one: damage beyond the model; its checksum tells at the next start, and Node is down for good

	Partition // messages between nodes of different Groups are lost; who is in none is unaffected; For, Every
	Cut       // messages from Groups[0] to Groups[1] are lost; For, Every
	Ring      // of the nodes in Groups[0], each hears only the one before and the one after; who is not in it is unaffected; For, Every
	Deaf      // Node receives nothing from other nodes; For, Every
	Mute      // no other node receives anything from Node; For, Every
	Clog      // messages from Groups[0] to Groups[1] wait until the clog is gone, then travel; For
	Slow      // messages from Groups[0] to Groups[1] travel By longer; For
	Lose      // Rate of messages from Groups[0] to Groups[1] are lost; For
	Copy      // Rate of messages from Groups[0] to Groups[1] arrive twice; For
	Corrupt   // Rate of messages from Groups[0] to Groups[1] arrive with other bytes; For

	Jump  // Node's clock jumps By, forward or back, for good: an offset, if At is 0; timers measure time that passes, so they do not see it
	Drift // Node's clock runs too fast or slow by PPM, and stays as far off as it was at the end; timers go by the rate at which they were set; For

	Byzantine // Node treats Rate of its messages as Trait says: see package traitor; For

	// Heal begins the calm: windows end, crashes and failing syncs that wait are void,
	// and all nodes that are down restart, but for those that Rot keeps down and those
	// whose first start is still to come. At Never there is none, where there would
	// be one unless it is said.
	Heal
)

// Never is the time of what does not come.
const Never = protocol.MaxTime + 1

// MaxSpan bounds each duration of a fault, so that sums stay far from overflow.
const MaxSpan = 24 * time.Hour

// MaxNodes is the greatest number of nodes of a run.
const MaxNodes = 1 << 24

// MaxDrift is the greatest drift of a clock, in parts per million.
const MaxDrift = 200_000

// Anchor names an effect of a node's steps: the Nth of that Op, and if Kind is not
// 0 of that kind, that the node does from the fault's time on, in all its lives.
// An N of 0 is no anchor.
type Anchor struct {
	Op   protocol.Op // OpSend, OpPersist, OpSync, OpOutput or OpSetTimer
	Kind protocol.Kind
	N    uint64 // from 1
	// Other tells that the effect is one of node Of, and not of the node that the
	// fault hits: so several nodes can lose power at one moment, whatever they do.
	Other bool
	Of    protocol.NodeID
}

// Survival says which unsynced records survive a crash.
type Survival uint8

// The ways of losing records. Which records survive, and how much of a torn one,
// is asked for by named questions; benign is nothing.
const (
	KeepNone      Survival = iota // none survives
	KeepTorn                      // a prefix of them does, and a part of the next, with which the node must cope
	KeepScattered                 // each may or may not; indices close up over those that did not, as in a log that is read back
)

// Trait is what a byzantine node does to a message.
type Trait uint8

// The traits.
const (
	Equivocate Trait = iota + 1 // says to some what it said to others before
	Forge                       // sends made-up bytes
	Replay                      // sends an old message again instead
	Withhold                    // sends nothing
	Alter                       // changes some bytes
)

// Within returns the faults that can hit a plan of so many nodes: those of
// other nodes are left out, and groups are without them.
func Within(faults []Fault, nodes int) []Fault {
	out := make([]Fault, 0, len(faults))
	for _, f := range faults {
		if uint64(f.Node) >= uint64(nodes) || uint64(f.On.Of) >= uint64(nodes) {
			continue
		}
		groups := make([][]protocol.NodeID, 0, len(f.Groups))
		empty := false
		for _, g := range f.Groups {
			if g == nil {
				groups = append(groups, nil)
				continue
			}
			kept := slices.DeleteFunc(slices.Clone(g), func(id protocol.NodeID) bool { return uint64(id) >= uint64(nodes) })
			if len(kept) > 0 {
				groups = append(groups, kept)
			} else {
				empty = true
			}
		}
		if empty && (f.Op != Partition || len(groups) < 2) {
			continue // there is nobody on one side
		}
		if f.Groups != nil {
			f.Groups = groups
		}
		out = append(out, f)
	}
	return out
}
