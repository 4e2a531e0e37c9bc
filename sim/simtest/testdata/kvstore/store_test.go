package kvstore_test

import (
	"testing"

	"dessim/sim/simtest"
	"example.com/kvstore/scenario"
)

func TestAcknowledgedWritesAreReadBack(t *testing.T) {
	simtest.Run(t, scenario.Writes(), simtest.Options{Seeds: 200, ShrinkRuns: 2000})
}
