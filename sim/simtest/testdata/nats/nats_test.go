package nats

import (
	"testing"

	"dessim/sim/simtest"
)

func TestAStreamKeepsWhatItAcknowledged(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 30})
}
