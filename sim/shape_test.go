package sim

import (
	"math"
	"testing"
)

var shapes = []struct {
	name    string
	table   []uint64
	exact   func(p float64) float64 // quantile at p
	longest uint64                  // times the mean, in hundredths
	pinned  [5]uint64               // at 0, 1/4, 1/2, 3/4 and the end
}{
	{"exponential", expQuantiles, func(p float64) float64 { return -math.Log(1 - p) }, 902, [5]uint64{0, 4826504, 11629079, 23258159, 151178039}},
	{"heavy tail", heavyQuantiles, func(p float64) float64 { return 1/math.Sqrt(1-p) - 1 }, 9000, [5]uint64{0, 2595444, 6949350, 16777216, 1501723033}},
}

func TestQuantilesAreMonotone(t *testing.T) {
	for _, s := range shapes {
		for i := range quantiles {
			if s.table[i] >= s.table[i+1] {
				t.Errorf("%s: quantile %d is %d, the next %d", s.name, i, s.table[i], s.table[i+1])
			}
		}
	}
}

func TestQuantilesAreNearTheExactOnes(t *testing.T) {
	for _, s := range shapes {
		for i := range quantiles {
			got, want := float64(s.table[i])/(1<<unitBits), s.exact(float64(i)/quantiles)
			if math.Abs(got-want) > 1e-6*(1+want) {
				t.Errorf("%s: quantile %d is %v, want %v", s.name, i, got, want)
			}
		}
	}
}

func TestQuantilesArePinned(t *testing.T) {
	for _, s := range shapes {
		got := [5]uint64{s.table[0], s.table[256], s.table[512], s.table[768], s.table[1024]}
		if got != s.pinned {
			t.Errorf("%s: %v, want %v: every seed ever reported depends on them", s.name, got, s.pinned)
		}
	}
}

func TestShapesHaveTheirMeanAndBounds(t *testing.T) {
	const mean = 1_000_000_007
	for _, s := range shapes {
		var sum, n, before uint64
		for a := uint64(0); a < shapeRange; a += 999_983 {
			q := quantile(s.table, a, mean)
			if q < before {
				t.Fatalf("%s: answer %d gives %d, a smaller one %d", s.name, a, q, before)
			}
			before = q
			sum += q
			n++
		}
		if got := float64(sum) / float64(n) / mean; math.Abs(got-1) > 0.02 {
			t.Errorf("%s: the mean is %v times what was asked for", s.name, got)
		}
		if q := quantile(s.table, 0, mean); q != 0 {
			t.Errorf("%s: the benign answer gives %d, want 0", s.name, q)
		}
		if q := quantile(s.table, shapeRange-1, mean); q > mean/100*s.longest {
			t.Errorf("%s: the last answer gives %d, want at most %d hundredths of %d", s.name, q, s.longest, mean)
		}
		if q := quantile(s.table, shapeRange-1, uint64(maxSpan)); q > uint64(maxSpan)/100*s.longest {
			t.Errorf("%s: overflows at the greatest jitter: %d", s.name, q)
		}
	}
}
