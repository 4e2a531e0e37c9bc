package grpckv

import (
	"testing"

	"dessim/sim/simtest"
)

func TestClientsSeeOneStore(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 30})
}
