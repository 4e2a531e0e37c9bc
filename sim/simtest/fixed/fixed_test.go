package fixed_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

func TestTheSampleIsTheSameEachTime(t *testing.T) {
	drawn := func() (all []uint64) {
		fixed.Check(t, 50, func(t *rapid.T) { all = append(all, rapid.Uint64().Draw(t, "n")) })
		return all
	}
	first := drawn()
	if again := drawn(); !slices.Equal(first, again) || len(first) != 50 {
		t.Errorf("drawn first %d: %v\nand again %v", len(first), first, again)
	}
	if slices.Sort(first); len(slices.Compact(first)) < 40 {
		t.Errorf("of 50 draws %d differ", len(slices.Compact(first)))
	}
}

// TestPlanted fails in a process of its own, if it is asked to.
func TestPlanted(t *testing.T) {
	why := os.Getenv("FIXED_PLANTED")
	if why == "" {
		t.Skip("for another test to run")
	}
	n := 0
	fixed.Check(t, 50, func(t *rapid.T) {
		if n++; n < 7 {
			return
		}
		switch why {
		case "fails":
			t.Fatal("planted")
		case "panics":
			panic("planted")
		case "skips":
			t.Skip("planted")
		case "draws too much":
			rapid.SliceOfN(rapid.Uint64(), 1<<18, 1<<18).Draw(t, "all")
		}
	})
}

func TestWhatDoesNotPassFailsAndIsNumbered(t *testing.T) {
	for _, why := range []string{"fails", "panics", "skips", "draws too much"} {
		c := exec.Command(os.Args[0], "-test.run=^TestPlanted$")
		c.Env = append(os.Environ(), "FIXED_PLANTED="+why)
		out, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "number 6 of 50 of the fixed sample") {
			t.Errorf("%s: %v\n%s", why, err, out)
		}
	}
}
