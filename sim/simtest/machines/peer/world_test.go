package peer_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/simtest"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"

	"pgregory.net/rapid"
)

// mustBePrefixes demands that every node's entries are a prefix of one sequence.
func (w *world) mustBePrefixes(t tb) {
	t.Helper()
	var sequence []peer.Entry
	have := make([]uint64, len(w.nodes))
	for _, e := range w.seen.of(peer.KindEntry) {
		x, ok := peer.DecodeEntry(e.Body)
		if !ok || x.Index != have[e.Node] {
			t.Fatalf("node %v has entry %q (%v) after %d", e.Node, e.Body, ok, have[e.Node])
		}
		have[e.Node]++
		if x.Index == uint64(len(sequence)) {
			sequence = append(sequence, x)
		}
		if x != sequence[x.Index] {
			t.Fatalf("node %v has %+v, another had %+v", e.Node, x, sequence[x.Index])
		}
		if x.Total != w.genesis.Minted() {
			t.Fatalf("node %v has coins of %d, want %d", e.Node, x.Total, w.genesis.Minted())
		}
	}
}

// TestLedgersAreEqualAtTheEnd: whatever is late or copied, all transfers end and
// all ledgers are equal; whatever is lost, they are prefixes of one sequence, and
// equal if the run comes to its end.
func TestLedgersAreEqualAtTheEnd(t *testing.T) {
	ended, entered := 0, 0
	property := func(t *rapid.T) {
		n := rapid.IntRange(3, 6).Draw(t, "nodes")
		w := newWorld(n, 2)
		w.until = begin + protocol.Time(5*time.Second)
		w.link.Jitter = time.Duration(rapid.Int64Range(0, int64(delay-least)).Draw(t, "jitter"))
		w.link.Copy = protocol.Percent(rapid.SampledFrom([]uint32{0, 10}).Draw(t, "copy"))
		w.link.Loss = protocol.Percent(rapid.SampledFrom([]uint32{0, 10}).Draw(t, "loss"))
		txs := rapid.IntRange(0, 5).Draw(t, "txs")
		for i := range txs {
			sender := rapid.IntRange(0, n-1).Draw(t, "sender")
			receiver := (sender + rapid.IntRange(1, n-1).Draw(t, "receiver")) % n
			witness := slices.IndexFunc(w.members, func(id protocol.NodeID) bool { return int(id) != sender && int(id) != receiver })
			w.order(uint64(i), sender, receiver, witness, rapid.Uint64Range(1, 300).Draw(t, "amount"))
		}
		r := w.run(t, simtest.Sparse(t))
		w.mustBePrefixes(t)
		entered += len(w.seen.of(peer.KindEntry))
		if r.Reason == sim.TimeUp && !w.link.Loss.Never() {
			return
		}
		ended++
		w.mustAgree(t, uint64(txs))
		if a := w.answers(t); len(a) != txs {
			t.Errorf("%d answers to %d orders: %v", len(a), txs, a)
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 10, property)
	if ended == 0 || entered == 0 {
		t.Errorf("%d runs ended, %d entries: nothing was judged", ended, entered)
	}
}

// TestEqualRunsAreEqual, traces and all.
func TestEqualRunsAreEqual(t *testing.T) {
	run := func() (sim.Digest, string) {
		w := newWorld(5, 2)
		w.link.Loss, w.link.Copy = protocol.Percent(10), protocol.Percent(10)
		w.config = func(_ protocol.NodeID, cfg *peer.Config) { cfg.Abort = abortFirst(1) }
		for i := range uint64(6) {
			s := int(i) % 5
			w.order(i, s, (s+1)%5, (s+3)%5, 700)
		}
		r := w.run(t, source.Seed(12))
		w.mustAgree(t, 6)
		var b strings.Builder
		for _, n := range w.nodes {
			b.Write(n.Describe(nil))
		}
		return r.Digest, b.String()
	}
	d1, text1 := run()
	d2, text2 := run()
	if d1 != d2 || text1 != text2 {
		t.Errorf("digests %v and %v, states\n%s\nand\n%s", d1, d2, text1, text2)
	}
}
