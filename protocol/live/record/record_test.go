package record

import (
	"bytes"
	"reflect"
	"testing"

	"dessim/protocol"
)

var header = Header{Node: 2, Run: "-scenario ledger -seed 1"}

// taped returns a recording of n steps, and where each entry of it ends.
func taped(n int) (text []byte, ends []int) {
	var b bytes.Buffer
	w := NewWriter(&b, header)
	put := func(e Entry) {
		w.Append(&e)
		w.Flush()
		ends = append(ends, b.Len())
	}
	w.Flush()
	ends = append(ends, b.Len())
	put(Entry{Op: Start, At: 1000, Incarnation: 1})
	for i := range n {
		at := protocol.Time(2000 + 300*i)
		put(Entry{Op: Message, At: at, Fold: uint32(i), From: 1, Incarnation: 3, Seq: 500})
		put(Entry{Op: Answer, Seq: 7})
		put(Entry{Op: Input, At: at + 1, Seq: 9, Body: []byte("transfer")})
		put(Entry{Op: Synced, At: at + 200})
	}
	return b.Bytes(), ends
}

// A process can be killed in the middle of a write.
func TestARecordingGoesOnWhereverItIsCut(t *testing.T) {
	text, ends := taped(3)
	for cut := range len(text) + 1 {
		want := 0 // an unfinished header is written again
		for _, end := range ends {
			if end <= cut && cut > ends[0] {
				want = end
			}
		}
		var b bytes.Buffer
		w, kept, err := Continue(&b, text[:cut], header)
		if err != nil || kept != want {
			t.Fatalf("cut at %d: %d bytes kept, %v; want %d", cut, kept, err, want)
		}
		before, _ := Read(text[:max(kept, ends[0])])
		w.Append(&Entry{Op: Start, At: w.Last() + 10, Incarnation: 2})
		w.Flush()
		after, err := Read(append(bytes.Clone(text[:kept]), b.Bytes()...))
		if err != nil || after.Header != header || len(after.Entries) != len(before.Entries)+1 {
			t.Fatalf("cut at %d: %v, %+v", cut, err, after)
		}
		if last := after.Entries[len(before.Entries)]; len(before.Entries) > 0 && !reflect.DeepEqual(after.Entries[:len(before.Entries)], before.Entries) || last.At != w.Last() || last.Incarnation != 2 {
			t.Fatalf("cut at %d: the last entry is %+v, want a start at %v", cut, last, w.Last())
		}
	}
}

func TestARecordingOfAnotherRunIsNotContinued(t *testing.T) {
	text, _ := taped(1)
	for _, h := range []Header{{Node: 1, Run: header.Run}, {Node: 2, Run: "-scenario ledger -seed 2"}} {
		if _, _, err := Continue(new(bytes.Buffer), text, h); err == nil {
			t.Errorf("continues a recording of %+v as %+v", header, h)
		}
	}
	if _, _, err := Continue(new(bytes.Buffer), []byte("something else\n"), header); err == nil {
		t.Error("continues a file that is no recording")
	}
}
