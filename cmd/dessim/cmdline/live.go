package cmdline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"dessim/protocol"
	"dessim/protocol/live"
	"dessim/protocol/live/disk"
	rec "dessim/protocol/live/record"
	"dessim/protocol/live/udp"
	"dessim/sim/cluster"
	"dessim/sim/enact"
	"dessim/sim/fault"
	"dessim/sim/files"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

const liveUsage = `dessim live -scenario NAME [flags]

Runs the nodes of a scenario in this process as they would run for real: each in a
goroutine of its own, with a UDP socket on loopback, a disk in files, and the clock of
the machine. Inputs and faults come when the scenario has them come, and messages are
lost and copied as -loss and -copy say. But links are as fast as they are: -delay and
-jitter only set the nodes' patience.

All that the machine decides is recorded, and at the end the run is made again in
virtual time, with the same effects of every node. That run is judged and printed as
any other. A run that fails writes it as a replay file; with -record DIR, the
recordings of the nodes are in DIR, which replay, explain and shrink take for a file.

The run ends when all is done, or a check has failed, or after -for.`

func (t *tool) liveCommand() *cli.Command {
	f := t.flags()
	f.addSubject()
	f.add("for", "30s", "end the run after this time; the default is the scenario's -until")
	f.add("record", "DIR", "write the recording of each node to DIR, which is created if needed")
	f.add("disks", "DIR", "keep the disks of the nodes in DIR; the default is a folder that is removed at the end")
	f.add("json", "", "print one JSON object")
	f.addTrace()
	f.addReport()
	f.add("logs", "DIR", "write each node's notes to DIR/<its id in hex>.txt; DIR is created if needed")
	f.addStrict()
	return f.command("live", "runs a scenario's nodes on real sockets, disks and clocks", liveUsage, func(ctx context.Context, args []string) error {
		if err := t.leftover(args); err != nil {
			return err
		}
		s, err := f.subject()
		if err != nil {
			return err
		}
		x := &living{tool: t, ctx: ctx, subject: s}
		if err := x.open(f); err != nil {
			return err
		}
		return x.do(f)
	})
}

// living is one invocation of dessim live.
type living struct {
	*tool
	subject
	ctx    context.Context
	folder string // of the recordings, or ""
	disks  string
	remove bool // the disks
	tapes  []*cluster.Tape
	book   *udp.Book
}

// open reads the flags, and makes the folders.
func (x *living) open(f *flags) error {
	if span := f.find("for"); span.given {
		if f.find("until").given {
			return refuse("-for and -until: use one or the other")
		}
		err := x.set(&scenario.Param{Name: "until"}, span.text)
		if err == nil {
			err = x.validate()
		}
		if err != nil {
			return refuse("for: %v", err)
		}
	}
	if err := x.ableTo(); err != nil {
		return err
	}
	if record, disks := f.find("record"), f.find("disks"); record.given && disks.given && sameName(record.text, disks.text) {
		return refuse("disks %s: -record writes there; want two folders", quote(disks.text))
	}
	early := &job{tool: x.tool, subject: x.subject, live: &replay{}}
	if err := early.open(f); err != nil { // a run may take hours: what it cannot write to is refused before
		return err
	}
	early.discard()
	var err error
	if dir := f.find("record"); dir.given {
		if x.folder, err = emptyFolder(dir); err != nil {
			return err
		}
	}
	if dir := f.find("disks"); dir.given {
		x.disks, err = emptyFolder(dir)
		return err
	}
	x.remove = true
	if x.disks, err = os.MkdirTemp("", "dessim-live-"); err != nil {
		return refuse("disks: %s", files.Reason(err))
	}
	return nil
}

// ableTo refuses a run that cannot be made live, or that writes a fault which cannot be
// injected.
func (x *living) ableTo() error {
	run, err := x.Scenario.Prepare(x.Seed, x.Params, source.Seed(x.Seed), nil)
	if err != nil {
		return refuse("%v", err)
	}
	if run.Plan.Random != nil {
		return refuse("scenario %s: answers crypto/rand for its nodes, which a live run cannot", x.Scenario.Name)
	}
	written, err := fault.Parse(x.Params.Fault)
	if err != nil {
		return refuse("%v", err)
	}
	for i := range written {
		if !cluster.Able(&written[i]) {
			return refuse("fault %v: a live run cannot inject it; it can crash, restart and pause nodes, slow or fail syncs, and lose, hold, slow and copy messages of any kind", written[i])
		}
	}
	return nil
}

// emptyFolder makes the folder that a flag names, or refuses one with something in it.
func emptyFolder(x *flag) (string, error) {
	if x.text == "" {
		return "", refuse("%s %s: want the name of a folder", x.name, quote(x.text))
	}
	if err := os.MkdirAll(x.text, 0o777); err != nil {
		return "", refuse("%s %s: %s", x.name, quote(x.text), files.Reason(err))
	}
	entries, err := os.ReadDir(x.text)
	if err != nil {
		return "", refuse("%s %s: %s", x.name, quote(x.text), files.Reason(err))
	}
	if len(entries) > 0 {
		return "", refuse("%s %s: has %d files; want a new or empty folder", x.name, quote(x.text), len(entries))
	}
	return x.text, nil
}

// do makes the run, makes it again in virtual time, and prints it.
func (x *living) do(f *flags) error {
	made, err := x.run()
	if err != nil {
		return err
	}
	if x.ctx.Err() != nil { // what happened until then is judged all the same
		x.complain("interrupted")
		x.code, x.watchdog = graver(x.code, exitInterrupted), x.late()
	}
	r := &replay{path: x.folder, Recording: made, answers: source.NewReplay(made.Answers)}
	j := &job{tool: x.tool, ctx: x.ctx, subject: subject{x.Program, made.Subject}, live: r, answers: r.answers, cut: made.Cut(),
		json: f.find("json").on(), strict: f.find("strict").on(), command: x.command()}
	if err := j.open(f); err != nil {
		return err
	}
	defer j.discard()
	return j.do()
}

// saveLive sees to it that a file repeats the live run, which failed.
func (j *job) saveLive() {
	path := j.live.path
	if path == "" {
		file, err := j.files.openReplay(files.Name(fmt.Sprintf("-%d.replay", j.Seed), "dessim", "live", j.Scenario.Name))
		if err != nil {
			j.lost("%v", err)
			return
		}
		text, err := j.live.AppendText(nil, plain(j.command))
		if err != nil {
			file.discard()
			j.lost("no replay file was written: %v", err)
			return
		}
		file.Write(text) // commit has the error
		path = file.commit()
	}
	j.saved, j.smaller = j.replayLine(path), j.shrinkLine(path)
}

// command returns the command that makes such a run, or this one again, if it was recorded.
func (x *living) command() string {
	if x.folder != "" {
		return x.replayLine(x.folder)
	}
	return x.Name + " live " + x.Subject.String()
}

// run makes the run live, and again.
func (x *living) run() (*scenario.Recording, error) {
	recordings, err := x.happen()
	if err != nil {
		return nil, err
	}
	made, _, err := enact.Make(x.Subject, recordings)
	switch {
	case x.ctx.Err() != nil && errors.Is(err, enact.ErrNothing):
		return nil, interruptedAtOnce()
	case err != nil:
		return nil, &exit{exitInternal, fmt.Sprintf("the live run cannot be made again in virtual time: %v", err)}
	}
	return made, nil
}

func interruptedAtOnce() error {
	return &exit{exitInterrupted, "interrupted before any node took a step"}
}

// happen makes the run live.
func (x *living) happen() ([]*rec.Recording, error) {
	if x.remove { // before the run is made again, which may take long
		defer os.RemoveAll(x.disks)
	}
	c, err := x.cluster()
	switch {
	case err != nil && x.ctx.Err() != nil:
		return nil, interruptedAtOnce()
	case err != nil:
		return nil, &exit{exitIO, err.Error()}
	}
	defer disk.Processors(len(x.tapes))()
	if n := c.LeftOut(); n > 0 {
		x.complain(fmt.Sprintf("faults: %d that were drawn cannot be injected into a live run, and are left out", n))
	}
	ctx, stop := context.WithCancel(x.ctx)
	defer stop()
	go func() {
		enact.Await(ctx, x.Subject, c.Now, x.recordings)
		stop()
	}()
	end, err := c.Run(ctx)
	switch {
	case end.Failure != nil && end.Failure.Reason == live.Failed:
		return nil, &exit{exitIO, fmt.Sprintf("node %v %v", end.Node, end.Failure)}
	case err != nil:
		return nil, &exit{exitIO, err.Error()}
	}
	recordings, err := x.recordings()
	if err != nil {
		return nil, &exit{exitInternal, err.Error()}
	}
	return recordings, nil
}

// cluster makes the nodes, with sockets on loopback.
func (x *living) cluster() (*cluster.Cluster, error) {
	if err := x.addresses(); err != nil {
		return nil, err
	}
	return cluster.Open(cluster.Config{
		Subject: x.Subject,
		Connect: x.connect,
		Disk: func(id protocol.NodeID) (cluster.Disk, error) {
			if err := x.ctx.Err(); err != nil { // many nodes take long
				return nil, err
			}
			return disk.Open(filepath.Join(x.disks, fmt.Sprintf("node-%v", id)), disk.Options{})
		},
		Tape: func(id protocol.NodeID) (io.Writer, error) {
			t := new(cluster.Tape)
			if x.folder != "" {
				file, err := os.Create(filepath.Join(x.folder, fmt.Sprintf("node-%v%s", id, recordingEnd)))
				if err != nil {
					return nil, err
				}
				t.File = file
			}
			x.tapes = append(x.tapes, t)
			return t, nil
		},
	})
}

// addresses finds a free port on loopback for each node.
func (x *living) addresses() error {
	run, err := x.Scenario.Prepare(x.Seed, x.Params, source.Seed(x.Seed), nil)
	if err != nil {
		return err
	}
	addresses := make([]netip.AddrPort, run.Plan.Nodes)
	for i := range addresses {
		conn, err := udp.Listen("127.0.0.1:0")
		if err != nil {
			return err
		}
		defer conn.Close() // all of them, once each has another port
		addresses[i] = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	x.book, err = udp.NewBook(addresses, 0)
	return err
}

// connect opens the socket of an incarnation of a node.
func (x *living) connect(id protocol.NodeID, incarnation uint32, arrive func(live.Arrival)) (live.Network, error) {
	at, _ := x.book.AddrPort(id)
	conn, err := udp.Listen(at.String())
	if err != nil {
		return nil, err
	}
	return udp.Open(udp.Config{
		Conn: conn, Book: x.book, Network: x.Seed, Incarnation: incarnation, Limits: udp.DefaultLimits(x.book.Members()),
		Receive: func(from protocol.NodeID, incarnation uint32, seq uint64, body []byte) {
			arrive(live.Arrival{From: from, Incarnation: incarnation, Seq: seq, Body: bytes.Clone(body)})
		},
	})
}

// recordings reads what was recorded so far.
func (x *living) recordings() ([]*rec.Recording, error) {
	all := make([]*rec.Recording, 0, len(x.tapes))
	for _, t := range x.tapes {
		r, err := t.Recording()
		if err != nil {
			return nil, fmt.Errorf("the recording of a node: %w", err)
		}
		all = append(all, r)
	}
	return all, nil
}
