package enact_test

import (
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/live/record"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/enact"
	"dessim/sim/scenario"
)

var kindFound = protocol.KindOf("found")

// keeper persists each input, and says when it starts how many records it finds.
type keeper struct{}

func (keeper) Start(env *protocol.Env) {
	n := byte(0)
	for range env.Records() {
		n++
	}
	env.Output(kindFound, []byte{n})
}

func (keeper) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	env.Persist(msg)
	env.Sync()
}

func (keeper) Timeout(*protocol.Env, uint64) {}

func keep() scenario.Subject {
	s := &scenario.Scenario{
		Name: "keep", Shows: "records", MinNodes: 1, MaxNodes: 1,
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Until: time.Second},
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := sim.Plan{
				Nodes: 1, Until: protocol.Time(b.Until), Link: sim.Link{Delay: b.Delay},
				Node:   func(protocol.NodeID) protocol.Node { return keeper{} },
				Inputs: []sim.Input{{ID: 1, At: 10, Body: []byte("a")}, {ID: 2, At: 500, Body: []byte("b")}},
			}
			return &scenario.Run{Plan: plan, Checks: check.Suite{}}
		},
	}
	return scenario.Subject{Scenario: s, Seed: 1, Params: s.Defaults}
}

// A process is killed while it syncs. Its disk may have what was not synced, or may not.
func TestWhatAKilledProcessHasWrittenStays(t *testing.T) {
	for found := range byte(2) {
		fold := record.Fold(0, &protocol.Effect{Op: protocol.OpOutput, Kind: kindFound, Body: []byte{0}})
		again := record.Fold(0, &protocol.Effect{Op: protocol.OpOutput, Kind: kindFound, Body: []byte{found}})
		last := record.Fold(again, &protocol.Effect{Op: protocol.OpPersist, Body: []byte("b")})
		r := &record.Recording{Entries: []record.Entry{
			{Op: record.Start, At: 1, Incarnation: 1},
			{Op: record.Input, At: 20, Fold: fold, Seq: 1, Body: []byte("a")},
			{Op: record.Start, At: 400, Incarnation: 2, Seq: uint64(found)},
			{Op: record.Input, At: 510, Fold: again, Seq: 2, Body: []byte("b")},
			{Op: record.Synced, At: 600},
			{Op: record.End, At: 700, Fold: last},
		}}
		if _, _, err := enact.Make(keep(), []*record.Recording{r}); err != nil {
			t.Errorf("with %d records found: %v", found, err)
		}
	}
}
