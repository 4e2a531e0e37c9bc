package bolt

import (
	"testing"

	"dessim/sim/simtest"
)

func TestTheFileHasWhatWasAcknowledged(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 50})
}
