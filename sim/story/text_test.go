package story

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dessim/sim/check"
	"dessim/sim/history"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

func TestAnswersAreToldInWords(t *testing.T) {
	const text = `dessim replay v1
answers
net.delay 0 3 00a1b2c3d4e5f607 1500000 of 2000000
net.lose 0 3 8899aabbccddeeff true
work.sender 0 0 0000000000000011 2 of 5
disk.sync 4 0 8899aabbccddeeff 2000 of 100000
backoff 2 0 8899aabbccddeeff 2 of 8
go.stall 1 0 8899aabbccddeeff true
go.stallby 1 0 8899aabbccddeeff 10000000 of 1000000000
end 7 answers
`
	f, err := source.ParseFile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range f.Answers {
		got = append(got, AnswerText(&f.Answers[i]))
	}
	const want = `net.delay 0>3 is longer by 1.5ms
net.lose 0>3
work.sender of operation 17 is 2 of 5
disk.sync of 4 is longer by 2us
backoff of 2 is 2 of 8
go.stall of 1
go.stallby of 1 is longer by 10ms`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("they are\n%s\nwant\n%s", text, want)
	}
}

// A story that is too long loses first what has least to do with the failure.
func TestAStoryKeepsWhatLeadsToTheFailure(t *testing.T) {
	var lines []Line
	for i := range 40 {
		lines = append(lines, Line{weight: misfortune, Text: fmt.Sprint("fault ", i)}, Line{weight: outputs, Text: "noise"})
	}
	lines = append(lines, Line{weight: near, Text: "decided"}, Line{weight: decisive, Text: "broken"})
	got := heaviest(lines, Most)
	if len(got) != Most || got[0].Text != "fault 18" || got[Most-2].Text != "decided" || got[Most-1].Text != "broken" {
		t.Errorf("told %d lines: %v", len(got), got)
	}
	if names := idsIn("transaction 5/3.1: node 3 decides abort, as 1f32822f, not 12 of deadbeef"); strings.Join(names, " ") != "5/3.1 1f32822f" {
		t.Errorf("names %q", names)
	}
}

// A name goes with another that stands beside it alone, but not with what stands beside many.
func TestTextsAreAboutWhatTheViolationNames(t *testing.T) {
	h := &history.History{Steps: make([]history.Step, 2)}
	h.Texts.All = []string{"vote 3/0.1 yes", "body 6f633c32afc5d3f9 of 3/0.1", "data 1/1/1 6f633c32", "3/0.12 among 1/1, 2/1", "key 3/0.1 11112222", "key 11112222 5/1.1", "key 11112222 5/2.1", "key 11112222 5/3.1"}
	for step, want := range [][]uint8{{exact, exact, exact, 0, exact, 0, 0, 0}, {exact, exact, kin, 0, exact, 0, 0, 0}} {
		r := &scenario.Report{}
		teller := &teller{History: h, report: r, violation: &check.Result{Detail: "transaction 3/0.1: node 1 commits", Step: uint64(step)}}
		if teller.name(); !slices.Equal(teller.about, want) {
			t.Errorf("violation at step %d: %v, want %v", step, teller.about, want)
		}
	}
	if n := (names{"4/2": exact}); n.of("begun 4/2.1") != exact || n.of("begun 4/20.1") != 0 || n.of("data 4/2/1") != 0 {
		t.Error("4/2 is not the transfer of its attempts alone")
	}
}

func TestALineSaysHowOftenItIsTrue(t *testing.T) {
	l := Line{Step: 2, At: 9_610_000_001, Text: "node 2 asks"}
	l.again(&Line{Step: 5, At: 10_210_000_001})
	l.again(&Line{Step: 9, At: 11_410_000_001})
	if got, want := l.String(), "step 2, 9.61s  node 2 asks (3 times, the last in step 9, 11.41s)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAPlaceInCodeIsOneKey(t *testing.T) {
	var got []string
	described("goroutines:\n  kv/store.go:41 #1: sleep at kv/store.go:50\nterm:3\nvote: 2 in: term 3\n", func(path []string, value string) {
		got = append(got, fmt.Sprintf("%q = %s", path, value))
	})
	want := []string{`["goroutines" "kv/store.go:41 #1"] = sleep at kv/store.go:50`, `["term"] = 3`, `["vote"] = 2 in: term 3`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
