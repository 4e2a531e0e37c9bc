package scenarios

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

func TestExponentialIsThatOfThePaperAndInIntegers(t *testing.T) {
	const answers = 1 << 20
	sum := 0.0
	for a := range uint64(answers) {
		got := exponential(a, answers, time.Hour)
		sum += float64(got)
		if a%997 == 0 || a == answers-1 {
			want := -math.Log(float64(a+1)/answers) * float64(time.Hour)
			if math.Abs(float64(got)-want) > float64(time.Millisecond) {
				t.Fatalf("answer %d of %d gives %v, want %v", a, answers, got, time.Duration(want))
			}
		}
		if a > 0 && got > exponential(a-1, answers, time.Hour) {
			t.Fatalf("answer %d is longer than the one before", a)
		}
	}
	if mean := sum / answers / float64(time.Hour); mean < 0.999 || mean > 1.001 {
		t.Errorf("the mean is %.4f hours, want 1", mean)
	}
}

// Sessions and downtimes are of a mean hour each, none overlaps the next one, and
// each is a fault of its own.
func TestSessionsAreDrawnWithAMeanOfAnHour(t *testing.T) {
	p := churn().Defaults
	p.Nodes, p.Until = 300, 200*time.Hour
	run := churn().Build(churn().Setup(1, p, source.Seed(1), nil))
	var up, down time.Duration
	last := make([]protocol.Time, p.Nodes)
	seen := make(map[uint64]bool)
	n := 0
	for _, f := range run.Plan.Faults {
		if f.Op != fault.Crash || f.Node == 0 || f.At-last[f.Node] < protocol.Time(leastSession) || f.For < leastSession || seen[f.ID] {
			t.Fatalf("fault %d, %v: want a session of a node but the first, after the last one, with an identity of its own", f.ID, f)
		}
		seen[f.ID] = true
		up, down = up+f.At.Sub(last[f.Node]), down+f.For
		last[f.Node] = f.At + protocol.Time(f.For)
		n++
	}
	for what, sum := range map[string]time.Duration{"session": up, "downtime": down} {
		if mean := sum / time.Duration(n); mean < 57*time.Minute || mean > 63*time.Minute {
			t.Errorf("the mean %s of %d is %v, want an hour", what, n, mean)
		}
	}
}

func TestBenignSessionsNeverEndInADefaultRun(t *testing.T) {
	if run := churn().Build(churn().Setup(1, churn().Defaults, protocol.Benign{}, nil)); len(run.Plan.Faults) != 0 {
		t.Errorf("%d sessions end, want none: 0 is the longest", len(run.Plan.Faults))
	}
}

// Taking a session away leaves the others, and most of who is asked, as they were.
func TestASearchTakesSessionsAwayOneByOne(t *testing.T) {
	s, p := churn(), churn().Defaults
	whole := s.Build(s.Setup(1, p, source.Seed(1), nil)).Plan
	cut := &scenario.Cut{Faults: slices.Delete(slices.Clone(whole.Faults), 10, 11), Without: []uint64{3}}
	part := s.Build(s.Setup(1, p, source.Seed(1), cut)).Plan
	if len(part.Faults) != len(whole.Faults)-1 || len(part.Inputs) != len(whole.Inputs)-1 {
		t.Fatalf("%d faults and %d inputs of %d and %d, want one less of each", len(part.Faults), len(part.Inputs), len(whole.Faults), len(whole.Inputs))
	}
	moved := 0
	for _, in := range part.Inputs {
		i := slices.IndexFunc(whole.Inputs, func(o sim.Input) bool { return o.ID == in.ID })
		if whole.Inputs[i].Node != in.Node || whole.Inputs[i].At != in.At { // some come just before the end of a session
			moved++
		}
	}
	if moved > 5 {
		t.Errorf("%d of %d inputs go to other nodes, or at other times", moved, len(part.Inputs))
	}
}

// A lookup that was moved to the end of a session may come when a later one is due, and
// then neither may be forgotten.
func TestNoTwoLookupsOfChurnBeginAtOnce(t *testing.T) {
	s, p := churn(), churnParams(20, 200, 4*time.Hour)
	regular := func(i int) protocol.Time {
		return protocol.Time(churnAskFrom) + protocol.Time(p.Until-churnAskFrom-churnAskEnd)/200*protocol.Time(i)
	}
	cut := &scenario.Cut{Faults: []fault.Fault{
		{ID: sessionID, Op: fault.Crash, At: regular(endPer) + 1, For: time.Minute, Node: 1},
	}}
	run := s.Build(s.Setup(1, p, source.Seed(1), cut))
	seen, lookups := map[protocol.Time]uint64{}, 0
	for _, in := range run.Plan.Inputs {
		if in.ID >= valueID {
			continue
		}
		if other, ok := seen[in.At]; ok {
			t.Errorf("lookups %d and %d both begin at %v", other, in.ID, in.At)
		}
		seen[in.At] = in.ID
		lookups++
	}
	if _, ok := seen[regular(endPer)]; !ok || lookups != 200 {
		t.Errorf("%d lookups; one at %v: %v", lookups, regular(endPer), ok)
	}
}

// The figures of a run do not depend on which of its checks are ruled out.
func TestFactsOfChurnAreTheSameWithoutChecks(t *testing.T) {
	var facts [2][]scenario.Fact
	var counts [2][]scenario.Count
	for i := range facts {
		run := churn().Build(churn().Setup(23, churnParams(18, 100, 8*time.Hour), source.Seed(23), nil))
		observers := run.Watch
		if i == 0 {
			observers = append(observers, run.Checks.Observers()...)
		}
		m, err := sim.New(run.Plan, source.Seed(23), observers...)
		if err != nil {
			t.Fatal(err)
		}
		m.Run()
		facts[i], counts[i] = run.Facts(m), run.Counts(m)
	}
	if !slices.Equal(facts[0], facts[1]) || !slices.Equal(counts[0], counts[1]) {
		t.Errorf("with checks\n%v\n%v\nwithout\n%v\n%v", facts[0], counts[0], facts[1], counts[1])
	}
	if lost := slices.ContainsFunc(counts[0], func(c scenario.Count) bool { return c.Name == "values lost" && c.N > 0 }); !lost {
		t.Errorf("no value was lost, so that the test shows little: %v", counts[0])
	}
}

// What the timetable says of newcomers is what comes: so the check of them is ruled out
// where it could not fail, and nowhere else.
func TestNewcomersAreThoseOfTheTimetable(t *testing.T) {
	for seed := range uint64(3) {
		run := churn().Build(churn().Setup(seed, churnParams(20, 60, 4*time.Hour), source.Seed(seed), nil))
		j := run.Watch[0].(*judge.Churn)
		m, err := sim.New(run.Plan, source.Seed(seed), run.Watch...)
		if err != nil {
			t.Fatal(err)
		}
		m.Run()
		if got, want := j.Newcomers(); got != want || want == 0 {
			t.Errorf("seed %d: %d newcomers were looked at, want %d", seed, got, want)
		}
	}
}

func churnParams(nodes, txs int, until time.Duration) scenario.Params {
	p := churn().Defaults
	p.Nodes, p.Until = nodes, until
	if err := churn().Set(&p, "txs", fmt.Sprint(txs)); err != nil {
		panic(err)
	}
	return p
}

func TestChurnHoldsOnManySeeds(t *testing.T) {
	seeds := SeedsOf(2, 6) // others are for make soak
	lossy := churnParams(20, 60, 4*time.Hour)
	lossy.Loss, lossy.Copy = protocol.Percent(10), protocol.Percent(10)
	came := make(map[string]bool)
	for _, p := range []scenario.Params{churnParams(3, 20, 4*time.Hour), churnParams(12, 60, 8*time.Hour), churnParams(30, 60, 4*time.Hour), lossy, churn().Defaults} {
		for seed := uint64(1); seed <= seeds; seed++ {
			r, _ := churn().Execute(seed, p, source.Seed(seed), scenario.Options{})
			for _, c := range r.Checks {
				came[c.Name] = came[c.Name] || c.Verdict == check.Pass || c.Detail == "nothing heals" // nothing fails but by sessions
			}
			if r.Verdict != check.Pass {
				t.Errorf("-scenario churn -nodes %d -txs %s -loss %s -until %v -seed %d: %v %s %+v", p.Nodes, churn().Param("txs").Get(&p), fault.FormatRatio(p.Loss), p.Until, seed, r.Verdict, r.Failure, r.Checks)
			}
		}
	}
	for name, did := range came {
		if !did {
			t.Errorf("%q never came to anything", name)
		}
	}
}

func TestChurnPassesWhenAllAnswersAreBenign(t *testing.T) {
	for _, nodes := range []int{2, 8, 30} {
		r, _ := churn().Execute(1, churnParams(nodes, 60, 4*time.Hour), protocol.Benign{}, scenario.Options{})
		if r.Verdict != check.Pass {
			t.Errorf("%d nodes: %v %+v", nodes, r.Verdict, r.Checks)
		}
	}
}

// What must be shown of Kademlia under churn: 1,000 nodes, k 8, sessions and downtimes
// of an hour in the mean, lookups after an hour of it. -full has as many, and without it fewer.
func TestManyNodesUnderChurnFind99PercentOfLiveKeys(t *testing.T) {
	nodes := int(SeedsOf(300, 1000))
	r, _ := churn().Execute(1, churnParams(nodes, nodes*3/2, 2*time.Hour), source.Seed(1), scenario.Options{})
	if r.Verdict != check.Pass {
		t.Errorf("%v %+v", r.Verdict, r.Checks)
	}
	for _, f := range r.Facts {
		var found, of int
		if f.Name != "found" {
			continue
		}
		if _, err := fmt.Sscanf(f.Value, "%d of %d", &found, &of); err != nil || of < nodes || found*100 < of*99 {
			t.Errorf("found %s, want 99%% of %d or more\nreproduce: go run ./cmd/dessim -scenario churn -nodes %d -txs %d -until 2h", f.Value, nodes, nodes, nodes*3/2)
		}
	}
	fmt.Fprintln(t.Output(), r.Facts)
}

func TestChurnWithSlowMessagesIsNotJudged(t *testing.T) {
	p := churnParams(4, 8, 2*time.Hour)
	p.Delay = 2 * time.Second
	if why := churn().Moot(&p); why == "" {
		t.Error("messages of two seconds are judged")
	}
}

// One half publishes, the network becomes whole, and both halves find it; with the faults
// that each kind draws, too.
func TestChurnUnderFaultsFindsWhatWasPublishedBeforeTheHeal(t *testing.T) {
	const name = "all find what was published before the heal"
	seeds := SeedsOf(2, 6)
	if testing.Short() {
		seeds = 1
	}
	for _, flags := range []map[string]string{
		{"fault": "partition 0-8|9-17 at 25m for 1h", "sessions": "none"},
		{"fault": "partition 0-8|9-17 at 25m for 1h"},
		{"faults": "partition,cut,ring,flap", "sessions": "none"},
		{"faults": "crash,restart,disk"},
		{"faults": "lose,copy,corrupt"},
		{"faults": "pause,clog,slow,clock"},
		{"faults": "swarm,deaf,mute,repair"},
	} {
		p := churnParams(18, 60, 4*time.Hour)
		for flag, text := range flags {
			if err := churn().Set(&p, flag, text); err != nil {
				t.Fatal(err)
			}
		}
		for seed := uint64(1); seed <= seeds; seed++ {
			r, _ := churn().Execute(seed, p, source.Seed(seed), scenario.Options{})
			i := slices.IndexFunc(r.Checks, func(c check.Result) bool { return c.Name == name })
			if r.Verdict != check.Pass || r.Checks[i].Verdict != check.Pass || r.Checks[i].Exercised < 30 {
				t.Errorf("%v, seed %d: %v %s, and of %q %+v", flags, seed, r.Verdict, r.Failure, name, r.Checks[i])
			}
		}
	}
}

// Nothing can be demanded after a heal that never comes, or comes too late.
func TestChurnWithoutAHealIsNotJudged(t *testing.T) {
	for faults, why := range map[string]string{
		"partition 0-8|9-17 at 25m":        "nodes or links fail until the end",
		"partition 0-8|9-17 at 2h for 90m": "the run ends before",
		"":                                 "nothing heals",
	} {
		p := churnParams(18, 60, 4*time.Hour)
		p.Fault = faults
		r, _ := churn().Execute(1, p, source.Seed(1), scenario.Options{})
		c := r.Checks[0]
		if c.Verdict != check.NotApplicable || !strings.HasPrefix(c.Detail, why) {
			t.Errorf("-fault %q: %+v, want not applicable: %s", faults, c, why)
		}
	}
}
