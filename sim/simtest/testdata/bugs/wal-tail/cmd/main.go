// Command wal-tail runs the scenarios of its module.
package main

import (
	log "example.com/bugs/wal-tail"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "wal-tail", Scenarios: log.All(), Package: "example.com/bugs/wal-tail"})
}
