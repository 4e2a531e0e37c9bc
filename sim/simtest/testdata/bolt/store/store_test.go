package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAStoreHasItsTransactionsWhenItIsOpenedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s, err := Open(dir, Options{Copy: true})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			tx := Tx{ID: fmt.Sprint("t", i), Puts: []Put{{Key: fmt.Sprint("k", i%5), Value: strings.Repeat("v", 1+i*50)}, {Key: fmt.Sprint("k", (i+1)%5)}}}
			if _, err := s.Do(tx, i%2 == 0); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	was, err := s.State()
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, Options{Copy: true}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if is, err := s.State(); err != nil || len(is.History) != 30 || fmt.Sprint(is) != fmt.Sprint(was) {
		t.Errorf("the store had\n%v\nand has, with error %v,\n%v", was, err, is)
	}
}

func TestADamagedFileIsTold(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "store.db"), make([]byte, 1<<14), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a file of zeros opens with error %v", err)
	}
}
