package explore

import "fmt"

// Isolation is what the runs of a World share a process with. What is done once a process, such as
// filling the cache of a package, makes its first run another than those that follow.
type Isolation uint8

// The isolations, each stronger than the one before.
const (
	// Shared: runs go side by side in one process. Nodes change nothing but themselves.
	Shared Isolation = iota
	// EachWorker: each worker of a sweep has a process, with one thread. Runs of one process
	// wait for one another, since they share something of it.
	EachWorker
	// EachRun: each run is the first and last of its process, wherever many are made.
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
