package node

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/etcd/server/v3/etcdserver/api/snap"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.etcd.io/etcd/server/v3/storage/wal/walpb"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.uber.org/zap"
)

// SegmentBytes is the size of a segment of the log, for all nodes of a process. etcd's is 64 MB.
const SegmentBytes = 32 << 10

func init() { wal.SegmentSizeBytes = SegmentBytes }

// disk has the log and the snapshots of a node.
type disk struct {
	wal       *wal.WAL
	snapshots *snap.Snapshotter
	memory    *raft.MemoryStorage // what raft reads
	fresh     bool                // the node was never part of a cluster
	snapshot  *raftpb.Snapshot    // the newest, or nil
}

// open opens the files in a directory, or makes them.
func open(lg *zap.Logger, dir string) (*disk, error) {
	logs, snaps := filepath.Join(dir, "wal"), filepath.Join(dir, "snap")
	if err := os.MkdirAll(snaps, 0o755); err != nil {
		return nil, err
	}
	if err := syncDirs(snaps); err != nil {
		return nil, err
	}
	if !wal.Exist(logs) {
		w, err := wal.Create(lg, logs, nil)
		if err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
	}
	d := &disk{snapshots: snap.New(lg, snaps), memory: raft.NewMemoryStorage()}
	valid, err := wal.ValidSnapshotEntries(lg, logs)
	if err != nil {
		return nil, err
	}
	if d.snapshot, err = d.snapshots.LoadNewestAvailable(valid); err != nil && !errors.Is(err, snap.ErrNoSnapshot) {
		return nil, err
	}
	state, entries, err := d.openLog(lg, logs)
	if err != nil {
		return nil, err
	}
	d.fresh = d.snapshot == nil && raft.IsEmptyHardState(state) && len(entries) == 0
	if d.snapshot != nil {
		if err := d.memory.ApplySnapshot(d.snapshot); err != nil {
			return nil, err
		}
	}
	if err := d.memory.SetHardState(state); err != nil {
		return nil, err
	}
	return d, d.memory.Append(entries)
}

// syncDirs makes the names of a path safe, up to the root.
func syncDirs(path string) error {
	for up := filepath.Dir(path); ; up = filepath.Dir(up) {
		f, err := os.Open(up)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil && !os.IsPermission(err) {
			return err
		}
		if up == filepath.Dir(up) {
			return nil
		}
	}
}

// openLog reads the log from the snapshot on. As etcd does, it cuts off what a crash left of a record.
func (d *disk) openLog(lg *zap.Logger, dir string) (state *raftpb.HardState, entries []*raftpb.Entry, err error) {
	var from walpb.Snapshot
	if m := d.snapshot.GetMetadata(); m != nil {
		from.Index, from.Term = new(m.GetIndex()), new(m.GetTerm())
	}
	for repaired := false; ; repaired = true {
		if d.wal, err = wal.Open(lg, dir, &from); err != nil {
			return nil, nil, err
		}
		if _, state, entries, err = d.wal.ReadAll(); err == nil {
			return state, entries, nil
		}
		if e := d.wal.Close(); e != nil {
			return nil, nil, errors.Join(err, e)
		}
		if repaired || !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, nil, fmt.Errorf("the log cannot be read: %w", err)
		}
		if !wal.Repair(lg, dir) {
			return nil, nil, fmt.Errorf("the log cannot be repaired: %w", err)
		}
	}
}

// save makes what raft is ready with safe, before its messages are sent.
func (d *disk) save(r *raft.Ready) error {
	if !raft.IsEmptySnap(r.Snapshot) {
		if err := d.saveSnapshot(r.Snapshot); err != nil {
			return err
		}
	}
	if err := d.wal.Save(r.HardState, r.Entries); err != nil {
		return err
	}
	if !raft.IsEmptySnap(r.Snapshot) {
		if err := d.memory.ApplySnapshot(r.Snapshot); err != nil {
			return err
		}
		d.snapshot = r.Snapshot
	}
	return d.memory.Append(r.Entries)
}

// saveSnapshot writes a snapshot, and then to the log that it is there.
func (d *disk) saveSnapshot(s *raftpb.Snapshot) error {
	m := s.GetMetadata()
	if err := d.snapshots.SaveSnap(s); err != nil {
		return err
	}
	if err := d.wal.SaveSnapshot(&walpb.Snapshot{Index: new(m.GetIndex()), Term: new(m.GetTerm()), ConfState: m.GetConfState()}); err != nil {
		return err
	}
	return d.wal.ReleaseLockTo(m.GetIndex())
}

// compact replaces entries up to an index, but for the last few, by a snapshot.
func (d *disk) compact(index uint64, members *raftpb.ConfState, data []byte, keep uint64) error {
	s, err := d.memory.CreateSnapshot(index, members, data)
	if err != nil {
		return err
	}
	if err := d.saveSnapshot(s); err != nil {
		return err
	}
	d.snapshot = s
	if index <= keep {
		return nil
	}
	if err := d.memory.Compact(index - keep); err != nil && !errors.Is(err, raft.ErrCompacted) {
		return err
	}
	return nil
}
