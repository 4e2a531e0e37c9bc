package repro

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/storage"
)

// failing is a storage of which the next Sync of a journal fails, when fail is set.
type failing struct {
	storage.Storage
	fail atomic.Bool
}

func (s *failing) Create(fd storage.FileDesc) (storage.Writer, error) {
	w, err := s.Storage.Create(fd)
	if err == nil && fd.Type == storage.TypeJournal {
		w = &writer{w, s}
	}
	return w, err
}

type writer struct {
	storage.Writer
	s *failing
}

func (w *writer) Sync() error {
	if w.s.fail.CompareAndSwap(true, false) {
		return errors.New("input/output error")
	}
	return w.Writer.Sync()
}

func TestAnAcknowledgedWriteSurvives(t *testing.T) {
	files, err := storage.OpenFile(t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	s := &failing{Storage: files}
	db, err := leveldb.Open(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	sync := &opt.WriteOptions{Sync: true}
	s.fail.Store(true)
	var two leveldb.Batch
	two.Put([]byte("a"), []byte("1"))
	two.Put([]byte("b"), []byte("1"))
	if err := db.Write(&two, sync); err == nil {
		t.Fatal("the sync did not fail")
	}
	if err := db.Put([]byte("c"), []byte("1"), sync); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Get([]byte("c"), nil); err != nil {
		t.Fatal(err)
	}
	// No Close: the process dies here, and all that was written is in the files.
	again, err := leveldb.Open(&shared{s}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Get([]byte("c"), nil); err != nil {
		t.Errorf("c was acknowledged; now: %v", err)
	}
}

// shared is a storage without a lock.
type shared struct{ storage.Storage }

func (s *shared) Lock() (storage.Locker, error) { return nop{}, nil }

type nop struct{}

func (nop) Unlock() {}
