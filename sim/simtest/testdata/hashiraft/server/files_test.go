package server

import (
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
)

func TestStoresHaveTheirEntriesWhenTheyAreOpenedAgain(t *testing.T) {
	for _, store := range Stores {
		dir := filepath.Join(t.TempDir(), "data")
		for life := range uint64(3) {
			var c Config
			if err := c.OpenFiles(dir, store, 8); err != nil {
				t.Fatalf("%s, life %d: %v", store, life, err)
			}
			if last, err := c.Logs.LastIndex(); err != nil || last != life {
				t.Errorf("%s, life %d: the last index is %d, with error %v", store, life, last, err)
			}
			if err := c.Logs.StoreLog(&raft.Log{Index: life + 1, Term: 1, Data: []byte("text")}); err != nil {
				t.Fatal(err)
			}
			if err := c.Stable.SetUint64([]byte("life"), life); err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
