package sim

import "math/bits"

// Quantiles of the shapes with mean 1, in units of 2^-24, at 0, 1/1024, ... The
// last one stands for 1-1/8192, which bounds the tail. They are computed in
// integers, so they are the same on every machine.

const (
	quantiles = 1024
	unitBits  = 24
)

var (
	expQuantiles   = quantileTable(expQuantile)
	heavyQuantiles = quantileTable(heavyQuantile)
)

// quantileTable tabulates quantile(x), the shape's value where a share of x/8192
// lies above it.
func quantileTable(quantile func(above uint64) uint64) []uint64 {
	t := make([]uint64, quantiles+1)
	for i := range uint64(quantiles) {
		t[i] = quantile(8192 - 8*i)
	}
	t[quantiles] = quantile(1)
	return t
}

// expQuantile returns ln(8192/above).
func expQuantile(above uint64) uint64 {
	const ln2 = 2977044472 // in units of 2^-32
	return (13<<unitBits - log2(above)) * ln2 >> 32
}

// log2 returns the binary logarithm of x, from 1 to 2^32, in units of 2^-24: each
// squaring of the mantissa yields one more binary digit.
func log2(x uint64) uint64 {
	n := bits.Len64(x) - 1
	r := uint64(n)
	m := x << (31 - n) // in [1, 2), in units of 2^-31
	for range unitBits {
		m = m * m >> 31
		r <<= 1
		if m >= 1<<32 {
			m >>= 1
			r |= 1
		}
	}
	return r
}

// heavyQuantile returns sqrt(8192/above) - 1: Lomax with exponent 2.
func heavyQuantile(above uint64) uint64 {
	return sqrt(8192<<(2*unitBits)/above) - 1<<unitBits
}

func sqrt(x uint64) uint64 {
	r := uint64(0)
	for b := uint64(1) << 31; b > 0; b >>= 1 {
		if y := r | b; y*y <= x {
			r = y
		}
	}
	return r
}

// shapeRange is the number of answers to a question that a shape asks.
const shapeRange = 1 << 32

// quantile returns mean times the quantile at answer/2^32.
func quantile(t []uint64, answer, mean uint64) uint64 {
	_ = t[quantiles]
	i := answer >> 22 & (quantiles - 1)
	f := answer & (1<<22 - 1)
	q := t[i] + (t[i+1]-t[i])*f>>22
	hi, lo := bits.Mul64(q, mean)
	return hi<<(64-unitBits) | lo>>unitBits
}
