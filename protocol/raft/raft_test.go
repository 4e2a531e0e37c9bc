package raft_test

import (
	"flag"
	"fmt"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/raft"
)

// A host can use either order behind one interface.
var _ = []interface {
	Restore(rec []byte)
	Start(env *protocol.Env)
	Broadcast(env *protocol.Env, payload []byte) abcast.MsgID
	Receive(env *protocol.Env, from protocol.NodeID, msg []byte)
	Timeout(env *protocol.Env, tag uint64)
	Pending() int
	Delivered() uint64
	View() (v abcast.View, normal bool)
	Stats() abcast.Stats
	Describe(b []byte) []byte
}{(*abcast.Group)(nil), (*raft.Group)(nil)}

var (
	flagSeeds = flag.Uint64("raft.seeds", 0, "run so many seeds instead of a few")
	flagFirst = flag.Uint64("raft.first", 1, "the first seed")
	flagSize  = flag.Int("raft.nodes", 0, "the number of nodes; 0: 1 to 5, as the seed says")
)

// sizeOf gives most seeds the sizes where most can go wrong.
func sizeOf(seed uint64) int {
	if *flagSize > 0 {
		return *flagSize
	}
	return []int{3, 5, 3, 5, 2, 5, 3, 1, 5, 3}[seed%10]
}

func TestOneOrderThroughMisfortunes(t *testing.T) {
	seeds := *flagSeeds
	if seeds == 0 {
		seeds = 400
	}
	var sum counts
	worst := 0.0
	for seed := *flagFirst; seed < *flagFirst+seeds; seed++ {
		w := newWorld(sizeOf(seed), seed)
		if wrong := w.run(); wrong != "" {
			t.Fatalf("seed %d, %d nodes: %s\nreproduce: go test ./protocol/raft -run TestOneOrderThrough -raft.first=%d -raft.seeds=1\n%s",
				seed, len(w.hosts), wrong, seed, w.describe())
		}
		c := w.counts
		sum.crashes += c.crashes
		sum.torn += c.torn
		sum.minorities += c.minorities
		sum.broadcasts += c.broadcasts
		sum.deliveries += c.deliveries
		sum.canon += c.canon
		sum.terms += c.terms
		sum.orphan += c.orphan
		sum.healed += c.healed
		worst = max(worst, c.healed)
		add(&sum.stats, c.stats)
	}
	per := func(n int) string { return fmt.Sprintf("%.2f", float64(n)/float64(seeds)) }
	s := sum.stats
	t.Logf("%d runs, in the mean: %s broadcasts, %s ordered (%s of the dead), %s deliveries, %s crashes, %s splits, %s torn records; %s campaigns, %s terms, "+
		"%s leaders forgotten, %s messages by snapshot, %s entries cut, %s passed over or astray, %s held, %s repeated, %s gaps, %s clamped; %.1f ticks to heal, worst %.1f",
		seeds, per(sum.broadcasts), per(sum.canon), per(sum.orphan), per(sum.deliveries), per(sum.crashes), per(sum.minorities), per(sum.torn), per(int(s.Ballots)), per(sum.terms),
		per(int(s.Excluded)), per(int(s.Learned)), per(int(s.Cut)), per(int(s.Stray)), per(int(s.Early)), per(int(s.Repeated)), per(int(s.Gaps)), per(int(s.Clamped)), sum.healed/float64(seeds), worst)
	if s.Malformed != 0 {
		t.Errorf("%d messages are malformed, though none was corrupted", s.Malformed)
	}
	if s.Gaps != 0 || s.Clamped != 0 {
		t.Errorf("%d gaps and %d commit indices beyond the log, on disks that keep what was synced", s.Gaps, s.Clamped)
	}
	if seeds >= 300 {
		notVacuous(t, &sum)
	}
}

// notVacuous demands that everything worth testing happened.
func notVacuous(t *testing.T, sum *counts) {
	s := &sum.stats
	for what, n := range map[string]int{
		"crash": sum.crashes, "torn record": sum.torn, "minority": sum.minorities, "order of a dead life's message": sum.orphan,
		"leader forgotten": int(s.Excluded), "message learned by snapshot": int(s.Learned), "entry cut": int(s.Cut), "repetition in the log": int(s.Stray),
		"message held for its turn": int(s.Early), "proposal repeated": int(s.Repeated), "torn record restored": int(s.Torn),
	} {
		if n == 0 {
			t.Errorf("no %s in any run", what)
		}
	}
}

func (w *world) describe() string {
	s := ""
	for _, h := range w.hosts {
		s += fmt.Sprintf("node %v/%d ", h.id, h.inc)
		if h.host == nil {
			s += "down\n"
			continue
		}
		s += string(h.host.group.Describe(nil))
	}
	return s
}
