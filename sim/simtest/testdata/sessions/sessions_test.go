package sessions

import (
	"testing"

	"dessim/sim/simtest"
)

func TestNoTokenIsGivenTwice(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 50, ShrinkRuns: 500})
}
