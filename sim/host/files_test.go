//go:build dessim_overlay

package host_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/host"
	"dessim/sim/source"
)

// noted collects what nodes say, and what is noted of their disks.
type noted struct {
	outputs
	disk []string
}

// Watch is for sim.Observer.
func (n *noted) Watch() sim.What { return sim.Output | sim.Noted }

// Observe is for sim.Observer.
func (n *noted) Observe(e *sim.Event) {
	switch {
	case e.What == sim.Output:
		n.outputs.Observe(e)
	case e.Kind == protocol.KindOf("disk"):
		n.disk = append(n.disk, e.Text)
	}
}

// onDisk is a disk that takes its time.
var onDisk = sim.Disk{Sync: 5 * time.Millisecond, Jitter: 5 * time.Millisecond}

// store runs a program a node, twice: both runs must have one digest.
func store(t *testing.T, seed uint64, faults string, o host.Options, programs ...host.Program) *noted {
	t.Helper()
	parsed, err := fault.Parse(faults)
	if err != nil {
		t.Fatal(err)
	}
	o.Salt = seed
	once := func() (*noted, sim.Result, *sim.Sim) {
		n := &noted{outputs: make(outputs)}
		s, err := sim.New(sim.Plan{
			Nodes:  len(programs),
			Node:   func(id protocol.NodeID) protocol.Node { return host.New(programs[id], o) },
			Link:   plain,
			Disk:   onDisk,
			Faults: parsed,
			Until:  protocol.Time(30 * time.Minute),
			Events: 1_000_000,
		}, source.Seed(seed), n)
		if err != nil {
			t.Fatal(err)
		}
		return n, s.Run(), s
	}
	n, r, _ := once()
	if again, r2, _ := once(); r2.Digest != r.Digest {
		t.Fatalf("seed %d with faults %q: the digest is %v, and once more %v: %q, %q", seed, faults, r.Digest, r2.Digest, n.outputs, again.outputs)
	}
	return n
}

func TestAFileThatIsSyncedSurvivesACrash(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		if b, err := os.ReadFile("/db/wal"); err == nil || !errors.Is(err, os.ErrNotExist) {
			say(h, "read %q %v", b, err)
			return wait(ctx)
		}
		os.Mkdir("/db", 0o777)
		f, err := os.Create("/db/wal")
		if err != nil {
			return err
		}
		n, err := io.WriteString(f, "hello, world")
		say(h, "wrote %d %v", n, err)
		begin := time.Now()
		err = f.Sync()
		say(h, "synced %v %v", err, time.Since(begin) >= 5*time.Millisecond)
		return wait(ctx)
	}
	n := store(t, 1, "crash 0 at 1s for 1s", host.Options{}, program)
	expect(t, n.outputs, 0, "wrote 12 <nil>", "synced <nil> true", `read "hello, world" <nil>`)
	if len(n.disk) > 0 {
		t.Errorf("notes: %q", n.disk)
	}
}

func TestAFileThatIsNotSyncedIsLost(t *testing.T) {
	program := func(ctx context.Context, h *host.Host) error {
		b, err := os.ReadFile("/wal")
		say(h, "read %q %v", b, err)
		say(h, "wrote %v", os.WriteFile("/wal", []byte("hello, world"), 0o666))
		return wait(ctx)
	}
	n := store(t, 1, "crash 0 at 1s for 1s", host.Options{}, program)
	const none = `read "" open /wal: no such file or directory`
	expect(t, n.outputs, 0, none, "wrote <nil>", none, "wrote <nil>")
}
