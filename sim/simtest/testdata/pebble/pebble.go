// Package pebble puts a store in pebble under dessim. Package store is the code under test.
package pebble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	_ "unsafe" // for linkname

	"example.com/pebble/store"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/host/volume"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

const (
	dir   = "/data/store"
	storm = protocol.Time(15 * time.Second) // faults come before
	calm  = protocol.Time(20 * time.Second)
	span  = 10 * time.Millisecond // the unit of the lengths of faults, which are up to 486 times as long
	burst = 4                     // so many inputs come at once
	pause = 200 * time.Millisecond
)

// Outputs of a node.
var (
	kindOpens = protocol.KindOf("opens") // its store, and what is in it
	kindAsks  = protocol.KindOf("asks")  // its store to do something
	kindDoes  = protocol.KindOf("does")  // and its store has written that
	kindReads = protocol.KindOf("reads") // or this is in it
)

// request is an input: a batch, or none to read all, perhaps from a copy.
type request struct {
	Batch *store.Batch `json:",omitempty"`
	Copy  bool         `json:",omitempty"`
}

// asked is what a store is asked, by number, and answers.
type asked struct {
	Op int
	request
	State *store.State `json:",omitempty"` // that was read
	Wrong string       `json:",omitempty"` // why there is none
}

func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// padded returns a value of at least n bytes, and short what it was made of.
func padded(s string, n int) string { return s + strings.Repeat(".", max(0, n-len(s))) }

func short(v string) string {
	s := strings.TrimRight(v, ".")
	return fmt.Sprintf("%s+%d", s, len(v)-len(s))
}

// lockedFiles is where the library notes which locks the process has. They end with a process. The next life
// of a node is in the same one.
//
//go:linkname lockedFiles github.com/cockroachdb/pebble/v2/vfs.lockedFiles
var lockedFiles struct {
	mu struct {
		sync.Mutex
		files map[string]bool
	}
}

// serve returns a program that carries out its inputs in a store. The library exits or panics when a sync
// fails, and the program ends when anything else does. Then it is started again.
func serve(o store.Options) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		lockedFiles.mu.Mutex, lockedFiles.mu.files = sync.Mutex{}, nil // a goroutine that is gone may hold it
		s, err := store.Open(dir, o)
		var state store.State
		if err == nil {
			state, err = s.State()
		}
		if errors.Is(err, store.ErrCorrupt) {
			h.Output(kindOpens, text(asked{Wrong: err.Error()}))
		}
		if err != nil {
			return err
		}
		h.Output(kindOpens, text(asked{State: brief(state)}))
		return feed(ctx, h, s)
	}
}

// brief returns a state with values as an output has them.
func brief(s store.State) *store.State {
	for i := range s.Values {
		s.Values[i].Value = short(s.Values[i].Value)
	}
	return &s
}

// feed hands inputs to a store, each to a goroutine of its own, until one fails.
func feed(ctx context.Context, h *host.Host, s *store.Store) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var under sync.WaitGroup
	defer under.Wait()
	for op := 1; ; op++ {
		in, err := h.Input(ctx)
		if err != nil {
			return context.Cause(ctx)
		}
		a := asked{Op: op}
		if err := json.Unmarshal(in, &a.request); err != nil {
			return err
		}
		under.Go(func() {
			if err := do(h, s, a); err != nil {
				h.Note(protocol.KindOf("failed"), err.Error())
				cancel(err)
			}
		})
	}
}

func do(h *host.Host, s *store.Store, a asked) error {
	h.Output(kindAsks, text(a))
	if a.Batch == nil {
		read := s.State
		if a.Copy {
			read = func() (store.State, error) { return s.Copy(fmt.Sprintf("/data/copy%d", a.Op)) }
		}
		state, err := read()
		if err == nil {
			a.State = brief(state)
			h.Output(kindReads, text(a))
		}
		return err
	}
	if err := s.Write(*a.Batch); err != nil {
		return err
	}
	h.Output(kindDoes, text(a))
	return nil
}

// Scenario has a node write batches while it crashes and its disk fails.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "pebble",
		Shows:    "a store in pebble has whole batches, and those that were acknowledged, whatever happens to the disk",
		MinNodes: 1, MaxNodes: 1, Unused: []string{"nodes"},
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: 45 * time.Second, Faults: "crash,restart,disk,order,yield,full"},
		Own: []*scenario.Param{
			scenario.Int("batches", 150, 1, 10000, "how many batches and reads there are"),
			scenario.Choice("disk", "ordered", volume.Models(), "what a crash may undo of what is not synced: see package volume"),
			scenario.Choice("background", "exits", []string{"exits", "goon"}, "what the process does when a flush or a compaction fails; if it goes on, it tries again at once, and is busy while the disk is full"),
			scenario.Choice("sync", "write", []string{"write", "none"}, "when the log is synced: at each write, or never, which is a mistake"),
		},
		Text:  func(_ *scenario.Params, e *sim.Event) string { return host.Text(e) },
		Build: build,
	}
}

func build(b *scenario.Setup) *scenario.Run {
	o := store.Options{NoSync: b.Choice("sync") == "none", GoOn: b.Choice("background") == "goon"}
	disk := host.DiskOptions{Model: volume.ModelNamed(b.Choice("disk"))}
	plan := sim.Plan{
		Nodes: b.Nodes,
		Node: func(id protocol.NodeID) protocol.Node {
			return host.New(serve(o), host.Options{Salt: b.Seed, PanicCrashes: true, RestartAfter: pause, Disk: disk})
		},
		Link:   sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Disk:   sim.Disk{Sync: time.Millisecond, Jitter: 3 * time.Millisecond},
		Inputs: inputs(uint64(b.Int("batches"))),
		Until:  protocol.Time(b.Until),
		Faults: b.DrawFaults(swarm.Config{Nodes: []protocol.NodeID{0}, From: protocol.Time(span), To: storm, Delay: span, Most: 8}),
	}
	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: check.Suite{opens(), kept(), writes(plan.Until)}}
}

// inputs has the store written, read and copied, several at once.
func inputs(batches uint64) (list []sim.Input) {
	last := calm + protocol.Time(10*time.Second)
	bursts := (batches + burst - 1) / burst
	for i := range batches {
		var r request
		switch i % 14 {
		case 6:
		case 13:
			r.Copy = true
		default:
			r.Batch = batch(int(i))
		}
		at := last / protocol.Time(bursts) * protocol.Time(i/burst)
		list = append(list, sim.Input{ID: i, At: at, Body: text(r)})
	}
	return list
}

// batch returns one with values from a few bytes to some pages, removals, and appends.
func batch(i int) *store.Batch {
	b := &store.Batch{ID: fmt.Sprint("b", i)}
	sizes := []int{10, 300, 1500, 20, 5000}
	for j := range 1 + i%4 {
		op := store.Op{Key: key(i*7 + j*5)}
		if i%9 == 4 || (i+j)%6 != 5 {
			op.Value = padded(fmt.Sprintf("%s.%d", b.ID, j), sizes[(i+j)%len(sizes)])
		}
		b.Ops = append(b.Ops, op)
	}
	switch {
	case i%9 == 4:
		b.By = store.Ingest
	case i%8 == 3:
		b.Ops = append(b.Ops, store.Op{Key: key(i % 17), End: key(i%17 + 3)})
	default:
		b.Ops = append(b.Ops, store.Op{Key: fmt.Sprint("l", i%3), Append: true})
	}
	return b
}

// keys is how many there are.
const keys = 20

func key(i int) string { return fmt.Sprintf("k%02d", i%keys) }

func allKeys() (all []string) {
	for i := range keys {
		all = append(all, key(i))
	}
	return all
}
