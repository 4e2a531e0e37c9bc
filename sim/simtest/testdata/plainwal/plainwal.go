// Package plainwal puts a write-ahead log in files under dessim. Package wal is the code under
// test, with mistakes to plant.
package plainwal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"example.com/plainwal/wal"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/host/volume"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

const (
	dir   = "/data/log"
	storm = protocol.Time(15 * time.Second) // faults come before
	calm  = protocol.Time(20 * time.Second)
	span  = 10 * time.Millisecond // the unit of the lengths of faults, which are up to 486 times as long
	burst = 4                     // so many inputs come at once
	pause = 200 * time.Millisecond
)

// Outputs of a node.
var (
	kindOpens = protocol.KindOf("opens") // its log, and what is in it
	kindAsks  = protocol.KindOf("asks")  // its log to do something
	kindDoes  = protocol.KindOf("does")  // and its log has done it
)

// request is an input: a record to append, or how many of the newest to keep.
type request struct {
	Record string `json:",omitempty"`
	Keep   uint64 `json:",omitempty"`
}

// padded returns a record of at least n bytes, and short what it was made of.
func padded(s string, n int) string { return s + strings.Repeat(".", max(0, n-len(s))) }

func short(rec string) string {
	s := strings.TrimRight(rec, ".")
	return fmt.Sprintf("%s+%d", s, len(rec)-len(s))
}

// done is what a log is asked, and does.
type done struct {
	request
	Number uint64 `json:",omitempty"` // of the record, or of the first that is kept
}

// opened is what is in a log.
type opened struct {
	First   uint64
	Records []string `json:",omitempty"`
	Corrupt string   `json:",omitempty"` // why it does not open
}

func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// serve returns a program that appends its inputs to a log. When that has failed, it is opened
// again, as by a supervisor that starts a process once more.
func serve(o wal.Options) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		for {
			l, first, records, err := wal.Open(dir, o)
			switch {
			case err == nil:
				s := opened{First: first}
				for _, r := range records {
					s.Records = append(s.Records, short(string(r)))
				}
				h.Output(kindOpens, text(s))
				err = feed(ctx, h, l, first+uint64(len(records)))
			case errors.Is(err, wal.ErrCorrupt):
				h.Output(kindOpens, text(opened{Corrupt: err.Error()}))
				return nil
			}
			if ctx.Err() != nil {
				return err
			}
			time.Sleep(pause)
		}
	}
}

// feed hands inputs to a log, each to a goroutine of its own, until it fails.
func feed(ctx context.Context, h *host.Host, l *wal.Log, next uint64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var under sync.WaitGroup
	defer l.Close()
	defer under.Wait()
	var mu sync.Mutex // of next
	for {
		in, err := h.Input(ctx)
		if err != nil {
			return context.Cause(ctx)
		}
		var d done
		if err := json.Unmarshal(in, &d.request); err != nil {
			return err
		}
		under.Go(func() {
			var err error
			if rec := d.Record; rec != "" {
				d.Record = short(rec)
				h.Output(kindAsks, text(d))
				d.Number, err = l.Append([]byte(rec))
			} else {
				mu.Lock()
				d.Number = next - min(next, d.Keep)
				mu.Unlock()
				h.Output(kindAsks, text(d))
				err = l.Trim(d.Number)
			}
			if err != nil {
				if l.Failed() {
					cancel(err)
				}
				return
			}
			h.Output(kindDoes, text(d))
			mu.Lock()
			next = max(next, d.Number+1)
			mu.Unlock()
		})
	}
}

// Scenario has nodes, each for itself, append records while they crash and disks fail.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "plainwal",
		Shows:    "a write-ahead log keeps what it acknowledged, whatever happens to the disk",
		MinNodes: 1, MaxNodes: 9,
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: 45 * time.Second, Faults: "crash,restart,disk,order,yield,full"},
		Own: []*scenario.Param{
			scenario.Int("records", 160, 1, 10000, "how many records are appended"),
			scenario.Int("segment", 10000, 100, 1<<20, "bytes of a segment"),
			scenario.Choice("disk", "ordered", volume.Models(), "what a crash may undo of what is not synced: see package volume"),
			scenario.Choice("bug", "none", wal.Bugs, "a mistake of the log: see package wal"),
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
	o := wal.Options{SegmentBytes: int64(b.Int("segment")), Bug: wal.Bug(b.Choice("bug"))}
	disk := host.DiskOptions{Model: volume.ModelNamed(b.Choice("disk"))}
	plan := sim.Plan{
		Nodes: b.Nodes,
		Node: func(id protocol.NodeID) protocol.Node {
			return host.New(serve(o), host.Options{Salt: b.Seed, Disk: disk})
		},
		Link:   sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Disk:   sim.Disk{Sync: time.Millisecond, Jitter: 3 * time.Millisecond},
		Inputs: inputs(uint64(b.Int("records")), nodes),
		Until:  protocol.Time(b.Until),
		Faults: b.DrawFaults(swarm.Config{Nodes: nodes, From: protocol.Time(span), To: storm, Delay: span, Most: 8}),
	}
	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: check.Suite{opens(), kept(), appended(plan.Until)}}
}

// sizes of records: from a few bytes to some pages.
var sizes = []int{10, 600, 20, 1500, 10, 300, 6000}

// inputs has nodes append records, several at once, and now and then trim their logs.
func inputs(records uint64, nodes []protocol.NodeID) (list []sim.Input) {
	last := calm + protocol.Time(10*time.Second)
	bursts := (records + burst - 1) / burst
	for i := range records {
		r := request{Record: padded(fmt.Sprint("record ", i), sizes[i%uint64(len(sizes))])}
		if i%40 == 39 {
			r = request{Keep: 20}
		}
		at := last / protocol.Time(bursts) * protocol.Time(i/burst)
		list = append(list, sim.Input{ID: i, At: at, Node: nodes[i/burst%uint64(len(nodes))], Body: text(r)})
	}
	return list
}
