package abcast_test

import (
	"testing"

	"dessim/protocol/abcast"
	"dessim/protocol/internal/grouptest"
)

func TestViewsKeepOneOrderUnderTheSimulatorsFaults(t *testing.T) {
	for _, o := range abcast.Orders() {
		t.Run(o.String(), func(t *testing.T) {
			flags.Sweep(t, 100, func(size int, seed uint64) *grouptest.World {
				return grouptest.NewFaultyWorld(underViews(o, 0), size, seed)
			}).Report(t, 100)
		})
	}
}
