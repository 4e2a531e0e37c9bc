package hashiraft

import (
	"testing"

	"example.com/hashiraft/server"

	"dessim/sim/simtest"
)

func TestTheStoreIsLinearizable(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 50})
}

func TestAStoreInFilesIsLinearizable(t *testing.T) {
	for _, store := range server.Stores {
		t.Run(store, func(t *testing.T) {
			simtest.Run(t, Scenario(), simtest.Options{Seeds: 50, Flags: "-store " + store + " -faults crash,restart,disk,full,partition,lose"})
		})
	}
}
