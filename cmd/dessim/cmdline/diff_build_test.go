//go:build unix

package cmdline

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTwoBuildsDifferWhereAnEditShowsFirst(t *testing.T) {
	exe := planted(t, "no")
	file := filepath.Join(t.TempDir(), "x.replay")
	if r := process(t, binary, nil, words("-seed 3 -scenario concurrent -nodes 4 -txs 6 -order lamport -record", file)...); r.code != exitPass {
		t.Fatalf("%+v", r)
	}
	r := process(t, binary, nil, "diff", file, "-other", exe)
	line := regexp.MustCompile(`^differ: from step (\d+) on, after (\d+) steps that both have\nA  .*: pass, (.|\n)*\nB  .*: violation, (.|\n)*\nA +[0-9.]+ +(\d+) .*\nB +[0-9.]+ +(\d+) .*\n`).FindStringSubmatch(r.stdout)
	if r.code != exitViolation || line == nil || !strings.Contains(r.stdout, ": - in A, + in B\n") || r.stderr != "" {
		t.Fatalf("exits with %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	var step, before int
	if fmt.Sscan(line[1], &step); step < 100 {
		t.Errorf("the first step that differs is %s", line[1])
	}
	if fmt.Sscan(line[2], &before); before != step-1 {
		t.Errorf("%d steps before step %d", before, step)
	}
	if line[5] != line[1] || line[6] != line[1] {
		t.Errorf("shows events of the steps %s and %s:\n%s", line[5], line[6], r.stdout)
	}
	if r := process(t, binary, nil, "diff", file, "-other", binary); r.code != exitPass || !strings.HasPrefix(r.stdout, "the same: every event\n") {
		t.Errorf("with itself: %+v", r)
	}
	for program, words := range map[string]string{
		filepath.Join(root, "go.mod"):        "permission denied; want a program",
		filepath.Join(t.TempDir(), "nobody"): "no such file or directory; want a program",
	} {
		wantLine(t, process(t, binary, nil, "diff", file, "-other", program), exitUsage, "other ", words)
	}
	wantLine(t, process(t, binary, nil, "diff", file, "-other", "/bin/true"), exitInternal, "failed: it shows no run: is it a build of dessim?")
}
