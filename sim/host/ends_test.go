//go:build dessim_overlay

package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/trace"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/host"
	"dessim/sim/source"
)

// said collects what nodes did, as lines.
type said struct{ lines []string }

func (s *said) Watch() sim.What {
	return sim.Output | sim.Noted | sim.Started | sim.Crashed
}

func (s *said) Observe(e *sim.Event) {
	at := fmt.Sprintf("%v n%d ", time.Duration(e.At), e.Node)
	switch e.What {
	case sim.Output:
		s.lines = append(s.lines, at+string(e.Body))
	case sim.Noted:
		if e.Kind == protocol.KindOf("go.turns") {
			return
		}
		s.lines = append(s.lines, fmt.Sprintf("%s%v: %s", at, e.Kind, e.Text))
	case sim.Started:
		s.lines = append(s.lines, fmt.Sprintf("%slife %d", at, e.Incarnation))
	case sim.Crashed:
		s.lines = append(s.lines, at+"crash")
	}
}

// watch runs a program on one node, with faults, for a minute, and returns what was seen.
func watch(t testing.TB, faults string, o host.Options, p host.Program) []string {
	t.Helper()
	fs, err := fault.Parse(faults)
	if err != nil {
		t.Fatal(err)
	}
	w := new(said)
	s, err := sim.New(sim.Plan{
		Nodes:  1,
		Node:   func(protocol.NodeID) protocol.Node { return host.New(p, o) },
		Link:   sim.Link{Delay: time.Millisecond},
		Faults: fs,
		Until:  protocol.Time(time.Minute),
	}, source.Seed(1), w)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	return w.lines
}

func tell(h *host.Host, args ...any) { h.Output(kindDid, []byte(fmt.Sprint(args...))) }

func compare(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestACrashEndsAllGoroutinesWhereTheyStand(t *testing.T) {
	got := watch(t, "crash 0 at 2500ms for 2s", host.Options{}, func(ctx context.Context, h *host.Host) error {
		defer tell(h, "main's deferred call")
		go func() {
			defer tell(h, "a deferred call")
			for range time.Tick(time.Second) {
				tell(h, "tick")
			}
		}()
		time.AfterFunc(3*time.Second, func() { tell(h, "timer of life ", h.Incarnation()) })
		time.Sleep(4 * time.Second)
		runtime.Goexit()
		return nil
	})
	if len(got) < 10 {
		t.Fatal(got)
	}
	compare(t, got[:9], "0s n0 life 1", "1s n0 tick", "2s n0 tick", "2.5s n0 crash", "4.5s n0 life 2", "5.5s n0 tick", "6.5s n0 tick", "7.5s n0 timer of life 2", "7.5s n0 tick")
}

func TestADeadlockEndsItsStepAndNotTheRun(t *testing.T) {
	got := watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
		var a, b sync.Mutex
		lock := func(x, y *sync.Mutex) {
			x.Lock()
			time.Sleep(time.Second)
			tell(h, "has one lock")
			y.Lock()
			tell(h, "has both")
		}
		go lock(&a, &b)
		go lock(&b, &a)
		time.Sleep(3 * time.Second)
		tell(h, "goes on")
		var none chan int
		<-none
		return nil
	})
	compare(t, got, "0s n0 life 1", "1s n0 has one lock", "1s n0 has one lock", "3s n0 goes on")
}

func TestAProgramThatReturnsIsDown(t *testing.T) {
	got := watch(t, "crash 0 at 5s for 1s", host.Options{}, func(ctx context.Context, h *host.Host) error {
		go func() {
			for {
				time.Sleep(time.Second)
				tell(h, "alive")
			}
		}()
		time.Sleep(1500 * time.Millisecond)
		return nil
	})
	compare(t, got, "0s n0 life 1", "1s n0 alive", "1.5s n0 go.exit: the program returned", "5s n0 crash", "6s n0 life 2", "7s n0 alive", "7.5s n0 go.exit: the program returned")
}

func TestAPanicAnExitAndAnErrorAreViolations(t *testing.T) {
	for name, do := range map[string]func() error{
		"n0 has a bug":                         func() error { panic("n0 has a bug") },
		"assignment to entry in nil map":       func() error { var m map[int]int; m[1] = 1; return nil },
		"the program called os.Exit(3)":        func() error { os.Exit(3); return nil },
		"the program returned: no quorum":      func() error { return errors.New("no quorum") },
		"first [recovered]\n\tpanic: second":   func() error { defer func() { panic(fmt.Sprint("second")) }(); panic("first") },
		"index out of range [5] with length 0": func() error { var a []int; return fmt.Errorf("%d", a[len(os.Args)*0+5]) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				p, ok := recover().(*sim.Panic)
				if !ok {
					t.Fatalf("the run did not panic, or with %v", p)
				}
				text := fmt.Sprint(p.Value)
				if last := strings.Split(name, ": "); !strings.Contains(text, last[len(last)-1]) {
					t.Errorf("the panic says %q, want %q", text, name)
				}
				if returned := strings.HasPrefix(name, "the program returned"); !returned && !strings.Contains(string(p.Stack), "ends_test.go:") {
					t.Errorf("the stack does not lead here:\n%s", p.Stack)
				}
			}()
			watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
				done := make(chan error)
				go func() { done <- do() }()
				return <-done
			})
		})
	}
}

// What ends a process on a machine, and no deferred call can stop, ends the node. So no sweep ends by it.
func TestAFatalErrorEndsItsNode(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	var recurse func(n int) int
	recurse = func(n int) int { return recurse(n+1) + recurse(n+2) }
	for name, do := range map[string]func(){
		"sync: unlock of unlocked mutex":      func() { new(sync.Mutex).Unlock() },
		"sync: RUnlock of unlocked RWMutex":   func() { new(sync.RWMutex).RUnlock() },
		"stack overflow":                      func() { recurse(0) },
		"unexpected fault address":            func() { *(*byte)(unsafe.Add(nil, 1<<32)) = 1 },
		"unexpected fault address, in a read": func() { copy(make([]byte, 1<<16), unsafe.Slice((*byte)(unsafe.Add(nil, 1<<40)), 1<<16)) },
	} {
		why, _, _ := strings.Cut(name, ", in")
		s := new(sim.Panic)
		func() {
			defer func() { s, _ = recover().(*sim.Panic) }()
			watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
				go func() {
					defer tell(h, "a deferred call")
					defer func() { _ = recover() }()
					do()
				}()
				time.Sleep(time.Second)
				return nil
			})
		}()
		if s == nil || !strings.HasSuffix(fmt.Sprint(s.Value), "fatal error: "+why) {
			t.Errorf("%s: the run ends with %v", name, s)
		} else if !strings.Contains(string(s.Stack), "ends_test.go:") {
			t.Errorf("%s: the stack does not lead here:\n%s", name, s.Stack)
		}
	}
}

func TestAChannelOfAnotherLifeEndsTheNodeThatUsesIt(t *testing.T) {
	var shared chan int
	first := func(ctx context.Context, h *host.Host) error { shared = make(chan int, 1); return nil }
	second := func(ctx context.Context, h *host.Host) error { time.Sleep(time.Second); shared <- 1; return nil }
	defer func() {
		s, _ := recover().(*sim.Panic)
		if want := "fatal error: send on channel from outside the life that made it"; s == nil || s.Node != 1 || fmt.Sprint(s.Value) != want {
			t.Errorf("the run ends with %v, want %s on node 1", s, want)
		}
	}()
	play(t, 1, "", plain, first, second)
}

func TestAnExitIsTheEndOfALifeIfTheScenarioSaysSo(t *testing.T) {
	got := watch(t, "crash 0 at 2s for 1s", host.Options{ExitCrashes: true}, func(ctx context.Context, h *host.Host) error {
		time.Sleep(time.Second)
		defer tell(h, "a deferred call")
		os.Exit(1)
		return nil
	})
	compare(t, got, "0s n0 life 1", "1s n0 go.exit: the program called os.Exit(1)", "2s n0 crash", "3s n0 life 2", "4s n0 go.exit: the program called os.Exit(1)")
}

func TestLogsAreRemarksOfTheNode(t *testing.T) {
	got := watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
		log.Print("a log\nof two lines")
		fmt.Print("begun, ")
		time.Sleep(time.Second)
		fmt.Println("ended")
		return nil
	})
	compare(t, got, "0s n0 life 1",
		"0s n0 stderr: 2000/01/01 00:00:00 a log", "0s n0 stderr: of two lines",
		"1s n0 stdout: begun, ended", "1s n0 go.exit: the program returned")
}

func TestTheMachineIsTheSameEverywhere(t *testing.T) {
	got := watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
		name, err := os.Hostname()
		tell(h, name, err, " ", runtime.NumCPU(), runtime.GOMAXPROCS(0), " ", os.Getpid(), os.Getppid(), os.Getuid(), " ", runtime.NumGoroutine(), " ", time.Now())
		tell(h, trace.Start(io.Discard))
		select {}
	})
	compare(t, got, "0s n0 life 1", "0s n0 n0<nil> 4 4 1 0 0 1 2000-01-01 00:00:00 +0000 UTC m=+0.000000001",
		"0s n0 runtime error: a simulated node has no execution trace")
}

func TestAfterAPauseAllTimersFireAtOnce(t *testing.T) {
	got := watch(t, "pause 0 at 1500ms for 3s", host.Options{}, func(ctx context.Context, h *host.Host) error {
		start := time.Now()
		tick := time.NewTicker(time.Second)
		for range 4 {
			at := <-tick.C
			tell(h, at.Sub(start), " ", time.Since(start))
		}
		return nil
	})
	compare(t, got, "0s n0 life 1", "1s n0 1s 1s", "4.5s n0 2s 4.5s", "5s n0 5s 5s", "6s n0 6s 6s", "6s n0 go.exit: the program returned")
}

// has reports whether a line ends in text.
func (s *said) has(text string) bool {
	return slices.ContainsFunc(s.lines, func(line string) bool { return strings.HasSuffix(line, text) })
}

// What would reach the machine around package os is refused, too.
func TestAProgramDoesNotReachTheMachine(t *testing.T) {
	got := watch(t, "", host.Options{}, func(ctx context.Context, h *host.Host) error {
		_, opened := syscall.Open("/etc/hostname", 0, 0)
		_, socket := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		_, found := os.FindProcess(os.Getpid())
		_, forked := syscall.ForkExec("/bin/true", nil, nil)
		tell(h, opened, "; ", socket, "; ", syscall.Kill(1, 0), "; ", forked, "; ", found)
		go func() {
			runtime.LockOSThread() // and ends so
			time.Sleep(time.Second)
		}()
		time.Sleep(2 * time.Second)
		tell(h, "goes on")
		select {}
	})
	const no = "operation not permitted"
	compare(t, got, "0s n0 life 1",
		"0s n0 no such file or directory; "+strings.Repeat(no+"; ", 3)+"find process: a simulated node has no processes",
		"2s n0 goes on")
}
