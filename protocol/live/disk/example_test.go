package disk_test

import (
	"fmt"
	"os"

	"dessim/protocol/live/disk"
)

// Two lives of a node: what the first has not synced, the second does not find.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	for _, word := range []string{"one", "two"} {
		d, err := disk.Open(dir, disk.Options{Owner: "node 0 of the example"})
		if err != nil {
			panic(err)
		}
		n, err := d.Begin()
		if err != nil {
			panic(err)
		}
		fmt.Println("incarnation", n)
		for i, rec := range d.Records() {
			fmt.Printf("finds %d: %s\n", i, rec)
		}
		for _, rec := range []string{word, "and more"} {
			if err := d.Append([]byte(rec)); err != nil {
				panic(err)
			}
			if rec == word {
				if err := d.Sync(); err != nil {
					panic(err)
				}
			}
		}
		if err := d.Close(); err != nil {
			panic(err)
		}
	}
	// Output:
	// incarnation 1
	// incarnation 2
	// finds 0: one
}
