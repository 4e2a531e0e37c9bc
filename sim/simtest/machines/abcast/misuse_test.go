package abcast_test

import (
	"testing"

	"dessim/protocol/abcast"
	"dessim/sim/simtest/grouptest"
)

// In a sweep of 1000 seeds of each order the misuses were caught by 26, 57, 589
// and 95 of 3000.
func TestMisuseOfTheDiskIsCaughtUnderViews(t *testing.T) {
	for _, o := range abcast.Orders() {
		for _, m := range grouptest.Misuses() {
			t.Run(o.String()+" "+m.Name, func(t *testing.T) { m.Catch(t, flags, underViews(o, 0)) })
		}
	}
}
