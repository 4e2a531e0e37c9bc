package node

import (
	"path/filepath"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
)

func TestADiskHasItsEntriesAndItsSnapshotWhenItIsOpenedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for life := range uint64(4) {
		d, err := open(zap.NewNop(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if last, err := d.memory.LastIndex(); err != nil || last != life {
			t.Errorf("life %d: the last index is %d, with error %v", life, last, err)
		}
		if index := d.snapshot.GetMetadata().GetIndex(); index != life/2*2 {
			t.Errorf("life %d: the snapshot has index %d", life, index)
		}
		e := &raftpb.Entry{Term: new(uint64(1)), Index: new(life + 1), Data: []byte("text")}
		r := raft.Ready{HardState: &raftpb.HardState{Term: new(uint64(1)), Commit: new(life + 1)}, Entries: []*raftpb.Entry{e}}
		if err := d.save(&r); err != nil {
			t.Fatal(err)
		}
		if life%2 == 1 {
			if err := d.compact(life+1, &raftpb.ConfState{Voters: []uint64{1}}, []byte("values"), 1); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.wal.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
