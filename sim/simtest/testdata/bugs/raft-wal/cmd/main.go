// Command raft-wal runs the scenarios of its module.
package main

import (
	log "example.com/bugs/raft-wal"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "raft-wal", Scenarios: log.All(), Package: "example.com/bugs/raft-wal"})
}
