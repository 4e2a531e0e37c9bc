//go:build dessim_overlay

package host_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/host"
)

// process appends a line to a file, and tells what is in it, whether it has the lock of a file, and a
// port. It ends at once while its second line is being synced.
func process(ctx context.Context, h *host.Host) error {
	f, err := os.OpenFile("lines", os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	l, err := net.Listen("tcp", ":80")
	if err != nil {
		return err
	}
	text, err := os.ReadFile("lines")
	if err != nil {
		return err
	}
	h.Output(protocol.KindOf("has"), text)
	fmt.Fprintln(f, time.Now().Second())
	if err := f.Sync(); err != nil {
		return err
	}
	fmt.Fprintln(f, "unsynced")
	go f.Sync()
	time.Sleep(time.Millisecond)
	switch strings.Count(string(text), "unsynced") {
	case 0:
		os.Exit(1)
	case 1:
		return errors.Join(errors.New("no more"), l.Close())
	}
	<-ctx.Done()
	return nil
}

func TestAProgramThatEndsIsStartedAgainWithItsFiles(t *testing.T) {
	n := store(t, 3, "crash 0 at 40s for 1s", host.Options{RestartAfter: 10 * time.Second}, process)
	want := []string{"", "0\nunsynced\n", "0\nunsynced\n10\nunsynced\n"}
	got := n.outputs[0]
	if len(got) < 3 || fmt.Sprintf("%q", got[:3]) != fmt.Sprintf("%q", want) {
		t.Fatalf("the processes read %q; want first %q", got, want)
	}
	if last := got[len(got)-1]; len(got) != 4 || !strings.HasPrefix(last, want[2]) {
		t.Errorf("after a crash, the file has %q; want what was in it", last)
	}
}

func TestAProgramWithoutRestartStaysEnded(t *testing.T) {
	n := store(t, 3, "", host.Options{ExitCrashes: true}, process)
	if len(n.outputs[0]) != 1 {
		t.Errorf("the processes read %q; want one process", n.outputs[0])
	}
}

// On a machine the system goes on with what a process has begun to sync.
func TestASyncMayFailAfterItsProcessHasEnded(t *testing.T) {
	n := store(t, 3, "failsync 0 at 10ms for 1ms", host.Options{RestartAfter: time.Second}, func(ctx context.Context, h *host.Host) error {
		text, err := os.ReadFile("lines")
		if err == nil {
			h.Output(protocol.KindOf("has"), text)
			<-ctx.Done()
		}
		time.Sleep(10 * time.Millisecond)
		f, err := os.Create("lines")
		if err != nil {
			return err
		}
		fmt.Fprint(f, "unsynced")
		go f.Sync()
		time.Sleep(time.Millisecond)
		return errors.New("no more")
	})
	if want := []string{"unsynced"}; !slices.Equal(n.outputs[0], want) {
		t.Errorf("the processes read %q; want %q", n.outputs[0], want)
	}
}

func TestAPanicOfTheProgramsOwnCrashesIfTheScenarioSaysSo(t *testing.T) {
	o := host.Options{PanicCrashes: true, RestartAfter: time.Second}
	got := watch(t, "crash 0 at 2500ms for 1s", o, func(ctx context.Context, h *host.Host) error {
		time.Sleep(time.Second)
		go panic(errors.New("the disk is gone"))
		<-ctx.Done()
		return nil
	})
	const end = " n0 go.exit: the program panicked: the disk is gone"
	compare(t, got[:6], "0s n0 life 1", "1s"+end, "2.5s n0 crash", "3.5s n0 life 2", "4.5s"+end, "6.5s"+end)

	defer func() {
		s, ok := recover().(*sim.Panic)
		if !ok || !strings.Contains(fmt.Sprint(s.Value), "nil map") {
			t.Errorf("a panic of the runtime ends the run with %v", s)
		}
	}()
	watch(t, "", o, func(context.Context, *host.Host) error {
		var m map[int]int
		m[0] = 0
		return nil
	})
}
