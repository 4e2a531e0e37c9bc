package etcdraft

import (
	"testing"

	"dessim/sim/simtest"
)

func TestTheStoreIsLinearizable(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 50})
}
