package cmdline

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// exported are names of traces, with their format, and what such a file begins and ends with.
var exported = []struct{ name, format, begin, end string }{
	{"x.json", "perfetto", `{"displayTimeUnit":"ns","otherData":{"format":"dessim trace","version":1,"scenario":"commit","seed":"1","params":{"nodes":"3",`, "\n]}\n"},
	{"x.perfetto.json", "perfetto", `{"displayTimeUnit":"ns",`, "\n]}\n"},
	{"x.shiviz", "shiviz", "(?<time>", "}\n"},
	{"x.mmd", "mermaid", "sequenceDiagram\n", "\n"},
	{"x.mermaid", "mermaid", "sequenceDiagram\n", "\n"},
	{"x.jsonl", "jsonl", `{"format":"dessim trace","version":1,"scenario":"commit","seed":"1","params":{"nodes":"3",`, "\"}\n"},
	{"x.trace", "text", "#     time, ms", "\n"},
}

// brief is a run of few messages.
var brief = words("-scenario commit -nodes 3 -txs 1 -jitter 0s")

func TestTheNameOfATraceSaysItsFormatUnlessAFlagDoes(t *testing.T) {
	t.Chdir(t.TempDir())
	plain := dessim(t, append(brief, "-record", "x.replay")...)
	for _, x := range exported {
		r := dessim(t, append(brief, "-trace", x.name)...)
		if r.stdout != plain.stdout || r.code != plain.code || r.stderr != "" {
			t.Errorf("%s: exits with %d; stderr %q", x.name, r.code, r.stderr)
		}
		text := read(t, x.name)
		if !strings.HasPrefix(text, x.begin) || !strings.HasSuffix(text, x.end) || strings.Count(text, "\n") < 20 {
			t.Errorf("%s is %.200s", x.name, text)
		}
		if piped := dessim(t, append(brief, "-trace", "-", "-trace-format", x.format)...); piped.stdout != text || piped.stderr != plain.stdout {
			t.Errorf("-trace - -trace-format %s is not %s; stderr %.100s", x.format, x.name, piped.stderr)
		}
		dessim(t, append(brief, "-trace", x.name+zipped)...)
		if unzipped, err := unzip(read(t, x.name+zipped)); err != nil || unzipped != text {
			t.Errorf("%s%s is not %s, compressed: %v", x.name, zipped, x.name, err)
		}
		dessim(t, "replay", "x.replay", "-trace", "replayed", "-trace-format", x.format)
		if withoutHead(read(t, "replayed")) != withoutHead(text) {
			t.Errorf("%s is not that of a replay", x.name)
		}
	}
}

// withoutHead leaves out the first line, which can have the command.
func withoutHead(text string) string {
	_, rest, _ := strings.Cut(text, "\n")
	return rest
}

func unzip(text string) (string, error) {
	d, err := zstd.NewReader(strings.NewReader(text))
	if err != nil {
		return "", err
	}
	defer d.Close()
	b, err := io.ReadAll(d)
	return string(b), err
}

func TestATraceAndAPageOfOneRunAreThoseOfTwo(t *testing.T) {
	t.Chdir(t.TempDir())
	dessim(t, append(brief, "-trace", "a.json", "-report", "a.html")...)
	dessim(t, append(brief, "-trace", "b.json")...)
	dessim(t, append(brief, "-report", "b.html")...)
	if read(t, "a.json") != read(t, "b.json") || read(t, "a.html") != read(t, "b.html") {
		t.Error("a trace or a page depends on the other one")
	}
}

func TestATraceThatCannotBeIsOneLineAndLeavesNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	with := func(more string) []string { return append(brief[:len(brief):len(brief)], words(more)...) }
	wantLine(t, dessim(t, with("-trace x -trace-format perfeto")...), exitUsage, `trace-format "perfeto": did you mean perfetto?`)
	wantLine(t, dessim(t, with("-trace x -trace-format x")...), exitUsage, `trace-format "x": want text, perfetto, shiviz, mermaid, jsonl`)
	wantLine(t, dessim(t, with("-trace x -trace-format=")...), exitUsage, `trace-format "": want text`)
	wantLine(t, dessim(t, with("-trace-format jsonl")...), exitUsage, "want -trace FILE too")
	wantLine(t, dessim(t, with("-trace no/x.json")...), exitUsage, "no such file")
	long := words("-scenario concurrent -nodes 3 -txs 1")
	want := dessim(t, long...)
	r := dessim(t, append(long, "-trace", "x.mmd")...)
	if r.code != exitIO || r.stdout != want.stdout || !strings.HasPrefix(r.stderr, `dessim: trace "x.mmd": 271 messages, and a Mermaid diagram has at most 200: `) || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("a long diagram: exits with %d: %s", r.code, r.stderr)
	}
	if r := dessim(t, append(long, "-trace", "-", "-trace-format", "mermaid")...); r.code != exitIO || r.stdout != "" {
		t.Errorf("a long diagram to stdout: exits with %d: %.100s", r.code, r.stdout)
	}
	if left := entries(t, "."); len(left) > 0 {
		t.Errorf("left %q", left)
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		return
	}
	for _, x := range exported {
		r := dessim(t, with("-trace /dev/full -trace-format "+x.format)...)
		if r.code != exitIO || r.stderr != "dessim: trace \"/dev/full\": no space left on device\n" || r.stdout == "" {
			t.Errorf("%s on a full disk: exits with %d; stderr %q", x.format, r.code, r.stderr)
		}
	}
}

func TestATraceSaysWhyTheRunEnded(t *testing.T) {
	t.Chdir(t.TempDir())
	dessim(t, append(brief, "-record", "x.replay")...)
	for _, x := range []struct {
		run    func(args ...string) result
		args   string
		reason string
	}{
		{func(args ...string) result { return dessim(t, append(brief, args...)...) }, "", "all done"},
		{func(args ...string) result { return dessim(t, append(brief, args...)...) }, "-events 50", "most events reached"},
		{func(args ...string) result { return dessim(t, append([]string{"replay", "x.replay"}, args...)...) }, "-until 50", "stopped by -until 50"},
		{func(args ...string) result { return dessim(t, append([]string{"replay", "x.replay"}, args...)...) }, "-until 200ms", "stopped by -until 200ms"},
		{func(args ...string) result {
			return rogues(t, "run -scenario rogue -how panic "+strings.Join(args, " "))
		}, "", "node 1 panicked at step 122"},
	} {
		for _, format := range []string{"jsonl", "perfetto", "shiviz", "mermaid"} {
			if r := x.run(append(words(x.args), "-trace", "x", "-trace-format", format)...); r.code == exitIO || r.code == exitUsage {
				t.Fatalf("%s %s: exits with %d: %s", x.args, format, r.code, r.stderr)
			}
			text := read(t, "x")
			switch format {
			case "jsonl":
				end := last(text)
				var o struct {
					End    bool
					Events int
					Reason string
				}
				if err := json.Unmarshal([]byte(end), &o); err != nil || !o.End || !strings.Contains(o.Reason, x.reason) || o.Events != strings.Count(text, "\n")-2 {
					t.Errorf("%s: of %d lines the last is %s, want one that says %q", x.args, strings.Count(text, "\n"), end, x.reason)
				}
			case "perfetto":
				if !json.Valid([]byte(text)) {
					t.Errorf("%s: %.100s is no JSON", x.args, text)
				}
			}
			if strings.Count(text, "\n") < 10 {
				t.Errorf("%s %s: the trace is %s", x.args, format, text)
			}
		}
	}
}

// A run that ends before the point at which it should stop is traced once.
func TestATraceUntilAPointThatNeverComesIsThatOfTheRun(t *testing.T) {
	t.Chdir(t.TempDir())
	dessim(t, append(brief, "-record", "x.replay")...)
	for _, x := range exported {
		dessim(t, "replay", "x.replay", "-trace", "whole", "-trace-format", x.format)
		for _, until := range []string{"999999", "9999h"} {
			dessim(t, "replay", "x.replay", "-until", until, "-trace", "until", "-trace-format", x.format)
			if read(t, "whole") != read(t, "until") {
				t.Errorf("until %s the trace in format %s is another one", until, x.format)
			}
		}
	}
}

func TestACompressedTraceIsThatOfTheRunAndWholeOnlyAtItsEnd(t *testing.T) {
	t.Chdir(t.TempDir())
	dessim(t, append(brief, "-trace", "a.jsonl.zst")...)
	dessim(t, append(brief, "-trace", "b.jsonl.zst")...)
	text := read(t, "a.jsonl.zst")
	if text != read(t, "b.jsonl.zst") {
		t.Error("equal runs have different files")
	}
	for at := 0; at < len(text); at += 97 {
		if unzipped, err := unzip(text[:at]); err == nil && strings.Contains(unzipped, `{"end":true`) {
			t.Errorf("of %d bytes the first %d are a whole file", len(text), at)
		}
	}
}
