package stats

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"

	"pgregory.net/rapid"
)

// The twin of a Time is a list of what has begun.
func TestATimeMeasuresFromTheFirstBeginToTheNextEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type begun struct {
			key int
			at  protocol.Time
		}
		var open []begun
		var want []time.Duration
		x, now := new(Meter).Time("x", ""), protocol.Time(0)
		find := func(key int) int { return slices.IndexFunc(open, func(b begun) bool { return b.key == key }) }
		key := func(t *rapid.T) int {
			now += protocol.Time(rapid.IntRange(0, 5).Draw(t, "later"))
			return rapid.IntRange(0, 3).Draw(t, "key")
		}
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(t *rapid.T) {
				k := key(t)
				x.Begin(k, now)
				if find(k) < 0 {
					open = append(open, begun{k, now})
				}
			},
			"end": func(t *rapid.T) {
				k := key(t)
				i := find(k)
				if got := x.End(k, now); got != (i >= 0) {
					t.Fatalf("End returns %v", got)
				}
				if i >= 0 {
					want = append(want, now.Sub(open[i].at))
					open = slices.Delete(open, i, i+1)
				}
			},
			"forget": func(t *rapid.T) {
				i := find(key(t))
				if i >= 0 && !x.Forget(open[i].key) {
					t.Fatal("Forget knows nothing of what has begun")
				}
				if i >= 0 {
					open = slices.Delete(open, i, i+1)
				}
			},
			"": func(t *rapid.T) {
				if x.Open() != len(open) || !slices.Equal(x.Took, want) {
					t.Fatalf("%d open, took %v; want %d and %v", x.Open(), x.Took, len(open), want)
				}
			},
		})
	})
}

func TestANameHasOneSeries(t *testing.T) {
	m := new(Meter)
	m.Time("a", "the first")
	m.Number("a", "of a number")
	if m.Time("b", "") == m.Time("a", "again") || m.Time("a", "") != m.Times()[0] || len(m.Times()) != 2 || m.Times()[0].What != "the first" || m.Number("a", "") != m.Numbers()[0] {
		t.Errorf("%+v, %+v", m.Times(), m.Numbers())
	}
}

// Adding up the traffic of runs is the same as observing them one after the other.
func TestTrafficAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all, sum Traffic
		for range rapid.IntRange(1, 3).Draw(t, "runs") {
			var one Traffic
			for range rapid.IntRange(0, 30).Draw(t, "events") {
				e := &sim.Event{
					What: rapid.SampledFrom([]sim.What{sim.Sent, sim.Lost, sim.Copied, sim.Dropped, sim.Received}).Draw(t, "what"),
					Node: protocol.NodeID(rapid.IntRange(0, 4).Draw(t, "node")), Peer: rapid.SampledFrom([]protocol.NodeID{0, 1, protocol.Outside}).Draw(t, "peer"),
					Kind: protocol.KindOf(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "kind")), Body: make([]byte, rapid.IntRange(0, 9).Draw(t, "bytes")),
				}
				all.Observe(e)
				one.Observe(e)
			}
			sum.Add(&one)
		}
		if got, want := text(&sum), text(&all); got != want {
			t.Fatalf("added up\n%sobserved\n%s", got, want)
		}
	})
}

// text has the kinds by rank, and the nodes with their kinds in that order.
func text(t *Traffic) (s string) {
	for _, k := range t.Ranked() {
		s += fmt.Sprintf("%+v\n", t.Kinds[k])
	}
	for i := range t.Nodes {
		n := &t.Nodes[i]
		s += fmt.Sprintf("%d: %d %d %d", i, n.Sent, n.Received, n.Bytes)
		for _, k := range t.Ranked() {
			s += fmt.Sprintf(" %d", n.Of(k))
		}
		s += "\n"
	}
	return s
}
