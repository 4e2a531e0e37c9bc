//go:build unix

package main

import (
	"math"
	"slices"
)

// spread is the median and the quartiles of some samples.
type spread struct {
	Low    float64 `json:"lower_quartile"`
	Median float64 `json:"median"`
	High   float64 `json:"upper_quartile"`
}

func spreadOf(samples []float64) spread {
	return spread{quantile(samples, 0.25), quantile(samples, 0.5), quantile(samples, 0.75)}
}

// quantile returns the value below which the share q of the samples lies, interpolated
// between two of them. There must be at least one sample.
func quantile(samples []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// paired returns the ratio of each round. Measurements close in time share the machine's
// other load, so these ratios scatter less than the samples.
func paired(base, changed []float64) []float64 {
	ratios := make([]float64, len(base))
	for i := range base {
		ratios[i] = changed[i] / base[i]
	}
	return ratios
}

// The verdicts besides faster and slower, each of them with or without perhaps.
const (
	within      = "within the spread"
	tooFew      = "too few rounds"
	anotherLoad = "another load"
)

// verdict judges the paired ratios by how many of them lie on one side of 1. How far
// they lie from it does not matter, so no single disturbed round decides.
func verdict(ratios []float64) string {
	slower, faster := 0, 0
	for _, r := range ratios {
		switch {
		case r > 1:
			slower++
		case r < 1:
			faster++
		}
	}
	agree, word := slower, "slower"
	if faster > slower {
		agree, word = faster, "faster"
	}
	switch p := signTest(agree, len(ratios)); {
	case p <= 0.01:
		return word
	case p <= 0.05:
		return "perhaps " + word
	case agree == len(ratios):
		return tooFew
	}
	return within
}

// signTest returns the probability that at least agree of n rounds lie on one side,
// whichever, if both sides are equally likely.
func signTest(agree, n int) float64 {
	var p float64
	for i := agree; i <= n; i++ {
		p += math.Exp(logFactorial(n) - logFactorial(i) - logFactorial(n-i) - float64(n)*math.Ln2)
	}
	return min(1, 2*p)
}

func logFactorial(n int) float64 {
	log, _ := math.Lgamma(float64(n) + 1)
	return log
}
