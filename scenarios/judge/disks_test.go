package judge

import (
	"testing"

	"dessim/sim"
)

func TestADiscardLeavesADiskHalfAsLong(t *testing.T) {
	for _, c := range []struct {
		what         string
		had, written uint64
		crash        bool
		want         bool // it is worth it
	}{
		{"half of the records", 6, 3, false, true},
		{"more than half", 6, 4, false, false},
		{"a crash before the sync", 6, 4, true, true},
	} {
		d := new(shrinking)
		see := func(what sim.What, tag uint64) error {
			_, err := d.see(&sim.Event{What: what, Tag: tag})
			return err
		}
		see(sim.Discarded, c.had)
		for i := range c.written {
			see(sim.Persisted, c.had+i)
		}
		if c.crash {
			see(sim.Crashed, 0)
		}
		if err := see(sim.Synced, 0); (err == nil) != c.want {
			t.Errorf("%s: %v, want it to be worth it: %v", c.what, err, c.want)
		}
	}
}
