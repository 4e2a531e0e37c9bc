package web

import (
	"testing"

	"dessim/sim/simtest"
)

func TestTheStoreKeepsWhatItAcknowledged(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 50})
}
