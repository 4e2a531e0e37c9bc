// Command groupcache runs the scenarios of its module.
package main

import (
	cache "example.com/bugs/groupcache"

	"dessim/cmd/dessim/cmdline"
)

func main() {
	cmdline.Main(cmdline.Program{Name: "groupcache", Scenarios: cache.All(), Package: "example.com/bugs/groupcache"})
}
