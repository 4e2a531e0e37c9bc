// Package cluster runs a scenario live, in one process: each node by a live.Host, with the
// network and disk that it is given, the inputs when the plan has them come, and the faults
// of the plan as far as a real machine can have them. Nothing is judged meanwhile: every node
// is recorded, and package enact makes the run again from that.
//
// The nodes of a plan may share memory in the simulator, such as a table of verified
// signatures. So each node here is made by a run of its own, which the scenario builds from
// the same parameters.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/live"
	"dessim/protocol/live/record"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// Disk is a disk that outlives a node.
type Disk interface {
	live.Disk
	// Crash gives up what was not synced. The next incarnation can begin then.
	Crash() error
	Close() error
}

// Config is what a cluster is made of.
type Config struct {
	Subject scenario.Subject
	// Connect connects an incarnation of a node: see live.Config.
	Connect func(id protocol.NodeID, incarnation uint32, arrive func(live.Arrival)) (live.Network, error)
	// Disk opens the disk of a node, which is empty. The cluster closes it.
	Disk func(id protocol.NodeID) (Disk, error)
	// Tape returns where a node is recorded.
	Tape func(id protocol.NodeID) (io.Writer, error)
	// Watch returns what is shown the events of a node, or nil; it may be nil.
	Watch func(id protocol.NodeID) func(e *live.Event)
}

// Ending is how a run ended.
type Ending struct {
	At      protocol.Time
	Stopped bool // by the context, before the end of the plan
	Node    protocol.NodeID
	Failure *live.Ending // of that node, which panicked or failed, or nil
}

// Cluster is a run.
type Cluster struct {
	cfg      Config
	plan     scenario.Run
	members  []*member
	timeline timeline
	origin   time.Time
	ended    chan ended
	strikes  chan *fault.Fault // crashes that waited for another node's effect, which was done
	over     chan struct{}     // closed when nobody takes from ended
	calm     protocol.Time
	left     int
}

// member is a node of the cluster.
type member struct {
	id   protocol.NodeID
	make func() protocol.Node
	disk Disk
	tape *record.Writer
	host *live.Host // nil while down
	sab  *saboteur
	life uint64 // incarnations so far
}

// ended says that a host ended by itself.
type ended struct {
	m    *member
	host *live.Host
}

// Able reports whether a cluster can inject the fault. It has no power over clocks, over what
// is on disks and in messages, over what nodes say, or over the order of goroutines; it does not
// know the kinds of messages; and a fault with a window cannot wait for an effect.
func Able(f *fault.Fault) bool {
	switch f.Op {
	case fault.Byzantine, fault.Jump, fault.Drift, fault.Rot, fault.Corrupt, fault.Late, fault.Echo, fault.LateTimer, fault.Order, fault.Yield, fault.Stall, fault.Full:
		return false
	}
	return f.Only == 0 && (f.On.N == 0 || f.Op == fault.Crash)
}

// Open makes a cluster; Run runs it. The error is that of a part, or a *scenario.PlanError.
func Open(cfg Config) (*Cluster, error) {
	c := &Cluster{cfg: cfg, ended: make(chan ended), over: make(chan struct{})}
	s := cfg.Subject
	run, err := s.Scenario.Prepare(s.Seed, s.Params, source.Seed(s.Seed), nil)
	if err != nil {
		return nil, err
	}
	c.plan = *run
	c.plan.Plan.Faults = slices.DeleteFunc(slices.Clone(run.Plan.Faults), func(f fault.Fault) bool { return !Able(&f) })
	c.left = len(run.Plan.Faults) - len(c.plan.Plan.Faults)
	if run.Plan.Random != nil {
		return nil, fmt.Errorf("scenario %s answers crypto/rand, which a live run cannot", s.Scenario.Name)
	}
	c.calm = fault.Calm(run.Plan.Faults)
	c.strikes = make(chan *fault.Fault, len(run.Plan.Faults))
	for id := range protocol.NodeID(run.Plan.Nodes) {
		m, err := c.member(id)
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.members = append(c.members, m)
	}
	c.schedule()
	return c, nil
}

// LeftOut returns how many faults of the plan the cluster leaves out, since it is not Able to
// inject them.
func (c *Cluster) LeftOut() int { return c.left }

func (c *Cluster) member(id protocol.NodeID) (*member, error) {
	s := c.cfg.Subject
	own, err := s.Scenario.Prepare(s.Seed, s.Params, source.Seed(s.Seed), nil)
	if err != nil {
		return nil, err
	}
	m := &member{id: id, make: func() protocol.Node { return own.Plan.Node(id) }}
	if m.disk, err = c.cfg.Disk(id); err != nil {
		return nil, err
	}
	tape, err := c.cfg.Tape(id)
	if err != nil {
		return nil, errors.Join(err, m.disk.Close())
	}
	m.tape = record.NewWriter(tape, record.Header{Node: id, Run: s.String()})
	if err := m.tape.Flush(); err != nil { // a recording of a node that never starts is one, too
		return nil, errors.Join(fmt.Errorf("recording: %w", err), m.disk.Close())
	}
	m.sab = newSaboteur(c, id)
	return m, nil
}

func (c *Cluster) close() error {
	var errs []error
	for _, m := range c.members {
		errs = append(errs, m.disk.Close())
	}
	return errors.Join(errs...)
}

// source answers the questions of nodes and faults.
func (c *Cluster) source() protocol.Source { return source.Seed(c.cfg.Subject.Seed) }

// Now returns the time of the run.
func (c *Cluster) Now() protocol.Time {
	return min(protocol.Time(time.Since(c.origin)), protocol.MaxTime/2)
}

// Run runs the cluster until the end of the plan, or until ctx is done, or a node panics or
// fails. An error is that of closing a disk.
func (c *Cluster) Run(ctx context.Context) (Ending, error) {
	c.origin = time.Now()
	defer close(c.over)
	end := c.follow(ctx)
	for _, m := range c.members {
		if m.host != nil {
			h := m.host
			m.host = nil
			stop := h.Stop()
			if end.Failure == nil && stop.Reason >= live.Panicked {
				end.Node, end.Failure = m.id, stop
			}
		}
	}
	return end, c.close()
}

// follow does what the timeline says, and what nodes that crash by themselves need.
func (c *Cluster) follow(ctx context.Context) Ending {
	until := c.plan.Plan.Until
	for {
		if ctx.Err() != nil { // what is overdue may take long
			return Ending{At: c.Now(), Stopped: true}
		}
		next := until
		if due, more := c.timeline.next(); more {
			next = min(next, due)
		}
		if now := c.Now(); next <= now {
			if next == until {
				return Ending{At: until}
			}
			if end := c.timeline.pop().do(); end != nil {
				return *end
			}
			continue
		}
		alarm := time.NewTimer(next.Sub(c.Now()))
		select {
		case <-ctx.Done():
			alarm.Stop()
			return Ending{At: c.Now(), Stopped: true}
		case x := <-c.ended:
			alarm.Stop()
			if end := c.died(x); end != nil {
				return *end
			}
		case f := <-c.strikes:
			alarm.Stop()
			if end := c.crash(c.members[f.Node], f); end != nil {
				return *end
			}
		case <-alarm.C:
		}
	}
}
