package explore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/explore"
)

// pipes is a process as a sweep sees one, in a goroutine.
type pipes struct {
	io.Reader
	io.WriteCloser
}

// serving returns what starts such processes, in which serve makes the runs.
func serving(serve func(in io.Reader, out io.Writer) error) func(threads int) (io.ReadWriteCloser, error) {
	return func(int) (io.ReadWriteCloser, error) {
		in, ask := io.Pipe()
		answer, out := io.Pipe()
		go func() {
			err := serve(in, out)
			in.CloseWithError(err)
			out.CloseWithError(err)
		}()
		return pipes{answer, ask}, nil
	}
}

// serveOne is explore.Serve of that world, whatever its salt.
func serveOne(w *explore.World, in io.Reader, out io.Writer) error {
	return explore.Serve(func(uint64) *explore.World { return w }, in, out)
}

// chatty has a node print before each answer, without the end of the line.
type chatty struct{ io.Writer }

func (c chatty) Write(b []byte) (int, error) {
	fmt.Fprint(c.Writer, "a node prints")
	return c.Writer.Write(b)
}

func TestASweepInProcessesIsTheSweepWithoutThem(t *testing.T) {
	for _, strategy := range explore.Strategies() {
		o := explore.SweepOptions{From: 1, To: 300, Strategy: strategy, Workers: 3}
		want, wantReport := resultsOf(t, o)
		o.Process = serving(func(in io.Reader, out io.Writer) error {
			return serveOne(coin(), in, chatty{out})
		})
		if got, report := resultsOf(t, o); got != want || fmt.Sprintf("%+v", report) != fmt.Sprintf("%+v", wantReport) {
			t.Errorf("%v: in processes\n%+v\nwithout\n%+v", strategy, report, wantReport)
		}
	}
}

func TestWhatARunInAProcessComesToReachesTheSweep(t *testing.T) {
	sweep := func(w *explore.World, separate bool) (text string) {
		o := explore.SweepOptions{From: 64, To: 80, Workers: 1}
		if separate {
			o.Process = serving(func(in io.Reader, out io.Writer) error { return serveOne(w, in, out) })
		}
		defer func() {
			if v := recover(); v != nil {
				text = fmt.Sprint("panic: ", v)
			}
		}()
		_, err := explore.Sweep(context.Background(), w, o)
		return fmt.Sprint(err)
	}
	count := 0
	flaky := hiding(func() string { count++; return fmt.Sprint(count) })
	if got := sweep(flaky, true); !strings.Contains(got, "not deterministic: seed 64 ") || !strings.Contains(got, "differ from step 4, 3000.000000 ms on") {
		t.Error(got)
	}
	broken := &explore.World{Seed: func(seed uint64, _ protocol.Source, _ bool, _ ...sim.Observer) (o explore.Outcome, t *explore.Trial) {
		panic("boom")
	}}
	if here, there := sweep(broken, false), sweep(broken, true); here != there || !strings.HasPrefix(there, "panic: seed ") || !strings.Contains(there, ": boom, at dessim/sim/explore/process_test.go:") {
		t.Errorf("%q, in a process %q", here, there)
	}
}

func TestAProcessThatEndsIsNamedWithItsRun(t *testing.T) {
	for name, start := range map[string]func(threads int) (io.ReadWriteCloser, error){
		"exit status 7": serving(func(in io.Reader, out io.Writer) error {
			in.Read(make([]byte, 1))
			return errors.New("exit status 7")
		}),
		"no such file": func(int) (io.ReadWriteCloser, error) { return nil, errors.New("no such file") },
	} {
		_, err := explore.Sweep(t.Context(), coin(), explore.SweepOptions{From: 5, To: 9, Workers: 1, Process: start})
		var process *explore.ProcessError
		if !errors.As(err, &process) || process.Seed != 5 || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want seed 5 and %q", err, name)
		}
	}
}

// Each process counts the runs that it has made: the first of a process is another one.
func TestARunThatIsTheFirstOfItsProcessIsComparedWithTheOthers(t *testing.T) {
	o := explore.SweepOptions{From: 1, To: 300, Workers: 1}
	o.Process = serving(func(in io.Reader, out io.Writer) error {
		made := 0
		w := hiding(func() string { made++; return fmt.Sprint(made > 200) })
		return serveOne(w, in, out)
	})
	_, err := explore.Sweep(t.Context(), &explore.World{}, o)
	if err == nil || !strings.Contains(err.Error(), "not deterministic: seed 257 ") || !strings.Contains(err.Error(), " in a process that had made no other run") {
		t.Error(err)
	}
}
