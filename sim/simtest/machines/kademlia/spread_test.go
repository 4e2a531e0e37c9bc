package kademlia_test

import (
	"flag"
	"math/bits"
	"runtime/debug"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
)

var full = flag.Bool("full", false, "have a second seed, and more networks of 1,024 nodes")

// Many runs are small, and so is the heap that they are collected in: less often takes a fifth
// of the CPU away.
func init() { debug.SetGCPercent(400) }

// seeds is how many seeds the larger networks have.
func seeds() uint64 {
	if *full {
		return 2
	}
	return 1
}

// shape is what a network of full tables costs and yields.
type shape struct {
	hops     float64 // of greedy lookups, mean
	prefixes float64 // different next bits in a full bucket, mean: 3 bits if k is 8
	join     float64 // messages that a node sends until all have joined
	upkeep   float64 // messages that a node sends in an hour of it
}

// shapeOf joins nodes, lets some hours of upkeep pass and has them look up random points.
func shapeOf(t *testing.T, size, k int, hours int, seed uint64) (x shape) {
	t.Helper()
	n := network{ids: points(seed, size)}
	n.config = func(c *kademlia.Config) {
		if hours > 0 {
			*c = kademlia.Lasting(c.Self, c.Book, c.Secret)
		}
		c.K, c.Alpha = k, 1
	}
	for i := range size {
		n.starts = append(n.starts, protocol.Time(time.Duration(i)*5*time.Second/time.Duration(size)))
	}
	const lookups = 2000
	after := quiet + time.Duration(hours)*time.Hour
	for i := range lookups {
		n.asks = append(n.asks, ask{at: after + time.Duration(i)*time.Millisecond, node: protocol.NodeID(i * 7 % size), what: 'L', id: point(seed+1, i)})
	}
	var sent, joined, upkept uint64
	count := sentCount{&sent}
	n.until = protocol.Time(after + 30*time.Minute)
	s := n.run(t, seed, count, &once{at: protocol.Time(quiet), do: func() { joined = sent }}, &once{at: protocol.Time(after), do: func() { upkept = sent }})
	for _, r := range n.lookups {
		x.hops += float64(r.Hops) / lookups
	}
	x.join = float64(joined) / float64(size)
	if hours > 0 {
		x.upkeep = float64(upkept-joined) / float64(size) / float64(hours)
	}
	full := 0
	for id := range n.ids {
		self := n.ids[id]
		cells := map[int]map[byte]bool{}
		held := map[int]int{}
		for _, c := range s.Node(protocol.NodeID(id)).(*host).dht.Contacts() {
			b := shared(self, c.ID)
			if held[b]++; cells[b] == nil {
				cells[b] = map[byte]bool{}
			}
			cells[b][next(c.ID, b+1, bits.Len(uint(k))-1)] = true
		}
		for b := range held {
			if held[b] == k && size>>(b+1) >= 8*k {
				x.prefixes += float64(len(cells[b]))
				full++
			}
		}
	}
	x.prefixes /= float64(full)
	return x
}

// shared counts the leading bits that two ids share.
func shared(a, b kademlia.ID) int {
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			return i*8 + bits.LeadingZeros8(x)
		}
	}
	return 160
}

// next returns n bits of an id from a bit on.
func next(id kademlia.ID, from, n int) (v byte) {
	for i := from; i < from+n; i++ {
		v = v<<1 | id[i/8]>>(7-i%8)&1
	}
	return v
}

// sentCount counts the messages sent.
type sentCount struct{ n *uint64 }

func (sentCount) Watch() sim.What      { return sim.Sent }
func (c sentCount) Observe(*sim.Event) { *c.n++ }

// An independent Monte Carlo of greedy routing, over tables whose buckets hold k contacts
// drawn at random or all that there are, has the means below, for 1,024 nodes. So drawn,
// the contacts of a full bucket have 5.25 different next three bits of 8 if k is 8.
func TestLookupsTakeNoMoreHopsThanOverTablesFilledAtRandom(t *testing.T) {
	if testing.Short() {
		t.Skip("joins 1,024 nodes")
	}
	for _, c := range []struct {
		k, hours                     int
		hops, prefixes, join, upkeep float64 // random tables have; at least; at most; at most
		full                         bool
	}{
		{k: 8, hours: 0, hops: 2.37, prefixes: 5.25, join: 320, full: true},
		{k: 20, hours: 0, hops: 1.93, prefixes: 11, join: 630, full: true},
		{k: 8, hours: 2, hops: 2.37, prefixes: 7.5, join: 320, upkeep: 260},
	} {
		if c.full && !*full {
			continue
		}
		x := shapeOf(t, 1024, c.k, c.hours, 17)
		t.Logf("k %d, %d hours after the joins: %.2f hops for %.2f; %.2f different next bits in a full bucket; a node sent %.0f messages until all had joined, and %.0f in an hour", c.k, c.hours, x.hops, c.hops, x.prefixes, x.join, x.upkeep)
		if x.hops > c.hops || x.hops < c.hops-0.3 || x.prefixes < c.prefixes {
			t.Errorf("k %d, %d hours after the joins: %.2f hops and %.2f different next bits, want %.2f or a little less, and at least %.2f", c.k, c.hours, x.hops, x.prefixes, c.hops, c.prefixes)
		}
		if x.join > c.join || x.upkeep > c.upkeep {
			t.Errorf("k %d: a node sent %.0f messages until all had joined and %.0f in an hour of upkeep, want at most %.0f and %.0f", c.k, x.join, x.upkeep, c.join, c.upkeep)
		}
	}
}
