//go:build unix

package cmdline

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// command is a process whose nodes misbehave.
type command struct {
	*exec.Cmd
	t      *testing.T
	errors *bufio.Reader
	out    bytes.Buffer
}

func start(t *testing.T, grace, line string) *command {
	t.Helper()
	c := prepared(t, grace, line)
	c.run()
	return c
}

// prepared returns a command that has not been started.
func prepared(t *testing.T, grace, line string) *command {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &command{Cmd: exec.CommandContext(t.Context(), exe, strings.Fields(line)...), t: t}
	c.Env = append(os.Environ(), misbehave+"="+grace)
	c.Stdout = &c.out
	return c
}

func (c *command) run() {
	c.t.Helper()
	pipe, err := c.StderrPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	c.errors = bufio.NewReader(pipe)
	if err := c.Start(); err != nil {
		c.t.Fatal(err)
	}
}

// told waits for a line on stderr, and returns what the pattern finds in it.
func (c *command) told(pattern string) []string {
	c.t.Helper()
	line, err := c.errors.ReadString('\n')
	found := regexp.MustCompile(pattern).FindStringSubmatch(line)
	if err != nil || found == nil {
		c.t.Fatalf("stderr has %q, %v; want %s", line, err, pattern)
	}
	return found
}

// end sends signals and returns how the command ended, and the rest of what it said.
func (c *command) end(signals ...os.Signal) result {
	c.t.Helper()
	for _, s := range signals {
		if err := c.Process.Signal(s); err != nil {
			c.t.Fatal(err)
		}
	}
	rest, err := io.ReadAll(c.errors)
	if err != nil {
		c.t.Fatal(err)
	}
	c.Wait()
	return result{c.ProcessState.ExitCode(), c.out.String(), string(rest)}
}

const stuckStep = `node 1 has been in step 122 \(receives ping from 0\) for \S+, at ` + rogueLine

func TestARunWhoseNodeHangsIsReportedAndEndsAtTheFirstSignal(t *testing.T) {
	t.Chdir(t.TempDir())
	interrupts := append(hangups(), os.Interrupt, syscall.SIGTERM) // no SIGHUP under nohup
	for _, how := range []string{"loop", "block"} {
		for _, signal := range interrupts {
			c := start(t, "50ms", "run -scenario rogue -trace trace -logs logs -record record -how "+how)
			c.told(`^dessim: seed 1: ` + stuckStep + `\n$`)
			c.told(`^dessim:   called at \S+ \(\*rogue\).Receive\n$`)
			r := c.end(signal)
			if r.code != exitInterrupted || r.stderr != "dessim: interrupted after 122 events; -record wrote nothing\n" ||
				!regexp.MustCompile(`^inconclusive: scenario rogue, seed 1\ninterrupted: `+stuckStep+`\n`).MatchString(r.stdout) {
				t.Errorf("%s, %v: exits with %d\n%s%s", how, signal, r.code, r.stdout, r.stderr)
			}
			if trace := read(t, "trace"); !regexp.MustCompile(` 122  received  0>1 .*\n$`).MatchString(trace) {
				t.Errorf("the trace ends in %q", trace[max(0, len(trace)-100):])
			}
			if left := entries(t, "."); len(left) != 1 {
				t.Errorf("files %q, want the trace", left)
			}
		}
	}
	c := start(t, "50ms", "run -scenario rogue -json -how block")
	c.told("has been in step 122")
	var object struct {
		Verdict string
		Stuck   struct {
			Node, Step int
			Doing      string
			Stack      []string
		}
	}
	text := c.end(os.Interrupt).stdout
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"digest", "digests", "received", "sent"} {
		if strings.Contains(text, `"`+key+`":`) {
			t.Errorf("%s is not known, and stands in %s", key, text)
		}
	}
	if s := object.Stuck; object.Verdict != "inconclusive" || s.Node != 1 || s.Step != 122 || s.Doing != "receives ping from 0" || len(s.Stack) != 2 {
		t.Errorf("%+v", object)
	}
}

// timeout(1) sends its signal to the process, and then to its group.
func TestASweepWithANodeThatHangsEndsAtTheSignalsOfTimeout(t *testing.T) {
	for _, random := range []string{"none", "shared"} { // one process, and one for each run at a time
		for _, how := range []string{"loop", "block"} {
			t.Chdir(t.TempDir())
			c := start(t, "50ms", "sweep -scenario rogue -when seldom -seeds 1-1000 -j 2 -results results -how "+how+" -random "+random)
			seed := c.told(`^dessim: seed (\d+): ` + stuckStep)[1]
			r := c.end(syscall.SIGTERM, syscall.SIGTERM)
			covered := regexp.MustCompile(`: sweep of rogue, seeds 1-(\d+)\n`).FindStringSubmatch(r.stdout)
			if r.code != exitInterrupted || covered == nil || !strings.Contains(r.stderr, "continue: dessim sweep ") {
				t.Fatalf("seed %s hangs: exits with %d\n%s%s", seed, r.code, r.stdout, r.stderr)
			}
			if lines := strings.Count(read(t, "results"), "\n"); fmt.Sprint(lines-1) != covered[1] {
				t.Errorf("the results have %d lines, and the report covers %s seeds", lines, covered[1])
			}
		}
	}
}

func TestASweepDoesNotWaitForRunsThatTakeLong(t *testing.T) {
	t.Chdir(t.TempDir())
	c := start(t, "1h", "sweep -scenario rogue -how storm -until 1000h -seeds 1-9 -j 2 -results results")
	for {
		if text, _ := os.ReadFile("results"); len(text) > 0 {
			break // so the runs begin
		}
		time.Sleep(time.Millisecond)
	}
	if r := c.end(syscall.SIGTERM); r.code != exitInterrupted || !strings.Contains(r.stderr, "interrupted after 0 of 9 seeds") || !strings.Contains(r.stdout, "no seeds") {
		t.Errorf("exits with %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestAStormThatIsInterruptedSaysWhatItIsMadeOf(t *testing.T) {
	t.Chdir(t.TempDir())
	c := start(t, "1h", "run -scenario rogue -how storm -until 1000h -trace trace")
	for {
		files, err := os.ReadDir(".")
		if err != nil {
			t.Fatal(err)
		}
		if len(files) > 0 {
			if info, err := files[0].Info(); err == nil && info.Size() > 0 {
				break // so it runs
			}
		}
		time.Sleep(time.Millisecond)
	}
	r := c.end(os.Interrupt)
	if r.code != exitInterrupted || !regexp.MustCompile(`\ninterrupted after \d+ events; the most frequent sends, outputs, timers and syncs: output done \d+ \(\d+%\), pong `).MatchString(r.stdout) {
		t.Errorf("exits with %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if !strings.HasSuffix(read(t, "trace"), "interrupted\n") {
		t.Error("the trace does not end in the interruption")
	}
}

// JSONL has what was written, without the line that ends it. The others are whole or not there.
func TestATraceOfAStepThatDoesNotEndIsCutOffOrNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, unwritten := range map[string]string{"x.jsonl": "", "x.jsonl.zst": "", "x.json": "dessim: -trace wrote nothing, since a step did not end\n"} {
		c := start(t, "50ms", "run -scenario rogue -how block -trace "+name)
		c.told("has been in step 122")
		c.told("called at")
		if r := c.end(os.Interrupt); r.code != exitInterrupted || r.stderr != "dessim: interrupted after 122 events\n"+unwritten || r.stdout == "" {
			t.Errorf("%s: exits with %d: %s", name, r.code, r.stderr)
		}
		if unwritten != "" {
			continue
		}
		text := read(t, name)
		if strings.HasSuffix(name, zipped) {
			var err error
			if text, err = unzip(text); err != nil {
				t.Error(err)
			}
		}
		if !strings.HasPrefix(text, `{"format":"dessim trace"`) || !strings.Contains(last(text), `{"step":122,`) {
			t.Errorf("%s ends in %s", name, last(text))
		}
		os.Remove(name)
	}
	if left := entries(t, "."); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

func TestATraceOfARunThatIsInterruptedIsWholeAndSaysSo(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"x.jsonl", "x.json"} {
		c := start(t, "1h", "run -scenario rogue -how storm -until 1000h -trace "+name+" -logs "+name+".logs")
		for {
			if _, err := os.Stat(name + ".logs"); err == nil {
				break // the files are open
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond) // and the run has begun, or is about to: both must do
		if r := c.end(os.Interrupt); r.code != exitInterrupted {
			t.Fatalf("%s: exits with %d: %s", name, r.code, r.stderr)
		}
		text := read(t, name)
		if name == "x.json" && !json.Valid([]byte(text)) {
			t.Errorf("%s is no JSON", name)
		}
		if name == "x.jsonl" && !strings.HasSuffix(text, `"reason":"interrupted"}`+"\n") {
			t.Errorf("%s ends in %s", name, last(text))
		}
	}
}

func TestTheSecondSignalKillsWithAWord(t *testing.T) {
	t.Chdir(t.TempDir())
	c := start(t, "1h", "run -scenario rogue -how block")
	c.told("has been in step 122")
	c.told("called at")
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * echo) // or it is an echo of the first
	if r := c.end(os.Interrupt); r.code != exitInterrupted || r.stderr != "dessim: killed by a second signal; temporary files may be left\n" || r.stdout != "" {
		t.Errorf("exits with %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}

func TestTheSecondProcessOfVerifyEndsWithTheFirst(t *testing.T) {
	t.Chdir(t.TempDir())
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	c := prepared(t, "1h", "run -scenario rogue -how loop -verify")
	c.ExtraFiles = []*os.File{write, write} // the first process leaves the second of them open for the other
	c.run()
	write.Close()
	c.told(" has been in step ") // it waits for the other, which loops
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(read); err != nil { // until both have ended
		t.Fatal(err)
	}
	c.Wait()
}
