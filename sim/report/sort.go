package report

import (
	"math/bits"

	"dessim/sim"
)

// sort is the sort of a row: the bit of a sim.What.
type sort uint8

func sortOf(w sim.What) sort { return sort(bits.TrailingZeros32(uint32(w))) }

// column is a set of a row's columns.
type column uint8

// The columns that not all rows have. A row without an origin has the column link all the same,
// and kind and text after it.
const (
	peerColumn column = 1 << iota
	kindColumn
	textColumn
	linkColumn
	numColumn
)

// sorts gives each event its letter and its columns.
var sorts = [...]struct {
	what   sim.What
	letter byte
	uses   column
}{
	{sim.Started, 'A', numColumn},
	{sim.Crashed, 'C', textColumn | numColumn},
	{sim.Received, 'R', linkColumn},
	{sim.Fired, 'F', linkColumn | numColumn},
	{sim.Sent, 'S', peerColumn | kindColumn | textColumn},
	{sim.Lost, 'L', 0},
	{sim.Copied, 'Y', 0},
	{sim.Corrupted, 'X', textColumn},
	{sim.Dropped, 'D', linkColumn},
	{sim.Persisted, 'P', textColumn | numColumn},
	{sim.Synced, 'Z', numColumn},
	{sim.Output, 'O', kindColumn | textColumn},
	{sim.Noted, 'N', kindColumn | textColumn},
	{sim.Injected, 'I', textColumn | numColumn},
	{sim.Lifted, 'J', textColumn | numColumn},
	{sim.Damaged, 'G', textColumn},
	{sim.Ended, 'E', 0}, // never a row
	{sim.TimerSet, 'T', textColumn | numColumn},
	{sim.TimerCancelled, 'V', linkColumn | numColumn},
	{sim.Discarded, 'U', numColumn},
}

func (s sort) uses() column { return sorts[s].uses }
