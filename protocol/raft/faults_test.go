package raft_test

import (
	"testing"

	"dessim/protocol/internal/grouptest"
)

// faultyWorld returns a run under the simulator's faults.
func faultyWorld(size int, seed uint64) *grouptest.World {
	return grouptest.NewFaultyWorld(newGroup(seed%3), size, seed)
}

func TestOneOrderUnderTheSimulatorsFaults(t *testing.T) {
	flags.Sweep(t, 100, faultyWorld).Report(t, 100)
}
