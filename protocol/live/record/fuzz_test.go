package record

import (
	"bytes"
	"testing"

	"dessim/protocol"
)

// Whatever the text is, Read neither panics nor reads what no Writer writes: writing what was
// read gives the text again, but for an entry that was cut off.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	w := NewWriter(&b, Header{Node: 3, Run: "-seed 1 -scenario kv"})
	for _, e := range []Entry{
		{Op: Start, At: 5, Incarnation: 1, Seq: 2}, {Op: Answer, Seq: 300},
		{Op: Message, At: 9, Fold: 77, From: 1, Incarnation: 2, Seq: 1}, {Op: Synced, At: 1000},
		{Op: Input, At: 1001, Seq: 4, Body: []byte("x")}, {Op: Timer, At: 1_000_000, Tag: 1 << 63},
		{Op: Crash, At: 1_000_001, Seq: Between}, {Op: Start, At: 2_000_000, Incarnation: 2}, {Op: End, At: protocol.MaxTime},
	} {
		w.Append(&e)
	}
	if err := w.Flush(); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()-3])
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(text)
		if err != nil {
			return
		}
		var again bytes.Buffer
		w := NewWriter(&again, r.Header)
		for i := range r.Entries {
			w.Append(&r.Entries[i])
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(text, again.Bytes()) || !r.Cut && len(text) != again.Len() {
			t.Errorf("%q is read, and written as %q", text, again.Bytes())
		}
	})
}
