package kademlia_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// split is a network that falls into two halves and heals.
type split struct {
	nodes    int
	seeds    []protocol.NodeID // through which nodes join
	at, last time.Duration
	before   []time.Duration   // when it was split before, for as long
	crash    []protocol.NodeID // nodes of the first half that crash for good when the network heals
}

// reunion is what became of a split network.
type reunion struct {
	found, asked int // lookups of values that the other half published before the heal
	near         int // nodes that know the 8 nodes closest to them, when the lookups begin
	up           int // nodes that are up then
}

const splitValues = 20

// run has the first half publish values just before the heal, and every node of the other
// half look for each of them that long after it.
func (x split) run(t *testing.T, seed uint64, after time.Duration) (r reunion) {
	t.Helper()
	half, heal := x.nodes/2, x.at+x.last
	var groups [2][]protocol.NodeID
	for i := range x.nodes {
		groups[i/half] = append(groups[i/half], protocol.NodeID(i))
	}
	faults := []fault.Fault{{ID: 1, Op: fault.Partition, At: protocol.Time(x.at), For: x.last, Groups: groups[:]}}
	for i, at := range x.before {
		faults = append(faults, fault.Fault{ID: uint64(1000 + i), Op: fault.Partition, At: protocol.Time(at), For: x.last, Groups: groups[:]})
	}
	for i, id := range x.crash {
		faults = append(faults, fault.Fault{ID: uint64(2 + i), Op: fault.Crash, At: protocol.Time(heal), Node: id})
	}
	var inputs []sim.Input
	for i := range splitValues {
		value := fmt.Appendf(nil, "i%de", i)
		inputs = append(inputs, input(uint64(i), heal-5*time.Minute, groups[0][i%half], kademlia.PublishInput(value, 0)))
		for j, asker := range groups[1] {
			number := uint64(1000 + i*x.nodes + j)
			inputs = append(inputs, input(number, heal+after, asker, kademlia.GetInput(number, kademlia.Key(value))))
		}
	}
	o := &ended{found: map[uint64]kademlia.Ended{}}
	var s *sim.Sim
	looked := &once{at: protocol.Time(heal + after), do: func() { r.near, r.up = x.nearest(s, seed) }}
	s, err := sim.New(sim.Plan{
		Nodes: x.nodes, Inputs: inputs, Faults: faults, Poison: true,
		Link: sim.Link{Delay: 10 * time.Millisecond, Jitter: 40 * time.Millisecond}, Until: protocol.Time(heal + after + 10*time.Minute),
		Node: func(id protocol.NodeID) protocol.Node {
			c := kademlia.NodeConfig{Config: kademlia.Lasting(point(seed, int(id)), protocol.SimBook{}, seed)}
			if id > 0 {
				for _, s := range x.seeds {
					c.Seeds = append(c.Seeds, protocol.SimBook{}.Endpoint(s))
				}
			}
			return kademlia.NewNode(c)
		},
	}, source.Seed(seed), o, looked)
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	for _, e := range o.found {
		if r.asked++; e.OK {
			r.found++
		}
	}
	if want := splitValues * len(groups[1]); r.asked != want {
		t.Fatalf("%d lookups ended, want %d", r.asked, want)
	}
	return r
}

// nearest counts the nodes whose closest contacts are the closest nodes.
func (x split) nearest(s *sim.Sim, seed uint64) (near, up int) {
	var ids []kademlia.ID
	for i := range x.nodes {
		if !slices.Contains(x.crash, protocol.NodeID(i)) {
			ids = append(ids, point(seed, i))
		}
	}
	for i := range x.nodes {
		if slices.Contains(x.crash, protocol.NodeID(i)) {
			continue
		}
		up++
		self := point(seed, i)
		if slices.Equal(idsOf(s.Node(protocol.NodeID(i)).(*kademlia.Node).DHT().Closest(self, 8)), closest(ids, self, self, 8)) {
			near++
		}
	}
	return near, up
}

// once calls a function at the first event at its time or later.
type once struct {
	at protocol.Time
	do func()
}

func (o *once) Watch() sim.What { return sim.Received | sim.Fired }

func (o *once) Observe(e *sim.Event) {
	if o.do != nil && e.At >= o.at {
		o.do()
		o.do = nil
	}
}

func TestANetworkThatWasSplitIsOneAgainWithinARefreshInterval(t *testing.T) {
	for _, x := range []struct {
		name string
		split
	}{
		{"18 nodes for an hour, all seeds in one half", split{nodes: 18, seeds: []protocol.NodeID{0, 1}, at: time.Hour, last: time.Hour}},
		{"18 nodes for an hour, a seed in each half", split{nodes: 18, seeds: []protocol.NodeID{0, 17}, at: time.Hour, last: time.Hour}},
		{"60 nodes for half an hour", split{nodes: 60, seeds: []protocol.NodeID{0, 1}, at: time.Hour, last: 30 * time.Minute}},
		{"60 nodes for twelve hours", split{nodes: 60, seeds: []protocol.NodeID{0, 1}, at: time.Hour, last: 12 * time.Hour}},
		{"60 nodes for half an hour, the seeds crash at the heal", split{nodes: 60, seeds: []protocol.NodeID{0, 1}, at: time.Hour, last: 30 * time.Minute, crash: []protocol.NodeID{0, 1}}},
		{"60 nodes that never were one network", split{nodes: 60, seeds: []protocol.NodeID{0, 59}, at: 0, last: time.Hour}},
		{"200 nodes for an hour", split{nodes: 200, seeds: []protocol.NodeID{0, 1}, at: time.Hour, last: time.Hour}},
	} {
		t.Run(x.name, func(t *testing.T) {
			for seed := range seeds() {
				r := x.run(t, seed, time.Hour)
				t.Logf("seed %d: %d of %d lookups found their value; %d of %d nodes know the closest to them", seed, r.found, r.asked, r.near, r.up)
				if r.found != r.asked || r.near != r.up {
					t.Errorf("seed %d: an hour after the heal %d of %d lookups find values published in the other half before it, and %d of %d nodes know the closest to them; want all", seed, r.found, r.asked, r.near, r.up)
				}
			}
		})
	}
}

func TestANetworkThatIsSplitAgainIsOneAgainEachTime(t *testing.T) {
	const hour = time.Hour
	x := split{nodes: 18, seeds: []protocol.NodeID{0, 1}, before: []time.Duration{hour, 4 * hour}, at: 7 * hour, last: hour}
	if r := x.run(t, 1, hour); r.found != r.asked || r.near != r.up {
		t.Errorf("an hour after the last heal %d of %d lookups find values published in the other half before it, and %d of %d nodes know the closest to them; want all", r.found, r.asked, r.near, r.up)
	}
}
