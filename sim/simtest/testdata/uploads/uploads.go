// Package uploads puts tusd, a service for resumable uploads over HTTP with a store in files, under
// dessim. Package server is the code under test.
package uploads

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"example.com/uploads/server"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/host/volume"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

const (
	clients = 3
	storm   = protocol.Time(15 * time.Second) // faults come before
	calm    = protocol.Time(20 * time.Second)
	span    = 10 * time.Millisecond // the unit of the lengths of faults, which are up to 486 times as long
)

// Outputs of clients.
var (
	kindAsks   = protocol.KindOf("asks")   // for an upload
	kindIsTold = protocol.KindOf("istold") // how much of it the server has
	kindGets   = protocol.KindOf("gets")   // it, as a whole
)

// upload is an input of a client: data to upload, which then is downloaded, as the one before is.
type upload struct {
	ID    int
	Size  int
	Chunk int
}

// data returns what is uploaded.
func (u *upload) data() []byte {
	b := make([]byte, 0, u.Size)
	for i := 0; len(b) < u.Size; i++ {
		b = fmt.Appendf(b, "%d.%d ", u.ID, i)
	}
	return b[:u.Size]
}

// told is what a client learns about an upload.
type told struct {
	ID     int
	Path   string `json:",omitempty"`
	Offset int64  `json:",omitempty"`
	Right  bool   `json:",omitempty"` // what was downloaded is what was uploaded
	Wrong  string `json:",omitempty"`
}

func text(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func serve(_ context.Context, _ *host.Host) error { return server.Serve("/data") }

// ask runs a client, whose inputs are uploads.
func ask(ctx context.Context, h *host.Host) error {
	c := server.NewClient(host.Name(0))
	var last *upload
	paths := map[int]string{}
	for {
		in, err := h.Input(ctx)
		if err != nil {
			return err
		}
		u := new(upload)
		if err := json.Unmarshal(in, u); err != nil {
			return err
		}
		h.Output(kindAsks, text(told{ID: u.ID}))
		c.Acknowledged = func(path string, offset int64) {
			paths[u.ID] = path
			h.Output(kindIsTold, text(told{ID: u.ID, Path: path, Offset: offset}))
		}
		if _, err := c.Upload(u.data(), u.Chunk); err != nil {
			h.Output(kindIsTold, text(told{ID: u.ID, Path: paths[u.ID], Wrong: err.Error()}))
			continue
		}
		for _, u := range []*upload{u, last} {
			if u != nil {
				download(h, c, u, paths[u.ID])
			}
		}
		last = u
	}
}

func download(h *host.Host, c *server.Client, u *upload, path string) {
	t := told{ID: u.ID, Path: path}
	data, err := c.Download(path)
	if err != nil {
		t.Wrong = err.Error()
	} else {
		t.Offset, t.Right = int64(len(data)), bytes.Equal(data, u.data())
	}
	h.Output(kindGets, text(t))
}

// Scenario has clients upload and download while the server crashes, and links and its disk fail.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "uploads",
		Shows:    "tusd keeps what it acknowledged of uploads, if its process crashes and the machine does not",
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: 60 * time.Second, Faults: "crash,restart,partition,lose,order,full"},
		Own: []*scenario.Param{
			scenario.Int("uploads", 30, 1, 2000, "how many uploads clients make"),
			scenario.Choice("disk", "synced", volume.Models(), "what a crash may undo of what is not synced, and tusd syncs nothing: see package volume"),
		},
		Text:  func(_ *scenario.Params, e *sim.Event) string { return host.Text(e) },
		Build: build,
	}
}

func build(b *scenario.Setup) *scenario.Run {
	options := host.Options{Salt: b.Seed, RestartAfter: time.Second, Disk: host.DiskOptions{Model: volume.ModelNamed(b.Choice("disk"))}}
	plan := sim.Plan{
		Nodes: b.Nodes + clients,
		Node: func(id protocol.NodeID) protocol.Node {
			if int(id) < b.Nodes {
				return host.New(serve, options)
			}
			return host.New(ask, host.Options{Salt: b.Seed})
		},
		Link:  sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Disk:  sim.Disk{Sync: time.Millisecond, Jitter: 3 * time.Millisecond},
		Until: protocol.Time(b.Until),
	}
	all := []protocol.NodeID{0}
	for i := range clients {
		all = append(all, protocol.NodeID(b.Nodes+i))
	}
	uploads := b.Int("uploads")
	last := calm + protocol.Time(15*time.Second)
	for i := range uploads {
		u := upload{ID: i, Size: []int{100, 5000, 30000, 0, 12000}[i%5], Chunk: []int{4096, 7000}[i%2]}
		at := last / protocol.Time(uploads) * protocol.Time(i/clients*clients) // several at once
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: at, Node: all[1+i%clients], Body: text(u)})
	}
	plan.Faults = b.DrawFaults(swarm.Config{Nodes: all, From: protocol.Time(span), To: storm, Delay: span, Most: 16})
	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: check.Suite{kept(), right(), ended(plan.Until)}}
}

func read(e *sim.Event) (t told) {
	if err := json.Unmarshal(e.Body, &t); err != nil {
		panic(err)
	}
	return t
}

// kept requires that the server never has less of an upload than it has acknowledged.
func kept() *check.Check {
	has := map[string]int64{}
	return check.Always("what was acknowledged of an upload is kept", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind == kindAsks {
			return false, nil
		}
		t := read(e)
		was, known := has[t.Path]
		if t.Wrong != "" {
			return known, wrong(known, t)
		}
		has[t.Path] = max(was, t.Offset)
		if t.Offset < was {
			return true, fmt.Errorf("the server has %d bytes of upload %d, and said before that it has %d", t.Offset, t.ID, was)
		}
		return known, nil
	})
}

func wrong(known bool, t told) error {
	if !known {
		return nil // nothing was promised
	}
	return fmt.Errorf("upload %d was acknowledged; now: %s", t.ID, t.Wrong)
}

// right requires that what is downloaded is what was uploaded.
func right() *check.Check {
	return check.Always("what is downloaded is what was uploaded", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kindGets {
			return false, nil
		}
		if t := read(e); t.Wrong == "" && !t.Right {
			return true, fmt.Errorf("the %d bytes of upload %d are others than were uploaded", t.Offset, t.ID)
		}
		return true, nil
	})
}

// ended requires that when the faults are over, uploads end.
func ended(until protocol.Time) *check.Check {
	return check.Answered("after the faults, uploads end", calm, until, kindAsks, kindGets)
}
