package pebble

import (
	"testing"

	"dessim/sim/simtest"
)

func TestTheStoreHasWhatWasAcknowledged(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 20})
}
