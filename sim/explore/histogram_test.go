package explore

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestBucketsFollowOneAnotherWithoutAGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Max(math.MaxUint64>>1).Draw(t, "n")
		b := bucketOf(n)
		if leastOf(b) > n || mostOf(b) < n || bucketOf(leastOf(b)) != b || bucketOf(mostOf(b)) != b || bucketOf(mostOf(b)+1) != b+1 {
			t.Fatalf("%d is in bucket %d, from %d to %d", n, b, leastOf(b), mostOf(b))
		}
		if n < 2*octave && leastOf(b) != mostOf(b) || mostOf(b)-leastOf(b) > n/octave {
			t.Fatalf("the bucket of %d is from %d to %d", n, leastOf(b), mostOf(b))
		}
	})
}

// TestAHistogramCountsWhatASortedListHas compares with the numbers themselves.
func TestAHistogramCountsWhatASortedListHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfN(rapid.Uint64Max(1<<rapid.IntRange(0, 60).Draw(t, "bits")), 1, 50).Draw(t, "numbers")
		var h Histogram
		for _, n := range numbers {
			h.add(n)
		}
		slices.Sort(numbers)
		for percent := range uint64(101) {
			i := max(1, (uint64(len(numbers))*percent+99)/100) - 1
			got, want := h.Quantile(percent), numbers[i]
			if got < want || got-want > want/octave {
				t.Fatalf("%d%% are at most %d, want about %d", percent, got, want)
			}
		}
		most := rapid.IntRange(1, 40).Draw(t, "most")
		bars := h.Bars(most)
		if len(bars) > most || bars[0].From > numbers[0] || bars[len(bars)-1].To < numbers[len(numbers)-1] {
			t.Fatalf("%v, of %v", bars, numbers)
		}
		for i, b := range bars {
			n := uint64(0)
			for _, x := range numbers {
				if b.From <= x && x <= b.To {
					n++
				}
			}
			if b.N != n || i > 0 && b.From != bars[i-1].To+1 {
				t.Fatalf("%v, of %v", bars, numbers)
			}
		}
	})
}

func TestTheGreatestNumbersHaveABucket(t *testing.T) {
	var h Histogram
	h.add(math.MaxUint64)
	h.add(0)
	if bars := h.Bars(8); bars[len(bars)-1].To != math.MaxUint64 || bars[0].From != 0 || len(bars) > 8 {
		t.Errorf("%v", bars)
	}
	if (&Histogram{}).Bars(8) != nil {
		t.Error("no numbers have bars")
	}
}
