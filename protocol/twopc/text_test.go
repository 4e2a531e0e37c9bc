package twopc

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dessim/protocol"
	"dessim/protocol/seal"
)

// Of the samples, so that each type of message, record and output is there.
func TestMessagesRecordsAndOutputsHaveAText(t *testing.T) {
	var got []string
	for _, v := range sampleMessages {
		got = append(got, Text(v.append(nil)))
	}
	for _, v := range sampleRecords {
		got = append(got, TextRecord(seal.Append(v.append(nil))))
	}
	v := Record{ID: one, Coordinator: 3, Participants: nodes(0, 2), Yes: true, Keys: [][]byte{[]byte("a"), []byte("b")}}
	got = append(got, TextOutput(KindBegun, v.append(nil, KindBegun)), TextOutput(KindVoted, v.append(nil, KindVoted)),
		TextOutput(KindDecided, v.append(nil, KindDecided)))
	v.Yes = false
	got = append(got, TextOutput(KindVoted, v.append(nil, KindVoted)), TextOutput(KindDecided, v.append(nil, KindDecided)))
	want := []string{
		"prepare 100/1.1 among 0,1,2",
		"vote 100/1.1 yes",
		"vote 100/1.1 no",
		"decision 101/1.1 commit",
		"decision 101/1.1 abort",
		"ack outside/18446744073709551615.4294967295",
		"ask 100/1.1, coordinator 7",
		"answer 100/1.1 in doubt",
		"answer 100/1.1 commit",
		"answer 100/1.1 abort",
		"prepared 100/1.1 among 1,2,3, coordinator 3, reserving 2 keys",
		"commit 100/1.1 among 0,1",
		"decided 100/1.1 commit",
		"abort 100/1.1",
		"end 101/1.1",
		"prepared 100/1.1 among 1,2,3, coordinator 3, reserving 0 keys, again",
		"commit 100/1.1 among 0,1, again",
		"abort 100/1.1, again",
		"ended 100/1.1 commit, again",
		"forgot up to 101/1.1, again",
		"100/1.1 by 3 among 0,1,2",
		"100/1.1 yes, coordinator 3, reserving 2 keys",
		"100/1.1 commit, coordinator 3",
		"100/1.1 no, coordinator 3",
		"100/1.1 abort, coordinator 3",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the texts differ (-want +got):\n%s", d)
	}
}

func FuzzText(f *testing.F) {
	for _, v := range sampleMessages {
		f.Add(v.append(nil))
	}
	for _, v := range sampleRecords {
		f.Add(v.append(nil))
	}
	f.Add(Record{ID: two, Participants: nodes(1, 1)}.append(nil, KindVoted))
	f.Fuzz(func(t *testing.T, b []byte) {
		check := func(s string, ok bool) {
			if (s != "") != ok || bytes.IndexFunc([]byte(s), control) >= 0 {
				t.Fatalf("%q has the text %q", b, s)
			}
		}
		_, ok := decodeMessage(b)
		check(Text(b), ok)
		_, ok = decodeRecord(b)
		check(TextRecord(seal.Append(bytes.Clone(b))), ok)
		for _, kind := range []protocol.Kind{KindBegun, KindVoted, KindDecided, KindVote} {
			_, ok = DecodeOutput(kind, b)
			check(TextOutput(kind, b), ok)
		}
	})
}

// control reports what does not belong in a line of text.
func control(c rune) bool { return c < ' ' || c > '~' }
