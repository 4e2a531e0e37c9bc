// Package fault is the fault language: faults of a run as data with a text form, which
// it reads, prints and validates; when a fault is open, and what it does to a link. It
// does nothing to a run; package sim does.
package fault

import (
	"slices"
	"time"

	"dessim/protocol"
)

// Fault is an injected fault, as data: it can be printed (String), read (Parse),
// edited, and removed alone, since nothing else depends on it. Each operation lists the
// fields that it uses; the others are 0.
//
// A fault with a window is open from At on and over at its end. Faults of links act on
// a message when it is sent: messages under way are not affected, nor is what a node
// sends to itself. Several at once combine: any of them can lose the
// message, delays add up, each Copy makes one more; but only the first Corrupt that
// hits a message changes it, since a second one could undo the first. A fault of a
// node acts on whichever incarnation lives then; one that needs a node that is up,
// such as Pause, does nothing to one that is down.
type Fault struct {
	ID uint64 // its identity, unique among the faults, below 2^62; never renumbered
	Op Op
	// At is when it begins.
	At protocol.Time
	// For is how long it lasts: of a crash, how long the node stays down, unless
	// something restarts it before. 0 is until the plan heals or ends.
	For time.Duration
	// Node is the node that it hits, if it hits one.
	Node protocol.NodeID
	// Groups are the nodes between which links fail: see the operations. A nil
	// group is all nodes. Each group is ascending and belongs to the plan.
	Groups [][]protocol.NodeID
	// Every makes a cut flap: it is open for that long, then closed for as long,
	// and so on. 0 is no flapping. Each change is an event.
	Every time.Duration
	// After of a Crash crashes the node in its first step from At on, a Start too,
	// after the step's After-th effect, or after its last if there are fewer. 0
	// leaves it to On, or crashes the node at At, between two steps. Of several
	// crashes that wait for the same step the earliest counts.
	After int
	// On is an effect that the fault waits for, from At on; a Sync counts when it is
	// done. If several faults wait for the same effect, it uses them up. A Crash comes
	// right after the effect; it passes if the effect is another node's and its own node
	// is down then. A fault with a window begins one nanosecond after the effect, so the
	// rest of the step is spared: see Window.Begin. Only Byzantine and what has no
	// window cannot wait.
	On Anchor
	// Disk of a Crash or FailSync is which unsynced records survive. They count as
	// synced from then on.
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

// Op is what a Fault does.
type Op uint8

// The faults.
const (
	Crash    Op = iota + 1 // Node loses volatile state, timers and unsynced records; After, On, Disk, For
	Restart                // Node begins its next incarnation, if it is down
	Pause                  // Node takes no step for a time; events wait, also the end of a sync; a crash ends it; For
	FailSync               // Node's next Sync fails, which crashes it there; several fail one each; Disk, For
	SlowSync               // each Sync of Node takes By longer; For
	Rot                    // one bit of a synced record of Node flips, if it has one: damage beyond the model; its checksum shows it at the next start, and Node is down for good

	Partition // messages between nodes of different Groups are lost; a node in none is unaffected; For, Every
	Cut       // messages from Groups[0] to Groups[1] are lost; For, Every
	Ring      // of the nodes in Groups[0], each hears only the one before and the one after; a node outside is unaffected; For, Every
	Deaf      // Node receives nothing from other nodes; For, Every
	Mute      // no other node receives anything from Node; For, Every
	Clog      // messages from Groups[0] to Groups[1] wait until the clog is gone, then travel; For
	Slow      // messages from Groups[0] to Groups[1] travel By longer; For
	Lose      // Rate of messages from Groups[0] to Groups[1] are lost; For
	Copy      // Rate of messages from Groups[0] to Groups[1] arrive twice; For
	Corrupt   // Rate of messages from Groups[0] to Groups[1] arrive with other bytes; For

	Jump  // Node's clock jumps By, forward or back, for good: an offset, if At is 0; timers measure time that passes, so they do not see it
	Drift // Node's clock runs too fast or slow by PPM, and stays as far off as it was at the end; a timer keeps the rate at which it was set; For

	Byzantine // Node treats Rate of its messages as Trait says: see package traitor; For

	// Heal ends all faults: windows close, faults that wait are void,
	// and all nodes that are down restart, but for those that Rot keeps down and those
	// whose first start is still to come. Heal at Never means none, in place of the one
	// that a scenario adds by itself.
	Heal
)

// Never is the time of what never happens.
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
	// Other means that the effect is one of node Of, and not of the node that the
	// fault hits: so several nodes can lose power at one moment, whatever they do.
	// A fault of links has no node of its own, so it needs one.
	Other bool
	Of    protocol.NodeID
}

// Survival is which unsynced records survive a crash.
type Survival uint8

// The ways of losing records. Which records survive, and how much of a torn one,
// are named questions; the benign answer is none.
const (
	KeepNone      Survival = iota // none survives
	KeepTorn                      // a prefix of them does, and a part of the next, which the node must recognise
	KeepScattered                 // each may or may not; indices close up over those that did not, as in a log that is read back
	KeepAny                       // each survives, or a part of it, or nothing; indices close up as well
)

// Trait is what a byzantine node does to a message.
type Trait uint8

// The traits.
const (
	Equivocate Trait = iota + 1 // sends to some what it sent to others before
	Forge                       // sends made-up bytes
	Replay                      // sends an old message again instead
	Withhold                    // sends nothing
	Alter                       // changes some bytes
)

// Within returns the faults that can hit a run of that many nodes: faults of other
// nodes are left out, and groups are without those nodes.
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
			continue // one side has no nodes
		}
		if f.Groups != nil {
			f.Groups = groups
		}
		out = append(out, f)
	}
	return out
}
