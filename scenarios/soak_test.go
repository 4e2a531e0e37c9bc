package scenarios_test

import (
	"cmp"
	"flag"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

var soakOnly = flag.String("soak.only", "", "soak only the scenario of this name")

var soakSeeds = flag.Int("soak.seeds", 0, "0: no soak; else soak with seeds 1 to this; a fiftieth of them, but at least one, with 64 nodes; as they are, twenty times as many with scenario crash, and from 1000 on ten times with chaos in each order")

// tenPercent is what links lose and copy in the lossy half of a soak.
var tenPercent = protocol.Percent(10)

// soakRuns returns the runs of a soak, the small ones first.
func soakRuns(seeds int) (runs []subject) {
	sizes, losses, often := []int{3, 8, 64}, []protocol.Ratio{{}, tenPercent}, 20
	if testing.Short() { // for the race detector, which looks for what runs share
		sizes, losses, often = []int{3}, losses[1:], 2
	}
	for _, nodes := range sizes {
		n := seeds
		if nodes == 64 {
			n = max(1, seeds/50)
		}
		for _, s := range scenarios.All() {
			for _, order := range ordersOf(s) {
				for _, loss := range losses {
					if nodes == 64 && takesTime(s.Name) && (order != "isis" || s.Name != "crash" && loss != (protocol.Ratio{})) {
						continue
					}
					p := s.Defaults
					p.Nodes, p.Loss, p.Copy = min(max(nodes, s.MinNodes), s.MaxNodes), loss, loss
					inOrder(s, &p, order)
					for seed := range n {
						runs = append(runs, subject{scenario.Subject{Scenario: s, Seed: uint64(seed + 1), Params: p}})
					}
				}
			}
		}
	}
	runs = append(runs, soakWith("kv", "swarm", seeds, ordersOf(scenarios.Find("kv"))...)...)
	for _, s := range scenarios.All() {
		if f := s.Defaults.Faults; f == "" || f == "none" { // whoever asks for faults gets other code, such as what survives on disks
			runs = append(runs, soakWith(s.Name, "swarm", seeds, ordersOf(s)...)...)
		}
	}
	runs = append(runs, soakWith("churn", "swarm,repair", seeds, "isis")...)
	runs = append(runs, soakAsItIs("crash", often*seeds, "isis")...)
	chaos := seeds
	if seeds >= 1000 {
		chaos *= 10
	}
	return append(runs, soakAsItIs("chaos", chaos, ordersOf(scenarios.Find("chaos"))...)...)
}

// takesTime reports whether all nodes of a scenario tell all others that they live, over
// the whole of a fault window.
func takesTime(name string) bool {
	return slices.Contains([]string{"crash", "failover", "blackout", "partition", "byzantine", "chaos"}, name)
}

// soakAsItIs returns the runs of a scenario with its defaults, in these orders.
func soakAsItIs(name string, seeds int, orders ...string) (runs []subject) {
	return soakWith(name, scenarios.Find(name).Defaults.Faults, seeds, orders...)
}

// soakWith returns the runs of a scenario with other faults, in these orders.
func soakWith(name, faults string, seeds int, orders ...string) (runs []subject) {
	s := scenarios.Find(name)
	for seed := range seeds {
		for _, order := range orders {
			p := s.Defaults
			p.Faults = faults
			inOrder(s, &p, order)
			runs = append(runs, subject{scenario.Subject{Scenario: s, Seed: uint64(seed + 1), Params: p}})
		}
	}
	return runs
}

// ordersOf returns all orders, or the default for a scenario that has none.
func ordersOf(s *scenario.Scenario) []string {
	for _, x := range s.Params() {
		if x.Name == "order" {
			return x.Values
		}
	}
	return []string{"isis"}
}

// inOrder sets the order of a scenario that has one.
func inOrder(s *scenario.Scenario, p *scenario.Params, order string) {
	if err := s.Set(p, "order", order); err != nil && len(ordersOf(s)) > 1 {
		panic(err)
	}
}

const soakShown = 10 // faults that are shown, those of the smallest runs: hundreds would say no more

func TestSoak(t *testing.T) {
	seeds := *soakSeeds
	if seeds == 0 {
		t.Skip("every scenario in every order takes minutes: go test ./scenarios -run TestSoak -soak.seeds=20")
	}
	runs := slices.DeleteFunc(soakRuns(seeds), func(s subject) bool { return *soakOnly != "" && s.Scenario.Name != *soakOnly })
	faults := make([]string, len(runs))
	counts := make([][]scenario.Count, len(runs))
	var (
		wait   sync.WaitGroup
		events atomic.Uint64
		left   atomic.Int64
	)
	left.Store(int64(len(runs)))
	began := time.Now()
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			// From the end, where the long runs are, so that no worker is left with one.
			for i := left.Add(-1); i >= 0; i = left.Add(-1) {
				r := runs[i].run(nil)
				events.Add(r.Sim.Events)
				faults[i], counts[i] = cmp.Or(runs[i].fault(&r), runs[i].parted(&r)), r.Counts
			}
		})
	}
	wait.Wait()
	took := time.Since(began)
	bad := 0
	for _, wrong := range faults {
		if wrong == "" {
			continue
		}
		if bad++; bad <= soakShown {
			t.Error(wrong)
		}
	}
	if bad > soakShown {
		t.Errorf("and %d more", bad-soakShown)
	}
	t.Logf("%d runs of %d seeds, %d events in %v: %.0f runs/s, %.0f events/s", len(runs), seeds, events.Load(),
		took.Round(time.Millisecond), float64(len(runs))/took.Seconds(), float64(events.Load())/took.Seconds())
	sums := sum(counts)
	t.Logf("faults did: %v", sums)
	for _, c := range sums {
		// Nothing in these runs damages disks, and clocks and pauses are for swarms.
		if c.N == 0 && len(runs) > 100 && slices.Contains([]string{"crashes", "restarts", "records torn", "records lost", "long doubts", "views", "elections", "state transfers"}, c.Name) {
			t.Errorf("vacuous: no %s", c.Name)
		}
	}
}

// parted tells how the run differs on more threads, or "". It makes only runs that can be in parts.
func (s subject) parted(r *scenario.Report) string {
	if s.Scenario.Name != "bootstrap" {
		return ""
	}
	threads := 2 + int(s.Seed%3)
	again, _ := s.Scenario.Execute(s.Seed, s.Params, source.Seed(s.Seed), scenario.Options{Threads: threads})
	if again.Sim != r.Sim || again.Verdict != r.Verdict {
		return fmt.Sprintf("on %d threads the run is %s with digest %v, on one %s with %v: dessim run %v", threads, again.Verdict, again.Sim.Digest, r.Verdict, r.Sim.Digest, s)
	}
	return ""
}

// sum adds up what happened in runs, in the order of the first that counts it.
func sum(counts [][]scenario.Count) (sums []scenario.Count) {
	for _, run := range counts {
		for _, c := range run {
			i := slices.IndexFunc(sums, func(s scenario.Count) bool { return s.Name == c.Name })
			if i < 0 {
				i, sums = len(sums), append(sums, scenario.Count{Name: c.Name})
			}
			sums[i].N += c.N
		}
	}
	return sums
}
