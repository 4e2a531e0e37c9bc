package uploads

import (
	"testing"

	"dessim/sim/simtest"
)

func TestUploadsAreKept(t *testing.T) {
	simtest.Run(t, Scenario(), simtest.Options{Seeds: 50})
}
