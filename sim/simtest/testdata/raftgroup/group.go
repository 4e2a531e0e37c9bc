// Package raftgroup is the scenario of a replicated log that three nodes keep, with
// whatever library: they elect leaders and commit proposals while nodes crash and links
// fail. Nodes output when they lead, and what is committed.
package raftgroup

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

// Nodes is how many nodes keep the log.
const Nodes = 3

// Kinds of outputs. A node that restarts outputs the log from its beginning.
var (
	KindLeads     = protocol.KindOf("leads")     // the node leads a term
	KindCommitted = protocol.KindOf("committed") // the next entry is committed
)

// kinds are those of messages, by the libraries' names.
var kinds = map[string]protocol.Kind{
	"MsgProp":          protocol.KindOf("propose"),
	"MsgApp":           protocol.KindOf("append"),
	"MsgAppResp":       protocol.KindOf("ack"),
	"MsgHeartbeat":     protocol.KindOf("beat"),
	"MsgPreVote":       protocol.KindOf("poll"),
	"MsgPreVoteResp":   protocol.KindOf("polled"),
	"MsgVote":          protocol.KindOf("vote"),
	"MsgVoteResp":      protocol.KindOf("voted"),
	"MsgHeartbeatResp": protocol.KindOf("echo"),
}

// KindOf returns the kind of a message, by the libraries' name for it.
func KindOf(name string) protocol.Kind {
	k, ok := kinds[name]
	if !ok {
		panic(fmt.Sprintf("raftgroup: a node sends %s", name))
	}
	return k
}

// Seal appends a checksum to what a node sends or records. Links may alter bytes, a crash
// may tear records, and a prefix of a protobuf message can be another valid one.
func Seal(b []byte) []byte { return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)) }

// Open returns what was sealed and reports whether it is whole.
func Open(b []byte) (body []byte, ok bool) {
	n := len(b) - 4
	if n < 0 || crc32.ChecksumIEEE(b[:n]) != binary.BigEndian.Uint32(b[n:]) {
		return nil, false
	}
	return b[:n], true
}

// Leads encodes an output of KindLeads.
func Leads(term uint64) []byte { return binary.BigEndian.AppendUint64(nil, term) }

// Committed encodes an output of KindCommitted. The first index is 1.
func Committed(index, term uint64, data []byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, index)
	return append(binary.BigEndian.AppendUint64(b, term), data...)
}

// An output is one of either kind.
type output struct {
	index, term uint64
	data        string
}

func decode(e *sim.Event) (o output, ok bool) {
	switch {
	case e.What == sim.Output && e.Kind == KindLeads && len(e.Body) == 8:
		return output{term: binary.BigEndian.Uint64(e.Body)}, true
	case e.What == sim.Output && e.Kind == KindCommitted && len(e.Body) >= 16:
		return output{binary.BigEndian.Uint64(e.Body), binary.BigEndian.Uint64(e.Body[8:]), string(e.Body[16:])}, true
	}
	return output{}, false
}

func (o output) String() string {
	switch {
	case o.index == 0:
		return fmt.Sprintf("term %d", o.term)
	case o.data == "":
		return fmt.Sprintf("%d.%d: empty", o.index, o.term)
	}
	return fmt.Sprintf("%d.%d: %s", o.index, o.term, o.data)
}

const (
	storm = protocol.Time(20 * time.Second) // when faults begin, and proposals meet them
	calm  = 2 * storm                       // all faults are over
	last  = calm + storm                    // a leader had time to come
)

// Scenario returns the scenario of these nodes, called "log". An input is a proposal.
func Scenario(node func(id protocol.NodeID) protocol.Node) *scenario.Scenario {
	return &scenario.Scenario{
		Name:  "log",
		Shows: "three nodes elect leaders and commit proposals under faults",
		Defaults: scenario.Params{Nodes: Nodes, Delay: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: protocol.Ratio{Num: 1, Den: 50},
			Copy: protocol.Ratio{Num: 1, Den: 50}, Until: 2 * time.Minute, Faults: "crash,restart,pause,disk,partition,cut,lose"},
		Own:   []*scenario.Param{scenario.Int("proposals", 20, 1, 10_000, "how many are made while there are faults")},
		Small: "-proposals 2",
		Text: func(_ *scenario.Params, e *sim.Event) string {
			if o, ok := decode(e); ok {
				return o.String()
			}
			return ""
		},
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := sim.Plan{
				Nodes: Nodes,
				Node:  node,
				Link:  sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
				Until: protocol.Time(b.Until),
			}
			plan.Faults = b.DrawFaults(swarm.Config{Nodes: []protocol.NodeID{0, 1, 2}, From: 1, To: storm, Heal: calm, Delay: 25 * time.Millisecond, Most: 6})
			propose := func(at protocol.Time) {
				id := uint64(len(plan.Inputs))
				plan.Inputs = append(plan.Inputs, sim.Input{ID: id, At: at, Node: protocol.NodeID(id % Nodes), Body: fmt.Appendf(nil, "proposal %d", id)})
			}
			n := protocol.Time(b.Int("proposals"))
			for i := range n {
				propose(storm * i / n)
			}
			for i := range protocol.Time(10) { // one may be lost, ten are not
				propose(last + i*protocol.Time(time.Second))
			}
			return &scenario.Run{Plan: plan, Checks: check.Suite{oneLeader(), sameLog(), progress(uint64(n)), change()}}
		},
	}
}

func oneLeader() *check.Check {
	leaders := make(map[uint64]protocol.NodeID)
	return check.Always("a term has one leader", sim.Output, func(e *sim.Event) (bool, error) {
		o, ok := decode(e)
		if !ok || e.Kind != KindLeads {
			return false, nil
		}
		other, known := leaders[o.term]
		if leaders[o.term] = e.Node; known && other != e.Node {
			return true, fmt.Errorf("nodes %v and %v both lead term %d", other, e.Node, o.term)
		}
		return true, nil
	})
}

func sameLog() *check.Check {
	return check.SameOrder("committed entries are the same everywhere", sim.Output, func(e *sim.Event) (check.Position, bool) {
		o, ok := decode(e)
		if !ok || e.Kind != KindCommitted {
			return check.Position{}, false
		}
		return check.Position{Index: o.index - 1, Item: o.String(), Whole: true}, true
	}, func(item string) string { return item })
}

// progress demands that every node commits one of the proposals made after the faults,
// those from number first on.
func progress(first uint64) *check.Check {
	var done [Nodes]bool
	return check.Eventually("every node commits after the faults", last+storm, func() (uint64, error) {
		for id, ok := range done {
			if !ok {
				return Nodes, fmt.Errorf("node %d has committed no proposal made after the faults", id)
			}
		}
		return Nodes, nil
	}).Seeing(sim.Output, func(e *sim.Event) {
		o, ok := decode(e)
		var id uint64
		if n, _ := fmt.Sscanf(o.data, "proposal %d", &id); ok && n == 1 && id >= first {
			done[e.Node] = true
		}
	})
}

func change() *check.Check {
	var term uint64
	return check.Sometimes("a leader is replaced", check.InSweep, sim.Output, func(e *sim.Event) bool {
		o, ok := decode(e)
		if !ok || e.Kind != KindLeads {
			return false
		}
		before := term
		term = max(term, o.term)
		return before != 0 && o.term > before
	})
}
