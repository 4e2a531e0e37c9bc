//go:build unix

package cmdline

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAWorkerThatEndsSaysHow(t *testing.T) {
	for script, want := range map[string]string{
		"echo 'dessim: no memory' >&2; exit 2":                           "no memory",
		"echo 'a node prints' >&2; echo 'dessim: no memory' >&2; exit 2": "no memory",
		"exit 3":     "exit status 3",
		"kill -9 $$": "signal: killed",
	} {
		w, err := startWorker(t.Context(), "dessim", exec.Command("sh", "-c", script))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Read(make([]byte, 9)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A key that interrupts reaches the workers too: they are of the same group.
func TestASweepWhoseWorkersAreProcessesIsInterruptedAsOthersAre(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: runs the Go toolchain")
	}
	exe := outsideProgram(t, "sessions")
	t.Chdir(t.TempDir())
	cmd := exec.CommandContext(t.Context(), exe, strings.Fields("sweep -scenario sessions -seeds 1-100000000 -j 2 -results some")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for {
		if text, _ := os.ReadFile("some"); bytes.Count(text, []byte("\n")) > 50 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(errs.String(), "interrupted after ") {
		t.Errorf("exits with %d\n%s", code, &errs)
	}
	// Its results are those of the first seeds of a sweep in one process.
	if r := process(t, exe, nil, strings.Fields("sweep -scenario sessions -seeds 1-50 -j 1 -results all")...); r.code != exitPass {
		t.Fatalf("%+v", r)
	}
	_, want, _ := strings.Cut(read(t, "all"), "\n") // the header has the range
	if _, got, _ := strings.Cut(read(t, "some"), "\n"); want == "" || !strings.HasPrefix(got, want) {
		t.Error("the interrupted sweep has other results")
	}
}
