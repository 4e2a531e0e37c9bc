package abcast

import (
	"slices"
	"testing"
)

// A member of the view that is out of reach gets a frame again and again, after pauses
// that grow. When it is connected the pauses begin anew, even for a frame that has waited
// for longer, until it acknowledges.
func TestAFrameIsRepeatedUntilItIsAcknowledgedAndAConnectionBeginsThePausesAnew(t *testing.T) {
	g, env := inView(ISIS, 1, 2)
	c, reached := &g.chans[0], false
	c.acknowledged(c.sent) // what the view began with
	g.send(env, 0, KindData, []byte("m"))
	g.peers[0].inc, g.peers[0].hears = 1, newPlaces(3)
	g.peers[0].hears.add(g.self)
	g.ticks += 100 // since node 0 was heard
	last := g.ticks
	c.out[0].at = last
	gap := func() uint64 {
		for before := g.stats.Repeated; g.stats.Repeated == before; {
			if g.ticks++; g.ticks-last > 100 {
				t.Fatal("a frame that was not acknowledged is repeated no more")
			}
			if reached {
				g.peers[0].heard = g.ticks
			}
			g.repeat(env, 0)
		}
		gap := g.ticks - last
		last = g.ticks
		return gap
	}
	gaps := func(n int) (gaps []uint64) {
		for range n {
			gaps = append(gaps, gap())
		}
		return gaps
	}
	vain := []uint64{repeatAfter, 2 * repeatAfter, 4 * repeatAfter, 4 * repeatAfter, 4 * repeatAfter}
	if got := gaps(5); !slices.Equal(got, vain) {
		t.Errorf("a frame to a member out of reach is repeated after %v ticks, want %v", got, vain)
	}
	g.ticks += 2 * repeatAfter
	reached = true
	if got, want := gaps(4), []uint64{2*repeatAfter + 1, repeatAfter, repeatAfter, repeatAfter}; !slices.Equal(got, want) {
		t.Errorf("when the member is connected it is repeated after %v ticks, want %v", got, want)
	}
	reached = false
	g.peers[0].heard -= suspectAfter
	if got := gaps(5); !slices.Equal(got, vain) {
		t.Errorf("when it is out of reach again it is repeated after %v ticks, want %v", got, vain)
	}
	c.acknowledged(c.sent)
	before := g.stats.Repeated
	for range 100 {
		g.ticks++
		g.repeat(env, 0)
	}
	if g.stats.Repeated != before {
		t.Errorf("a frame is repeated %d times after its acknowledgement", g.stats.Repeated-before)
	}
}

func TestAPromiseOfANodeThatABallotDoesNotAskDoesNotEndTheBallot(t *testing.T) {
	for _, c := range []struct {
		q    int
		ends bool
	}{{2, false}, {1, true}} {
		g, env := inView(ISIS, 0, 0)
		g.ticks, g.follows = listenFirst, g.self
		want := newPlaces(3)
		want.add(0)
		want.add(1)
		g.want = want
		g.begin(env, want)
		b := g.ballot
		g.peers[c.q].promised = b.view + 30
		g.consider(env)
		if ends := g.ballot != b; ends != c.ends {
			t.Errorf("a ballot of nodes 0 and 1 ends: %v, when node %d has promised a higher view; want %v", ends, c.q, c.ends)
		}
	}
}
