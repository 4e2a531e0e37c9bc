// Package describe_test compares what machines tell people with what they tell searches.
package describe_test

import (
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/kv"
	"dessim/protocol/link"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// Most runs are small, and so is the heap that they are collected in: less often takes a quarter
// of the CPU away.
func init() { debug.SetGCPercent(400) }

// A machine describes its state for people, and writes down all of it for searches.
type machine interface {
	protocol.Describer
	protocol.Stateful
}

// states are the states in which a machine was.
type states struct {
	whole     map[string]string // by description
	described map[string]string // by what AppendState appends
}

// A comparison has the states of the machines of all nodes. Nodes differ in what is not
// state, so each is compared with itself.
type comparison struct {
	t    *testing.T
	seen map[string]*states // by node and machine
}

func (c *comparison) see(id protocol.NodeID, name string, m machine) {
	name = fmt.Sprintf("%s of node %v", name, id)
	s := c.seen[name]
	if s == nil {
		s = &states{map[string]string{}, map[string]string{}}
		c.seen[name] = s
	}
	whole, described := string(m.AppendState(nil)), string(m.Describe(nil))
	if before, ok := s.whole[described]; ok && before != whole {
		c.t.Fatalf("the %s describes as\n%s\nboth\n%s\nand\n%s", name, described, before, whole)
	}
	if before, ok := s.described[whole]; ok && before != described {
		c.t.Fatalf("the %s describes\n%s\nboth as\n%s\nand as\n%s", name, whole, before, described)
	}
	s.whole[described], s.described[whole] = whole, described
}

// A watched node compares its machines' states after each step.
type watched struct {
	protocol.Node
	see func(id protocol.NodeID)
}

func (w *watched) Start(env *protocol.Env) {
	w.Node.Start(env)
	w.see(env.ID())
}

func (w *watched) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	w.Node.Receive(env, from, msg)
	w.see(env.ID())
}

func (w *watched) Timeout(env *protocol.Env, tag uint64) {
	w.Node.Timeout(env, tag)
	w.see(env.ID())
}

// A host has two-phase commit and a group without Views, over links.
type host struct {
	link  *link.Link
	vote  *twopc.Manager
	group abcast.Orderer
}

func newHost(members []protocol.NodeID, o abcast.Order) *host {
	h := &host{}
	h.link = link.New(link.Config{Retry: 40 * time.Millisecond, Window: 4, FIFO: o.FIFO(), Deliver: h.deliver})
	h.vote = twopc.New(twopc.Config{
		Send:        h.link.Send,
		VoteTimeout: 200 * time.Millisecond,
		AskAfter:    300 * time.Millisecond,
		Remember:    3,
		Abort:       func(twopc.ID) protocol.Ratio { return protocol.Percent(20) },
		Inspect: func(env *protocol.Env, id twopc.ID, payload []byte) ([][]byte, []byte, bool) {
			return [][]byte{payload[:1]}, fmt.Append(nil, "signed by ", env.ID()), true
		},
		Decided: func(*protocol.Env, twopc.Decision) {},
	})
	h.group = abcast.New(abcast.Config{Members: members, Order: o, Send: h.link.Send, Deliver: func(*protocol.Env, uint64, abcast.Message) {}})
	return h
}

func (h *host) deliver(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if protocol.Component(msg[0]) == protocol.TwoPC {
		h.vote.Receive(env, from, msg)
	} else {
		h.group.Receive(env, from, msg)
	}
}

func (h *host) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		h.vote.Restore(rec)
	}
	h.link.Start(env)
	h.vote.Start(env)
	h.group.Start(env)
}

func (h *host) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from != protocol.Outside {
		h.link.Receive(env, from, msg)
		return
	}
	id := twopc.ID{Client: 100 + protocol.NodeID(msg[0]-'a'), Transfer: uint64(msg[1]), Attempt: 1}
	_ = h.vote.Begin(env, id, msg, []protocol.NodeID{0, 1, 2, 3}) // refused if an earlier incarnation began it
	h.group.Broadcast(env, msg)
}

func (h *host) Timeout(env *protocol.Env, tag uint64) {
	if c, _ := protocol.SplitTag(tag); c == protocol.TwoPC {
		h.vote.Timeout(env, tag)
	} else {
		h.link.Timeout(env, tag)
	}
}

// faults are crashes, a partition and a cut, at times that differ by seed.
func faults(t *testing.T, seed uint64) []fault.Fault {
	t.Helper()
	text := fmt.Sprintf("crash 1 at %dms for 900ms; cut 0>2 at %dms for 1s; pause 3 at %dms for 700ms; crash 0 at %dms for 1500ms",
		300+41*seed, 700+53*seed, 1500+17*seed, 2100+29*seed)
	all, err := fault.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].ID = uint64(i)
	}
	return all
}

// run runs a plan of four nodes and more under faults, and demands that the machines were
// in many states.
func (c *comparison) run(plan sim.Plan, seed uint64) {
	plan.Link = sim.Link{Delay: 5 * time.Millisecond, Jitter: 60 * time.Millisecond, Loss: protocol.Percent(10), Copy: protocol.Percent(10)}
	plan.Faults = faults(c.t, seed)
	plan.Until = protocol.Time(6 * time.Second)
	plan.Done = func() bool { return false } // heartbeats go on
	plan.Poison = true
	s, err := sim.New(plan, source.Seed(seed))
	if err != nil {
		c.t.Fatal(err)
	}
	if r := s.Run(); r.Reason != sim.TimeUp && r.Reason != sim.Quiet || r.Lost == 0 {
		c.t.Errorf("seed %d: the run ends %v at %v with %d lost", seed, r.Reason, r.End, r.Lost)
	}
	for name, states := range c.seen {
		if len(states.whole) < 20 {
			c.t.Errorf("seed %d: the %s was in %d states, want at least 20", seed, name, len(states.whole))
		}
	}
}

var members = []protocol.NodeID{0, 1, 2, 3}

func TestDescriptionsDifferExactlyIfStatesDo(t *testing.T) {
	for _, o := range abcast.Orders() {
		t.Run(o.String(), func(t *testing.T) {
			for seed := range uint64(5) {
				c := &comparison{t, map[string]*states{}}
				plan := sim.Plan{Nodes: len(members), Node: func(protocol.NodeID) protocol.Node {
					h := newHost(members, o)
					return &watched{h, func(id protocol.NodeID) {
						c.see(id, "link", h.link)
						c.see(id, "two-phase commit", h.vote)
						c.see(id, "group", h.group.(machine))
					}}
				}}
				for i := range uint64(40) {
					plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(1e8 * (i/2 + 1)), Node: members[i*3%4], Body: []byte{'a' + byte(i%3), byte(i), 0, 1}})
				}
				c.run(plan, seed)
			}
		})
		t.Run(o.String()+" with views", func(t *testing.T) {
			for seed := range uint64(5) {
				c := &comparison{t, map[string]*states{}}
				cfg := kv.Config{Members: members, Order: o, Delay: 30 * time.Millisecond}
				plan := sim.Plan{Nodes: len(members) + 2, Node: func(id protocol.NodeID) protocol.Node {
					if int(id) >= len(members) {
						return kv.NewClient(cfg)
					}
					var group machine
					cfg := cfg
					cfg.Group = func(c abcast.Config) abcast.Orderer {
						g := abcast.New(c)
						group = g.(machine)
						return g
					}
					return &watched{kv.New(cfg), func(id protocol.NodeID) { c.see(id, "group", group) }}
				}}
				for i := range uint64(40) {
					body := kv.AskInput(kv.Command{Op: kv.Put, Key: i % 3, New: i})
					plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(1e8 * (i/2 + 1)), Node: 4 + protocol.NodeID(i%2), Body: body})
				}
				c.run(plan, seed)
			}
		})
	}
}
