package kademlia_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// ended collects what nodes put out.
type ended struct {
	joined    []string
	published []string
	found     map[uint64]kademlia.Ended
}

func (o *ended) Watch() sim.What { return sim.Output }

func (o *ended) Observe(e *sim.Event) {
	switch e.Kind {
	case kademlia.KindJoined:
		o.joined = append(o.joined, fmt.Sprintf("%v.%d", e.Node, e.Incarnation))
	case kademlia.KindPublished:
		if p, ok := kademlia.DecodePublished(e.Body); ok {
			o.published = append(o.published, fmt.Sprintf("%v.%d at %d", e.Node, e.Incarnation, p.Stored))
		}
	case kademlia.KindEnded:
		x, _ := kademlia.DecodeEnded(e.Body)
		x.Value = bytes.Clone(x.Value)
		o.found[x.Number] = x
	}
}

// run runs nodes of a table alone.
func runNodes(t *testing.T, n int, inputs []sim.Input, faults []fault.Fault) *ended {
	t.Helper()
	o := &ended{found: map[uint64]kademlia.Ended{}}
	seeds := []protocol.Endpoint{protocol.SimBook{}.Endpoint(0), protocol.SimBook{}.Endpoint(1)}
	s, err := sim.New(sim.Plan{
		Nodes: n, Inputs: inputs, Faults: faults, Poison: true,
		Link: sim.Link{Delay: 10 * time.Millisecond, Jitter: 40 * time.Millisecond}, Until: protocol.Time(80 * time.Hour),
		Node: func(id protocol.NodeID) protocol.Node {
			c := kademlia.NodeConfig{Config: kademlia.Lasting(point(3, int(id)), protocol.SimBook{}, 7)}
			if id > 0 {
				c.Seeds = seeds
			}
			return kademlia.NewNode(c)
		},
	}, source.Seed(1), o)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	return o
}

func input(id uint64, at time.Duration, node protocol.NodeID, body []byte) sim.Input {
	return sim.Input{ID: id, At: protocol.Time(at), Node: node, Body: body}
}

// A restart keeps the id, and the publications go on.
func TestANodeThatComesBackJoinsThroughWhoIsUpAndPublishesAgain(t *testing.T) {
	value := []byte("i5e")
	o := runNodes(t, 20, []sim.Input{
		input(1, 30*time.Minute, 5, kademlia.PublishInput(value, 0)),
		input(2, 30*time.Minute, 6, kademlia.PublishInput([]byte("i6e"), time.Hour)),
		input(3, 40*time.Minute, 9, kademlia.GetInput(1, kademlia.Key(value))),
		input(4, 70*time.Hour, 9, kademlia.GetInput(2, kademlia.Key(value))),
		input(5, 70*time.Hour, 9, kademlia.GetInput(3, kademlia.Key([]byte("i6e")))),
		input(6, 70*time.Hour, 9, []byte("nonsense")),
	}, []fault.Fault{
		{ID: 1, Op: fault.Crash, At: protocol.Time(50 * time.Minute), For: 2 * time.Hour, Node: 5},
		{ID: 2, Op: fault.Crash, At: protocol.Time(50 * time.Minute), For: 2 * time.Hour, Node: 6},
		{ID: 3, Op: fault.Crash, At: protocol.Time(51 * time.Minute), Node: 0},
	})
	joined, published := strings.Join(o.joined, " "), strings.Join(o.published, ", ")
	if !strings.Contains(joined, "5.2") || !strings.Contains(joined, "6.2") {
		t.Errorf("joined are %s; want nodes 5 and 6 back, though the first seed is down", joined)
	}
	if strings.Count(published, "5.1 at 8") != 1 || strings.Count(published, "5.2 at 8") < 3 || strings.Contains(published, "6.2") {
		t.Errorf("published are %s; want node 5 to go on in its second incarnation, daily, and node 6 not to", published)
	}
	for number, want := range map[uint64]string{1: "i5e", 2: "i5e", 3: ""} {
		if x, ok := o.found[number]; !ok || string(x.Value) != want || x.OK != (want != "") {
			t.Errorf("lookup %d ended: %v, with %+v, want %q", number, ok, x, want)
		}
	}
}

// Fifty hours without a lookup or a publisher: holders keep a value alive until its
// day is over, while others crash and come back one after the other.
func TestHoldersKeepAValueAliveForItsDayAndNoLonger(t *testing.T) {
	value := []byte("i5e")
	var faults []fault.Fault
	for i := range 80 {
		node := protocol.NodeID(1 + i%29)
		faults = append(faults, fault.Fault{ID: uint64(i), Op: fault.Crash, At: protocol.Time(time.Hour + time.Duration(i)*20*time.Minute), For: 10 * time.Minute, Node: node})
	}
	faults = append(faults, fault.Fault{ID: 100, Op: fault.Crash, At: protocol.Time(45 * time.Minute), Node: 29})
	var inputs []sim.Input
	inputs = append(inputs, input(0, 30*time.Minute, 29, kademlia.PublishInput(value, 0)))
	for h := range uint64(30) {
		inputs = append(inputs, input(h+1, time.Duration(h+1)*time.Hour+5*time.Minute, 0, kademlia.GetInput(h+1, kademlia.Key(value))))
	}
	o := runNodes(t, 30, inputs, faults)
	for h := range uint64(30) {
		if x, want := o.found[h+1], h+1 <= 24; x.OK != want {
			t.Errorf("at %d:05 the value put at 0:30 for a day is found: %v, want %v", h+1, x.OK, want)
		}
	}
}

func FuzzNode(f *testing.F) {
	f.Add(kademlia.PublishInput([]byte("i1e"), time.Hour))
	f.Add(kademlia.GetInput(7, kademlia.ID{1}))
	f.Add([]byte("\x06li0e3:i1ei0ee"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := kademlia.NewNode(kademlia.NodeConfig{Config: kademlia.Lasting(kademlia.ID{1}, protocol.SimBook{}, 7)})
		var env protocol.Env
		env.Enter(0, 1, 0, nil)
		env.Mount(func(yield func(uint64, []byte) bool) { yield(0, b) })
		n.Start(&env)
		env.Enter(0, 1, 1, nil)
		n.Receive(&env, protocol.Outside, b)
		if text := kademlia.TextInput(b); text == "" && n.Malformed() != 2 {
			t.Fatalf("%q is no input, and %d were counted, as record and as input", b, n.Malformed())
		}
	})
}

// counting is a Node that counts the records that each incarnation finds.
type counting struct {
	*kademlia.Node
	found *[]int
}

func (c counting) Start(env *protocol.Env) {
	n := 0
	for range env.Records() {
		n++
	}
	*c.found = append(*c.found, n)
	c.Node.Start(env)
}

// publications counts how often a value was published.
type publications struct {
	id kademlia.ID
	n  int
}

func (p *publications) Watch() sim.What { return sim.Output }

func (p *publications) Observe(e *sim.Event) {
	if x, ok := kademlia.DecodePublished(e.Body); ok && e.Kind == kademlia.KindPublished && x.ID == p.id {
		p.n++
	}
}

// A node that publishes for ever what soon expires, and one value again and again, keeps
// no record of what is over. What lasts is published again after every crash.
func TestRecordsOfValuesThatHaveExpiredAreDiscarded(t *testing.T) {
	const values, life = 4000, time.Minute
	plan := sim.Plan{Nodes: 1, Link: sim.Link{Delay: time.Millisecond}, Until: protocol.Time((values + 10) * time.Second)}
	lasting := &publications{id: kademlia.Key([]byte("7:lasting"))}
	plan.Inputs = append(plan.Inputs, input(values, 0, 0, kademlia.PublishInput([]byte("7:lasting"), 0)))
	for i := range uint64(values) {
		value := fmt.Appendf(nil, "i%de", i)
		if i%2 == 1 {
			value = []byte("5:again")
		}
		plan.Inputs = append(plan.Inputs, input(i, time.Duration(i+1)*time.Second, 0, kademlia.PublishInput(value, life)))
	}
	for i := range uint64(5) {
		plan.Faults = append(plan.Faults, fault.Fault{ID: i, Op: fault.Crash, At: protocol.Time(time.Duration(700*(i+1)) * time.Second), For: 10 * time.Millisecond})
	}
	var found []int
	plan.Node = func(protocol.NodeID) protocol.Node {
		return counting{kademlia.NewNode(kademlia.NodeConfig{Config: kademlia.Lasting(point(3, 0), protocol.SimBook{}, 7)}), &found}
	}
	s, err := sim.New(plan, source.Seed(1), lasting)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	if len(found) != 6 || lasting.n != 6 {
		t.Fatalf("restarts find %v records, the lasting value was published %d times; want 6 of both", found, lasting.n)
	}
	for _, n := range found[1:] {
		if n < 32 || n > 64+2*32+2 { // of a minute 30, one that comes again, and the lasting one
			t.Errorf("restarts find %v records, want 32 to 130: twice the 32 values, and 64", found)
		}
	}
}
