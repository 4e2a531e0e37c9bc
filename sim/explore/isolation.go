package explore

import "fmt"

// Isolation says which runs of a World share a process. Work that is done once a process, such as
// filling the cache of a package, makes the first run of a process differ from those that follow.
type Isolation uint8

// The isolations, each stronger than the one before.
const (
	// Shared: runs go side by side in one process. Nodes change nothing but themselves.
	Shared Isolation = iota
	// EachWorker: each worker of a sweep has a process, with one thread. Runs of one process are
	// made one after the other, since they share something of it.
	EachWorker
	// EachRun: each run of a sweep, a search or shrinking has a process of its own.
	EachRun
)

// String returns the name.
func (i Isolation) String() string {
	names := [...]string{"shared", "a process for each worker", "a process for each run"}
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("isolation %d", uint8(i))
}
