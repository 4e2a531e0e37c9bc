// Command leveldb-manifest runs the scenarios of its module.
package main

import (
	db "example.com/bugs/leveldb-manifest"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "leveldb-manifest", Scenarios: db.All(), Package: "example.com/bugs/leveldb-manifest"})
}
