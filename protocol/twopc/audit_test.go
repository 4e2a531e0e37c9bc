package twopc

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dessim/protocol"
	"dessim/protocol/seal"
)

func TestPromisesNeedRecordsAndRecordsProveThem(t *testing.T) {
	var got []string
	for _, v := range sampleMessages {
		f, ok := Needs(v.append(nil))
		got = append(got, fmt.Sprintf("%v: %v %v", Text(v.append(nil)), ok, f))
	}
	for _, v := range sampleRecords {
		rec := seal.Append(v.append(nil))
		f, ok := Proves(rec)
		_, ends := Ends(rec)
		got = append(got, fmt.Sprintf("%v: %v %v, ends %v", TextRecord(rec), ok, f, ends))
		if _, ok := Proves(rec[:len(rec)-1]); ok {
			t.Errorf("a torn record, %q, proves something", rec)
		}
	}
	want := []string{
		"prepare 100/1.1 among 0,1,2: false yes on 0/0.0",
		"vote 100/1.1 yes: true yes on 100/1.1",
		"vote 100/1.1 no: false yes on 0/0.0",
		"decision 101/1.1 commit: true commit of 101/1.1",
		"decision 101/1.1 abort: false yes on 0/0.0",
		"ack outside/18446744073709551615.4294967295: true commit of outside/18446744073709551615.4294967295",
		"ask 100/1.1, coordinator 7: false yes on 0/0.0",
		"answer 100/1.1 in doubt: false yes on 0/0.0",
		"answer 100/1.1 commit: true commit of 100/1.1",
		"answer 100/1.1 abort: false yes on 0/0.0",
		"prepared 100/1.1 among 1,2,3, coordinator 3, reserving 2 keys: true yes on 100/1.1, ends false",
		"commit 100/1.1 among 0,1: true commit of 100/1.1, ends false",
		"decided 100/1.1 commit: true commit of 100/1.1, ends false",
		"abort 100/1.1: false yes on 0/0.0, ends true",
		"end 101/1.1: false yes on 0/0.0, ends true",
		"prepared 100/1.1 among 1,2,3, coordinator 3, reserving 0 keys, again: true yes on 100/1.1, ends false",
		"commit 100/1.1 among 0,1, again: true commit of 100/1.1, ends false",
		"abort 100/1.1, again: false yes on 0/0.0, ends true",
		"ended 100/1.1 commit, again: true commit of 100/1.1, ends true",
		"forgot up to 101/1.1, again: false yes on 0/0.0, ends false",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestDoubtLastsFromTheFirstYesToTheDecisionOfAParticipant(t *testing.T) {
	var x Doubts
	output := func(at protocol.Time, node protocol.NodeID, kind protocol.Kind, id ID, yes bool) string {
		d, ended := x.Output(at, node, kind, Record{ID: id, Coordinator: 0, Yes: yes}.append(nil, kind))
		if !ended {
			return ""
		}
		return fmt.Sprintf("%v at %v: %d to %d", d.ID, d.Node, d.From, d.To)
	}
	for i, step := range []struct{ got, want string }{
		{output(5, 0, KindVoted, one, true), ""}, // the coordinator's own
		{output(5, 0, KindDecided, one, true), ""},
		{output(6, 1, KindVoted, one, false), ""}, // a no
		{output(6, 1, KindDecided, one, false), ""},
		{output(10, 1, KindVoted, two, true), ""},
		{output(11, 2, KindVoted, two, true), ""},
		{output(50, 1, KindVoted, two, true), ""}, // back from a crash
		{output(60, 1, KindDecided, two, false), "101/1.1 at 1: 10 to 60"},
		{output(61, 1, KindDecided, two, false), ""},
		{output(70, 1, KindVoted, two, true), ""}, // back from one that lost the abort
		{output(75, 1, KindDecided, two, false), "101/1.1 at 1: 70 to 75"},
	} {
		if step.got != step.want {
			t.Errorf("output %d ends %q, want %q", i, step.got, step.want)
		}
	}
	if got, want := fmt.Sprint(x.Ended(), x.Open(), x.Longest()), "2 1 {101/1.1 1 10ns 60ns}"; got != want {
		t.Errorf("ended, open and longest are %s, want %s", got, want)
	}
	if _, ended := x.Output(99, 2, KindDecided, []byte("l")); ended {
		t.Error("an output that does not decode ends a doubt")
	}
}
