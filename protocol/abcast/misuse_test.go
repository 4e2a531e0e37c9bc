package abcast_test

import (
	"testing"

	"dessim/protocol/abcast"
	"dessim/protocol/internal/grouptest"
)

// In a sweep of 1000 seeds of each order the misuses were caught by 28, 33, 348
// and 40 of 3000.
func TestMisuseOfTheDiskIsCaughtUnderViews(t *testing.T) {
	for _, o := range abcast.Orders() {
		for _, m := range grouptest.Misuses() {
			t.Run(o.String()+" "+m.Name, func(t *testing.T) { m.Catch(t, flags, underViews(o, 0)) })
		}
	}
}
