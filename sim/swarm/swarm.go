// Package swarm draws the faults of a run from a Source.
//
// Each kind of fault has slots. Whether a slot is taken is a question, named by kind and
// slot, with the benign answer no. So is each detail of a fault (its node, its time, its
// length), with a mild benign answer. A fault's identity follows from kind and slot. So
// removing one fault changes no other, and nothing that follows from another: a run
// shrinks one fault at a time.
//
// The faults drawn always pass fault.Validate. None is rejected for that, or moved because
// of another, since then one fault would depend on another. Kinds that could conflict have
// different nodes or different times instead: see pause.
//
// A crash in the middle of something shows most. So most crashes come not at a time but after an
// effect, such as a record persisted and not synced or a message sent to one of three nodes, or
// at a sync that fails.
//
// The package does not promise that a majority is up at any time. It promises that without
// a Heal no fault lasts forever, and that with one all faults end there; so liveness can be
// judged after Config.Heal, or some time after Config.To.
package swarm

import (
	"fmt"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// Config says what faults can hit, and when.
type Config struct {
	// Nodes may be hit, in ascending order. Links fail between two of them, or
	// between one of them and all other nodes.
	Nodes []protocol.NodeID
	// Faults begin at From or later, and before To.
	From, To protocol.Time
	// Heal, at To or later, ends all faults; 0 is no Heal.
	Heal protocol.Time
	// Delay is the longest usual delay of a message, the unit of all durations: they
	// run from 1 to 486 of it, short ones as often as long ones.
	Delay time.Duration
	// First are kinds of messages whose loss is repaired by other means. A fault of the kind
	// repair loses all messages of one of them.
	First []protocol.Kind
	// Most is the greatest number of faults of one kind, up to 999. A kind that is on has
	// about half as many, or a share that a swarm draws.
	Most int
}

const (
	idsPerKind = 1000
	longest    = 24 * time.Hour // that a fault may last
	maxNode    = sim.MaxNodes - 1
)

// faultID returns the identity of the fault in a slot of the kind of that number:
// 1000 and up for the first, 2000 and up for the second. Those below 1000 are free for others.
func faultID(kind, slot int) uint64 { return uint64((kind+1)*idsPerKind + slot) }

// KindOf returns the name of the kind of a fault that Draw has drawn, by its identity, or
// "" for any other fault.
func KindOf(id uint64) string {
	if i := id/idsPerKind - 1; id >= idsPerKind && i < kindCount {
		return kinds()[i].name
	}
	return ""
}

// healID is above those of all kinds to come.
const healID = 999_999

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
	askOn      = kindOf("on")      // whether a kind is on, in a swarm
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
	askWhich   = kindOf("which") // kind of messages
	askCount   = kindOf("count")
	askRate    = kindOf("rate")
	askKeep    = kindOf("keep")
)

// often has the shares of its slots that a kind can have taken.
var often = [...]protocol.Ratio{{Num: 1, Den: 8}, {Num: 1, Den: 4}, {Num: 1, Den: 2}, {Num: 3, Den: 4}}

// drawer draws the fault f.
type drawer struct {
	Config
	src  protocol.Source
	torn bool // the kind disk is on
	slot int
	f    fault.Fault
}

// Draw draws faults, and the Heal if there is one. It panics if c is not valid.
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

// grain is the unit of times: negligible beside a delay, and round, since people read it.
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

// down draws how long a crashed node stays down; one time in eight until the Heal, if there
// is one.
func (d *drawer) down() {
	const ever = 8
	if d.Heal > 0 && d.choose(askEvery, ever) == ever-1 {
		return
	}
	d.f.For = d.span()
}

// last draws how long the fault lasts: at most until the Heal, or until To without one.
func (d *drawer) last() {
	d.f.For = min(d.span(), d.end().Sub(d.f.At))
}

// end returns when the last fault ends.
func (d *drawer) end() protocol.Time {
	if d.Heal > 0 {
		return d.Heal
	}
	return d.To
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
