// Package fault is the fault language. Faults are data with a text form: the package
// parses, prints and validates them, and computes when a fault is open and which links
// it touches. It does not inject faults; package sim does.
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
// A fault with a window is open from At until its end. Link faults act on a message when
// it is sent: they affect neither messages in flight nor what a node sends to itself.
// Several at once combine: any of them can lose the message, delays add up, and each Copy
// adds a copy; but only the first Corrupt that hits a message changes it, since a second
// one could undo the first. A node fault acts on the incarnation that lives at that time;
// one that needs a running node, such as Pause, does nothing to a node that is down.
type Fault struct {
	ID uint64 // its identity, unique among the faults, below 2^62; never renumbered
	Op Op
	// At is when the fault begins.
	At protocol.Time
	// For is how long the fault lasts. For a crash, it is how long the node stays down,
	// unless something restarts it earlier. 0 is until the plan heals or ends.
	For time.Duration
	// Node is the node that a node fault hits.
	Node protocol.NodeID
	// Groups are the nodes between which links fail: see the operations. A nil
	// group is all nodes. Each group is ascending and belongs to the plan.
	Groups [][]protocol.NodeID
	// Every makes a cut flap: it is open for that long, then closed for just as long,
	// and so on. 0 does not flap. Each change is an event.
	Every time.Duration
	// After makes a Crash happen within the node's first step from At on, which can be a
	// Start: after the step's After-th effect, or after its last if there are fewer. If
	// After is 0, On decides, or the node crashes at At, between two steps. If several
	// crashes wait for the same step, only the earliest happens.
	After int
	// On is an effect that the fault waits for, from At on; a Sync counts when it is
	// done, a Flush when it begins. An effect uses up all faults that wait for it. A Crash happens right after the
	// effect; if the effect is another node's and the Crash's own node is down then,
	// nothing happens. A fault with a window begins one nanosecond after the effect, which
	// spares the rest of the step: see Window.Begin. A FailSync begins right after the
	// effect. Byzantine, and other faults without a window, cannot wait.
	On Anchor
	// Disk says which unsynced records survive a Crash or FailSync. The survivors count
	// as synced from then on.
	Disk Survival
	// By is the amount of a Slow, SlowSync or Jump, and the greatest of a Late, for which 0
	// stands for LateBy, LateTimer or Stall. Only a Jump can be negative.
	By time.Duration
	// PPM is how fast a clock under Drift runs, in parts per million; a negative one runs
	// slow. The drifts of a clock sum to at most MaxDrift either way.
	PPM int32
	// Rate is the share of messages that a Lose, Copy, Late, Echo, Corrupt or Byzantine hits,
	// of timers that a LateTimer hits, or of operations that a Yield or Stall hits.
	Rate protocol.Ratio
	// Trait is what a Byzantine node does to its messages.
	Trait Trait
	// Only is the kind of the messages that a link fault hits, as named when they are sent;
	// 0 is every kind.
	Only protocol.Kind
}

// Op is the operation of a Fault: what it does.
type Op uint8

// The operations, each with the optional fields that it uses.
const (
	Crash     Op = iota + 1 // Node loses volatile state, timers and unsynced records; After, On, Disk, For
	Restart                 // Node begins its next incarnation, if it is down
	Pause                   // Node takes no step for a while; events wait, including the end of a sync; a crash ends it; For
	FailSync                // Node's next Sync or Flush fails: a Sync crashes it there, a Flush reports it; each of several fails another; On, Disk, For
	SlowSync                // each Sync or Flush of Node takes By longer; For
	LateTimer               // Rate of the timers that Node sets fire later than due, by at most By; For
	Order                   // goroutines of Node run in a drawn order within a step, not in the order in which they could; For
	Yield                   // before Rate of the operations on channels and locks in Node, the goroutine lets others run first; For
	Stall                   // before Rate of the operations on channels and locks in Node, the goroutine stands still, by at most By; For
	Full                    // Node's disk is full: Env.Full says so, which a node with files asks, and nothing else changes; For
	Rot                     // one bit of a synced record of Node flips, if it has one: damage beyond the model; its checksum shows it at the next start, and Node is down for good, unless the bit is of a payload: see protocol.Env.PersistFrom

	Partition // messages between nodes of different Groups are lost; a node in none is unaffected; For, Every
	Cut       // messages from Groups[0] to Groups[1] are lost; For, Every
	Ring      // of the nodes in Groups[0], each hears only the one before and the one after; a node outside is unaffected; For, Every
	Deaf      // Node receives nothing from other nodes; For, Every
	Mute      // no other node receives anything from Node; For, Every
	Clog      // messages from Groups[0] to Groups[1] wait until the clog is gone, then travel; For
	Slow      // messages from Groups[0] to Groups[1] travel By longer; For
	Lose      // Rate of messages from Groups[0] to Groups[1] are lost; For
	Copy      // Rate of messages from Groups[0] to Groups[1] arrive twice; For
	Late      // Rate of messages from Groups[0] to Groups[1] arrive once more, later by at most By, out of order on a FIFO link too; For
	Echo      // Rate of the messages last sent from Groups[0] to Groups[1], at most EchoMemory of each kind, travel once more when it begins, and whenever a node at either end restarts; For
	Corrupt   // Rate of messages from Groups[0] to Groups[1] arrive with changed bytes; For

	Jump  // Node's clock jumps By, forward or back, permanently: an offset, if At is 0; what it jumps does not elapse, so timers stay as they are
	Drift // Node's clock runs too fast or slow by PPM, and keeps its offset at the end; a timer runs at the rate of its node's clock, whenever that changes; For

	Byzantine // Node treats Rate of its messages as Trait says: see package traitor; For

	// Heal ends all faults: windows close, waiting faults are dropped, and all nodes that
	// are down restart, except those that Rot keeps down and those that have yet to start
	// for the first time. Heal at Never means no heal, instead of the one that a scenario
	// adds by itself.
	Heal
)

// Never is a time after the end of every run.
const Never = protocol.MaxTime + 1

// MaxSpan bounds each duration of a fault, so that sums stay far from overflow.
const MaxSpan = 24 * time.Hour

// MaxNodes is the greatest number of nodes of a run.
const MaxNodes = 1 << 24

// LateBy is the most by which a Late copy arrives later, if its fault does not say.
const LateBy = 2 * time.Minute

// EchoMemory is how many messages of one kind an Echo can send again: those sent last, of the
// ones that no fault or link lost.
const EchoMemory = 16

// MaxDrift is the greatest drift of a clock, in parts per million.
const MaxDrift = 200_000

// Anchor names an effect of a node's steps: the Nth with that Op, and with that Kind
// unless it is 0, from the fault's time on, counted over all incarnations. An N of 0 is
// no anchor.
type Anchor struct {
	Op   protocol.Op // OpSend, OpPersist, OpSync, OpOutput, OpSetTimer or OpFlush
	Kind protocol.Kind
	N    uint64 // from 1
	// Other means that the effect is node Of's, not that of the node that the fault hits:
	// so several nodes can lose power at the same moment, whatever they do. A link fault
	// has no node of its own, so its anchor needs Other.
	Other bool
	Of    protocol.NodeID
}

// Survival is which unsynced records survive a crash.
type Survival uint8

// The ways to lose records. Which records survive, and how much of a torn one, are
// questions; their benign answer is none.
const (
	KeepNone      Survival = iota // none survives
	KeepTorn                      // a prefix survives, and a part of the next record, which the node must recognise
	KeepScattered                 // each survives or not; indices close up over lost records, as in a log that is read back
	KeepAny                       // each survives whole, in part or not at all; indices close up likewise
)

// Trait is what a byzantine node does to a message.
type Trait uint8

// The traits.
const (
	Equivocate Trait = iota + 1 // sends to some nodes what it sent to others before
	Forge                       // sends made-up bytes
	Replay                      // sends an old message instead
	Withhold                    // sends nothing
	Alter                       // changes some bytes
)

// Within returns the faults restricted to a run of that many nodes: it drops faults of
// other nodes, and removes those nodes from groups.
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
			continue // one side would be empty
		}
		if f.Groups != nil {
			f.Groups = groups
		}
		out = append(out, f)
	}
	return out
}
