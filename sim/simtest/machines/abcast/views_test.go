package abcast_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim/simtest/grouptest"
)

const tick = grouptest.Tick

var flags = grouptest.NewFlags("sim/simtest/machines/abcast", "views")

// underViews returns a world's groups with Views.
func underViews(o abcast.Order, merge time.Duration) *grouptest.Protocol {
	return &grouptest.Protocol{
		Salt: uint64(o),
		New: func(members []protocol.NodeID, deliver grouptest.Deliver) grouptest.Group {
			return abcast.New(abcast.Config{
				Members: members,
				Order:   o,
				Deliver: deliver,
				Views:   &abcast.Views{Datagram: (*protocol.Env).Send, Tick: tick, Merge: merge},
			})
		},
		Vary:    func(w *grouptest.World) { merge = []time.Duration{0, 10, 120}[w.Draw(3)] * time.Millisecond },
		Steps:   []protocol.Kind{abcast.KindViewPromise, abcast.KindViewPrepare, abcast.KindNewView, abcast.KindStable, abcast.KindData, abcast.KindFinal},
		Report:  abcast.KindStable,
		Promise: abcast.KindViewPromise,
		Refuse:  minority,
	}
}

func minority(w *grouptest.World, v abcast.View) string {
	if len(v.Members) > w.Size()/2 {
		return ""
	}
	return fmt.Sprintf("view %d of no majority: %v", v.Number, v.Members)
}

func TestAConnectedMajorityGoesOnThroughLongCuts(t *testing.T) {
	for _, o := range abcast.Orders() {
		t.Run(o.String(), func(t *testing.T) {
			sum := flags.Sweep(t, 100, func(size int, seed uint64) *grouptest.World {
				return grouptest.NewCutWorld(underViews(o, 0), size, seed)
			})
			sum.Report(t, 100, grouptest.Must("demands", sum.Demanded), grouptest.May("ballots", sum.Stats.Ballots))
		})
	}
}

func TestViewsKeepOneOrderThroughFaults(t *testing.T) {
	for _, o := range abcast.Orders() {
		t.Run(o.String(), func(t *testing.T) {
			sum := flags.Sweep(t, 400, func(size int, seed uint64) *grouptest.World {
				return grouptest.NewWorld(underViews(o, 0), size, seed)
			})
			s, must, may := sum.Stats, grouptest.Must, grouptest.May
			sum.Report(t, 400,
				must("torn records", sum.Torn), must("torn records restored", s.Torn),
				may("ballots", s.Ballots), may("views installed", s.Installed), must("excluded", s.Excluded),
				must("entries learned", s.Learned), must("entries cut", s.Cut), must("messages flushed", s.Flushed),
				must("frames repeated", s.Repeated), must("gaps", s.Gaps), may("clamped", s.Clamped))
			if sum.Runs >= 10000 && s.Clamped == 0 {
				t.Errorf("no disk said that more was stable than it held")
			}
		})
	}
}
