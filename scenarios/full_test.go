package scenarios

import (
	"flag"
	"runtime/debug"
)

// Most runs are small, and so is the heap that they are collected in: less often takes an eighth
// of the CPU away.
func init() { debug.SetGCPercent(400) }

// InFull is for the tests of both packages of this folder. The Makefile names those that ask
// for it.
var InFull = flag.Bool("full", false, "make all runs of searches of which the tests make a part")

// SeedsOf returns how many seeds, or nodes, a search has: a part of them, or with -full the whole.
func SeedsOf(part, whole uint64) uint64 {
	if *InFull {
		return whole
	}
	return part
}
