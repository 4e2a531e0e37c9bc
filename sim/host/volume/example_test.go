package volume_test

import (
	"fmt"
	"maps"
	"slices"

	"dessim/sim/host/volume"
)

// A file is replaced by rename, its data is not synced first, and the crash keeps the names alone.
func Example() {
	disk := make(map[uint64][]byte)
	config := volume.Config{
		Persist: func(rec []byte, _ int) uint64 {
			index := uint64(len(disk))
			disk[index] = slices.Clone(rec)
			return index
		},
		Now:   func() int64 { return 0 },
		Epoch: 1,
	}
	v, _, _ := volume.Mount(maps.All(disk), config)
	f, _ := v.Create(volume.Root, "config.tmp", 0o644)
	_, _ = v.Write(f, []byte("important"), 0)
	_ = v.Rename(volume.Root, "config.tmp", volume.Root, "config", 0)
	left := func(yield func(uint64, []byte) bool) {
		for index := range uint64(len(disk)) {
			rec := disk[index]
			kept := index != 1
			fmt.Printf("%-44s kept: %v\n", volume.Describe(rec), kept)
			if kept && !yield(index, rec) {
				return
			}
		}
	}
	config.Epoch = 2
	v, notes, _ := volume.Mount(left, config)
	f, _ = v.Lookup(volume.Root, "config")
	info, _ := v.Stat(f)
	fmt.Println("config has", info.Size, "bytes")
	fmt.Println(notes)
	// Output:
	// create /config.tmp                           kept: true
	// write 9 bytes at 0 of /config.tmp            kept: false
	// size 9 of /config.tmp                        kept: true
	// rename /config.tmp to config                 kept: true
	// config has 0 bytes
	// [size 9 of /config.tmp (now /config): directly before it, 1 lost size 9 of /config.tmp (now /config): dropped, since its data is lost]
}
