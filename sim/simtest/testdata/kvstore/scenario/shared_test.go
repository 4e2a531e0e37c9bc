package scenario_test

import (
	"testing"

	"example.com/kvstore/scenario"

	"dessim/sim/simtest"
)

func TestConcurrentClientsSeeOneStore(t *testing.T) {
	simtest.Run(t, scenario.Shared(), simtest.Options{Seeds: 200, ShrinkRuns: 2000})
}
