package source

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"dessim/protocol"

	"github.com/google/go-cmp/cmp"
)

const goodFile = `dessim replay v1
# what was run
scenario bank
seed 17
fault crash 3 at 1s # no comment here

fault restart 3 at 2s
answers
net.delay 0 3 00a1b2c3d4e5f607 1500 of 2000000 # 1.203ms
net.loss 0 outside 8899aabbccddeeff true
# a whole line of comment
pick 7 0 0000000000000001 0 of 2#comment
pick 7 0 0000000000000001 1 of 3
end 4 answers
`

func key(kind string, a, b protocol.NodeID, n uint64) protocol.Key {
	return protocol.Key{Kind: protocol.KindOf(kind), A: a, B: b, N: n}
}

var goodParsed = &File{
	Header: []Field{{"scenario", "bank"}, {"seed", "17"}, {"fault", "crash 3 at 1s # no comment here"}, {"fault", "restart 3 at 2s"}},
	Answers: []Answer{
		{Key: key("net.delay", 0, 3, 0x00a1b2c3d4e5f607), Range: 2000000, Value: 1500},
		{Key: key("net.loss", 0, protocol.Outside, 0x8899aabbccddeeff), Value: 1},
		{Key: key("pick", 7, 0, 1), Range: 2, Value: 0},
		{Key: key("pick", 7, 0, 1), Range: 3, Value: 1},
	},
}

func TestParseFileReadsWhatPeopleWrite(t *testing.T) {
	f, err := ParseFile([]byte(goodFile))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(goodParsed, f); d != "" {
		t.Error(d)
	}
}

func TestWrittenFilesReadBackTheSame(t *testing.T) {
	f := *goodParsed
	f.Answers = append([]Answer(nil), f.Answers...)
	f.Answers[0].Comment = "1.5µs # again"
	text, err := f.AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "1500 of 2000000 # 1.5µs # again\n") {
		t.Errorf("the comment is not in\n%s", text)
	}
	back, err := ParseFile(text)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(goodParsed, back); d != "" {
		t.Error(d)
	}
}

func TestAFileWithTheLineEndsOfWindowsIsTheSame(t *testing.T) {
	text, err := goodParsed.AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseFile(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")))
	if d := cmp.Diff(goodParsed, back); err != nil || d != "" {
		t.Error(err, d)
	}
}

func TestParseFileSaysWhatIsWrongAndWhatWouldBeRight(t *testing.T) {
	const a = "pick 7 0 0000000000000001 1 of 3\n"
	tests := []struct{ text, want string }{
		{"", `line 1: "" does not begin a replay file; want "dessim replay v1"`},
		{"hello\n", `line 1: "hello" does not begin a replay file`},
		{"dessim replay v1\r\r\nanswers\r\n", `line 1: "1\r" is not a version`},
		{"dessim replay v2\nanswers\nend 0 answers\n", "line 1: the file has version 2, made by a newer dessim; this one reads version 1"},
		{"dessim replay v12345\nwhatever", "version 12345, made by a newer dessim"},
		{"dessim replay vx\n", `line 1: "x" is not a version; want "dessim replay v1"`},
		{"dessim replay v0\n", `line 1: "0" is not a version`},
		{"dessim replay v01\n", `line 1: "01" is not a version`},
		{"dessim replay v1\nseed 1\n", `line 3: the file ends in its header, perhaps cut short; want "answers" here`},
		{"dessim replay v1\nSeed 1\n", `line 2: "Seed 1": a field's name begins with a letter a to z; want a header field such as "seed 17", or "answers"`},
		{"dessim replay v1\nse_ed 1\n", "a field's name consists of"},
		{"dessim replay v1\nseed 1 \n", "line 2: \"seed 1 \": value begins or ends with a space"},
		{"dessim replay v1\nseed \n", "line 2: \"seed \": the line ends in a space"},
		{"dessim replay v1\nseed 1\t2\n", `value has '\t'`},
		{"dessim replay v1\nseed \xff\n", "value is not UTF-8"},
		{"dessim replay v1\nanswers 3\n", "the name is taken by the file's own lines"},
		{"dessim replay v1\nend 0 answers\n", "the name is taken by the file's own lines"},
		{"dessim replay v1\nanswers\n" + a, `line 4: the file ends without "end 1 answers": it was cut short`},
		{"dessim replay v1\nanswers\n" + a + "end 2 answers\n", `line 4: "end 2 answers", but there are 1; want "end 1 answers", or the missing answers`},
		{"dessim replay v1\nanswers\n" + a + "end 01 answers\n", `line 4: "end 01 answers", but there are 1`},
		{"dessim replay v1\nanswers\n" + a + "end 1 answer", `line 4: "end 1 answer"`},
		{"dessim replay v1\nanswers\n" + a + "\n" + a + "end 2 answers\n", "line 5: answers the same question as line 3; remove one of the two lines"},
		{"dessim replay v1\nanswers\nend 0 answers\nmore\n", `line 4: "more" comes after the end; want nothing but comments`},
		{line("Pick 7 0 0000000000000001 1 of 3"), "kind \"Pick\" has 'P'"},
		{line("pick 7 0 0000000000000001 1 of 3 4"), "too many words"},
		{line("pick 7 0 0000000000000001"), "not the words of an answer; want \"kind A B name value of range\", or \"true\""},
		{line("pick 7 0 0000000000000001 false"), "not the words of an answer"},
		{line("pick  7 0 0000000000000001 true"), "not the words of an answer"},
		{line("pick 07 0 0000000000000001 true"), `A "07" is not a number from 0 to 4294967294 without leading zeros`},
		{line("pick 7 4294967295 0000000000000001 true"), `B "4294967295" is not a number`},
		{line("pick 7 0 000000000000001 true"), `name "000000000000001" is not 16 digits of 0-9 and a-f`},
		{line("pick 7 0 000000000000000A true"), `is not 16 digits`},
		{line("pick 7 0 0000000000000001 3 of 3"), "value 3 is not below its range 3"},
		{line("pick 7 0 0000000000000001 -1 of 3"), `value "-1" is not a number`},
		{line("pick 7 0 0000000000000001 0 of 1"), "a choice has a range of at least 2"},
		{line("pick 7 0 0000000000000001 0 of 0"), "a choice has a range of at least 2"},
		{line("pick 7 0 0000000000000001 1 of 18446744073709551616"), `range "18446744073709551616" is not a number`},
		{line(strings.Repeat("x", 10000)), `xxx"...: not the words`},
	}
	for _, test := range tests {
		_, err := ParseFile([]byte(test.text))
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 400 {
			t.Errorf("%q: error\n%v\nwant one line with\n%s", test.text, err, test.want)
		}
	}
}

func line(s string) string { return "dessim replay v1\nanswers\n" + s + "\nend 1 answers\n" }

func TestAFileCutShortAnywhereIsRefused(t *testing.T) {
	for n := range len(goodFile) - 1 { // without its last line feed it is whole
		if f, err := ParseFile([]byte(goodFile[:n])); err == nil {
			t.Fatalf("cut to %d bytes it is read as %+v", n, f)
		}
	}
}

func TestMistakesInAFileAreNotWritten(t *testing.T) {
	a := Answer{Key: key("pick", 1, 2, 3), Range: 3, Value: 1}
	bad := func(change func(*Answer)) *File {
		b := a
		change(&b)
		return &File{Answers: []Answer{b}}
	}
	tests := []struct {
		f    *File
		want string
	}{
		{&File{Header: []Field{{"Seed", "1"}}}, `header field 0, "Seed": a field's name begins`},
		{&File{Header: []Field{{"", ""}}}, "a field's name begins"},
		{&File{Header: []Field{{strings.Repeat("a", 41), ""}}}, "at most 40 bytes"},
		{&File{Header: []Field{{"a", "x\ny"}}}, `value has '\n'`},
		{&File{Header: []Field{{"end", "1 answers"}}}, "taken"},
		{&File{Answers: []Answer{a, a}}, "answer 1: answers the same question as answer 0"},
		{bad(func(a *Answer) { a.Key.Kind = 0 }), "kind 0x0 has no name"},
		{bad(func(a *Answer) { a.Key.Kind = 1<<64 - 1 }), "has no name"},
		{bad(func(a *Answer) { a.Value = 3 }), "value 3 is not below its range 3"},
		{bad(func(a *Answer) { a.Range = 1 }), "choice among 1"},
		{bad(func(a *Answer) { a.Range, a.Value = 0, 0 }), "chance has value 0, want 1"},
		{bad(func(a *Answer) { a.Comment = "x\ny" }), `comment has '\n'`},
	}
	for _, test := range tests {
		if b, err := test.f.AppendText(nil); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: wrote %q, error %v, want %q", test.f, b, err, test.want)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add([]byte(goodFile))
	f.Add([]byte("dessim replay v1\nanswers\nend 0 answers\n"))
	f.Add([]byte("dessim replay v2\nanswers\nend 0 answers"))
	f.Add([]byte("dessim replay v1\na\na b\nanswers\nend 1 2 0000000000000000 true#\nend 1 answers"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := ParseFile(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		if n := len(file.Answers) * len("a 0 0 0000000000000000 true\n"); n > len(text) {
			t.Fatalf("%d answers out of %d bytes", len(file.Answers), len(text))
		}
		out, err := file.AppendText(nil)
		if err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		again, err := ParseFile(out)
		if err != nil {
			t.Fatalf("cannot read what was written: %v\n%s", err, out)
		}
		if d := cmp.Diff(file, again); d != "" {
			t.Fatal(d)
		}
		NewReplay(again.Answers) // panics on what is not sound
	})
}

func BenchmarkParseFile(b *testing.B) {
	var f File
	for i := range uint64(10000) {
		f.Answers = append(f.Answers, Answer{Key: key("net.delay", 1, 2, protocol.Hash2(i, 0)), Range: 2000000, Value: i + 1, Comment: fmt.Sprint(protocol.Time(i))})
	}
	text, err := f.AppendText(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := ParseFile(text); err != nil {
			b.Fatal(err)
		}
	}
}
