package story

import (
	"fmt"
	"strings"
	"testing"

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
end 5 answers
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
backoff of 2 is 2 of 8`
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
