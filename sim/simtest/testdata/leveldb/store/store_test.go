package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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
			b := Batch{ID: fmt.Sprintf("b%02d", i), Puts: []Put{{Key: fmt.Sprint("k", i%5), Value: strings.Repeat("v", 1+i*50)}, {Key: fmt.Sprint("k", (i+1)%5)}}}
			if err := s.Write(b); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	was, err := s.State()
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	is, err := s.State()
	if err != nil || len(is.Batches) != 60 || fmt.Sprint(is) != fmt.Sprint(was) {
		t.Errorf("the store had\n%v\nand has, with error %v,\n%v", was, err, is)
	}
	if !slices.IsSortedFunc(is.Values, func(a, b Put) int { return strings.Compare(a.Key, b.Key) }) {
		t.Errorf("keys are not in order: %v", is.Values)
	}
}
