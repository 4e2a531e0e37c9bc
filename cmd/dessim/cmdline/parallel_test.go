//go:build unix

package cmdline

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A machine dies in the middle of its shard: here, the process is killed. GNU parallel
// runs the line again, which goes on where the results end, and the join is what one
// sweep says that nobody disturbed.
func TestAKilledShardOfGNUParallelIsRunAgainAndMerged(t *testing.T) {
	parallel, err := exec.LookPath("parallel")
	if testing.Short() || err != nil {
		t.Skip("-short, or no GNU parallel here: apt-get install parallel")
	}
	t.Chdir(t.TempDir())
	const sweep = "sweep -scenario crash -nodes 3 -txs 2"
	want := process(t, binary, nil, strings.Fields(sweep+" -seeds 1-1500 -results whole.jsonl")...)
	wantRun(t, want)
	line := "echo $$ > pid{}; exec " + binary + " " + sweep + " -seeds 1-1500 -shard {}/3 -results part{}.jsonl > /dev/null"
	var log bytes.Buffer
	jobs := exec.Command(parallel, "--will-cite", "--jobs", "3", "--retries", "3", "--joblog", "jobs", line, ":::", "1", "2", "3")
	jobs.Stdout, jobs.Stderr = &log, &log
	if err := jobs.Start(); err != nil {
		t.Fatal(err)
	}
	killed := 0
	for range 60_000 { // until a part of the shard is done
		if text, err := os.ReadFile("part2.jsonl"); err == nil && bytes.Count(text, []byte("\n")) > 60 {
			if killed, err = strconv.Atoi(strings.TrimSpace(read(t, "pid2"))); err != nil {
				t.Fatal(err)
			}
			break
		}
		time.Sleep(time.Millisecond)
	}
	if killed == 0 {
		t.Fatal("the shard never got under way")
	}
	if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
		t.Fatalf("the shard ended before it was killed: %v", err)
	}
	if err := jobs.Wait(); err != nil {
		t.Fatalf("%v\n%s%s", err, &log, read(t, "jobs"))
	}
	if again := strings.TrimSpace(read(t, "pid2")); again == strconv.Itoa(killed) {
		t.Errorf("the killed shard was not run again:\n%s", read(t, "jobs"))
	}
	parts, err := filepath.Glob("part*.jsonl")
	if err != nil || len(parts) != 3 {
		t.Fatalf("parts %q, %v", parts, err)
	}
	whole, joined := dessim(t, "merge", "whole.jsonl", "-json"), dessim(t, append([]string{"merge", "-json"}, parts...)...)
	if joined != whole || joined.code != want.code {
		t.Errorf("the join is\n%+v\nwant, as of the whole sweep,\n%+v", joined, whole)
	}
}
