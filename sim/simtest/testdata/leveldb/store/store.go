// Package store is a small store of keys and values in goleveldb: ordinary Go code that knows nothing of
// a simulator.
package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/syndtr/goleveldb/leveldb"
	leveldberrors "github.com/syndtr/goleveldb/leveldb/errors"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/util"
)

// Options configure a store. The zero value is usable.
type Options struct {
	// NoSync makes writes not wait for the disk: a mistake.
	NoSync bool
	// Concurrent has the library see batches as they come. It then goes on when the journal could not be
	// synced, with numbers that the failed batch has used, and takes what follows for damage
	// when it is opened again.
	Concurrent bool
	// NoRecover does not recover a store that the library calls corrupt.
	NoRecover bool
}

// Batch is written as a whole, or not.
type Batch struct {
	ID   string
	Puts []Put
}

// Put is one change. Without a value, it removes the key.
type Put struct {
	Key   string
	Value string `json:",omitempty"`
}

// State is what a store has, in the order in which the library has it.
type State struct {
	Batches []string // ids of those that were written
	Values  []Put
}

// ErrCorrupt says that the files are damaged.
var ErrCorrupt = errors.New("the store is corrupt")

// Prefixes of keys.
const (
	ofBatch = "batch/"
	ofValue = "value/"
)

// Store is a store that is open. Its methods may be called at any time.
type Store struct {
	db      *leveldb.DB
	options Options
	// Recovered reports whether the files had to be recovered.
	Recovered bool

	mu     sync.Mutex
	failed error // unless Concurrent, nothing is written after a failure
}

// sizes are far smaller than the library's, so that tables are written and compacted often.
var sizes = opt.Options{
	WriteBuffer: 8 << 10, CompactionTableSize: 4 << 10, CompactionTotalSize: 16 << 10, BlockSize: 1 << 10,
	CompactionL0Trigger: 2, WriteL0SlowdownTrigger: 4, WriteL0PauseTrigger: 6,
}

// Open opens the store in a directory, or makes one.
func Open(dir string, o Options) (*Store, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	s := &Store{options: o}
	options := sizes
	db, err := leveldb.OpenFile(dir, &options)
	if leveldberrors.IsCorrupted(err) && !o.NoRecover {
		s.Recovered = true
		db, err = leveldb.RecoverFile(dir, &options)
	}
	if leveldberrors.IsCorrupted(err) {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	s.db = db
	return s, err
}

// makeDir makes the directory, and its name safe.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil && !os.IsPermission(err) {
			return err
		}
	}
	return nil
}

// Write writes a batch. When it returns nil, the batch is safe.
func (s *Store) Write(b Batch) error {
	var batch leveldb.Batch
	batch.Put([]byte(ofBatch+b.ID), []byte{1})
	for _, p := range b.Puts {
		if p.Value == "" {
			batch.Delete([]byte(ofValue + p.Key))
		} else {
			batch.Put([]byte(ofValue+p.Key), []byte(p.Value))
		}
	}
	if s.options.Concurrent {
		return s.write(&batch)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = s.write(&batch)
	}
	return s.failed
}

func (s *Store) write(b *leveldb.Batch) error {
	return damaged(s.db.Write(b, &opt.WriteOptions{Sync: !s.options.NoSync}))
}

func damaged(err error) error {
	if leveldberrors.IsCorrupted(err) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// State returns what the store has at one moment.
func (s *Store) State() (state State, err error) {
	snapshot, err := s.db.GetSnapshot()
	if err != nil {
		return state, damaged(err)
	}
	defer snapshot.Release()
	it := snapshot.NewIterator(util.BytesPrefix([]byte(ofBatch)), nil)
	for it.Next() {
		state.Batches = append(state.Batches, strings.TrimPrefix(string(it.Key()), ofBatch))
	}
	it.Release()
	if err := it.Error(); err != nil {
		return state, damaged(err)
	}
	it = snapshot.NewIterator(util.BytesPrefix([]byte(ofValue)), nil)
	defer it.Release()
	for it.Next() {
		p := Put{strings.TrimPrefix(string(it.Key()), ofValue), string(it.Value())}
		if got, err := snapshot.Get(it.Key(), nil); err != nil || string(got) != p.Value {
			return state, fmt.Errorf("%w: an iterator finds %q under %s, and Get %q: %v", ErrCorrupt, p.Value, p.Key, got, err)
		}
		state.Values = append(state.Values, p)
	}
	return state, damaged(it.Error())
}

// Close ends the use of the store.
func (s *Store) Close() error { return s.db.Close() }
