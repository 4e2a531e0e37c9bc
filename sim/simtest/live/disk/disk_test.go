// Package disk_test judges the simulator's disk by the histories that judge the disk of live
// nodes, so that both keep one contract.
package disk_test

import (
	"testing"

	"dessim/protocol"
	"dessim/protocol/live/disk/disktest"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"

	"pgregory.net/rapid"
)

// life is what an incarnation found at its start.
type life struct {
	incarnation uint32
	found       []disktest.Record
}

// scribe does to its disk what its inputs say: the number of an operation.
type scribe struct {
	ops   []disktest.Op
	lives *[]life
}

func (s scribe) Start(env *protocol.Env) {
	*s.lives = append(*s.lives, life{env.Incarnation(), disktest.Read(env.Records())})
}

func (s scribe) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	switch o := s.ops[msg[0]]; o.Do {
	case 'a':
		env.Persist(o.Rec)
	case 'd':
		env.Discard(o.UpTo)
	case 's':
		env.Sync()
	}
}

func (s scribe) Timeout(*protocol.Env, uint64) {}

// play does ops to the disk of a simulated node, a step each, and returns what its incarnations
// find. It ends with a crash.
func play(t *rapid.T, ops []disktest.Op, keep fault.Survival, busy bool) (lives []life) {
	plan := sim.Plan{Nodes: 1, Poison: true, Link: sim.Link{Delay: 1}, Until: protocol.Time(1000 * (len(ops) + 1))}
	plan.Node = func(protocol.NodeID) protocol.Node { return scribe{ops, &lives} }
	if busy {
		plan.Disk.Sync = 700
	}
	for i, o := range append(ops, disktest.Op{Do: 'c'}) {
		at := protocol.Time(1000 * (i + 1))
		if o.Do == 'c' {
			plan.Faults = append(plan.Faults, fault.Fault{ID: uint64(i), Op: fault.Crash, At: at - 100, For: 50, Disk: keep})
		} else {
			plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: at, Body: []byte{byte(i)}})
		}
	}
	s, err := sim.New(plan, source.Seed(rapid.Uint64().Draw(t, "seed")))
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	return lives
}

// KeepAny is left out: it cuts several records short, which is more than the contract allows
// a disk, to try machines harder.
func TestTheSimulatorsDiskKeepsTheContractOfADisk(t *testing.T) {
	lost, kept, discarded := 0, 0, 0
	property := func(t *rapid.T) {
		ops := disktest.Histories(40, 300).Draw(t, "operations")
		keep := rapid.SampledFrom([]fault.Survival{fault.KeepNone, fault.KeepTorn, fault.KeepScattered}).Draw(t, "keep")
		lives := play(t, ops, keep, rapid.Bool().Draw(t, "busy"))
		twin := new(disktest.Twin)
		begin := func() {
			if len(lives) == 0 {
				t.Fatalf("an incarnation is missing: %v", ops)
			}
			safe, next := twin.Safe, twin.Next
			if err := twin.Begin(lives[0].incarnation, lives[0].found); err != nil {
				t.Fatalf("incarnation %d: %v; %v", lives[0].incarnation, err, ops)
			}
			lives = lives[1:]
			lost += int(next - twin.Next)
			kept += int(twin.Next - min(twin.Next, safe))
		}
		begin()
		for _, o := range ops {
			if o.Do == 'c' {
				begin()
			} else {
				twin.Do(o)
			}
		}
		begin()
		discarded += int(twin.Floor)
	}
	rapid.Check(t, property)
	fixed.Check(t, 40, property)
	if lost == 0 || kept == 0 || discarded == 0 {
		t.Errorf("vacuous: %d records lost, %d kept that were not synced, %d discarded", lost, kept, discarded)
	}
}
