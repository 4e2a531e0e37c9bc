package abcast_test

import (
	"flag"
	"fmt"
	"testing"

	"dessim/protocol/abcast"
)

var (
	flagSeeds = flag.Uint64("views.seeds", 0, "run so many seeds of each order instead of a few")
	flagFirst = flag.Uint64("views.first", 1, "the first seed")
	flagSize  = flag.Int("views.nodes", 0, "the number of nodes; 0: 1 to 5, as the seed says")
	flagOrder = flag.String("views.order", "", "one order alone")
)

// sizeOf gives most seeds the sizes where most can go wrong.
func sizeOf(seed uint64) int {
	if *flagSize > 0 {
		return *flagSize
	}
	return []int{3, 5, 3, 5, 2, 5, 3, 1, 5, 3}[seed%10]
}

func TestViewsKeepOneOrderThroughMisfortunes(t *testing.T) {
	seeds := *flagSeeds
	if seeds == 0 {
		seeds = 300
	}
	for _, o := range abcast.Orders() {
		if *flagOrder != "" && *flagOrder != o.String() {
			continue
		}
		t.Run(o.String(), func(t *testing.T) { sweep(t, o, seeds) })
	}
}

func sweep(t *testing.T, o abcast.Order, seeds uint64) {
	var sum counts
	worst := 0.0
	for seed := *flagFirst; seed < *flagFirst+seeds; seed++ {
		w := newWorld(o, sizeOf(seed), seed)
		if wrong := w.run(); wrong != "" {
			t.Fatalf("seed %d, %d nodes: %s\nreproduce: go test ./protocol/abcast -run TestViewsKeepOneOrderThrough -views.order=%v -views.first=%d -views.seeds=1\n%s",
				seed, len(w.hosts), wrong, o, seed, w.describe())
		}
		c := w.counts
		sum.crashes += c.crashes
		sum.torn += c.torn
		sum.minorities += c.minorities
		sum.broadcasts += c.broadcasts
		sum.deliveries += c.deliveries
		sum.canon += c.canon
		sum.views += c.views
		sum.orphan += c.orphan
		sum.healed += c.healed
		worst = max(worst, c.healed)
		add(&sum.stats, c.stats)
	}
	per := func(n int) string { return fmt.Sprintf("%.2f", float64(n)/float64(seeds)) }
	s := sum.stats
	t.Logf("%v, %d runs, in the mean: %s broadcasts, %s ordered (%s of the dead), %s deliveries, %s crashes, %s splits, %s torn records; %s ballots, %s views delivered, "+
		"%s installed, %s excluded, %s entries learned, %s cut, %s flushed, %s frames repeated, %s gaps, %s clamped; %.1f ticks to heal, worst %.1f",
		o, seeds, per(sum.broadcasts), per(sum.canon), per(sum.orphan), per(sum.deliveries), per(sum.crashes), per(sum.minorities), per(sum.torn), per(int(s.Ballots)), per(sum.views),
		per(int(s.Installed)), per(int(s.Excluded)), per(int(s.Learned)), per(int(s.Cut)), per(int(s.Flushed)), per(int(s.Repeated)), per(int(s.Gaps)), per(int(s.Clamped)), sum.healed/float64(seeds), worst)
	if s.Malformed != 0 {
		t.Errorf("%d messages are malformed, though none was corrupted", s.Malformed)
	}
	if seeds >= 300 {
		notVacuous(t, &sum)
	}
	if seeds >= 10000 && s.Clamped == 0 {
		t.Errorf("no disk told of more that is stable than it held")
	}
}

// notVacuous demands that everything worth testing happened.
func notVacuous(t *testing.T, sum *counts) {
	s := &sum.stats
	for what, n := range map[string]int{
		"crash": sum.crashes, "torn record": sum.torn, "minority": sum.minorities, "order of a dead life's message": sum.orphan,
		"exclusion": int(s.Excluded), "entry learned": int(s.Learned), "entry cut": int(s.Cut), "message flushed": int(s.Flushed),
		"frame repeated": int(s.Repeated), "torn record restored": int(s.Torn), "gap": int(s.Gaps),
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
