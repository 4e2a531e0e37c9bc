package plainwal

import (
	"testing"

	"dessim/sim/simtest"
)

func TestTheLogKeepsWhatItAcknowledged(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 50})
}
