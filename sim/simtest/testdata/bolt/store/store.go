// Package store is a small store of keys and values in a file of bbolt: ordinary Go code that knows
// nothing of a simulator.
package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// Options configure a store. The zero value is usable.
type Options struct {
	// Bare has the library make the file at its place. A crash then may leave one that does not open,
	// or no file, since it syncs no directory.
	Bare bool
	// NoSync makes commits not wait for the disk: a mistake.
	NoSync bool
	// Copy has a file that is there be written anew when it is opened. After a sync that failed, what is
	// read of a file may be in memory alone, and marked as written: transactions that are built on
	// that overwrite pages which the file on the disk still needs. For the same reason, transactions
	// then are committed one at a time, and none follows one that failed.
	Copy bool
	// NoFreelist leaves out the list of free pages: it is found when the file is opened.
	NoFreelist bool
}

// Tx is a transaction, which is carried out as a whole, or not.
type Tx struct {
	ID   string
	Puts []Put
}

// Put is one change. Without a value, it removes the key.
type Put struct {
	Key   string
	Value string `json:",omitempty"`
}

// State is what the store has: the transactions that made it, in order, and all values.
type State struct {
	History []string
	Values  []Put
}

// Store is a store that is open. Its methods may be called at any time.
type Store struct {
	db     *bbolt.DB
	copy   bool
	mu     sync.Mutex
	failed error
}

// ErrCorrupt says that the file is damaged.
var ErrCorrupt = errors.New("the file is corrupt")

var (
	bucketData    = []byte("data")
	bucketHistory = []byte("history") // the ids of transactions, by number
)

// Open opens the store in a directory, or makes one.
func Open(dir string, o Options) (*Store, error) {
	path := filepath.Join(dir, "store.db")
	if _, err := os.Stat(path); err != nil {
		if err := create(dir, path, o); err != nil {
			return nil, damaged(err)
		}
	} else if o.Copy {
		if err := rewrite(path); err != nil {
			return nil, err
		}
	}
	if err := syncDirs(path, o); err != nil {
		return nil, err
	}
	db, err := open(path, o)
	if err != nil {
		return nil, damaged(err)
	}
	s := &Store{db: db, copy: o.Copy}
	if err := s.check(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func open(path string, o Options) (*bbolt.DB, error) {
	return bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: o.NoSync, NoFreelistSync: o.NoFreelist, FreelistType: bbolt.FreelistArrayType})
}

// damaged tells an error of the library about what is in the file from one of the operating system,
// of which it hands on some as text.
func damaged(err error) error {
	var no syscall.Errno
	if errors.As(err, &no) || errors.Is(err, bbolt.ErrTimeout) {
		return err
	}
	for _, no := range []syscall.Errno{syscall.EIO, syscall.ENOSPC} {
		if strings.Contains(err.Error(), no.Error()) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// create makes an empty store.
func create(dir, path string, o Options) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp := path + ".new"
	if o.Bare {
		temp = path
	} else if err := os.RemoveAll(temp); err != nil {
		return err
	}
	db, err := open(temp, o)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketData, bucketHistory} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err = errors.Join(err, db.Close()); err != nil || o.Bare {
		return err
	}
	return os.Rename(temp, path)
}

// rewrite makes what can be read of a file safe.
func rewrite(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	temp := path + ".new"
	f, err := os.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// syncDirs makes the name of the file safe, and those of the directories above it: whether they are
// cannot be told from a file that is there.
func syncDirs(path string, o Options) error {
	if o.Bare {
		return nil
	}
	for {
		up := filepath.Dir(path)
		if up == path {
			return nil
		}
		if err := syncDir(up); err != nil && !os.IsPermission(err) {
			return err
		}
		path = up
	}
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// check has the library look for damage.
func (s *Store) check() error {
	return s.db.View(func(tx *bbolt.Tx) error {
		var all []error
		for err := range tx.Check() {
			all = append(all, err)
		}
		if tx.Bucket(bucketData) == nil || tx.Bucket(bucketHistory) == nil {
			all = append(all, errors.New("a bucket is missing"))
		}
		if len(all) > 0 {
			return fmt.Errorf("%w: %w", ErrCorrupt, errors.Join(all...))
		}
		return nil
	})
}

// Do carries out a transaction, alone or with others in one commit, and returns its number: 1, 2, ...
func (s *Store) Do(t Tx, together bool) (number uint64, err error) {
	if !s.copy {
		return s.do(t, together)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		number, s.failed = s.do(t, together)
	}
	return number, s.failed
}

func (s *Store) do(t Tx, together bool) (number uint64, err error) {
	commit := s.db.Update
	if together {
		commit = s.db.Batch
	}
	err = commit(func(tx *bbolt.Tx) error {
		data, history := tx.Bucket(bucketData), tx.Bucket(bucketHistory)
		for _, p := range t.Puts {
			if err := put(data, p); err != nil {
				return err
			}
		}
		if number, err = history.NextSequence(); err != nil {
			return err
		}
		return history.Put(binary.BigEndian.AppendUint64(nil, number), []byte(t.ID))
	})
	return number, err
}

func put(b *bbolt.Bucket, p Put) error {
	if p.Value == "" {
		return b.Delete([]byte(p.Key))
	}
	return b.Put([]byte(p.Key), []byte(p.Value))
}

// State returns what the store has at one moment.
func (s *Store) State() (state State, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		err := tx.Bucket(bucketHistory).ForEach(func(k, v []byte) error {
			state.History = append(state.History, string(v))
			if n := binary.BigEndian.Uint64(k); n != uint64(len(state.History)) {
				return fmt.Errorf("%w: transaction %d follows transaction %d", ErrCorrupt, n, len(state.History)-1)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketData).ForEach(func(k, v []byte) error {
			state.Values = append(state.Values, Put{string(k), string(v)})
			return nil
		})
	})
	return state, err
}

// Close ends the use of the store.
func (s *Store) Close() error { return s.db.Close() }
