package kvstore_test

import (
	"testing"

	"example.com/kvstore/scenario"

	"dessim/sim/simtest"
)

func TestAcknowledgedWritesAreReadBack(t *testing.T) {
	simtest.Run(t, scenario.Writes(), simtest.Options{Seeds: 200, ShrinkRuns: 2000})
}
