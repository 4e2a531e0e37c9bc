package report

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// apply is the twin of edit.
func apply(was, hunks []int) (now []int) {
	for len(hunks) > 0 {
		keep, drop, add := hunks[0], hunks[1], hunks[2]
		now = append(append(now, was[:keep]...), hunks[3:3+add]...)
		was, hunks = was[keep+drop:], hunks[3+add:]
	}
	return append(now, was...)
}

func TestAnEditMakesOneStateOfTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.IntRange(0, 9), 0, 200)
		was, now := lines.Draw(t, "was"), lines.Draw(t, "now")
		if got := apply(was, edit(was, now)); !slices.Equal(got, now) {
			t.Fatalf("%v becomes %v by %v, want %v", was, got, edit(was, now), now)
		}
	})
}

func TestChangesFarApartAreShortHunks(t *testing.T) {
	was := make([]int, 500)
	for i := range was {
		was[i] = i
	}
	now := slices.Clone(was)
	now[3], now[250] = 1000, 1001
	now = slices.Insert(now, 400, 1002)
	want := []int{3, 1, 1, 1000, 246, 1, 1, 1001, 149, 0, 1, 1002}
	if got := edit(was, now); !slices.Equal(got, want) {
		t.Errorf("hunks %v, want %v", got, want)
	}
	if got := edit(was, was); len(got) != 0 {
		t.Errorf("hunks %v of no change", got)
	}
}
