package scenarios_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/explore"
	"dessim/sim/scenario"
)

// path is where a line of a description stands: the keys from the outermost on, each
// followed by a slash.
type path string

// described decodes a description, or reports how it breaks the convention of
// protocol.Describer. A part has no value.
func described(text string) (values map[path]string, err error) {
	values = map[path]string{}
	var parents []path // of the line before, and itself if it is a part
	open := false      // the line before is a part, which has no line yet
	rest, whole := strings.CutSuffix(text, "\n")
	if !whole {
		return nil, fmt.Errorf("%q ends without a newline", text)
	}
	for line := range strings.SplitSeq(rest, "\n") {
		item := strings.TrimLeft(line, " ")
		depth, odd := (len(line)-len(item))/2, (len(line)-len(item))%2 != 0
		key, value, single := strings.Cut(item, ": ")
		if !single {
			key, _ = strings.CutSuffix(item, ":")
		}
		switch {
		case odd || depth > len(parents) || open && depth != len(parents):
			return nil, fmt.Errorf("%q is indented by %d spaces below %q", line, len(line)-len(item), parents)
		case strings.TrimRight(line, " ") != line || strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c > '~' }):
			return nil, fmt.Errorf("%q has blanks at its end, or what cannot be printed", line)
		case key == "" || !single && key+":" != item || single && value == "":
			return nil, fmt.Errorf("%q is neither a key with a value nor a part", line)
		}
		parents = parents[:depth]
		at := path(key + "/")
		if depth > 0 {
			at = parents[depth-1] + at
		}
		if _, twice := values[at]; twice {
			return nil, fmt.Errorf("%s is there twice", at)
		}
		values[at] = value
		if open = !single; open {
			parents = append(parents, at)
		}
	}
	if open {
		return nil, fmt.Errorf("%s is a part without lines", parents[len(parents)-1])
	}
	return values, nil
}

func TestWhatBreaksTheFormOfDescriptionsIsFound(t *testing.T) {
	good := "a: 1\nb:\n  c: 1\n  d:\n    e: 5/3.1: x\n  f: 2\ng: 3\n"
	if values, err := described(good); err != nil || values["b/d/e/"] != "5/3.1: x" || values["g/"] != "3" || len(values) != 7 {
		t.Errorf("%q is refused (%v), or is %v", good, err, values)
	}
	for _, bad := range []string{"", "a: 1", "a: 1\na: 2\n", "a:\n  b: 1\n  b: 1\n", "a: 1\n  b: 2\n", "a:\n   b: 1\n", "a:\n    b: 1\n", "a:\n",
		"a:\nb: 1\n", "a: 1 \n", "a: \n", "a\n", ": 1\n", "a: 1\n\nb: 1\n", "a: 1\x00\n", "a: 1µs\n"} {
		if _, err := described(bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

// describer describes the node of each event whose number is a multiple of every.
type describer struct {
	t            *testing.T
	every, seen  int
	descriptions int
	nodes        map[protocol.NodeID]protocol.Node // in their last lives
	parts        map[string]bool                   // of which there was one, without identities
}

func (d *describer) Watch() sim.What { return sim.Received | sim.Fired | sim.Output }

func (d *describer) Observe(e *sim.Event) {
	d.seen++
	n, ok := explore.Unwrap(d.nodes[e.Node]).(protocol.Describer)
	if d.seen%d.every != 0 || d.nodes[e.Node] == nil {
		return
	}
	if !ok {
		d.t.Fatalf("node %v, a %T, does not describe itself", e.Node, d.nodes[e.Node])
	}
	d.descriptions++
	text := string(n.Describe([]byte("before: 1\n")))
	if again := string(n.Describe(nil)); "before: 1\n"+again != text {
		d.t.Fatalf("node %v describes itself as\n%s\nand then\n%s", e.Node, text, again)
	}
	values, err := described(text)
	if err != nil {
		d.t.Fatalf("node %v after step %d: %v:\n%s", e.Node, e.Step, err, text)
	}
	for at, value := range values {
		if keys := strings.Split(strings.TrimSuffix(string(at), "/"), "/"); value != "none" {
			d.parts[keys[0]] = true
			if len(keys) > 1 {
				d.parts[keys[0]+"/"+keys[1]] = true
			}
			d.parts[keys[len(keys)-1]] = true
		}
	}
}

// withNodes returns s with a copy of the scenario that notes in nodes those that it makes.
func (s subject) withNodes(nodes map[protocol.NodeID]protocol.Node) subject {
	build, watched := s.Scenario.Build, *s.Scenario
	watched.Build = func(b *scenario.Setup) *scenario.Run {
		r := build(b)
		node := r.Plan.Node
		r.Plan.Node = func(id protocol.NodeID) protocol.Node {
			n := node(id)
			nodes[id] = n
			return n
		}
		return r
	}
	s.Scenario = &watched
	return s
}

// describedRuns have every order and fault, so that queues are blocked, ballots are under
// way and transactions in doubt.
var describedRuns = []string{
	"-scenario concurrent -order isis -nodes 6",
	"-scenario concurrent -order lamport -nodes 6",
	"-scenario concurrent -order sequencer -nodes 6 -loss 10%",
	"-scenario crash -order isis -nodes 5 -faults crash,restart,disk,lose,copy",
	"-scenario crash -order lamport -nodes 5 -faults crash,restart,disk,lose,copy",
	"-scenario crash -order sequencer -nodes 5 -faults crash,restart,disk,lose,copy",
	"-scenario crash -order raft -nodes 5 -faults crash,restart,disk,lose,copy",
	"-scenario partition -order isis -nodes 5 -faults partition,cut,ring,flap",
	"-scenario failover -order raft -nodes 5 -faults restart",
	"-scenario kv -order lamport -faults crash,restart,partition,lose,copy",
	"-scenario kv -order raft -faults crash,restart,partition,lose,copy",
	"-scenario verify",
	"-scenario byzantine -order sequencer -until 1m",
	"-scenario chaos -order isis -nodes 5 -faults swarm",
	"-scenario bootstrap -nodes 20",
	"-scenario churn -nodes 30 -until 20m",
}

func TestAllMachinesDescribeThemselvesInOneForm(t *testing.T) {
	parts := map[string]bool{}
	for _, flags := range describedRuns {
		t.Run(flags, func(t *testing.T) {
			d := &describer{t: t, every: 29, nodes: map[protocol.NodeID]protocol.Node{}, parts: parts}
			mustParse(t, flags).withNodes(d.nodes).run(nil, d)
			if d.descriptions < 90 {
				t.Errorf("only %d descriptions of %d events", d.descriptions, d.seen)
			}
		})
	}
	for _, want := range []string{
		"ordered, not applied", "transfers", "committed, no verdict", "committed, no place", "answered", "promised", "not applied",
		"ledger/entries", "ledger/owners", "unspent", "twopc/open", "twopc/reserved", "twopc/ended", "votes missing", "acks missing", "waits for",
		"isis", "lamport", "sequencer", "blocked by", "held back", "placed", "ballot", "promises missing", "outbox", "others",
		"gossip/kept", "link/1", "unacknowledged", "early", "dht/items", "dht/queries", "dht/lookups", "join", "upkeep", "replacements", "absent",
		"table", "clients", "operation",
	} {
		if !parts[want] {
			t.Errorf("no description has %q; there are %q", want, slices.Sorted(maps.Keys(parts)))
		}
	}
}
