// Package swarm draws the faults of a run from a Source.
//
// Each kind of faults has slots. Whether a slot is taken is a question, named by
// kind and slot, and benign is no; so are all that makes up a fault (whom it hits,
// when, how long), and benign is mild. A fault's identity follows from kind and
// slot. So taking one fault out leaves every other as it was, in what it is and in
// what follows from it, and a run shrinks by its faults singly.
//
// What is drawn always passes fault.Validate. Nothing drawn is rejected for
// that or moved out of the way of another fault, since then one fault would change
// with another; the kinds that could be at odds have their nodes or their time
// apart instead: see pause.
//
// A crash shows most where something is half done. So most of them are not at a
// time but after an effect: a record persisted and not synced, a message sent to
// one of three, or at a sync that fails.
//
// The package does not promise that a majority runs at any time. It promises that
// without a Heal nothing lasts for ever, and that with it all faults are over
// then; so liveness can be judged after Config.Heal, or some time after Config.To.
package swarm

import (
	"fmt"
	"time"

	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// Config says what faults can hit, and when.
type Config struct {
	// Nodes may be hit, in ascending order. Links fail between two of them, or
	// between one of them and all other nodes.
	Nodes []protocol.NodeID
	// From and To are when faults begin: before To.
	From, To protocol.Time
	// Heal, at To or later, ends all faults; 0 is no Heal.
	Heal protocol.Time
	// Delay is the longest usual delay of a message, the unit of all durations: they
	// run from 1 to 486 of it, short ones as often as long ones.
	Delay time.Duration
	// Most is the greatest number of faults of one kind, up to 999. A kind that is on
	// comes to half of it, or to what a swarm draws.
	Most int
}

const (
	idsPerKind = 1000
	longest    = 24 * time.Hour // that a fault may last
	maxNode    = sim.MaxNodes - 1
)

// faultID returns the identity of the fault in a slot of the kind of that number:
// 1000 and more for the first, 2000 for the second. Below 1000 are other people's.
func faultID(kind, slot int) uint64 { return uint64((kind+1)*idsPerKind + slot) }

// healID is above those of all kinds to come.
const healID = 999_999

// check panics if c makes no sense.
func (c *Config) check() {
	switch {
	case c.From < 0 || c.To <= c.From || c.To > protocol.MaxTime:
		panic(fmt.Sprintf("swarm: faults begin from %v to %v, want 0s <= from < to <= %v", c.From, c.To, protocol.MaxTime))
	case c.Heal != 0 && c.Heal < c.To:
		panic(fmt.Sprintf("swarm: heal at %v, want 0s or at least %v", c.Heal, c.To))
	case c.Delay < 1 || c.Delay > longest:
		panic(fmt.Sprintf("swarm: delay %v, want 1ns to %v", c.Delay, longest))
	case c.Most < 0 || c.Most >= idsPerKind:
		panic(fmt.Sprintf("swarm: at most %d faults of a kind, want 0 to %d", c.Most, idsPerKind-1))
	}
	for i, id := range c.Nodes {
		if id > maxNode || i > 0 && id <= c.Nodes[i-1] {
			panic(fmt.Sprintf("swarm: nodes %v, want them ascending and at most %d", c.Nodes, maxNode))
		}
	}
}

// prefix begins the kinds of all questions here.
const prefix = "f."

func kindOf(name string) protocol.Kind { return protocol.KindOf(prefix + name) }

// The kinds of questions, but those of slots, which have the names of kinds of faults.
var (
	askOn      = kindOf("on")      // a kind, in a swarm
	askOften   = kindOf("often")   // how often it comes then
	askTraitor = kindOf("traitor") // the first of the nodes that can be traitors
	askAt      = kindOf("at")
	askNode    = kindOf("node")
	askPeer    = kindOf("peer")
	askSides   = kindOf("sides")
	askHow     = kindOf("how")
	askFor     = kindOf("for")
	askMore    = kindOf("more")
	askEvery   = kindOf("every")
	askBy      = kindOf("by")
	askCount   = kindOf("count")
	askRate    = kindOf("rate")
	askKeep    = kindOf("keep")
)

// often is how many slots of a kind are taken that is on.
var often = [...]protocol.Ratio{{Num: 1, Den: 8}, {Num: 1, Den: 4}, {Num: 1, Den: 2}, {Num: 3, Den: 4}}

// drawer draws the fault f.
type drawer struct {
	Config
	src  protocol.Source
	torn bool // the kind disk is on
	slot int
	f    fault.Fault
}

// Draw draws faults, and the Heal if there is one. It panics if c makes no sense.
func Draw(src protocol.Source, m Mix, c Config) []fault.Fault {
	c.check()
	all := kinds()
	var rates [kindCount]protocol.Ratio // the zero Ratio is off
	for i := range all {
		rates[i] = m.rate(src, i)
	}
	d := drawer{Config: c, src: src, torn: !rates[disk].Never()}
	var faults []fault.Fault
	for i, k := range all {
		if rates[i].Never() || len(c.Nodes) < k.fewest {
			continue
		}
		asks := kindOf(k.name)
		for slot := range c.Most {
			if !src.Chance(protocol.Key{Kind: asks, N: uint64(slot)}, rates[i]) {
				continue
			}
			d.slot, d.f = slot, fault.Fault{ID: faultID(i, slot)}
			if k.generate(&d) {
				faults = append(faults, d.f)
			}
		}
	}
	if c.Heal > 0 {
		faults = append(faults, fault.Fault{ID: healID, Op: fault.Heal, At: c.Heal})
	}
	return faults
}

// rate returns the share of the slots of a kind that are taken.
func (m Mix) rate(src protocol.Source, kind int) protocol.Ratio {
	switch {
	case m.kinds&(1<<kind) == 0:
		return protocol.Ratio{}
	case !m.swarm:
		return protocol.Ratio{Num: 1, Den: 2}
	case !src.Chance(protocol.Key{Kind: askOn, N: uint64(kind)}, protocol.Ratio{Num: 1, Den: 2}):
		return protocol.Ratio{}
	}
	return often[src.Choose(protocol.Key{Kind: askOften, N: uint64(kind)}, uint64(len(often)))]
}

// choose answers a question about the fault, in [0, n).
func (d *drawer) choose(kind protocol.Kind, n int) int {
	if n < 2 {
		return 0
	}
	return int(d.src.Choose(protocol.Key{Kind: kind, N: d.f.ID}, uint64(n)))
}

// grain is the step of times: so small beside a delay that it does not matter,
// and round, since people read it.
func (d *drawer) grain() protocol.Time {
	g := protocol.Time(1)
	for g*1000 <= protocol.Time(d.Delay) {
		g *= 10
	}
	return g
}

// begin draws when the fault begins, within from and to.
func (d *drawer) begin(from, to protocol.Time) {
	g := d.grain()
	d.f.At = from + g*protocol.Time(d.choose(askAt, int((to-from+g-1)/g)))
}

// span draws a duration, evenly on a scale of powers of two.
func (d *drawer) span() time.Duration {
	const scales, steps = 9, 10
	base := d.Delay << d.choose(askFor, scales)
	return min(base+base/steps*time.Duration(d.choose(askMore, steps)), longest)
}

// down draws how long a node that crashes stays down; one time in eight it is until
// the Heal, if there is one.
func (d *drawer) down() {
	const ever = 8
	if d.Heal > 0 && d.choose(askEvery, ever) == ever-1 {
		return
	}
	d.f.For = d.span()
}

// last draws how long the fault lasts: at most to the Heal, or to To if there is
// none.
func (d *drawer) last() {
	end := d.To
	if d.Heal > 0 {
		end = d.Heal
	}
	d.f.For = min(d.span(), end.Sub(d.f.At))
}

// times draws the delay or 2, 4, 8 ... of it.
func (d *drawer) times(kind protocol.Kind, scales int) time.Duration {
	return min(d.Delay<<d.choose(kind, scales), longest)
}

func (d *drawer) percent(shares ...uint32) {
	d.f.Rate = protocol.Percent(shares[d.choose(askRate, len(shares))])
}

// Draws reports whether questions of that kind draw faults.
func Draws(k protocol.Kind) bool { return strings.HasPrefix(k.String(), prefix) }

// DrawsKinds reports whether questions of that kind draw which kinds of faults are on.
func DrawsKinds(k protocol.Kind) bool { return k == askOn }
