package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestAStoreHasItsBatchesWhenItIsOpenedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			b := Batch{ID: fmt.Sprintf("b%02d", i), Ops: []Op{{Key: fmt.Sprint("k", i%5), Value: strings.Repeat("v", 1+i*50)}, {Key: fmt.Sprint("k", 5+(i+1)%5)}, {Key: "l", Append: true}}}
			if i%10 == 0 {
				b.Ops, b.By = b.Ops[:1], Ingest
			}
			if err := s.Write(b); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	was, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Copy(filepath.Join(t.TempDir(), "copy")); err != nil || fmt.Sprint(c) != fmt.Sprint(was) {
		t.Errorf("the store has\n%v\nand its copy, with error %v,\n%v", was, err, c)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	is, err := s.State()
	if err != nil || len(is.Batches) != 60 || len(is.Lists) != 1 || len(is.Lists[0].IDs) != 54 || fmt.Sprint(is) != fmt.Sprint(was) {
		t.Errorf("the store had\n%v\nand has, with error %v,\n%v", was, err, is)
	}
}
