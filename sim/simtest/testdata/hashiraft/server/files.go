package server

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	raftwal "github.com/hashicorp/raft-wal"
	"go.etcd.io/bbolt"
)

// Stores are the names of what OpenFiles opens.
var Stores = []string{"boltdb", "wal"}

// segmentBytes is for the store wal, which has it far larger for others.
const segmentBytes = 4 << 10

// OpenFiles has a server keep its log and its snapshots in files of a directory, by one of Stores.
func (c *Config) OpenFiles(dir, store string, snapshotEvery uint64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	logger := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Warn, DisableTime: true})
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(dir, 2, logger)
	if err != nil {
		return err
	}
	c.Snapshots, c.SnapshotEvery = snapshots, snapshotEvery
	switch store {
	case "boltdb":
		path := filepath.Join(dir, "raft.db")
		if err := createBolt(path); err != nil {
			return err
		}
		if err := syncDirs(path); err != nil {
			return err
		}
		s, err := raftboltdb.NewBoltStore(path)
		if err != nil {
			return err
		}
		c.Logs, c.Stable = s, stable{s}
		c.closers = []io.Closer{s}
	case "wal":
		logs := filepath.Join(dir, "log")
		if err := os.MkdirAll(logs, 0o755); err != nil {
			return err
		}
		if err := syncDirs(logs); err != nil {
			return err
		}
		s, err := raftwal.Open(logs, raftwal.WithSegmentSize(segmentBytes), raftwal.WithLogger(logger))
		if err != nil {
			return err
		}
		c.Logs, c.Stable = s, stable{s}
		c.closers = []io.Closer{s}
	default:
		return fmt.Errorf("no store %q", store)
	}
	return nil
}

// Close closes the files. The server must have ended.
func (c *Config) Close() error {
	var all []error
	for _, f := range c.closers {
		all = append(all, f.Close())
	}
	return errors.Join(all...)
}

// createBolt makes an empty file at another place first, as raft-wal does: one whose making a crash
// interrupts does not open.
func createBolt(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	temp := path + ".new"
	if err := os.RemoveAll(temp); err != nil {
		return err
	}
	db, err := bbolt.Open(temp, 0o600, nil)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// syncDirs makes the names of a path safe, up to the root.
func syncDirs(path string) error {
	for up := filepath.Dir(path); ; up = filepath.Dir(up) {
		d, err := os.Open(up)
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil && !os.IsPermission(err) {
			return err
		}
		if up == filepath.Dir(up) {
			return nil
		}
	}
}

// stable ends the process when a term or a vote cannot be saved, where raft would panic.
type stable struct{ raft.StableStore }

func (s stable) Set(key, value []byte) error {
	return exitOn(s.StableStore.Set(key, value))
}

func (s stable) SetUint64(key []byte, value uint64) error {
	return exitOn(s.StableStore.SetUint64(key, value))
}

func exitOn(err error) error {
	if err != nil {
		log.Print("the disk fails: ", err)
		os.Exit(1)
	}
	return nil
}
