// Package fixed runs a property of pgregory.net/rapid on a sample that is the same
// in every run of the tests.
//
// rapid's own sample differs from run to run, and -short makes it five times smaller. So it
// can find the unexpected, but a test that also requires it to see something ("vacuous:
// nothing ever crashed") would fail now and then by bad luck. Such a test sees what it must
// in the fixed sample, whose size is chosen for that, and rapid is free to look elsewhere:
//
//	rapid.Check(t, property)
//	fixed.Check(t, 40, property)
//	if !saw { t.Error("vacuous") }
//
// It does not shrink. A failure here occurs in every run; raise -rapid.checks to have rapid
// shrink it.
package fixed

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// size is how many bytes a property draws from: many more than any needs.
const size = 1 << 18

// Check checks prop n times. Rapid skips a test whose property skips or draws too much: then
// nothing was checked, and Check fails.
func Check(t *testing.T, n uint64, prop func(*rapid.T)) {
	t.Helper()
	at, done := uint64(0), false
	defer func() {
		if !done {
			t.Errorf("fixed: number %d of %d of the fixed sample did not pass", at, n)
		}
	}()
	check := rapid.MakeFuzz(prop)
	for ; at < n; at++ {
		check(t, draws(at))
	}
	done = true
}

// draws returns number n of the byte strings to draw from.
func draws(n uint64) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], n)
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	return b
}
