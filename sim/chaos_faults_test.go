package sim

import (
	"time"

	"dessim/protocol"
	"dessim/sim/fault"

	"pgregory.net/rapid"
)

// drawMisfortune draws any fault; some cannot be together with others of the plan.
func drawMisfortune(t *rapid.T, p *Plan, id uint64) fault.Fault {
	f := fault.Fault{ID: id}
	f.Op = rapid.SampledFrom([]fault.Op{fault.Crash, fault.Rot, fault.Restart, fault.FailSync, fault.Copy, fault.SlowSync, fault.Corrupt, fault.Clog, fault.Pause, fault.Ring, fault.LateTimer, fault.Late, fault.Echo, fault.LateTimer,
		fault.Crash, fault.Partition, fault.Cut, fault.Slow, fault.Lose, fault.Jump, fault.Drift, fault.Rot, fault.Byzantine, fault.Deaf, fault.Mute, fault.Order, fault.Yield, fault.Stall, fault.Full, fault.Heal}).Draw(t, "op")
	f.At = protocol.Time(rapid.IntRange(0, int(min(p.Until, 60))).Draw(t, "at"))
	if rapid.Bool().Draw(t, "late") {
		f.At = min(p.Until, 60) - f.At
	}
	if f.Op == fault.Heal && rapid.IntRange(0, 3).Draw(t, "never") == 0 {
		f.At = fault.Never
	}
	span := func(name string, from ...int) time.Duration {
		return time.Duration(rapid.SampledFrom(from).Draw(t, name))
	}
	if f.Op.OfNode() {
		f.Node = protocol.NodeID(rapid.IntRange(0, p.Nodes-1).Draw(t, "node"))
	}
	switch f.Op {
	case fault.Crash, fault.FailSync:
		f.For = span("down", 0, 1, 3, 20)
		f.Disk = fault.Survival(rapid.IntRange(0, int(fault.KeepAny)).Draw(t, "disk"))
		if f.Op == fault.Crash {
			drawMoment(t, p, &f)
		} else if rapid.IntRange(0, 2).Draw(t, "waits") == 0 {
			drawAnchor(t, p, &f)
		}
	case fault.Jump:
		f.By = span("by", -100, -7, -1, 1, 5, 1_000_000)
	case fault.Drift:
		f.PPM = rapid.SampledFrom([]int32{-fault.MaxDrift, -130_001, -1, 1, 77_777, fault.MaxDrift}).Draw(t, "ppm")
	case fault.Slow, fault.SlowSync:
		f.By = span("by", 1, 2, 15)
	case fault.Lose, fault.Copy, fault.Late, fault.Echo, fault.LateTimer, fault.Yield, fault.Stall, fault.Corrupt, fault.Byzantine:
		f.Rate = protocol.Ratio{Num: rapid.Uint32Range(1, 4).Draw(t, "rate"), Den: 4}
		switch f.Op {
		case fault.Late:
			f.By = span("by", 0, 3, 20, 90)
		case fault.LateTimer, fault.Stall:
			f.By = span("by", 1, 4, 30)
		}
		if f.Op == fault.Byzantine {
			f.Trait = fault.Trait(rapid.IntRange(int(fault.Equivocate), int(fault.Alter)).Draw(t, "trait"))
		}
	case fault.Partition, fault.Cut, fault.Ring, fault.Deaf, fault.Mute:
		f.Every = span("every", 0, 0, 1, 4)
	}
	if f.Op.Lasts() {
		f.For = span("for", 0, 1, 5, 20, 40)
		if f.Op != fault.Byzantine && rapid.Bool().Draw(t, "waits") {
			drawAnchor(t, p, &f)
		}
	}
	if f.Op == fault.Pause || f.Op == fault.Clog {
		f.For = max(f.For, 2)
	}
	if f.Op.OfLinks() && f.Op != fault.Ring && rapid.IntRange(0, 3).Draw(t, "some kind") == 0 {
		f.Only = rapid.SampledFrom([]protocol.Kind{kindChaos, kindKept}).Draw(t, "only")
	}
	switch {
	case f.Op == fault.Ring:
		f.Groups = [][]protocol.NodeID{drawSide(t, p.Nodes)}
	case f.Op == fault.Partition:
		f.Groups = make([][]protocol.NodeID, 2)
		for id := range protocol.NodeID(p.Nodes) {
			if side := rapid.IntRange(0, 2).Draw(t, "side"); side < 2 {
				f.Groups[side] = append(f.Groups[side], id)
			}
		}
	case f.Op.OfLinks() && !f.Op.OfNode():
		f.Groups = [][]protocol.NodeID{drawSide(t, p.Nodes), drawSide(t, p.Nodes)}
	}
	return f
}

// drawMoment draws whether a crash comes between steps, after effects or at an
// anchor.
func drawMoment(t *rapid.T, p *Plan, f *fault.Fault) {
	switch rapid.IntRange(0, 2).Draw(t, "when") {
	case 1:
		f.After = rapid.IntRange(1, 5).Draw(t, "after")
	case 2:
		drawAnchor(t, p, f)
	}
}

func drawAnchor(t *rapid.T, p *Plan, f *fault.Fault) {
	f.On = fault.Anchor{Op: rapid.SampledFrom([]protocol.Op{protocol.OpSend, protocol.OpPersist, protocol.OpSync, protocol.OpOutput, protocol.OpSetTimer, protocol.OpFlush}).Draw(t, "on"), N: rapid.Uint64Range(1, 4).Draw(t, "n")}
	if f.On.Op == protocol.OpSend || f.On.Op == protocol.OpOutput {
		f.On.Kind = rapid.SampledFrom([]protocol.Kind{0, kindChaos, kindKept}).Draw(t, "kind")
	}
	if f.On.Other = !f.Op.OfNode() || rapid.Bool().Draw(t, "other"); f.On.Other {
		f.On.Of = protocol.NodeID(rapid.IntRange(0, p.Nodes-1).Draw(t, "of"))
	}
}

func drawSide(t *rapid.T, nodes int) (group []protocol.NodeID) {
	if rapid.IntRange(0, 2).Draw(t, "all") == 0 {
		return nil
	}
	for id := range protocol.NodeID(nodes) {
		if rapid.Bool().Draw(t, "in") {
			group = append(group, id)
		}
	}
	return group
}
