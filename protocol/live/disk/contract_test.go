package disk

import (
	"testing"

	"dessim/protocol/live/disk/disktest"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

// The simulator's disk is judged by the same histories in sim/simtest/live/disk.
func TestFilesKeepTheContractOfADisk(t *testing.T) {
	segments, discarded, torn := 0, 0, 0
	property := func(rt *rapid.T) {
		dir := temp(t, rt)
		o := Options{Segment: int64(rapid.IntRange(1, 2000).Draw(rt, "segment"))}
		if rapid.Bool().Draw(rt, "tear") {
			o.Tear = func(n int) int {
				n = rapid.IntRange(0, n).Draw(rt, "kept")
				torn += min(n, 1)
				return n
			}
		}
		d := mustOpen(rt, dir, o)
		defer d.Close()
		ops := disktest.Histories(40, 300).Draw(rt, "operations")
		twin, err := disktest.Play(d, ops)
		if err != nil {
			rt.Fatal(err)
		}
		segments = max(segments, int(d.log.number))
		discarded += int(twin.Floor)
		if err := d.Close(); err != nil {
			rt.Fatal(err)
		}
		n, records, err := found(dir, o) // another process
		if err != nil {
			rt.Fatal(err)
		}
		if err := twin.Begin(n, records); err != nil {
			rt.Fatalf("after Close, %v; %v", err, ops)
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 40, property)
	if segments < 3 || discarded == 0 || torn == 0 {
		t.Errorf("vacuous: at most %d segments, %d records discarded, %d crashes left something", segments, discarded, torn)
	}
}
