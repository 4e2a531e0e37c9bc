// Package leveldb puts a store in goleveldb under dessim. Package store is the code under test.
package leveldb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"example.com/leveldb/store"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/host/volume"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

const (
	dir   = "/data"
	storm = protocol.Time(15 * time.Second) // faults come before
	calm  = protocol.Time(20 * time.Second)
	span  = 10 * time.Millisecond // the unit of the lengths of faults, which are up to 486 times as long
	burst = 3                     // so many inputs come at once
	pause = 200 * time.Millisecond
)

// Outputs of a node.
var (
	kindOpens = protocol.KindOf("opens") // its store, and what is in it
	kindAsks  = protocol.KindOf("asks")  // its store to do something
	kindDoes  = protocol.KindOf("does")  // and its store has written that
	kindReads = protocol.KindOf("reads") // or this is in it
)

// request is an input: a batch, or none to read all.
type request struct {
	Batch *store.Batch `json:",omitempty"`
}

// asked is what a store is asked, by number, and answers.
type asked struct {
	Op        int
	Batch     *store.Batch `json:",omitempty"`
	State     *store.State `json:",omitempty"` // that was read
	Recovered bool         `json:",omitempty"` // when the store was opened
	Wrong     string       `json:",omitempty"` // why there is none
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

// serve returns a program that carries out its inputs in a store. When a write has failed, the store
// is opened again, as by a supervisor that starts a process once more.
func serve(o store.Options) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		op := 0
		for {
			if err := life(ctx, h, o, &op); errors.Is(err, store.ErrCorrupt) {
				h.Output(kindOpens, text(asked{Wrong: err.Error()}))
				return nil
			}
			time.Sleep(pause)
		}
	}
}

// life opens the store, and ends with an error.
func life(ctx context.Context, h *host.Host, o store.Options, op *int) error {
	s, err := store.Open(dir, o)
	if err != nil {
		return err
	}
	defer s.Close()
	state, err := s.State()
	if err != nil {
		return err
	}
	h.Output(kindOpens, text(asked{State: brief(state), Recovered: s.Recovered}))
	return feed(ctx, h, s, op)
}

// brief returns a state with values as an output has them.
func brief(s store.State) *store.State {
	for i := range s.Values {
		s.Values[i].Value = short(s.Values[i].Value)
	}
	return &s
}

// feed hands inputs to a store, each to a goroutine of its own, until a write fails.
func feed(ctx context.Context, h *host.Host, s *store.Store, op *int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var under sync.WaitGroup
	defer under.Wait()
	for {
		in, err := h.Input(ctx)
		if err != nil {
			return context.Cause(ctx)
		}
		var r request
		if err := json.Unmarshal(in, &r); err != nil {
			return err
		}
		*op++
		a := asked{Op: *op, Batch: r.Batch}
		under.Go(func() {
			if err := do(h, s, a); err != nil {
				cancel(err)
			}
		})
	}
}

func do(h *host.Host, s *store.Store, a asked) error {
	h.Output(kindAsks, text(a))
	if a.Batch == nil {
		state, err := s.State()
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

// Scenario has nodes, each for itself, write batches while they crash and disks fail.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "leveldb",
		Shows:    "a store in goleveldb has whole batches, and those that were acknowledged, whatever happens to the disk",
		MinNodes: 1, MaxNodes: 9,
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: 45 * time.Second, Faults: "crash,restart,disk,order,yield,full"},
		Own: []*scenario.Param{
			scenario.Int("batches", 150, 1, 10000, "how many batches and reads there are"),
			scenario.Choice("disk", "ordered", volume.Models(), "what a crash may undo of what is not synced: see package volume"),
			scenario.Choice("sync", "write", []string{"write", "none"}, "when the journal is synced: at each write, or never, which is a mistake"),
			scenario.Choice("writers", "one", []string{"one", "many"}, "how many batches the library is given at a time; given many, it loses some if a sync fails"),
			scenario.Choice("corrupt", "recover", []string{"recover", "tell"}, "what is done with a store that the library calls corrupt"),
		},
		Text:  func(_ *scenario.Params, e *sim.Event) string { return host.Text(e) },
		Build: build,
	}
}

func build(b *scenario.Setup) *scenario.Run {
	var nodes []protocol.NodeID
	for i := range b.Nodes {
		nodes = append(nodes, protocol.NodeID(i))
	}
	o := store.Options{NoSync: b.Choice("sync") == "none", Concurrent: b.Choice("writers") == "many", NoRecover: b.Choice("corrupt") == "tell"}
	disk := host.DiskOptions{Model: volume.ModelNamed(b.Choice("disk"))}
	plan := sim.Plan{
		Nodes: b.Nodes,
		Node: func(id protocol.NodeID) protocol.Node {
			return host.New(serve(o), host.Options{Salt: b.Seed, Disk: disk})
		},
		Link:   sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Disk:   sim.Disk{Sync: time.Millisecond, Jitter: 3 * time.Millisecond},
		Inputs: inputs(uint64(b.Int("batches")), nodes),
		Until:  protocol.Time(b.Until),
		Faults: b.DrawFaults(swarm.Config{Nodes: nodes, From: protocol.Time(span), To: storm, Delay: span, Most: 8}),
	}
	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: check.Suite{opens(), kept(), writes(plan.Until)}}
}

// inputs has nodes write and read, several at once.
func inputs(batches uint64, nodes []protocol.NodeID) (list []sim.Input) {
	last := calm + protocol.Time(10*time.Second)
	bursts := (batches + burst - 1) / burst
	for i := range batches {
		var r request
		if i%7 != 6 {
			r.Batch = batch(int(i))
		}
		at := last / protocol.Time(bursts) * protocol.Time(i/burst)
		list = append(list, sim.Input{ID: i, At: at, Node: nodes[i/burst%uint64(len(nodes))], Body: text(r)})
	}
	return list
}

// batch returns one with values from a few bytes to some pages, and removals.
func batch(i int) *store.Batch {
	b := &store.Batch{ID: fmt.Sprint("b", i)}
	sizes := []int{10, 300, 1500, 20, 5000}
	for j := range 1 + i%4 {
		p := store.Put{Key: key(i*7 + j*5)}
		if (i+j)%6 != 5 {
			p.Value = padded(fmt.Sprintf("%s.%d", b.ID, j), sizes[(i+j)%len(sizes)])
		}
		b.Puts = append(b.Puts, p)
	}
	return b
}

// keys is how many there are.
const keys = 20

func key(i int) string { return fmt.Sprint("k", i%keys) }

func allKeys() (all []string) {
	for i := range keys {
		all = append(all, key(i))
	}
	return all
}
