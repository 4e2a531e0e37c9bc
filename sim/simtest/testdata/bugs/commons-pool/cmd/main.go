// Command commons-pool runs the scenarios of its module.
package main

import (
	pool "example.com/bugs/commons-pool"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "commons-pool", Scenarios: pool.All(), Package: "example.com/bugs/commons-pool"})
}
