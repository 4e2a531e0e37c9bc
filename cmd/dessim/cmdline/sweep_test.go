//go:build unix

package cmdline

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// small is a sweep whose runs take about a millisecond. With isis-no-tie-break planted
// about half of them fail.
const small = "sweep -scenario concurrent -nodes 3 -txs 3"

// tieless returns dessim with that bug.
func tieless(t *testing.T) string {
	t.Helper()
	return planted(t, "tieless")
}

// swept is what others rely on in the object of -json.
type swept struct {
	Seeds, Passed, Violations, Inconclusive uint64
	Complete                                bool
	Continue                                string
	Groups                                  []struct {
		Check, Signature, Replay string
		Count                    uint64
		FirstSeed                uint64 `json:"first_seed"`
	}
}

// object reads what -json printed.
func object(t *testing.T, r result) (o swept) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), &o); err != nil || strings.Count(r.stdout, "\n") != 1 {
		t.Fatalf("exits with %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	n := uint64(0)
	for _, g := range o.Groups {
		n += g.Count
	}
	if o.Passed+o.Violations+o.Inconclusive != o.Seeds || n != o.Violations {
		t.Errorf("seeds do not add up: %s", r.stdout)
	}
	return o
}

func TestSweepsGroupFailuresAndReplayThem(t *testing.T) {
	exe := tieless(t)
	for _, strategy := range strategyNames() {
		var first result
		for _, j := range []string{"1", "2"} {
			dir := filepath.Join(t.TempDir(), "made")
			r := process(t, exe, nil, words(small+" -seeds 1-20 -json -out", dir, "-j", j, "-strategy", strategy)...)
			o := object(t, r)
			if r.code != exitViolation || r.stderr != "" || o.Violations == 0 || !o.Complete || len(entries(t, dir)) != len(o.Groups) {
				t.Fatalf("%s: exits with %d\n%s%s", strategy, r.code, r.stdout, r.stderr)
			}
			for _, g := range o.Groups {
				again := process(t, exe, nil, "replay", g.Replay, "-json")
				if again.code != exitViolation || !strings.Contains(again.stdout, `"same":true,"stale":0`) {
					t.Errorf("%s: %s replays with exit code %d\n%s%s", strategy, g.Replay, again.code, again.stdout, again.stderr)
				}
			}
			if r.stdout = strings.ReplaceAll(r.stdout, dir, "DIR"); j == "1" {
				first = r
			} else if r != first {
				t.Errorf("%s: -j 2 prints\n%swhere -j 1 prints\n%s", strategy, r.stdout, first.stdout)
			}
		}
	}
}

// TestASweepKilledTenTimesEndsAsOneThatWasNot kills the process when its results have come to
// a tenth of their size, to two tenths, and so on.
func TestASweepKilledTenTimesEndsAsOneThatWasNot(t *testing.T) {
	exe := tieless(t)
	for _, strategy := range []string{"random", "guided"} {
		args := words(small + " -seeds 1-60 -json -results r.jsonl -out . -strategy " + strategy)
		start := func(dir string) *exec.Cmd {
			cmd := exec.Command(exe, args...)
			cmd.Dir = dir
			return cmd
		}
		whole, cut := t.TempDir(), t.TempDir()
		want, _ := start(whole).Output()
		size := int64(len(read(t, filepath.Join(whole, "r.jsonl"))))
		kills := 0
		for i := range int64(10) {
			if killedAt(t, start(cut), filepath.Join(cut, "r.jsonl"), size*i/10) {
				kills++
			}
		}
		if kills < 5 {
			t.Errorf("%s: killed only %d times before it ended", strategy, kills)
		}
		if got, _ := start(cut).Output(); string(got) != string(want) || len(want) == 0 {
			t.Errorf("%s: killed and continued, it prints\n%swant\n%s", strategy, got, want)
		}
		for _, name := range entries(t, whole) {
			if read(t, filepath.Join(cut, name)) != read(t, filepath.Join(whole, name)) {
				t.Errorf("%s: %s differs", strategy, name)
			}
		}
	}
}

// killedAt runs a process, kills it once the file has more than some bytes, and reports
// whether it had not ended by then.
func killedAt(t *testing.T, cmd *exec.Cmd, path string, size int64) bool {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	for {
		if info, err := os.Stat(path); err == nil && info.Size() > size {
			cmd.Process.Kill()
			<-ended
			return !cmd.ProcessState.Exited()
		}
		select {
		case <-ended:
			return false
		case <-time.After(time.Millisecond):
		}
	}
}

func TestAnInterruptedSweepTellsItsPrefixAndHowToContinue(t *testing.T) {
	for _, results := range []string{" -report begun", " -stop-after 3 -out replays -report begun", " -results begun"} {
		dir := t.TempDir()
		var out, errs strings.Builder
		cmd := exec.Command(binary, words(small+" -seeds 1-1000000 -json"+results)...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for len(entries(t, dir)) == 0 { // or the signal comes before anybody waits for it
			time.Sleep(10 * time.Millisecond)
		}
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		r := result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
		o := object(t, r)
		next := "dessim " + small + fmt.Sprintf(" -seeds %d-1000000", o.Seeds+1) + results
		if strings.Contains(results, "-results") {
			next = "dessim " + small + " -seeds 1-1000000" + results
		}
		if r.code != exitInterrupted || o.Complete || o.Continue != next || !strings.HasSuffix(r.stderr, "continue: "+next+"\n") || strings.Count(r.stderr, "\n") != 1 {
			t.Errorf("exits with %d, wants to continue by %q, not %q\n%s", r.code, o.Continue, next, r.stderr)
		}
	}
}

func TestMergedShardsPrintWhatOneSweepPrints(t *testing.T) {
	exe := tieless(t)
	dir := t.TempDir()
	t.Chdir(dir)
	want := process(t, exe, nil, words(small+" -seeds 1-60")...)
	var files []string
	for i := 1; i <= 3; i++ {
		file := fmt.Sprintf("r%d", i)
		args := words(small+" -seeds 1-60 -out", dir, "-results", file, "-shard", fmt.Sprintf("%d/3", i))
		if i == 2 { // killed in the middle, and then run a second time
			process(t, exe, nil, append(args, "-stop-after", "3")...)
			write(t, file, read(t, file)+`{"seed":`)
			torn := process(t, exe, nil, "merge", "r1", "r2")
			if torn.code != exitViolation {
				t.Errorf("%+v", torn)
			}
		}
		process(t, exe, nil, args...)
		files = append(files, file)
	}
	write(t, "again", read(t, "r2"))
	for _, order := range [][]string{files, {"again", "r3", "r2", "r1", "r1"}} {
		if got := process(t, exe, nil, append([]string{"merge"}, order...)...); got != want {
			t.Errorf("merged %v:\n%s%swant\n%s", order, got.stdout, got.stderr, want.stdout)
		}
	}
	if r := process(t, exe, nil, "merge", "r1", "r3", "-json"); r.code != exitViolation || object(t, r).Complete {
		t.Errorf("without the second: %+v", r)
	}
	write(t, "again", strings.Replace(read(t, "r2"), `"digest":"`, `"digest":"f`, 1))
	wantLine(t, process(t, exe, nil, "merge", "r2", "again"), exitInternal, "not deterministic: seed 21 ")
	wantLine(t, process(t, exe, nil, "merge", "r2", "none"), exitUsage, `results "none": no such file`)
	write(t, "again", strings.Replace(read(t, "r2"), `"nodes","3"`, `"nodes","9999999"`, 1))
	wantLine(t, process(t, exe, nil, "merge", "again"), exitUsage, "nodes 9999999")
	wantLine(t, process(t, exe, nil, "merge"), exitUsage, "no results files")
}

func TestAGapLeavesMergedResultsInconclusive(t *testing.T) {
	t.Chdir(t.TempDir())
	for i, seeds := range []string{"1-20", "31-40"} {
		wantRun(t, dessim(t, words(small+" -results r"+strconv.Itoa(i)+" -seeds "+seeds)...))
	}
	r := dessim(t, "merge", "r0", "r1")
	if r.code != exitInconclusive || !strings.HasPrefix(r.stdout, "inconclusive: sweep of concurrent, seeds 1-20,31-40\n") {
		t.Errorf("%+v", r)
	}
}

func TestMergedGuidedSweepsAreCalledASum(t *testing.T) {
	t.Chdir(t.TempDir())
	const note = "\nthe sum of 2 guided sweeps that "
	for _, strategy := range []string{"random", "guided"} {
		for _, seeds := range []string{"1-20", "21-40"} {
			wantRun(t, dessim(t, words(small+" -strategy "+strategy+" -results "+strategy+seeds+" -seeds "+seeds)...))
		}
		both := []string{"merge", strategy + "1-20", strategy + "21-40"}
		text, object := dessim(t, both...), dessim(t, append(both, "-json")...)
		sum := strategy == "guided"
		if strings.Contains(text.stdout, note) != sum || strings.Contains(object.stdout, `"note":"the sum of 2 guided`) != sum || text.stderr != "" {
			t.Errorf("%s: %+v\n%+v", strategy, text, object)
		}
		if alone := dessim(t, both[:2]...); strings.Contains(alone.stdout, "the sum of") {
			t.Errorf("%s alone: %+v", strategy, alone)
		}
	}
}

func TestAShardIsTakenFromTheEnvironmentOnlyIfAsked(t *testing.T) {
	for _, name := range []string{"JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_STEP"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	cases := []struct{ env, shard, want string }{
		{"", "2/4", "11-20"},
		{"", "4/4", "31-40"},
		{"JOB_COMPLETION_INDEX=0", "", "1-40"},
		{"JOB_COMPLETION_INDEX=0", "/4", "1-10"},
		{"JOB_COMPLETION_INDEX=3", "/4", "31-40"},
		{"JOB_COMPLETION_INDEX=4", "/4", "!there is no shard 5 of 4"},
		{"JOB_COMPLETION_INDEX=x", "/4", "!JOB_COMPLETION_INDEX is"},
		{"JOB_COMPLETION_INDEX=1", "auto", "!want /N"},
		{"JOB_COMPLETION_INDEX=1 SLURM_ARRAY_TASK_ID=4", "/4", "11-20"},
		{"SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=4", "", "1-40"},
		{"SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=4", "3/4", "21-30"},
		{"SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=4", "auto", "11-20"},
		{"SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=4", "auto", "1-10"},
		{"SLURM_ARRAY_TASK_ID=16 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=4", "auto", "31-40"},
		{"SLURM_ARRAY_TASK_ID=15 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=4", "auto", "!want 10, 12 and so on"},
		{"SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_COUNT=4", "auto", "!SLURM_ARRAY_TASK_ID is 0"},
		{"SLURM_ARRAY_TASK_ID=2", "/2", "21-40"},
		{"SLURM_ARRAY_TASK_ID=2", "auto", "!there is no shard 2 of 0"},
		{"", "auto", "!neither JOB_COMPLETION_INDEX nor SLURM_ARRAY_TASK_ID"},
	}
	for _, c := range cases {
		t.Run(c.env+" "+c.shard, func(t *testing.T) {
			for kv := range strings.FieldsSeq(c.env) {
				name, value, _ := strings.Cut(kv, "=")
				t.Setenv(name, value)
			}
			args := words(small + " -seeds 1-40")
			if c.shard != "" {
				args = append(args, "-shard", c.shard)
			}
			r := dessim(t, args...)
			if complaint, bad := strings.CutPrefix(c.want, "!"); bad {
				wantLine(t, r, exitUsage, complaint)
			} else if !strings.HasPrefix(r.stdout, "pass: sweep of concurrent, seeds "+c.want+"\n") {
				t.Errorf("want seeds %s: %+v", c.want, r)
			}
		})
	}
}

func TestBadSweepsAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "notes", "mine\n")
	for args, want := range map[string]string{
		"":                                    "no seeds",
		"-seeds":                              "-seeds has no value",
		"-seeds=":                             `seeds "": want the first and the last`,
		"-seeds -":                            "seeds",
		"-seeds 5-":                           "want the first and the last",
		"-seeds 9-3":                          "the first is above the last; want 3-9",
		"-seeds 1-x":                          "no digit",
		"-seeds 1-2-3":                        "no digit",
		"-seeds 0-18446744073709551615":       "too many",
		"-seeds 1-99999999999999999999":       "more than 64 bits",
		"-seed 4":                             "-seed is a flag of dessim run; use -seeds",
		"-seeds 1-9 -strategy gided":          "did you mean guided?",
		"-seeds 1-9 -strategy x":              `unknown strategy "x"; want random, swarm, pct, guided`,
		"-seeds 1-9 -j 0":                     `j "0": want a number from 1 to 1024`,
		"-seeds 1-9 -j 2000":                  "want a number from 1 to 1024",
		"-seeds 1-9 -stop-after 0":            `stop-after "0": want a number from 1`,
		"-seeds 1-9 -budget 5":                `budget "5": want a duration`,
		"-seeds 1-9 -budget 0s":               "want a duration of more than 0s",
		"-seeds 1-9 -shard 0/3":               "there is no shard 0 of 3; want 1 to 3",
		"-seeds 1-9 -shard 4/3":               "there is no shard 4 of 3",
		"-seeds 1-9 -shard 1/0":               "there is no shard 1 of 0; want one shard at least",
		"-seeds 1-9 -shard 10/10":             "has no seeds, of 1-9",
		"-seeds 1-9 -shard 2":                 "want I/N, such as 1/4, or /4, or auto",
		"-seeds 1-9 -shard a/b":               "want I/N",
		"-seeds 1-9 -out notes":               "want a writable folder",
		"-seeds 1-9 -out no/such/folder":      "whose parent exists",
		"-seeds 1-9 -results notes":           "is not a results file",
		"-seeds 1-9 -results .":               `results "."`,
		"-seeds 1-9 -results /dev/null":       "is not a regular file",
		"-seeds 1-9 -nodes 0":                 "nodes 0",
		"-seeds 1-9 list":                     "a command comes first",
		"-seeds 1-9 -shrad 1/2":               "did you mean -shard?",
		"-seeds 1-9 -faults nope":             "nope",
		"-seeds 1-9 -strategy swarm -until 0": "until",
	} {
		wantLine(t, dessim(t, words("sweep -scenario concurrent "+args)...), exitUsage, want)
	}
	wantLine(t, dessim(t, "sweep", "-seeds", "1-9"), exitUsage, "no scenario")
	if got := entries(t, "."); len(got) != 1 || read(t, "notes") != "mine\n" {
		t.Errorf("left %q", got)
	}
}
