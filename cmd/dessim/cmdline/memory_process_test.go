package cmdline

import "testing"

// A million nodes need more than a process that is limited to a gigabyte may have.
func TestAMillionNodesAreRefusedWhereTheyDoNotFit(t *testing.T) {
	for _, name := range []string{"bootstrap", "churn"} {
		r := process(t, binary, []string{"GOMEMLIMIT=1GiB"}, "-scenario", name, "-nodes", "1000000")
		wantLine(t, r, exitUsage, "nodes 1000000: want about ", " GB of memory; ", " are free by ", ", where at most ", " nodes fit")
	}
}
