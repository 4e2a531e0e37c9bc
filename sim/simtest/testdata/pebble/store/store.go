// Package store is a store of keys, values and lists in pebble: ordinary Go code that knows nothing of a
// simulator.
package store

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options are what a store may be given. The zero value is usable.
type Options struct {
	// NoSync has writes not wait for the disk: a mistake.
	NoSync bool
	// GoOn has the process go on when a flush or a compaction fails, as is the library's default. It tries again at
	// once, and burns a core while the disk is full.
	GoOn bool
}

// How a batch gets into the store.
const (
	Commit = ""       // through the log
	Ingest = "ingest" // as a table of its own
)

// Batch is written as a whole, or not.
type Batch struct {
	ID  string
	By  string `json:",omitempty"`
	Ops []Op
}

// Op is one change: of a value, of the values from Key to End, or an append of the batch's id to a list.
type Op struct {
	Key    string
	Value  string `json:",omitempty"` // none removes the key
	End    string `json:",omitempty"`
	Append bool   `json:",omitempty"`
}

// State is what a store has, in the order in which the library has it.
type State struct {
	Batches []string // ids of those that were written
	Values  []Op
	Lists   []List
}

// List has the ids of the batches that appended to it.
type List struct {
	Key string
	IDs []string
}

// ErrCorrupt says that the files are damaged.
var ErrCorrupt = errors.New("the store is corrupt")

// Prefixes of keys.
const (
	ofBatch = "batch/"
	ofList  = "list/"
	ofValue = "value/"
)

// Store is a store that is open. Its methods may be called at any time.
type Store struct {
	db      *pebble.DB
	dir     string
	options Options
}

// Open opens the store in a directory, or makes one.
func Open(dir string, o Options) (*Store, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	all := options()
	if !o.GoOn {
		all.EventListener = &pebble.EventListener{BackgroundError: func(err error) { log.Fatal(err) }}
	}
	db, err := pebble.Open(dir, all)
	if err != nil {
		return nil, damaged(err)
	}
	return &Store{db: db, dir: dir, options: o}, nil
}

// options has sizes far smaller than the library's, so that tables are written and compacted often.
func options() *pebble.Options {
	o := &pebble.Options{
		FormatMajorVersion:    pebble.FormatNewest,
		MemTableSize:          16 << 10,
		L0CompactionThreshold: 2,
		LBaseMaxBytes:         16 << 10,
	}
	o.TargetFileSizes[0] = 4 << 10
	for i := range o.Levels {
		o.Levels[i].BlockSize = 1 << 10
	}
	return o
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
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Write writes a batch. When it returns nil, the batch is safe.
func (s *Store) Write(b Batch) error {
	if b.By == Ingest {
		return s.ingest(b)
	}
	batch := s.db.NewBatch()
	defer batch.Close()
	if err := fill(batch, b); err != nil {
		return err
	}
	o := pebble.Sync
	if s.options.NoSync {
		o = pebble.NoSync
	}
	return damaged(batch.Commit(o))
}

func fill(w pebble.Writer, b Batch) (err error) {
	for _, op := range b.Ops {
		k := []byte(ofValue + op.Key)
		switch {
		case op.Append:
			err = w.Merge([]byte(ofList+op.Key), []byte(b.ID+","), nil)
		case op.End != "":
			err = w.DeleteRange(k, []byte(ofValue+op.End), nil)
		case op.Value == "":
			err = w.Delete(k, nil)
		default:
			err = w.Set(k, []byte(op.Value), nil)
		}
		if err != nil {
			return err
		}
	}
	return w.Set([]byte(ofBatch+b.ID), nil, nil)
}

// ingest writes a batch, of values alone, as a table.
func (s *Store) ingest(b Batch) error {
	o := options()
	o.EnsureDefaults()
	path := filepath.Join(s.dir, b.ID+".ingest")
	f, err := vfs.Default.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), o.MakeWriterOptions(0, s.db.TableFormat()))
	err = w.Set([]byte(ofBatch+b.ID), nil)
	ops := slices.SortedFunc(slices.Values(b.Ops), func(a, b Op) int { return strings.Compare(a.Key, b.Key) })
	for _, op := range ops {
		err = errors.Join(err, w.Set([]byte(ofValue+op.Key), []byte(op.Value)))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	return damaged(s.db.Ingest(context.Background(), []string{path}))
}

func damaged(err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// State returns what the store has at one moment.
func (s *Store) State() (state State, err error) {
	snapshot := s.db.NewSnapshot()
	defer snapshot.Close()
	return read(snapshot)
}

func read(r pebble.Reader) (state State, err error) {
	it, err := r.NewIter(nil)
	if err != nil {
		return state, damaged(err)
	}
	defer it.Close()
	for it.First(); it.Valid(); it.Next() {
		kind, key, _ := strings.Cut(string(it.Key()), "/")
		value := string(it.Value())
		got, closer, err := r.Get(it.Key())
		if err != nil || string(got) != value {
			return state, fmt.Errorf("%w: an iterator finds %q under %s, and Get %q: %v", ErrCorrupt, value, it.Key(), got, err)
		}
		closer.Close()
		switch kind + "/" {
		case ofBatch:
			state.Batches = append(state.Batches, key)
		case ofValue:
			state.Values = append(state.Values, Op{Key: key, Value: value})
		case ofList:
			ids := strings.Split(strings.TrimSuffix(value, ","), ",")
			state.Lists = append(state.Lists, List{key, ids})
		}
	}
	return state, damaged(it.Error())
}

// Copy makes a copy of the store, and returns what it has.
func (s *Store) Copy(dir string) (state State, err error) {
	if err := os.RemoveAll(dir); err != nil {
		return state, err
	}
	if err := s.db.Checkpoint(dir, pebble.WithFlushedWAL()); err != nil {
		return state, damaged(err)
	}
	o := options()
	o.ReadOnly = true
	db, err := pebble.Open(dir, o)
	if err != nil {
		return state, damaged(err)
	}
	state, err = read(db)
	return state, errors.Join(err, db.Close(), os.RemoveAll(dir))
}

// Close ends the use of the store.
func (s *Store) Close() error { return s.db.Close() }
