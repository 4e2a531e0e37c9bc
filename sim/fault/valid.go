package fault

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/sim/wording"
)

// AnyNodes is the number of nodes for Validate where it is not known how many a run has: the
// code that builds the run validates its faults once more.
const AnyNodes = math.MaxInt32

// Validate returns an error for the first thing that makes the faults impossible in a run
// of that many nodes that ends at until, or nil. starts is when each node starts; nil is
// time 0 for all. Plan.Validate of package sim calls it.
func Validate(faults []Fault, nodes int, until protocol.Time, starts []protocol.Time) error {
	seen := make(map[uint64]bool)
	var heal *Fault
	for i := range faults {
		f := &faults[i]
		if err := f.Validate(nodes, until); err != nil {
			return err
		}
		if seen[f.ID] {
			return fmt.Errorf("two faults have the identity %d, want one", f.ID)
		}
		seen[f.ID] = true
		if f.Op == Heal {
			if heal != nil {
				return f.errorf("is another heal besides %v, want only one", heal)
			}
			heal = f
		}
	}
	if heal != nil {
		for i := range faults {
			if f := &faults[i]; f != heal && f.At >= heal.At {
				return f.errorf("begins at or after the heal, want before %s", timeText(heal.At))
			}
		}
	}
	return checkOverlaps(faults, starts)
}

// checkOverlaps refuses pauses of one node that overlap, and pauses that begin while the
// node is certain to be down, as far as the plan alone determines their times. A crash and
// a restart at the same time are valid: they happen in the order of their identities.
func checkOverlaps(faults []Fault, starts []protocol.Time) error {
	var sorted []*Fault
	for i := range faults {
		switch f := &faults[i]; f.Op {
		case Pause:
			if f.On.N == 0 {
				sorted = append(sorted, f)
			}
		case Crash, FailSync, Restart:
			sorted = append(sorted, f)
		}
	}
	slices.SortFunc(sorted, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.At, b.At), cmp.Compare(a.ID, b.ID))
	})
	var last struct{ crash, pause *Fault } // of the node, if they still matter
	crashed := false                       // the node may be down already, and then a crash does nothing
	for i, f := range sorted {
		if i == 0 || sorted[i-1].Node != f.Node {
			last.crash, last.pause, crashed = nil, nil, false
		}
		switch f.Op {
		case Crash, FailSync:
			sure := f.Op == Crash && f.After == 0 && f.On.N == 0 && (starts == nil || starts[f.Node] <= f.At)
			if sure && !crashed {
				last.crash = f
			}
			crashed = true
		case Restart:
			last.crash = nil
		case Pause:
			if c := last.crash; c != nil && (c.For == 0 || f.At < c.End()) {
				return f.errorf("begins while its node is down from %v, want another time", c)
			}
			if p := last.pause; p != nil && f.At < p.End() {
				return f.errorf("begins in the pause %v, want at %s or later", p, timeText(p.End()))
			}
			last.pause = f
		}
	}
	return nil
}

// End returns when a fault that lasts for For is over.
func (f *Fault) End() protocol.Time { return f.At + protocol.Time(f.For) }

func (f *Fault) errorf(format string, args ...any) error {
	return fmt.Errorf("fault %d (%v) %s", f.ID, f, fmt.Sprintf(format, args...))
}

// Validate returns an error for the first thing that makes f impossible in a run of that
// many nodes that ends at until, or nil. The function Validate checks faults against each
// other.
func (f *Fault) Validate(nodes int, until protocol.Time) error {
	r := ruleOf(f.Op)
	if r == nil {
		return fmt.Errorf("fault %d has operation %d, want %d to %d", f.ID, f.Op, Crash, Heal)
	}
	if f.ID >= 1<<62 {
		return fmt.Errorf("fault (%v) has the identity %d, want 0 to 2^62 - 1", f, f.ID)
	}
	if what := f.unused(r); what != "" {
		return f.errorf("has %s, want %s", what, r.form())
	}
	if (f.At < 0 || f.At > until) && (f.Op != Heal || f.At != Never) {
		return f.errorf("begins at %s, want 0s to %s", timeText(f.At), timeText(until))
	}
	if err := f.checkHead(r, nodes); err != nil {
		return err
	}
	return cmp.Or(f.checkSpans(r), f.checkAmounts(r), f.checkTrigger(nodes))
}

// unused returns something that is set in f and that its operation does not use, or "".
func (f *Fault) unused(r *rule) string {
	if f.Node != 0 && r.head != headNode {
		return "node " + f.Node.String()
	}
	if f.Groups != nil && r.head <= headNode {
		return "the groups " + setsText(f.Groups, "|")
	}
	extra := f.clauses() &^ (r.must | r.may)
	for c := clause(1); c < clauseEnd; c <<= 1 {
		if extra&c != 0 {
			return fmt.Sprintf("%q", f.clauseText(c))
		}
	}
	return ""
}

func (f *Fault) checkHead(r *rule, nodes int) error {
	if r.head == headNone {
		return nil
	}
	if r.head == headNode {
		if uint64(f.Node) >= uint64(nodes) {
			return f.errorf("hits node %v, want 0 to %d", f.Node, nodes-1)
		}
		return nil
	}
	n := len(f.Groups)
	if r.head == headSet && n != 1 || r.head == headPair && n != 2 || n < 2 && r.head == headParts {
		return f.errorf("has %s, want%s", wording.Count(n, "set"), headForms[r.head])
	}
	owner := make(map[protocol.NodeID]bool)
	for _, set := range f.Groups {
		if err := f.checkSet(set, nodes); err != nil {
			return err
		}
		if r.head != headParts {
			continue
		}
		if set == nil {
			return f.errorf("has all nodes on one side, want some on each")
		}
		for _, id := range set {
			if owner[id] {
				return f.errorf("has node %v on two sides, want it on only one", id)
			}
			owner[id] = true
		}
	}
	if a, b := f.Groups[0], f.Groups[n-1]; r.head == headPair && len(a) == 1 && slices.Equal(a, b) {
		return f.errorf("is for node %v to itself, want two nodes: what a node sends to itself crosses no link", a[0])
	}
	const fewest = 4 // of three, each hears both others
	if size := f.size(nodes); f.Op == Ring && size < fewest {
		return f.errorf("has %s, want at least %d, since each hears two", wording.Count(size, "node"), fewest)
	}
	return nil
}

// size returns the number of nodes of the first group.
func (f *Fault) size(nodes int) int {
	if f.Groups[0] == nil {
		return nodes
	}
	return len(f.Groups[0])
}

func (f *Fault) checkSet(set []protocol.NodeID, nodes int) error {
	if set != nil && len(set) == 0 {
		return f.errorf("has an empty set of nodes, want at least one node, or nil for all")
	}
	for i, id := range set {
		if uint64(id) >= uint64(nodes) {
			return f.errorf("names node %v, want 0 to %d", id, nodes-1)
		}
		if i > 0 && id <= set[i-1] {
			return f.errorf("names node %v after %v, want ascending order", id, set[i-1])
		}
	}
	return nil
}

func (f *Fault) checkSpans(r *rule) error {
	for _, d := range [...]struct {
		c    clause
		name string
		is   time.Duration
	}{
		{clauseBy, "is by", f.By},
		{clauseFor, "lasts", f.For},
		{clauseEvery, "comes and goes every", f.Every},
	} {
		least := time.Duration(1)
		switch {
		case r.must&d.c != 0:
		case r.may&d.c != 0:
			least = 0
		default:
			continue
		}
		if d.is < least || d.is > MaxSpan {
			return f.errorf("%s %s, want %s to %s", d.name, FormatSpan(d.is), FormatSpan(least), FormatSpan(MaxSpan))
		}
	}
	return nil
}

// checkAmounts checks the other clauses that an operation must have.
func (f *Fault) checkAmounts(r *rule) error {
	switch {
	case r.must&clauseSigned != 0 && (f.By == 0 || f.By < -MaxSpan || f.By > MaxSpan):
		return f.errorf("is by %s, want -%s to %[2]s, and not 0", FormatSpan(f.By), FormatSpan(MaxSpan))
	case r.must&clausePPM != 0 && (f.PPM == 0 || f.PPM < -MaxDrift || f.PPM > MaxDrift):
		return f.errorf("is by %dppm, want -%d to %[2]d, and not 0", f.PPM, MaxDrift)
	case r.must&clauseRate != 0 && (f.Rate.Never() || !f.Rate.Valid()):
		return f.errorf("hits %d of %d, want a share of more than 0 and at most all", f.Rate.Num, f.Rate.Den)
	case r.must&clauseTrait != 0 && (f.Trait < Equivocate || f.Trait > Alter):
		return f.errorf("has trait %d, want %s", f.Trait, strings.Join(traitWords[1:], ", "))
	}
	return nil
}

// anchorOps are the effects that a fault can come after.
var anchorOps = [...]protocol.Op{protocol.OpSend, protocol.OpPersist, protocol.OpSync, protocol.OpOutput, protocol.OpSetTimer, protocol.OpFlush}

func hasKind(o protocol.Op) bool { return o == protocol.OpSend || o == protocol.OpOutput }

// checkTrigger checks what the fault waits for, and what survives a crash.
func (f *Fault) checkTrigger(nodes int) error {
	switch {
	case f.Disk > KeepAny:
		return f.errorf("has survival %d, want %d to %d", f.Disk, KeepNone, KeepAny)
	case f.After < 0:
		return f.errorf("comes after %d effects, want at least 0", f.After)
	case f.On == Anchor{}:
		return nil
	case f.After != 0:
		return f.errorf("comes after %d effects and after %v, use one or the other", f.After, f.On)
	case !slices.Contains(anchorOps[:], f.On.Op):
		return f.errorf("comes after %v, want %s", f.On, opList())
	case f.On.N == 0:
		return f.errorf("comes after %v, want #1 or more", f.On)
	case f.On.Of != 0 && !f.On.Other:
		return f.errorf("comes after an effect of its own node, but names node %v; want 0", f.On.Of)
	case uint64(f.On.Of) >= uint64(nodes):
		return f.errorf("waits for node %v, want 0 to %d", f.On.Of, nodes-1)
	case f.anchorClause() == clauseOnOf && !f.On.Other:
		return f.errorf("waits for an effect, but names no node; want one")
	case f.On.Kind != 0 && !hasKind(f.On.Op):
		return f.errorf("comes after %v, want no kind: %v has none", f.On, f.On.Op)
	}
	return nil
}

func opList() string { return strings.Join(opWords(), ", ") }

func opWords() []string {
	var words []string
	for _, o := range anchorOps {
		words = append(words, o.String())
	}
	return words
}
