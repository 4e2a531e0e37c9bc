package gossip

import (
	"slices"
	"testing"
	"time"
)

// gaps lets a node's timer fire and the exchanges finish, that often, and returns the
// times between.
func (w *world) gaps(h *host, n int) (gaps []time.Duration) {
	for range n {
		before := w.Now
		w.ask(h)
		w.drain()
		gaps = append(gaps, w.Now.Sub(before))
	}
	return gaps
}

// Node 0 alone exchanges: what node 1 sends is answers.
func TestExchangesWithoutADifferenceHavePausesThatGrowAndADifferenceBeginsThemAnew(t *testing.T) {
	for name, differ := range map[string]func(w *world){
		"a new body":                  func(w *world) { w.broadcast(0, "new"); w.drain() },
		"a body of the other":         func(w *world) { w.broadcast(1, "new"); w.drain() },
		"a difference of an exchange": func(w *world) { w.broadcast(1, "lost"); w.Lose(0); w.ask(w.nodes[0]); w.drain() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, line(2), config())
			first := config().Repair
			want := []time.Duration{first, first, 2 * first, 4 * first, 4 * first, 4 * first}
			if got := w.gaps(w.nodes[0], len(want)); !slices.Equal(got, want) {
				t.Errorf("equal nodes exchange after %v, want %v", got, want)
			}
			differ(w)
			w.ask(w.nodes[0]) // the timer that was set before
			w.drain()
			want = want[1:]
			if got := w.gaps(w.nodes[0], len(want)); !slices.Equal(got, want) {
				t.Errorf("after %s they exchange after %v, want %v", name, got, want)
			}
		})
	}
}

// A neighbour's digests of an equal store are no difference, nor is silence.
func TestADigestOfAnEqualStoreDoesNotBeginThePausesAnew(t *testing.T) {
	w := newWorld(t, line(2), config())
	first := config().Repair
	want := []time.Duration{first, first, 2 * first, 4 * first, 4 * first, 4 * first}
	var got []time.Duration
	for range want {
		before := w.Now
		w.repair() // each asks the other
		got = append(got, w.Now.Sub(before))
	}
	if !slices.Equal(got, want) {
		t.Errorf("two nodes that ask each other exchange after %v, want %v", got, want)
	}
	w = newWorld(t, line(2), config())
	w.Crash(1, 0)
	if got := w.gaps(w.nodes[0], len(want)); !slices.Equal(got, want) {
		t.Errorf("a node whose neighbour is down sends digests after %v, want %v", got, want)
	}
}

// It learns nothing from the exchange, but the other may lack more.
func TestANodeThatHasWhatItsNeighbourLacksBeginsThePausesAnew(t *testing.T) {
	w := newWorld(t, line(2), config())
	id := w.broadcast(0, "lost")
	w.InFlight = nil
	w.Crash(1, 0)
	first := config().Repair
	want := []time.Duration{first, first, 2 * first, 4 * first, 4 * first}
	if got := w.gaps(w.nodes[0], len(want)); !slices.Equal(got, want) {
		t.Errorf("a node whose neighbour is down sends digests after %v, want %v", got, want)
	}
	w.Start(1)
	w.gaps(w.nodes[0], 1)
	if w.lacking([]ID{id}) != 0 {
		t.Fatal("an exchange repairs nothing")
	}
	w.gaps(w.nodes[0], 1) // the timer that was set before
	want = want[1:]
	if got := w.gaps(w.nodes[0], len(want)); !slices.Equal(got, want) {
		t.Errorf("after a difference it sends digests after %v, want %v", got, want)
	}
}
