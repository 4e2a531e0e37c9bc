package sim

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// Any stands for every node in a LinkRule.
const Any = protocol.Outside

// MaxNodes is the greatest number of nodes of a run.
const MaxNodes = fault.MaxNodes

// MaxThreads is the greatest number of threads of a run.
const MaxThreads = 256

// Plan describes a run completely, but for the answers. New validates it; the
// slices belong to the run until it is over.
type Plan struct {
	// Nodes is the number of nodes, clients included: 1 to MaxNodes.
	Nodes int
	// Node makes node id. It is called at every start and restart and must
	// return a fresh value each time, so that a crash loses what was not synced.
	Node func(id protocol.NodeID) protocol.Node
	// Random, unless nil, answers what the code of nodes reads from crypto/rand: see
	// package cryptorand.
	Random Random
	// Shadow is the share of the promises of nodes that are compared with what is safe on their
	// disks at that moment: see protocol.Promiser. Questions decide which, unless all are. Unless
	// Shadow is 0, all promises that nodes make alike are compared, too: see protocol.Promise.
	// It changes nothing else in the run.
	Shadow protocol.Ratio
	// Twin makes another node id, beside the run, for that. It must have no side effect. Nil is
	// Node, which then must have none.
	Twin func(id protocol.NodeID) protocol.Node
	// Starts is when each node starts; nil means all at time 0.
	Starts []protocol.Time
	// Link is how messages travel where no rule of Links applies.
	Link  Link
	Links []LinkRule
	Disk  Disk
	// Lag is how much later than it is due a node may take up what reaches it by no link:
	// its first start, timers, inputs, and messages to itself. How much later, from 0 on,
	// is a question each; if Lag is 0, none is asked.
	Lag time.Duration
	// Inputs reach their nodes from Outside.
	Inputs []Input
	Faults []fault.Fault
	// Until ends the run; events at that time still happen.
	Until protocol.Time
	// Done reports whether everything that must come has come. It is called when
	// only periodic timers and what follows from them remain, and ends the run
	// by true. Nil means true. It must not change anything.
	Done func() bool
	// Bound is when all must have come: if Done is false then, the run ends there, since
	// to go on shows nothing new. If it is true, or Bound is 0 or not before Until, the
	// run ends as it does without.
	Bound protocol.Time
	// Events ends the run after that many events, if more are pending; 0 is no bound. There
	// is no default: one that no honest run reaches would take hours to reach.
	Events uint64
	// Threads, if more than 1, asks for a run in parts: nodes are parted among that many
	// goroutines. Nothing of the run changes by it, nor of what observers are shown, if nodes
	// share no memory that changes, or guard what they share so that nothing depends on the order; Node
	// is called by several goroutines at once. A run is not in parts where that cannot be exact:
	// see Sim.Threads. It is no faster with few nodes, or if few events come within the least
	// delay of a link. A panic in it is the same one, but other nodes may have gone on.
	Threads int
	// Poison overwrites the memory that a node borrowed once its step is over,
	// so that a node that keeps it fails at once and not only sometimes.
	Poison bool
}

// Shape is how a link's jitter is distributed.
type Shape uint8

// The shapes of jitter. None uses floating point.
const (
	Uniform     Shape = iota // 0 to Jitter, all equally likely
	Exponential              // mean Jitter, at most 9.02 times that
	HeavyTail                // Lomax with exponent 2: mean Jitter, at most 90 times that
)

// Link is how messages travel over a directed pair of nodes. Of what a node sends to
// itself it says nothing: that arrives after Plan.Link.Delay, once and whole.
type Link struct {
	Delay  time.Duration  // least travel time, at least 1 ns
	Jitter time.Duration  // random addition; messages overtake each other by it
	Shape  Shape          // how the addition is distributed
	Loss   protocol.Ratio // lost messages of all
	Copy   protocol.Ratio // messages that arrive twice, of all; a copy travels, and is lost, on its own
	FIFO   bool           // no message overtakes an earlier one on the link
}

// LinkRule sets the Link from From to To, either of which may be Any, and which are not
// the same. Where several rules fit, the exact pair beats From alone, which beats To
// alone.
type LinkRule struct {
	From, To protocol.NodeID
	Link     Link
}

// Disk is how long a Sync takes: Sync and a random addition of at most Jitter.
type Disk struct {
	Sync, Jitter time.Duration
}

// Input is a message from Outside.
type Input struct {
	ID   uint64 // its identity, unique among the inputs; names what follows from it
	At   protocol.Time
	Node protocol.NodeID
	Body []byte
}

// Validate reports the first thing that makes p impossible to run, or nil.
func (p *Plan) Validate() error {
	if p.Nodes < 1 || p.Nodes > MaxNodes {
		return fmt.Errorf("sim: plan has %d nodes, want 1 to %d", p.Nodes, MaxNodes)
	}
	if p.Node == nil {
		return errors.New("sim: plan does not say what its nodes are")
	}
	if p.Bound < 0 {
		return fmt.Errorf("sim: plan is bound to be done at %v, want 0 or more", p.Bound)
	}
	if p.Until <= 0 || p.Until > protocol.MaxTime {
		return fmt.Errorf("sim: plan ends at %v, want more than 0 and at most %v", p.Until, protocol.MaxTime)
	}
	if p.Starts != nil && len(p.Starts) != p.Nodes {
		return fmt.Errorf("sim: plan has %d starts, want one for each of %d nodes, or nil", len(p.Starts), p.Nodes)
	}
	for i, at := range p.Starts {
		if at < 0 || at > p.Until {
			return fmt.Errorf("sim: node %d starts at %v, want 0 to %v", i, at, p.Until)
		}
	}
	if p.Disk.Sync < 0 || p.Disk.Jitter < 0 {
		return fmt.Errorf("sim: disk takes %v to sync and jitter %v, want at least 0", p.Disk.Sync, p.Disk.Jitter)
	}
	if p.Disk.Sync > maxSpan || p.Disk.Jitter > maxSpan {
		return fmt.Errorf("sim: disk takes %v to sync and jitter %v, want at most %v", p.Disk.Sync, p.Disk.Jitter, maxSpan)
	}
	if !p.Shadow.Valid() {
		return fmt.Errorf("sim: plan looks at %d of %d promises, want a ratio of 0 to 1", p.Shadow.Num, p.Shadow.Den)
	}
	if p.Threads < 0 || p.Threads > MaxThreads {
		return fmt.Errorf("sim: plan asks for %d threads, want 0 to %d", p.Threads, MaxThreads)
	}
	if p.Lag < 0 || p.Lag > maxSpan {
		return fmt.Errorf("sim: plan lags %v, want 0 to %v", p.Lag, maxSpan)
	}
	return cmp.Or(p.Link.Validate(), p.validateLinks(), p.validateInputs(), p.validateFaults())
}

func (p *Plan) validateFaults() error {
	if err := fault.Validate(p.Faults, p.Nodes, p.Until, p.Starts); err != nil {
		return fmt.Errorf("sim: %w", err)
	}
	return nil
}

// has reports whether node id is of the plan.
func (p *Plan) has(id protocol.NodeID) bool { return uint64(id) < uint64(p.Nodes) }

// maxSpan bounds each delay, so that sums stay far from overflow.
const maxSpan = fault.MaxSpan

// Validate reports the first thing that makes l impossible, or nil.
func (l *Link) Validate() error { return l.validate("link") }

func (l *Link) validate(name string) error {
	if l.Delay < 1 || l.Delay > maxSpan {
		return fmt.Errorf("sim: %s has delay %v, want 1ns to %v", name, l.Delay, maxSpan)
	}
	if l.Jitter < 0 || l.Jitter > maxSpan {
		return fmt.Errorf("sim: %s has jitter %v, want 0 to %v", name, l.Jitter, maxSpan)
	}
	if l.Shape > HeavyTail {
		return fmt.Errorf("sim: %s has shape %d, want %d to %d", name, l.Shape, Uniform, HeavyTail)
	}
	if !l.Loss.Valid() {
		return fmt.Errorf("sim: %s loses %d of %d messages, want a ratio of 0 to 1", name, l.Loss.Num, l.Loss.Den)
	}
	if !l.Copy.Valid() {
		return fmt.Errorf("sim: %s copies %d of %d messages, want a ratio of 0 to 1", name, l.Copy.Num, l.Copy.Den)
	}
	return nil
}

func (p *Plan) validateLinks() error {
	seen := make(map[[2]protocol.NodeID]bool)
	for i := range p.Links {
		r := &p.Links[i]
		if err := r.Link.validate(fmt.Sprintf("link rule %d", i)); err != nil {
			return err
		}
		for _, id := range [...]protocol.NodeID{r.From, r.To} {
			if id != Any && !p.has(id) {
				return fmt.Errorf("sim: link rule %d names node %v, want 0 to %d or Any", i, id, p.Nodes-1)
			}
		}
		pair := [2]protocol.NodeID{r.From, r.To}
		if pair == [2]protocol.NodeID{Any, Any} {
			return fmt.Errorf("sim: link rule %d is for Any to Any, want that in Plan.Link", i)
		}
		if r.From == r.To {
			return fmt.Errorf("sim: link rule %d is for node %v to itself, want two nodes: what a node sends to itself crosses no link", i, r.From)
		}
		if seen[pair] {
			return fmt.Errorf("sim: link rule %d is another for %v to %v, want one", i, r.From, r.To)
		}
		seen[pair] = true
	}
	return nil
}

func (p *Plan) validateInputs() error {
	seen := make(map[uint64]bool)
	for i := range p.Inputs {
		in := &p.Inputs[i]
		if !p.has(in.Node) {
			return fmt.Errorf("sim: input %d goes to node %v, want 0 to %d", in.ID, in.Node, p.Nodes-1)
		}
		if in.At < 0 || in.At > p.Until {
			return fmt.Errorf("sim: input %d comes at %v, want 0 to %v", in.ID, in.At, p.Until)
		}
		if seen[in.ID] {
			return fmt.Errorf("sim: two inputs have the identity %d, want one", in.ID)
		}
		seen[in.ID] = true
	}
	return nil
}
