// Package bolt puts a store in a file of bbolt under dessim. Package store is the code under test.
package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"example.com/bolt/store"

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
	kindDoes  = protocol.KindOf("does")  // and its store has committed that
	kindReads = protocol.KindOf("reads") // or this is in it
)

// request is an input: a transaction, or none to read all.
type request struct {
	Tx       *store.Tx `json:",omitempty"`
	Together bool      `json:",omitempty"` // with others that come at that time
}

// asked is what a store is asked, by number, and answers.
type asked struct {
	Op     int
	Tx     *store.Tx    `json:",omitempty"`
	Number uint64       `json:",omitempty"` // of a transaction that is committed
	State  *store.State `json:",omitempty"` // that was read
	Wrong  string       `json:",omitempty"` // why there is none
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

// options are what a run says of the program.
type options struct {
	store.Options
	goOn bool // the file remains in use when a commit has failed
}

// serve returns a program that carries out its inputs in a store. When a commit has failed, the file
// is opened again, as by a supervisor that starts a process once more.
func serve(o options) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		op := 0
		for {
			s, err := store.Open(dir, o.Options)
			if err == nil {
				state, err := s.State()
				if err != nil {
					return err
				}
				h.Output(kindOpens, text(asked{State: brief(state)}))
				err = feed(ctx, h, s, o.goOn, &op)
				if e := s.Close(); e != nil {
					return errors.Join(err, e)
				}
			} else if errors.Is(err, store.ErrCorrupt) {
				h.Output(kindOpens, text(asked{Wrong: err.Error()}))
				return nil
			}
			time.Sleep(pause)
		}
	}
}

// brief returns a state with values as an output has them.
func brief(s store.State) *store.State {
	for i := range s.Values {
		s.Values[i].Value = short(s.Values[i].Value)
	}
	return &s
}

// feed hands inputs to a store, each to a goroutine of its own, until a commit fails.
func feed(ctx context.Context, h *host.Host, s *store.Store, goOn bool, op *int) error {
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
		a := asked{Op: *op, Tx: r.Tx}
		under.Go(func() {
			if err := do(h, s, a, r.Together); err != nil && !goOn {
				cancel(err)
			}
		})
	}
}

func do(h *host.Host, s *store.Store, a asked, together bool) error {
	h.Output(kindAsks, text(a))
	if a.Tx == nil {
		state, err := s.State()
		a.State = brief(state)
		if err != nil {
			a.Wrong = err.Error()
		}
		h.Output(kindReads, text(a))
		return nil
	}
	number, err := s.Do(*a.Tx, together)
	if err != nil {
		return err
	}
	a.Number = number
	h.Output(kindDoes, text(a))
	return nil
}

// Scenario has nodes, each for itself, commit transactions while they crash and disks fail.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "bolt",
		Shows:    "a file of bbolt has whole transactions, and those that were acknowledged, whatever happens to the disk",
		MinNodes: 1, MaxNodes: 9,
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: 45 * time.Second, Faults: "crash,restart,disk,order,yield,full"},
		Own: []*scenario.Param{
			scenario.Int("txs", 150, 1, 10000, "how many transactions and reads there are"),
			scenario.Choice("disk", "ordered", volume.Models(), "what a crash may undo of what is not synced: see package volume"),
			scenario.Choice("create", "careful", []string{"careful", "bare"}, "how the file is made: at another place first, or where it will be, which a crash may leave damaged"),
			scenario.Choice("sync", "commit", []string{"commit", "none"}, "when the file is synced: at each commit, or never, which is a mistake"),
			scenario.Choice("fail", "copy", []string{"copy", "reopen", "goon"}, "what follows a commit that failed: the file is written anew and opened; or is opened, or remains in use, which a later crash may punish"),
			scenario.Choice("freelist", "written", []string{"written", "found"}, "whether the list of free pages is written, or found when the file is opened"),
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
	o := options{
		Options: store.Options{Bare: b.Choice("create") == "bare", NoSync: b.Choice("sync") == "none", NoFreelist: b.Choice("freelist") == "found", Copy: b.Choice("fail") == "copy"},
		goOn:    b.Choice("fail") == "goon",
	}
	disk := host.DiskOptions{Model: volume.ModelNamed(b.Choice("disk"))}
	plan := sim.Plan{
		Nodes: b.Nodes,
		Node: func(id protocol.NodeID) protocol.Node {
			return host.New(serve(o), host.Options{Salt: b.Seed, Disk: disk})
		},
		Link:   sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Disk:   sim.Disk{Sync: time.Millisecond, Jitter: 3 * time.Millisecond},
		Inputs: inputs(uint64(b.Int("txs")), nodes),
		Until:  protocol.Time(b.Until),
		Faults: b.DrawFaults(swarm.Config{Nodes: nodes, From: protocol.Time(span), To: storm, Delay: span, Most: 8}),
	}
	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: check.Suite{opens(), kept(), committed(plan.Until)}}
}

// inputs has nodes commit transactions and read, several at once.
func inputs(txs uint64, nodes []protocol.NodeID) (list []sim.Input) {
	last := calm + protocol.Time(10*time.Second)
	bursts := (txs + burst - 1) / burst
	for i := range txs {
		r := request{Together: i%2 == 1}
		if i%7 != 6 {
			r.Tx = transaction(int(i))
		}
		at := last / protocol.Time(bursts) * protocol.Time(i/burst)
		list = append(list, sim.Input{ID: i, At: at, Node: nodes[i/burst%uint64(len(nodes))], Body: text(r)})
	}
	return list
}

// transaction returns one with values from a few bytes to some pages, and removals.
func transaction(i int) *store.Tx {
	t := &store.Tx{ID: fmt.Sprint("t", i)}
	sizes := []int{10, 300, 1500, 20, 5000}
	for j := range 1 + i%4 {
		p := store.Put{Key: fmt.Sprint("k", (i*7+j*5)%20)}
		if (i+j)%6 != 5 {
			p.Value = padded(fmt.Sprintf("%s.%d", t.ID, j), sizes[(i+j)%len(sizes)])
		}
		t.Puts = append(t.Puts, p)
	}
	return t
}
