package sim

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/source"
)

// flood is a plan in which node 0 sends count numbered messages to node 1, one a
// microsecond.
func flood(count uint64, l Link) Plan {
	const tag = 1
	next := uint64(0)
	sender := script{
		start: func(env *protocol.Env) { env.SetTimer(time.Microsecond, tag) },
		timeout: func(env *protocol.Env, _ uint64) {
			env.Send(1, kindT, binary.BigEndian.AppendUint64(nil, next))
			if next++; next < count {
				env.SetTimer(time.Microsecond, tag)
			}
		},
	}
	return Plan{Nodes: 2, Node: func(id protocol.NodeID) protocol.Node {
		if id == 0 {
			next = 0
			return sender
		}
		return script{}
	}, Link: l, Until: protocol.Time(time.Hour)}
}

// travels returns, by Seq, how long each message that arrived took.
func travels(c *collector) map[uint64]time.Duration {
	left, took := make(map[uint64]protocol.Time), make(map[uint64]time.Duration)
	for _, e := range c.events {
		switch e.What {
		case Sent, Copied:
			left[e.Seq] = e.At
		case Received:
			took[e.Seq] = e.At.Sub(left[e.Seq])
		}
	}
	return took
}

// overtakes counts the messages that arrive before one sent earlier.
func overtakes(c *collector) int {
	n, latest := 0, uint64(0)
	for _, e := range c.events {
		if e.What == Received {
			if e.Seq < latest {
				n++
			}
			latest = max(latest, e.Seq)
		}
	}
	return n
}

func TestTravelTakesTheDelayAndAtMostTheJitter(t *testing.T) {
	for shape, most := range map[Shape]time.Duration{Uniform: 1, Exponential: 10, HeavyTail: 90} {
		l := Link{Delay: 700, Jitter: 5000, Shape: shape}
		r, c := run(t, flood(3000, l), source.Seed(1))
		if r.Received != 3000 {
			t.Fatalf("shape %d: %d of 3000 received", shape, r.Received)
		}
		shortest, longest, sum := time.Duration(1<<62), time.Duration(0), time.Duration(0)
		for _, d := range travels(c) {
			shortest, longest, sum = min(shortest, d), max(longest, d), sum+d
		}
		if shortest < l.Delay || longest > l.Delay+most*l.Jitter {
			t.Errorf("shape %d: travel takes %v to %v, want %v to %v more", shape, shortest, longest, l.Delay, most*l.Jitter)
		}
		mean, want := sum/3000-l.Delay, l.Jitter
		if shape == Uniform {
			want /= 2
		}
		if mean < want*85/100 || mean > want*115/100 {
			t.Errorf("shape %d: jitter is %v in the mean, want about %v", shape, mean, want)
		}
	}
}

func TestBenignTravelTakesTheDelayExactly(t *testing.T) {
	for shape := range HeavyTail + 1 {
		_, c := run(t, flood(10, Link{Delay: 700, Jitter: 5000, Shape: shape}), nil)
		for seq, d := range travels(c) {
			if d != 700 {
				t.Errorf("shape %d: message %d takes %v, want 700ns", shape, seq, d)
			}
		}
	}
}

func TestJitterOvertakesUnlessFIFO(t *testing.T) {
	l := Link{Delay: 700, Jitter: 5000, Copy: protocol.Percent(20), Loss: protocol.Percent(20)}
	if _, c := run(t, flood(1000, l), source.Seed(1)); overtakes(c) == 0 {
		t.Error("no message overtakes another by a jitter of five intervals")
	}
	l.FIFO = true
	r, c := run(t, flood(1000, l), source.Seed(1))
	if n := overtakes(c); n > 0 || r.Received < 500 {
		t.Errorf("%d of %d messages overtake another on a FIFO link", n, r.Received)
	}
	for _, d := range travels(c) {
		if d < l.Delay {
			t.Errorf("a message takes %v on a FIFO link, want at least %v", d, l.Delay)
		}
	}
	l.FIFO, l.Jitter = false, 0
	if _, c := run(t, flood(1000, l), source.Seed(1)); overtakes(c) > 0 {
		t.Error("messages overtake each other without jitter")
	}
}

func TestLossAndCopyKeepTheirRatio(t *testing.T) {
	const count = 4000
	for _, percent := range []uint32{0, 1, 30, 100} {
		want := uint64(count * percent / 100)
		slack := uint64(4 * math.Sqrt(float64(want)*float64(100-percent)/100)) // four standard deviations
		r, _ := run(t, flood(count, Link{Delay: 1, Loss: protocol.Percent(percent)}), source.Seed(2))
		if r.Lost < want-slack || r.Lost > want+slack || r.Received+r.Lost != count || r.Copied != 0 {
			t.Errorf("at %d%% loss %d of %d are lost, %d received", percent, r.Lost, count, r.Received)
		}
		r, _ = run(t, flood(count, Link{Delay: 1, Copy: protocol.Percent(percent)}), source.Seed(2))
		if r.Copied < want-slack || r.Copied > want+slack || r.Received != count+r.Copied || r.Lost != 0 {
			t.Errorf("at %d%% copies %d of %d are copied, %d received", percent, r.Copied, count, r.Received)
		}
	}
}

func TestCopiesTravelAndAreLostOnTheirOwn(t *testing.T) {
	l := Link{Delay: 1, Jitter: 1000, Copy: protocol.Percent(100), Loss: protocol.Percent(50)}
	_, c := run(t, flood(2000, l), source.Seed(3))
	took := travels(c)
	var outcomes [2][2]int
	same, both := 0, 0
	for seq := uint64(2); seq < 6001; seq += 3 { // each step counts a timer, a message and its copy
		first, ok1 := took[seq]
		second, ok2 := took[seq+1]
		outcomes[btoi(ok1)][btoi(ok2)]++
		if ok1 && ok2 {
			both++
			if first == second {
				same++
			}
		}
	}
	for i := range outcomes {
		for j, n := range outcomes[i] {
			if n < 400 || n > 600 {
				t.Errorf("original arrives %d, copy arrives %d: %d times of 2000, want about 500", i, j, n)
			}
		}
	}
	if same > both/50 {
		t.Errorf("%d of %d copies take just as long as their original", same, both)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Links of the delays 1 to 4 tell which rule was used.
func TestTheExactPairBeatsFromBeatsTo(t *testing.T) {
	delay := func(d time.Duration) Link { return Link{Delay: d} }
	rules := []LinkRule{{Any, 1, delay(2)}, {0, Any, delay(3)}, {0, 1, delay(4)}}
	for _, order := range [][3]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		plan := Plan{Nodes: 3, Link: delay(1), Node: scripts(script{start: func(env *protocol.Env) {
			for id := range protocol.NodeID(3) {
				env.Send(id, kindT, nil)
			}
		}})}
		for _, i := range order {
			plan.Links = append(plan.Links, rules[i])
		}
		_, c := run(t, plan, nil)
		got := ""
		for _, e := range c.events {
			if e.What == Received {
				got += fmt.Sprintf("%v>%v:%d ", e.Peer, e.Node, e.At)
			}
		}
		if want := "0>0:1 1>0:1 2>0:1 1>1:1 1>2:1 2>2:1 2>1:2 0>2:3 0>1:4 "; got != want {
			t.Errorf("rules in the order %v give\n%s, want\n%s", order, got, want)
		}
	}
}

func TestEverySeqShownIsThatOfTheArrival(t *testing.T) {
	_, c := run(t, flood(50, Link{Delay: 1, Copy: protocol.Percent(50), Loss: protocol.Percent(30)}), source.Seed(1))
	seen := make(map[uint64]What) // by Seq
	for _, e := range c.events {
		switch e.What {
		case Sent, Copied:
			if seen[e.Seq] != 0 {
				t.Fatalf("%v has the Seq %d of another", e.What, e.Seq)
			}
			seen[e.Seq] = e.What
		case Lost, Received:
			if seen[e.Seq] != Sent && seen[e.Seq] != Copied {
				t.Fatalf("%v has the Seq %d, under which %v", e.What, e.Seq, seen[e.Seq])
			}
			seen[e.Seq] = e.What
		}
	}
	for seq, w := range seen {
		if w != Lost && w != Received {
			t.Errorf("of message %d it is not told what became of it", seq)
		}
	}
}

// unlucky loses the messages of these names.
type unlucky map[uint64]bool

func (unlucky) Choose(protocol.Key, uint64) uint64 { return 0 }

func (u unlucky) Chance(k protocol.Key, _ protocol.Ratio) bool { return k.Kind == kindLoss && u[k.N] }

func TestALostMessageCountsInSeq(t *testing.T) {
	plan := Plan{Nodes: 2, Link: Link{Delay: 5, Loss: protocol.Percent(1)}, Node: scripts(script{start: func(env *protocol.Env) {
		for i := range byte(3) {
			env.Send(1, kindT, []byte{i})
		}
	}}, script{})}
	var names []uint64
	run(t, plan, spy(func(k protocol.Key) { names = append(names, k.N) }))
	if len(names) != 3 {
		t.Fatalf("%d questions, want 3", len(names))
	}
	_, c := run(t, plan, unlucky{names[1]: true})
	got := ""
	for _, e := range c.events {
		if e.What == Received || e.What == Lost {
			got += fmt.Sprint(e.What, " ", e.Body[0], " as ", e.Seq, "; ")
		}
	}
	if want := "lost 1 as 2; received 0 as 1; received 2 as 3; "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAMessageToNobodyIsLostAndTheFirstNamed(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(script{start: func(env *protocol.Env) {
		for _, to := range []protocol.NodeID{1, 1 << 31, protocol.Outside, 0} {
			env.Send(to, kindT, make([]byte, 40))
		}
	}})}
	r, c := run(t, plan, nil)
	if r.Sent != 4 || r.Lost != 3 || r.Received != 1 || c.of(Lost) != 3 || c.events[len(c.events)-2].Seq != 4 {
		t.Errorf("sent %d, lost %d, received %d; want 4, 3, 1: %+v", r.Sent, r.Lost, r.Received, c.events)
	}
	if want := (Misaddressed{Sent: 3, From: 0, To: 1, Kind: kindT, At: 0, Step: 1}); r.Misaddressed != want {
		t.Errorf("sent to no node: %+v, want %+v", r.Misaddressed, want)
	}
	if got, want := r.Misaddressed.String(), "3, the first by node 0 to node 1: t at step 1, 0.000000 ms"; got != want {
		t.Errorf("prints %q, want %q", got, want)
	}
	plan.Nodes = 2
	plan.Node = scripts(script{start: func(env *protocol.Env) { env.Send(1-env.ID(), kindT, nil) }})
	if r, _ := run(t, plan, nil); r.Misaddressed != (Misaddressed{}) || r.Misaddressed.String() != "" {
		t.Errorf("sent to no node: %+v, want none", r.Misaddressed)
	}
}

func TestASourceOutOfRangeIsRefused(t *testing.T) {
	plan := flood(1, Link{Delay: 1, Jitter: 9})
	defer func() {
		if p, ok := recover().(*Panic); !ok || fmt.Sprint(p.Value) != "sim: source answered 10 to a choice among 10 (net.delay from 0 to 1)" {
			t.Errorf("got %v", p)
		}
	}()
	run(t, plan, wild{})
}

type wild struct{ protocol.Benign }

func (wild) Choose(_ protocol.Key, n uint64) uint64 { return n }

// spy is a benign Source that keeps the keys.
type spy func(protocol.Key)

func (s spy) Choose(k protocol.Key, _ uint64) uint64 { s(k); return 0 }

func (s spy) Chance(k protocol.Key, _ protocol.Ratio) bool { s(k); return false }
