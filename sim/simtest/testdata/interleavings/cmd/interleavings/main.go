// Command interleavings runs the scenarios of package interleavings. It must be built with dessim's
// overlay: dessim go build ./cmd/interleavings
package main

import (
	"example.com/interleavings"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "interleavings", Scenarios: interleavings.All(), Package: "example.com/interleavings"})
}
