package fault

import (
	"fmt"
	"strings"

	"dessim/protocol"
	"dessim/sim/wording"
)

// The text of faults: one a line, or several with ";" between; "#" begins a comment.
// One table has each fault's name, what follows the name, its clauses and what it does
// to links; printing, reading, validation and the help all use it, so they cannot
// disagree.

// clause is a part of a fault's text after its head, and a set of them. Printing
// uses the order of the constants; reading takes any.
type clause uint16

const (
	clauseTrait clause = 1 << iota
	clauseRate
	clauseBy
	clauseSigned // by, where it may be negative
	clausePPM
	clauseOnly
	clauseAt
	clauseAfter
	clauseOn   // after, for a fault that only an effect can trigger
	clauseOnOf // the same for a fault that has no node of its own
	clauseFor
	clauseEvery
	clauseDisk
	clauseEnd
)

// clauseForms are the forms of the clauses, in order.
var clauseForms = [...]string{"equivocates|forges|replays|withholds|alters", "R%", "by D", "by D", "by PPMppm",
	"only KIND", "at T", "after K effects|after OP [KIND] #K [of N]", "after OP [KIND] #K [of N]", "after OP [KIND] #K of N", "for D", "every D", "torn|scattered|any"}

// head is what comes between a fault's name and its clauses.
type head uint8

const (
	headNone  head = iota
	headNode       // N
	headSet        // SET
	headPair       // SET>SET
	headParts      // SET|SET[|SET...]
)

var headForms = [...]string{"", " N", " SET", " SET>SET", " SET|SET[|SET...]"}

// effect is what a fault does to the messages that it touches.
type effect uint8

const (
	none   effect = iota // not a link fault
	spares               // all arrive, perhaps late or twice
	harms                // some are lost, damaged, or held until it is over
	cuts                 // all are lost
)

// rule describes one operation.
type rule struct {
	op               Op
	word             string
	impact           string // what is counted of it, in the plural
	head             head
	links            effect
	must, may        clause
	meaning, example string
}

const (
	clauseSpan    = clauseAt | clauseFor                // for faults that last
	clauseAnchors = clauseAfter | clauseOn | clauseOnOf // a fault with one of them needs no time
	clauseLinks   = clauseSpan | clauseOnly             // for faults of links
)

// rules has the operations in their order.
var rules = [...]rule{
	{Crash, "crash", "crashes", headNode, none, 0, clauseSpan | clauseAfter | clauseDisk,
		"loses volatile state, timers and unsynced records; after: right after an effect from T on, of another node even; for: then restarts", "crash 2 after send prepare #3 for 1s torn"},
	{Restart, "restart", "restarts", headNode, none, clauseAt, 0, "begins the next incarnation, if it is down", "restart 2 at 2s"},
	{Pause, "pause", "pauses", headNode, none, clauseFor, clauseAt | clauseOn, "does nothing for a time; what comes meanwhile waits", "pause 1 at 30ms for 200ms"},
	{FailSync, "failsync", "failed syncs", headNode, none, 0, clauseSpan | clauseOn | clauseDisk, "its next sync fails, which crashes it there; of a flush that fails it is told", "failsync 1 at 30ms for 1s scattered"},
	{SlowSync, "slowsync", "slowed syncs", headNode, none, clauseBy, clauseSpan | clauseOn, "each of its syncs and flushes takes longer", "slowsync 1 by 20ms at 1s for 5s"},
	{LateTimer, "latetimer", "late timers", headNode, none, clauseRate | clauseBy, clauseSpan | clauseOn, "R% of the timers that it sets fire later than due, by up to D", "latetimer 1 20% by 500ms at 1s for 5s"},
	{Order, "order", "turns out of order", headNode, none, 0, clauseSpan | clauseOn, "its goroutines run in a drawn order; a state machine has none", "order 1 at 1s for 5s"},
	{Yield, "yield", "yields", headNode, none, clauseRate, clauseSpan | clauseOn, "before R% of operations on channels and locks, the goroutine lets others run first", "yield 1 10% at 1s for 5s"},
	{Stall, "stall", "stalls", headNode, none, clauseRate | clauseBy, clauseSpan | clauseOn, "before R% of operations on channels and locks, the goroutine stands still, by up to D", "stall 1 5% by 100ms at 1s for 5s"},
	{Full, "full", "steps with a full disk", headNode, none, 0, clauseSpan | clauseOn, "its disk is full, for programs that write files", "full 1 at 1s for 5s"},
	{Rot, "rot", "flipped bits", headNode, none, clauseAt, 0, "one bit of a synced record flips: its checksum tells at the next start, and the node is down for good; in the data of a file nothing tells", "rot 1 at 1s"},

	{Partition, "partition", "lost messages", headParts, cuts, 0, clauseLinks | clauseOnOf | clauseEvery, "messages between different sets are lost; every: comes and goes", "partition 0,1|2-4 at 1s for 5s"},
	{Cut, "cut", "lost messages", headPair, cuts, 0, clauseLinks | clauseOnOf | clauseEvery, "messages one way are lost; every: comes and goes", "cut 0>1,2 after send stable #3 of 2 for 1s"},
	{Ring, "ring", "lost messages", headSet, cuts, 0, clauseLinks | clauseOnOf | clauseEvery, "each of the set hears only the one before and the one after it", "ring 0-5 at 1s for 5s"},
	{Deaf, "deaf", "lost messages", headNode, cuts, 0, clauseLinks | clauseOn | clauseEvery, "it receives nothing from other nodes; every: comes and goes", "deaf 2 at 1s for 5s"},
	{Mute, "mute", "lost messages", headNode, cuts, 0, clauseLinks | clauseOn | clauseEvery, "no other node receives anything from it; every: comes and goes", "mute 2 at 1s for 5s every 100ms"},
	{Clog, "clog", "held messages", headPair, harms, clauseFor, clauseAt | clauseOnly | clauseOnOf, "messages one way wait until it is over", "clog 0>* at 1s for 300ms"},
	{Slow, "slow", "delayed messages", headPair, spares, clauseBy, clauseLinks | clauseOnOf, "messages one way travel longer", "slow *>3 by 50ms at 1s for 5s"},
	{Lose, "lose", "lost messages", headPair, harms, clauseRate, clauseLinks | clauseOnOf, "R% of the messages one way are lost", "lose 0>* 100% only gossip.data at 1s for 5s"},
	{Copy, "copy", "copied messages", headPair, spares, clauseRate, clauseLinks | clauseOnOf, "R% of the messages one way arrive twice", "copy *>2 5% at 0s for 10s"},
	{Late, "late", "late copies", headPair, spares, clauseRate, clauseBy | clauseLinks | clauseOnOf, "R% of the messages one way arrive once more, later by up to D, or 2m: a little as often as much", "late 0>1 2% by 10s at 1s for 5s"},
	{Echo, "echo", "repeated messages", headPair, spares, clauseRate, clauseLinks | clauseOnOf, "R% of the last messages one way, 16 of a kind, come again when it begins, and after each restart of an end", "echo 1>* 20% after output viewed #2 of 0"},
	{Corrupt, "corrupt", "corrupted messages", headPair, harms, clauseRate, clauseLinks | clauseOnOf, "R% of the messages one way arrive with other bytes", "corrupt 1>* 0.5% at 0s"},

	{Jump, "jump", "moved clocks", headNode, none, clauseSigned | clauseAt, 0, "its clock jumps, forward or back, for good", "jump 2 by -50ms at 1s"},
	{Drift, "drift", "moved clocks", headNode, none, clausePPM, clauseSpan | clauseOn, "its clock is too fast, or too slow", "drift 2 by 200ppm at 0s"},

	{Byzantine, "byzantine", "lies", headNode, none, clauseTrait | clauseRate, clauseSpan, "applies the trait to R% of the messages it sends", "byzantine 3 equivocates 20% at 1s for 5s"},

	{Heal, "heal", "heals", headNone, none, clauseAt, 0, "ends all faults; nodes that are down restart; at never: no heal is added", "heal at 20s"},
}

func ruleOf(op Op) *rule {
	if op < Crash || int(op) > len(rules) {
		return nil
	}
	r := rules[op-1] // a copy, so that nothing changes the table
	return &r
}

// form returns the grammar as text: "pause N at T for D".
func (r *rule) form() string {
	s := r.word + headForms[r.head]
	for i, form := range clauseForms {
		switch c := clause(1) << i; {
		case r.must&c != 0:
			s += " " + form
		case r.may&c != 0:
			s += " [" + form + "]"
		}
	}
	return s
}

// Form is the grammar of one operation, for help texts.
type Form struct {
	Op      Op
	Form    string // "pause N at T for D"
	Meaning string
	Example string // which Parse reads
}

// Grammar returns the grammar of all faults, in the order of the operations.
// In its forms N is a node; SET some nodes, "0,1,5", "0-4" or "*" for all; T a
// time since the run's beginning and D a duration, both with a unit; R% a share,
// such as "0.5%", or "1/3"; K a number from 1; OP one of send, persist, sync,
// output, set-timer and flush, and KIND a kind of message or output. Parts in brackets
// are optional, and clauses come in any order.
func Grammar() []Form {
	var forms []Form
	for _, r := range rules {
		forms = append(forms, Form{r.op, r.form(), r.meaning, r.example})
	}
	return forms
}

// String returns the operation's word, such as "crash".
func (o Op) String() string {
	if r := ruleOf(o); r != nil {
		return r.word
	}
	return fmt.Sprintf("fault(%d)", uint8(o))
}

// Impact names what package sim counts of a fault of that operation, in the plural: "lost
// messages". It is empty for an operation that does not exist.
func (o Op) Impact() string {
	if r := ruleOf(o); r != nil {
		return r.impact
	}
	return ""
}

var traitWords = [...]string{"", "equivocates", "forges", "replays", "withholds", "alters"}

// String returns what the node does, such as "forges".
func (t Trait) String() string {
	if t != 0 && int(t) < len(traitWords) {
		return traitWords[t]
	}
	return fmt.Sprintf("trait(%d)", uint8(t))
}

var survivalWords = [...]string{"", "torn", "scattered", "any"}

// String returns "torn", "scattered", "any", or "" for KeepNone.
func (s Survival) String() string {
	if int(s) < len(survivalWords) {
		return survivalWords[s]
	}
	return fmt.Sprintf("survival(%d)", uint8(s))
}

// String returns "send prepare #3", or "send prepare #3 of 1". ParseAnchor reads it.
func (a Anchor) String() string {
	s := a.Op.String()
	if a.Kind != 0 {
		s += " " + a.Kind.String()
	}
	s += fmt.Sprintf(" #%d", a.N)
	if a.Other {
		s += " of " + a.Of.String()
	}
	return s
}

// String returns the fault in words, without its identity: "crash 2 at 30ms after 3
// effects for 1s". Parse parses it, if the fault is valid.
func (f Fault) String() string {
	r := ruleOf(f.Op)
	if r == nil {
		return fmt.Sprintf("%v %v", f.Op, f.Node)
	}
	s := r.word + f.headText(r.head)
	has := f.clauses() | r.must
	if r.may&clauseAnchors != 0 && has&clauseAnchors == 0 {
		has |= clauseAt
	}
	for c := clause(1); c < clauseEnd; c <<= 1 {
		if has&c != 0 {
			s += " " + f.clauseText(c)
		}
	}
	return s
}

// clauses returns the clauses whose fields are set. By belongs to one of two.
func (f *Fault) clauses() clause {
	var has clause
	add := func(c clause, there bool) {
		if there {
			has |= c
		}
	}
	add(clauseTrait, f.Trait != 0)
	add(clauseRate, f.Rate != protocol.Ratio{})
	if f.Op == Jump {
		add(clauseSigned, f.By != 0)
	} else {
		add(clauseBy, f.By != 0)
	}
	add(clausePPM, f.PPM != 0)
	add(clauseOnly, f.Only != 0)
	add(clauseAt, f.At != 0)
	add(clauseAfter, f.After != 0)
	add(f.anchorClause(), f.On != Anchor{})
	add(clauseFor, f.For != 0)
	add(clauseEvery, f.Every != 0)
	add(clauseDisk, f.Disk != KeepNone)
	return has
}

// anchorClause returns the clause for f.On, if f may have one.
func (f *Fault) anchorClause() clause {
	if r := ruleOf(f.Op); r != nil && r.may&clauseAnchors != 0 {
		return r.may & clauseAnchors
	}
	return clauseOn
}

func (f *Fault) clauseText(c clause) string {
	switch c {
	case clauseTrait:
		return f.Trait.String()
	case clauseRate:
		return FormatRatio(f.Rate)
	case clauseBy, clauseSigned:
		return "by " + FormatSpan(f.By)
	case clausePPM:
		return fmt.Sprintf("by %dppm", f.PPM)
	case clauseOnly:
		return "only " + f.Only.String()
	case clauseAt:
		return "at " + timeText(f.At)
	case clauseAfter, clauseOn, clauseOnOf:
		if f.On != (Anchor{}) {
			return "after " + f.On.String()
		}
		return "after " + wording.Count(f.After, "effect")
	case clauseFor:
		return "for " + FormatSpan(f.For)
	case clauseEvery:
		return "every " + FormatSpan(f.Every)
	}
	return f.Disk.String()
}

func (f *Fault) headText(h head) string {
	switch h {
	case headNone:
		return ""
	case headNode:
		return " " + f.Node.String()
	case headPair:
		return " " + setsText(f.Groups, ">")
	}
	return " " + setsText(f.Groups, "|")
}

func setsText(sets [][]protocol.NodeID, between string) string {
	var b strings.Builder
	for i, set := range sets {
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(setText(set))
	}
	return b.String()
}

// setText returns "0,1,5", and "2-4" for three or more in a row.
func setText(set []protocol.NodeID) string {
	if set == nil {
		return "*"
	}
	var b strings.Builder
	for i := 0; i < len(set); {
		run := 1
		for i+run < len(set) && set[i+run] == set[i]+protocol.NodeID(run) {
			run++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(set[i].String())
		if run < 3 {
			run = 1
		} else {
			b.WriteString("-" + set[i+run-1].String())
		}
		i += run
	}
	return b.String()
}

// Format returns the faults as lines that Parse accepts. It writes identities unless they
// are 1, 2, ... in order, as in a file from which no line was removed.
func Format(faults []Fault) string {
	numbered := true
	for i := range faults {
		numbered = numbered && faults[i].ID == uint64(i)+1
	}
	var b strings.Builder
	for i := range faults {
		if !numbered {
			fmt.Fprintf(&b, "%d: ", faults[i].ID)
		}
		b.WriteString(faults[i].String() + "\n")
	}
	return b.String()
}
