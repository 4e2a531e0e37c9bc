package explore

import (
	"math/bits"

	"dessim/protocol"
)

// Histogram is how some numbers are distributed. It keeps each number to within 1%, and those
// below 256 exactly, so that its memory does not grow with their count, and the order in which
// they come does not matter.
type Histogram struct {
	N           uint64 // numbers
	Least, Most uint64 // exactly, if there are any

	buckets map[uint64]uint64 // how many, by bucketOf
}

// Bar is how many numbers there are of a range, both ends included.
type Bar struct{ From, To, N uint64 }

// octave is how many buckets the numbers from 2^n to 2^(n+1)-1 have, for a large n.
const octave = 128

// bucketOf returns the bucket of a number: the number itself, up to two octaves; from then on
// each octave has as many buckets as the one before, of twice the width.
func bucketOf(n uint64) uint64 {
	shift := max(0, bits.Len64(n)-bits.Len64(octave))
	return uint64(shift)*octave + n>>shift
}

// leastOf returns the least number of a bucket.
func leastOf(bucket uint64) uint64 {
	shift := max(1, bucket/octave) - 1
	return (bucket - shift*octave) << shift
}

// mostOf returns the greatest number of a bucket.
func mostOf(bucket uint64) uint64 { return leastOf(bucket+1) - 1 }

func (h *Histogram) add(n uint64) {
	if h.N == 0 {
		h.Least, h.buckets = n, make(map[uint64]uint64)
	}
	h.N++
	h.Least, h.Most = min(h.Least, n), max(h.Most, n)
	h.buckets[bucketOf(n)]++
}

// Quantile returns a number that is not exceeded by that percentage of the numbers: 50 is the median.
// It is at most 1% too large, and 0 if there are no numbers.
func (h *Histogram) Quantile(percent uint64) uint64 {
	seen := uint64(0)
	for _, b := range protocol.SortedKeys(h.buckets) {
		if seen += h.buckets[b]; seen*100 >= h.N*percent {
			return min(mostOf(b), h.Most)
		}
	}
	return h.Most
}

// Bars returns the ranges from the least number to the most, at most that many, and with the
// empty ones between. Each is as wide as the one before, or twice as wide at a power of 2: so
// few octaves look linear, and many logarithmic.
func (h *Histogram) Bars(most int) []Bar {
	if h.N == 0 {
		return nil
	}
	width, low, high := uint64(1), bucketOf(h.Least), bucketOf(h.Most)
	for high/width-low/width >= uint64(most) {
		width *= 2
	}
	bars := make([]Bar, high/width-low/width+1)
	for i := range bars {
		b := (low/width + uint64(i)) * width
		bars[i].From, bars[i].To = leastOf(b), mostOf(b+width-1)
	}
	for b, n := range h.buckets {
		bars[b/width-low/width].N += n
	}
	return bars
}
