package sim

import (
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

func goodPlan() Plan {
	return Plan{Nodes: 3, Node: scripts(script{}), Link: Link{Delay: 1}, Until: 100}
}

const day = 24 * time.Hour

func rule(from, to protocol.NodeID, l Link) func(*Plan) {
	return func(p *Plan) { p.Links = append(p.Links, LinkRule{from, to, l}) }
}

func link(l Link) func(*Plan) { return func(p *Plan) { p.Link = l } }

func in(i Input) func(*Plan) { return func(p *Plan) { p.Inputs = append(p.Inputs, i) } }

func faulty(f fault.Fault) func(*Plan) { return func(p *Plan) { p.Faults = append(p.Faults, f) } }

var okLink = Link{Delay: 1}

// spoiled lists what Validate says of a good plan spoiled so.
var spoiled = []struct {
	want  string
	spoil []func(*Plan)
}{
	{"plan has 0 nodes, want 1 to 16777216", []func(*Plan){func(p *Plan) { p.Nodes = 0 }}},
	{"plan has -1 nodes, want 1 to 16777216", []func(*Plan){func(p *Plan) { p.Nodes = -1 }}},
	{"plan has 16777217 nodes, want 1 to 16777216", []func(*Plan){func(p *Plan) { p.Nodes = MaxNodes + 1 }}},
	{"plan does not say what its nodes are", []func(*Plan){func(p *Plan) { p.Node = nil }}},
	{"plan ends at 0s, want more than 0 and at most 2400h0m0s", []func(*Plan){func(p *Plan) { p.Until = 0 }}},
	{"plan ends at 2400h0m0.000000001s, want more than 0 and at most 2400h0m0s", []func(*Plan){func(p *Plan) { p.Until = protocol.MaxTime + 1 }}},
	{"plan has 2 starts, want one for each of 3 nodes, or nil", []func(*Plan){func(p *Plan) { p.Starts = make([]protocol.Time, 2) }}},
	{"node 1 starts at -1ns, want 0 to 100ns", []func(*Plan){func(p *Plan) { p.Starts = []protocol.Time{0, -1, 0} }}},
	{"node 2 starts at 101ns, want 0 to 100ns", []func(*Plan){func(p *Plan) { p.Starts = []protocol.Time{0, 0, 101} }}},
	{"disk takes -1ns to sync and jitter 0s, want at least 0", []func(*Plan){func(p *Plan) { p.Disk.Sync = -1 }}},
	{"disk takes 0s to sync and jitter -1ns, want at least 0", []func(*Plan){func(p *Plan) { p.Disk.Jitter = -1 }}},
	{"disk takes 24h0m0.000000001s to sync and jitter 0s, want at most 24h0m0s", []func(*Plan){func(p *Plan) { p.Disk.Sync = day + 1 }}},
	{"disk takes 0s to sync and jitter 24h0m0.000000001s, want at most 24h0m0s", []func(*Plan){func(p *Plan) { p.Disk.Jitter = day + 1 }}},

	{"link has delay 0s, want 1ns to 24h0m0s", []func(*Plan){link(Link{})}},
	{"link has delay 24h0m0.000000001s, want 1ns to 24h0m0s", []func(*Plan){link(Link{Delay: day + 1})}},
	{"link has jitter -1ns, want 0 to 24h0m0s", []func(*Plan){link(Link{Delay: 1, Jitter: -1})}},
	{"link has jitter 24h0m0.000000001s, want 0 to 24h0m0s", []func(*Plan){link(Link{Delay: 1, Jitter: day + 1})}},
	{"link has shape 3, want 0 to 2", []func(*Plan){link(Link{Delay: 1, Shape: 3})}},
	{"link loses 3 of 2 messages, want a ratio of 0 to 1", []func(*Plan){link(Link{Delay: 1, Loss: protocol.Ratio{Num: 3, Den: 2}})}},
	{"link copies 1 of 0 messages, want a ratio of 0 to 1", []func(*Plan){link(Link{Delay: 1, Copy: protocol.Ratio{Num: 1}})}},

	{"link rule 1 has delay 0s, want 1ns to 24h0m0s", []func(*Plan){rule(0, 1, okLink), rule(1, 0, Link{})}},
	{"link rule 0 names node 3, want 0 to 2 or Any", []func(*Plan){rule(3, 0, okLink)}},
	{"link rule 0 names node 7, want 0 to 2 or Any", []func(*Plan){rule(Any, 7, okLink)}},
	{"link rule 0 is for Any to Any, want that in Plan.Link", []func(*Plan){rule(Any, Any, okLink)}},
	{"link rule 0 is for node 1 to itself, want two nodes: what a node sends to itself crosses no link", []func(*Plan){rule(1, 1, okLink)}},
	{"link rule 2 is another for 0 to outside, want one", []func(*Plan){rule(0, Any, okLink), rule(0, 1, okLink), rule(0, Any, okLink)}},

	{"input 9 goes to node 3, want 0 to 2", []func(*Plan){in(Input{ID: 9, Node: 3})}},
	{"input 9 goes to node outside, want 0 to 2", []func(*Plan){in(Input{ID: 9, Node: protocol.Outside})}},
	{"input 9 comes at -1ns, want 0 to 100ns", []func(*Plan){in(Input{ID: 9, At: -1})}},
	{"input 9 comes at 101ns, want 0 to 100ns", []func(*Plan){in(Input{ID: 9, At: 101})}},
	{"two inputs have the identity 9, want one", []func(*Plan){in(Input{ID: 9}), in(Input{ID: 9, At: 1})}},

	{"fault 9 has operation 0, want 1 to 27", []func(*Plan){faulty(fault.Fault{ID: 9})}},
	{"fault 9 has operation 28, want 1 to 27", []func(*Plan){faulty(fault.Fault{ID: 9, Op: fault.Heal + 1})}},
	{"fault 9 (crash 3 at 0s) hits node 3, want 0 to 2", []func(*Plan){faulty(fault.Fault{ID: 9, Op: fault.Crash, Node: 3})}},
	{"fault 9 (crash 0 at 101ns) begins at 101ns, want 0s to 100ns", []func(*Plan){faulty(fault.Fault{ID: 9, Op: fault.Crash, At: 101})}},
	{"fault 9 (crash 0 after -1 effects) comes after -1 effects, want at least 0", []func(*Plan){faulty(fault.Fault{ID: 9, Op: fault.Crash, After: -1})}},
	{"fault 9 (crash 0 at 0s for -1ns) lasts -1ns, want 0s to 24h0m0s", []func(*Plan){faulty(fault.Fault{ID: 9, Op: fault.Crash, For: -1})}},
	{"fault 9 (crash 0 at 0s for 24h0m0.000000001s) lasts 24h0m0.000000001s, want 0s to 24h0m0s", []func(*Plan){faulty(fault.Fault{ID: 9, Op: fault.Crash, For: day + 1})}},
	{"fault 9 (restart 0 at 0s after 1 effect) has \"after 1 effect\", want restart N at T", []func(*Plan){faulty(fault.Fault{ID: 9, Op: fault.Restart, After: 1})}},
	{"fault 9 (restart 0 at 0s for 1ns) has \"for 1ns\", want restart N at T", []func(*Plan){faulty(fault.Fault{ID: 9, Op: fault.Restart, For: 1})}},
	{"fault (crash 0 at 0s) has the identity 4611686018427387904, want 0 to 2^62 - 1", []func(*Plan){faulty(fault.Fault{ID: 1 << 62, Op: fault.Crash})}},
	{"two faults have the identity 9, want one", []func(*Plan){faulty(fault.Fault{ID: 9, Op: fault.Crash}), faulty(fault.Fault{ID: 9, Op: fault.Restart})}},
}

func TestValidateNamesWhatIsWrongAndTheRange(t *testing.T) {
	for _, test := range spoiled {
		p := goodPlan()
		for _, spoil := range test.spoil {
			spoil(&p)
		}
		err := p.Validate()
		if err == nil || err.Error() != "sim: "+test.want {
			t.Errorf("got %v\nwant sim: %s", err, test.want)
		}
		if _, err2 := New(p, nil); err2 == nil || err == nil || err2.Error() != err.Error() {
			t.Errorf("New says %v, Validate %v", err2, err)
		}
	}
}

func TestValidateReportsOneThing(t *testing.T) {
	p := goodPlan()
	p.Links = []LinkRule{{From: 9, Link: Link{Delay: 1}}}
	p.Inputs = []Input{{Node: 9}}
	p.Faults = []fault.Fault{{}}
	if err := p.Validate(); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "link rule 0") {
		t.Errorf("got %v, want the link rule alone", err)
	}
}

func TestValidateAcceptsTheEndsOfEveryRange(t *testing.T) {
	p := goodPlan()
	p.Until = protocol.MaxTime
	p.Starts = []protocol.Time{0, p.Until, 5}
	p.Link = Link{Delay: day, Jitter: day, Shape: HeavyTail, Loss: protocol.Ratio{Num: 1, Den: 1}, Copy: protocol.Ratio{Num: 5, Den: 5}, FIFO: true}
	p.Links = []LinkRule{{0, 1, Link{Delay: 1}}, {0, Any, Link{Delay: 1}}, {Any, 1, Link{Delay: 1}}, {2, 1, Link{Delay: 1}}}
	p.Disk = Disk{Sync: day, Jitter: day}
	p.Inputs = []Input{{ID: 0}, {ID: 1<<64 - 1, At: p.Until, Node: 2}}
	p.Faults = []fault.Fault{{ID: 0, Op: fault.Crash, For: day, After: 1 << 30}, {ID: 1<<62 - 1, Op: fault.Restart, At: p.Until, Node: 2}}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
}
