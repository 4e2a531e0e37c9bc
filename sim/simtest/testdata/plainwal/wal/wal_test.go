package wal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

var small = Options{SegmentBytes: 100}

func open(t *testing.T, dir string) (*Log, uint64, [][]byte) {
	t.Helper()
	l, first, records, err := Open(dir, small)
	if err != nil {
		t.Fatal(err)
	}
	return l, first, records
}

func TestRecordsAreReadInTheirOrder(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir)
	var appended sync.WaitGroup
	texts := make([]string, 41)
	for i := range 40 {
		appended.Go(func() {
			text := fmt.Sprint("record ", i)
			n, err := l.Append([]byte(text))
			if err != nil {
				t.Error(err)
				return
			}
			texts[n] = text
		})
	}
	appended.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, first, records := open(t, dir)
	if first != 1 || len(records) != 40 {
		t.Fatalf("records %d to %d are read, of 1 to 40", first, int(first)+len(records)-1)
	}
	for i, r := range records {
		if string(r) != texts[i+1] {
			t.Errorf("record %d is %q; it was %q", i+1, r, texts[i+1])
		}
	}
	if err := l.Trim(20); err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, first, records = open(t, dir)
	if first < 2 || first > 20 || int(first)+len(records) != 41 {
		t.Errorf("once the first 19 are trimmed, records %d to %d are read", first, int(first)+len(records)-1)
	}
}

func TestTheRestOfARecordIsCutOff(t *testing.T) {
	for cut := range int64(20) {
		dir := t.TempDir()
		l, _, _ := open(t, dir)
		for range 3 {
			if _, err := l.Append([]byte("text")); err != nil {
				t.Fatal(err)
			}
		}
		l.Close()
		path := filepath.Join(dir, name(1))
		if err := os.Truncate(path, int64(headerSize+3*(frameSize+4))-cut); err != nil {
			t.Fatal(err)
		}
		want := 3
		if cut > 0 {
			want = 2
		}
		l, _, records := open(t, dir)
		if len(records) != want {
			t.Errorf("without its last %d bytes, the log has %d records; want %d", cut, len(records), want)
		}
		if _, err := l.Append([]byte("more")); err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, _, records = open(t, dir); len(records) != want+1 || string(records[want]) != "more" {
			t.Errorf("without its last %d bytes, and with a record more, the log has %q", cut, records)
		}
	}
}

func TestAMissingSegmentIsTold(t *testing.T) {
	dir := t.TempDir()
	l, _, _ := open(t, dir)
	for range 20 {
		if _, err := l.Append([]byte("text")); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	if err := os.Remove(l.path(l.segments[1])); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := Open(dir, small); !errors.Is(err, ErrCorrupt) {
		t.Errorf("without its second segment, the log opens with error %v", err)
	}
}
