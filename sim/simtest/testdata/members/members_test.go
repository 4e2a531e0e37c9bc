package members

import (
	"testing"

	"dessim/sim/simtest"
)

func TestServersListThoseThatAreAlive(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 30})
}
