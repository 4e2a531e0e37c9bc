package simtest_test

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim/simtest"
	"dessim/sim/source"
)

// oneTooMany answers in [0, n], where [0, n) is asked for.
type oneTooMany struct{ source.Seed }

func (s oneTooMany) Choose(k protocol.Key, n uint64) uint64 {
	return s.Seed.Choose(k, n) * n / (n - 1)
}

// Whoever writes a Source of their own tests it in one line.
func ExampleTestSource() {
	fmt.Println("a seed:", simtest.TestSource(source.Seed(1)))
	fmt.Println("one too many:", simtest.TestSource(oneTooMany{1}) != nil)
	// Output:
	// a seed: <nil>
	// one too many: true
}
