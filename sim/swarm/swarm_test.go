package swarm

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"

	"pgregory.net/rapid"
)

// Most runs are small, and so is the heap that they are collected in: less often takes a third
// of the CPU away.
func init() { debug.SetGCPercent(400) }

const ms = protocol.Time(time.Millisecond)

func someNodes(n int) []protocol.NodeID {
	nodes := make([]protocol.NodeID, n)
	for i := range nodes {
		nodes[i] = protocol.NodeID(i)
	}
	return nodes
}

func usual() Config {
	return Config{Nodes: someNodes(5), From: 100 * ms, To: 10_000 * ms, Heal: 12_000 * ms, Delay: 10 * time.Millisecond, Most: 8, First: []protocol.Kind{protocol.KindOf("first"), protocol.KindOf("other")}}
}

func everything() Mix { return Mix{kinds: 1<<kindCount - 1} }

func mustParse(t *testing.T, text string) Mix {
	t.Helper()
	m, err := ParseMix(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestBenignAnswersDrawNoFault(t *testing.T) {
	for _, m := range []Mix{{}, wholeSwarm(), everything()} {
		if got := Draw(protocol.Benign{}, m, usual()); len(got) != 1 || got[0].String() != "heal at 12s" {
			t.Errorf("%v: drawn %v, want heal at 12s alone", m, got)
		}
		c := usual()
		c.Heal = 0
		if got := Draw(protocol.Benign{}, m, c); len(got) != 0 {
			t.Errorf("%v: drawn %v, want nothing", m, got)
		}
	}
}

// drawConfig draws what a caller may give, and the latest time of its plan.
func drawConfig(t *rapid.T) (Config, int) {
	nodes := rapid.IntRange(0, 9).Draw(t, "nodes of the plan")
	c := Config{
		From:  protocol.Time(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "from")),
		Delay: time.Duration(rapid.OneOf(rapid.Int64Range(1, int64(longest)), rapid.Int64Range(1, 1e8)).Draw(t, "delay")),
		Most:  rapid.IntRange(0, 12).Draw(t, "most"),
		First: []protocol.Kind{protocol.KindOf("first"), protocol.KindOf("other")}[:rapid.IntRange(0, 2).Draw(t, "kinds that are repaired")],
	}
	for id := range nodes {
		if rapid.IntRange(0, 3).Draw(t, "spared") != 3 {
			c.Nodes = append(c.Nodes, protocol.NodeID(id))
		}
	}
	c.To = c.From + protocol.Time(rapid.OneOf(rapid.Int64Range(1, 30), rapid.Int64Range(1, int64(time.Hour))).Draw(t, "time"))
	if rapid.Bool().Draw(t, "heals") {
		c.Heal = c.To + protocol.Time(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "calm"))
	}
	return c, nodes
}

func drawMix(t *rapid.T) Mix {
	return Mix{kinds: rapid.Uint32Range(0, 1<<kindCount-1).Draw(t, "kinds"), swarm: rapid.Bool().Draw(t, "swarm")}
}

// many answers as a Seed does, but takes slots and kinds more often.
type many struct{ source.Seed }

func (s many) Chance(k protocol.Key, p protocol.Ratio) bool {
	return s.Seed.Chance(k, protocol.Percent(80))
}

// drawn has rapid answer each question anew, as package simtest would, which imports
// this one.
type drawn struct{ t *rapid.T }

func (d drawn) Choose(k protocol.Key, n uint64) uint64 {
	return rapid.Uint64Max(n-1).Draw(d.t, k.Kind.String())
}

func (d drawn) Chance(k protocol.Key, _ protocol.Ratio) bool {
	return rapid.Bool().Draw(d.t, k.Kind.String())
}

func drawSource(t *rapid.T) protocol.Source {
	seed := source.Seed(rapid.Uint64().Draw(t, "seed"))
	switch rapid.IntRange(0, 2).Draw(t, "source") {
	case 0:
		return many{seed}
	case 1:
		return drawn{t}
	}
	return seed
}

func TestWhatIsDrawnIsValidAndWithinItsTime(t *testing.T) {
	drawn := 0
	property := func(t *rapid.T) {
		c, nodes := drawConfig(t)
		faults := Draw(drawSource(t), drawMix(t), c)
		until := max(c.To, c.Heal)
		if err := fault.Validate(faults, nodes, until, nil); err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			if f.Op != fault.Heal && (f.At < c.From || f.At >= c.To) {
				t.Fatalf("%v begins outside of %v to %v", f, c.From, c.To)
			}
			switch f.Op {
			case fault.Heal, fault.Jump, fault.Rot, fault.Restart:
			case fault.Crash, fault.FailSync:
				if c.Heal == 0 && f.For == 0 {
					t.Fatalf("%v is for ever and nothing heals", f)
				}
			default:
				if f.For == 0 || f.At.Add(f.For) > until {
					t.Fatalf("%v lasts beyond %v", f, until)
				}
			}
		}
		text := fault.Format(faults)
		if read, err := fault.Parse(text); err != nil || len(faults) > 0 && !reflect.DeepEqual(read, faults) {
			t.Fatalf("read back as %v, %v:\n%s", read, err, text)
		}
		drawn += len(faults)
	}
	rapid.Check(t, property)
	fixed.Check(t, 40, property)
	if drawn < 100 {
		t.Errorf("vacuous: %d faults drawn", drawn)
	}
}

// Random configs seldom have a pause where a node is down; these would.
func TestNoPauseFallsIntoADownTimeOrAnotherPause(t *testing.T) {
	c := usual()
	c.Most = 40
	for seed := range source.Seed(300) {
		if err := fault.Validate(Draw(seed, mustParse(t, "crash,restart,pause"), c), 5, c.Heal, nil); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// without answers one question by benign.
type without struct {
	protocol.Source
	kind protocol.Kind
	n    uint64
}

func (s without) Chance(k protocol.Key, p protocol.Ratio) bool {
	return (k.Kind != s.kind || k.N != s.n) && s.Source.Chance(k, p)
}

func TestTakingOneFaultOutLeavesTheOthersAsTheyWere(t *testing.T) {
	tried := make(map[string]int)
	property := func(t *rapid.T) {
		c, _ := drawConfig(t)
		m := drawMix(t)
		src := many{source.Seed(rapid.Uint64().Draw(t, "seed"))}
		faults := Draw(src, m, c)
		for i, f := range faults {
			if f.Op == fault.Heal {
				continue
			}
			kind, slot := kinds()[f.ID/idsPerKind-1].name, f.ID%idsPerKind
			got := Draw(without{src, protocol.KindOf("f." + kind), slot}, m, c)
			want := slices.Delete(slices.Clone(faults), i, i+1)
			if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("without %v, slot %d of %s, drawn:\n%swant:\n%s", f, slot, kind, fault.Format(got), fault.Format(want))
			}
			tried[kind]++
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	if len(tried) < kindCount/2 {
		t.Errorf("vacuous: of %d kinds only %v were taken out", kindCount, tried)
	}
}

// TestKindsOfASwarmComeInAFairShareOfRuns draws with 1,000 seeds. A kind is on in
// half of the runs, and is then there unless all its slots are free: 8 slots taken
// with 1/8, 1/4, 1/2 or 3/4 have none with 0.34, 0.10, 0.004 or 0; so it is there
// in (1 - 0.11) / 2 = 44% of the runs.
func TestKindsOfASwarmComeInAFairShareOfRuns(t *testing.T) {
	const runs = 1000
	var there [kindCount]int
	sizes := make([]int, 0, runs)
	for seed := range uint64(runs) {
		var has [kindCount]bool
		faults := Draw(source.Seed(seed), wholeSwarm(), usual())
		for _, f := range faults {
			if f.Op != fault.Heal {
				has[f.ID/idsPerKind-1] = true
			}
		}
		for i, h := range has {
			if h {
				there[i]++
			}
		}
		sizes = append(sizes, len(faults)-1)
	}
	for i, k := range kinds() {
		switch n := there[i]; {
		case k.beyond && n != 0:
			t.Errorf("%s is in %d runs of a swarm, want none", k.name, n)
		case !k.beyond && (n < 380 || n > 500):
			t.Errorf("%s is in %d of %d runs, want about 440", k.name, n, runs)
		}
	}
	slices.Sort(sizes)
	t.Logf("faults of a run: least %d, median %d, most %d", sizes[0], sizes[runs/2], sizes[runs-1])
	if sizes[runs/2] < 15 || sizes[runs/2] > 35 {
		t.Errorf("the median run has %d faults, want about 14 kinds / 2 x 8 slots x 0.4 = 23", sizes[runs/2])
	}
}

// TestEveryWayOfEveryKindIsDrawn counts operations, and what makes crashes
// dangerous, over 1,000 seeds.
func TestEveryWayOfEveryKindIsDrawn(t *testing.T) {
	counts := make(map[string]int)
	for seed := range source.Seed(1000) {
		for _, f := range Draw(seed, everything(), usual()) {
			counts[f.Op.String()]++
			for name, there := range map[string]bool{
				"flaps":             f.Every > 0,
				"crash plain":       f.Op == fault.Crash && f.After == 0 && f.On.N == 0,
				"crash in a step":   f.After > 0,
				"after a record":    f.On.Op == protocol.OpPersist,
				"after a send":      f.On.Op == protocol.OpSend,
				"down until heal":   f.Op == fault.Crash && f.For == 0,
				"down for long":     f.Op == fault.Crash && f.For > 200*10*time.Millisecond,
				"torn":              f.Disk == fault.KeepTorn,
				"scattered":         f.Disk == fault.KeepScattered,
				"many sides":        len(f.Groups) > 2,
				"one node isolated": f.Op == fault.Partition && len(f.Groups[0]) == 1,
				"all to all":        f.Op == fault.Lose && len(f.Groups[0]) == 5 && len(f.Groups[1]) == 5,
				"back":              f.By < 0,
				"slow clock":        f.PPM < 0,
				"fast clock":        f.PPM > 0,
				f.Trait.String():    true,
			} {
				if there {
					counts[name]++
				}
			}
		}
	}
	for _, form := range fault.Grammar() {
		if n := counts[form.Op.String()]; n < 900 {
			t.Errorf("%v: %d in 1000 runs, want at least 900", form.Op, n)
		}
	}
	for _, name := range []string{"flaps", "crash plain", "crash in a step", "after a record", "after a send", "down until heal", "down for long", "torn", "scattered",
		"many sides", "one node isolated", "all to all", "back", "slow clock", "fast clock", "equivocates", "forges", "replays", "withholds", "alters"} {
		if counts[name] < 100 {
			t.Errorf("%s: %d in 1000 runs, want at least 100", name, counts[name])
		}
	}
}

// A known mistake about an fsync that fails would hide others: halt must never fail one.
func TestHaltDrawsEveryCrashButAFailingSync(t *testing.T) {
	ways := make(map[string]int)
	for seed := range source.Seed(1000) {
		for _, f := range Draw(seed, mustParse(t, "halt"), usual()) {
			switch {
			case f.Op == fault.Heal:
			case f.Op != fault.Crash:
				t.Fatalf("seed %d: halt draws %v", seed, f)
			case f.After > 0:
				ways["after an effect"]++
			case f.On.N > 0:
				ways["after "+f.On.Op.String()]++
			default:
				ways["between steps"]++
			}
		}
	}
	for _, way := range []string{"after an effect", "after persist", "after send", "between steps"} {
		if ways[way] < 100 {
			t.Errorf("%s: %d in 1000 runs, want at least 100", way, ways[way])
		}
	}
}

// A report adds up what faults did by kind, so the identity must lead back to it.
func TestTheKindOfADrawnFaultIsKnownByItsIdentity(t *testing.T) {
	for i, k := range kinds() {
		m := Mix{kinds: 1 << i}
		if got := m.Kinds(); !slices.Equal(got, []string{k.name}) || m.String() != k.name {
			t.Errorf("%v has the kinds %q, want %s", m, got, k.name)
		}
		drawn := 0
		for _, f := range Draw(source.Seed(1), m, usual()) {
			if drawn++; f.Op == fault.Heal {
				drawn--
				k.name = ""
			}
			if got := KindOf(f.ID); got != k.name {
				t.Errorf("%v of identity %d is of kind %q, want %q", f, f.ID, got, k.name)
			}
		}
		if drawn == 0 {
			t.Errorf("vacuous: no %s is drawn", kinds()[i].name)
		}
	}
	for _, id := range []uint64{0, 1, 999, healID, (kindCount + 1) * idsPerKind, 1 << 60} {
		if got := KindOf(id); got != "" {
			t.Errorf("identity %d is of kind %q, want none", id, got)
		}
	}
	if n := len(everything().Kinds()); n != kindCount {
		t.Errorf("%d kinds, want %d", n, kindCount)
	}
}

func TestTraitorsAreLessThanAThird(t *testing.T) {
	for n := 1; n <= 13; n++ {
		for seed := range source.Seed(100) {
			c := usual()
			c.Nodes = someNodes(n)
			traitors := make(map[protocol.NodeID]bool)
			for _, f := range Draw(seed, mustParse(t, "byzantine"), c) {
				if f.Op == fault.Byzantine {
					traitors[f.Node] = true
				}
			}
			if 3*len(traitors) >= n {
				t.Fatalf("seed %d: %d of %d nodes are traitors", seed, len(traitors), n)
			}
		}
	}
}

// The identity of a fault is in replay files and in people's notes.
func TestIdentitiesAndAnswersStay(t *testing.T) {
	c := usual()
	c.Most = 2
	want := `1000: crash 3 at 3.3866s for 2.432s torn
1001: crash 1 at 1.435s after persist #7 for 104ms
2000: restart 2 at 9.0573s
2001: restart 1 at 9.5045s
3000: pause 0 at 7.044s for 1.28s
4001: failsync 4 at 4.7057s for 1.536s scattered
5001: partition 3|0-2,4 at 9.8907s for 38ms
6001: cut 0-2,4>3 at 3.7553s for 384ms
7000: ring 0-4 at 5.8036s for 16ms
7001: ring 0-4 at 2.5836s for 240ms
8000: partition 2,3|0,1,4 at 2.589s for 2.56s every 20ms
9001: clog 1,2,4>0,3 at 6.0726s for 1.152s
10001: slow 2>0,1,3,4 by 640ms at 884.4ms for 224ms
11000: lose 0-4>0-4 20% at 7.4531s for 13ms
12000: copy 4>3 50% at 8.0114s for 1.024s
12001: copy 0-4>0-4 5% at 7.1823s for 152ms
14001: jump 1 by -80ms at 1.0314s
15001: byzantine 4 equivocates 100% at 6.0138s for 832ms
18000: mute 0 at 2.8747s for 1.408s
19001: late 2>* 5% by 2.56s at 3.3395s for 8.6605s
20000: echo *>3 50% at 7.8013s for 4.1987s
22000: lose *>1 100% only first at 9.2771s for 2.7229s
22001: lose *>1 100% only first at 2.3075s for 9.6925s
23000: crash 1 at 2.4583s scattered
25000: yield 2 5% at 9.4494s for 68ms
28000: crash 0 at 1.8319s after 1 effect for 48ms scattered
999999: heal at 12s
`
	if got := fault.Format(Draw(source.Seed(1), everything(), c)); got != want {
		t.Errorf("drawn:\n%swant:\n%s", got, want)
	}
}

func TestMixesAreReadAsTheyArePrinted(t *testing.T) {
	for _, text := range []string{"none", "swarm", "crash", "crash,restart,partition", "swarm,byzantine", "disk,copy,rot", "deaf,mute", "swarm,deaf"} {
		if got := mustParse(t, text).String(); got != text {
			t.Errorf("%q is printed as %q", text, got)
		}
	}
	if got := mustParse(t, "partition,crash,swarm,crash").String(); got != "swarm" {
		t.Errorf("got %q, want swarm, which has the others", got)
	}
	for _, n := range Names() {
		if got := mustParse(t, n.Name).String(); got != n.Name || n.Meaning == "" {
			t.Errorf("%q is printed as %q, meaning %q", n.Name, got, n.Meaning)
		}
	}
	if mustParse(t, "none") != (Mix{}) || mustParse(t, "swarm") != wholeSwarm() {
		t.Error("none is not the zero Mix, or swarm not wholeSwarm")
	}
}

// greedy answers as a Seed does, but takes all slots and kinds.
type greedy struct{ source.Seed }

func (greedy) Chance(protocol.Key, protocol.Ratio) bool { return true }

func TestAKindThatIsReportedAsUndrawnIsNeverDrawn(t *testing.T) {
	told, kept := 0, 0
	property := func(t *rapid.T) {
		c, _ := drawConfig(t)
		c.Most = max(c.Most, 6)
		m := drawMix(t)
		m.swarm = false
		drawn := make(map[string]bool)
		for _, f := range Draw(greedy{source.Seed(rapid.Uint64().Draw(t, "seed"))}, m, c) {
			drawn[KindOf(f.ID)] = true
		}
		undrawn := make(map[string]bool)
		for _, u := range m.Undrawn(c) {
			for _, k := range u.Kinds {
				undrawn[k] = true
				told++
				if drawn[k] {
					t.Fatalf("%s is drawn, though told as %v", k, &u)
				}
			}
		}
		if c.To-c.From < protocol.Time(c.Most) { // no time for a pause
			return
		}
		for _, k := range m.Kinds() {
			kept++
			if !undrawn[k] && !drawn[k] {
				t.Fatalf("of %v nodes no %s is drawn, and nothing says why", c.Nodes, k)
			}
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 40, property)
	if told < 50 || kept < 50 {
		t.Errorf("vacuous: %d kinds told, %d looked for", told, kept)
	}
}

func TestTheReasonsOfKindsThatAreNeverDrawnAreGrouped(t *testing.T) {
	c := usual()
	c.Nodes, c.First = someNodes(3), nil
	for text, want := range map[string]string{
		"crash,partition,lose":  "",
		"ring,lose":             "ring: needs 4 nodes, and faults hit 3",
		"ring,byzantine,repair": "ring, byzantine: need 4 nodes, and faults hit 3; repair: needs messages whose loss is repaired, and the scenario names none",
		"swarm,byzantine":       "ring: needs 4 nodes, and faults hit 3 (of a swarm); byzantine: needs 4 nodes, and faults hit 3",
	} {
		var got []string
		for _, u := range mustParse(t, text).Undrawn(c) {
			line := u.String()
			if u.Swarm {
				line += " (of a swarm)"
			}
			got = append(got, line)
		}
		if all := strings.Join(got, "; "); all != want {
			t.Errorf("%s: %q, want %q", text, all, want)
		}
	}
}

func TestUnknownKindsAreRefusedWithWhatWasMeant(t *testing.T) {
	for text, want := range map[string]string{
		"chrash":     `swarm: no kind of faults is called "chrash"; did you mean crash?`,
		"crash,swam": `swarm: no kind of faults is called "swam"; did you mean swarm?`,
		"fire": `swarm: no kind of faults is called "fire", want none, swarm, crash, restart, pause, disk, partition, cut, ring, flap, ` +
			`clog, slow, lose, copy, corrupt, clock, byzantine, rot, deaf, mute, late, echo, latetimer, repair, gone, order, yield`,
		"":           `swarm: no kind of faults is called "", want none, `,
		"crash,":     `swarm: no kind of faults is called "", want none, `,
		"crash,none": `swarm: none comes with others; want it alone`,
	} {
		if _, err := ParseMix(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestSenselessConfigsPanic(t *testing.T) {
	for want, spoil := range map[string]func(c *Config){
		"swarm: faults begin from 100ms to 100ms, want 0s <= from < to <= 2400h0m0s": func(c *Config) { c.To = c.From },
		"swarm: heal at 9.999s, want 0s or at least 10s":                             func(c *Config) { c.Heal = 9_999 * ms },
		"swarm: delay 0s, want 1ns to 24h0m0s":                                       func(c *Config) { c.Delay = 0 },
		"swarm: at most 1000 faults of a kind, want 0 to 999":                        func(c *Config) { c.Most = 1000 },
		"swarm: nodes [2 1], want them ascending and at most 16777215":               func(c *Config) { c.Nodes = []protocol.NodeID{2, 1} },
	} {
		c := usual()
		spoil(&c)
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); got != want {
					t.Errorf("panics with %q, want %q", got, want)
				}
			}()
			Draw(protocol.Benign{}, wholeSwarm(), c)
		}()
	}
}

// busy does a bit of everything every few delays.
type busy struct{ heard int }

func (b *busy) Start(env *protocol.Env) {
	for range env.Records() {
		b.heard++
	}
	env.SetTimer(25*time.Millisecond, protocol.Periodic)
}

func (b *busy) Timeout(env *protocol.Env, tag uint64) {
	env.SetTimer(25*time.Millisecond, tag)
	env.Persist([]byte("record"))
	for to := range protocol.NodeID(5) {
		env.Send(to, kindBusy, fmt.Appendf(nil, "message %d", b.heard))
	}
	env.Sync()
}

func (b *busy) Receive(*protocol.Env, protocol.NodeID, []byte) { b.heard++ }

var kindBusy = protocol.KindOf("busy")

// A damaged disk keeps its node down, so rot is not in it.
func TestRunsStandWhatIsDrawnAndRepeat(t *testing.T) {
	m := everything()
	m.kinds &^= 1 << rot
	c := usual()
	c.To, c.Heal = 2_000*ms, 2_500*ms
	var sum sim.Result
	for seed := range source.Seed(40) {
		var results [2]sim.Result
		for i := range results {
			s, err := sim.New(sim.Plan{
				Nodes: 5, Node: func(protocol.NodeID) protocol.Node { return new(busy) },
				Link: sim.Link{Delay: time.Millisecond, Jitter: 9 * time.Millisecond}, Disk: sim.Disk{Sync: time.Millisecond},
				Until: 3_000 * ms, Done: func() bool { return false }, Poison: true,
				Faults: Draw(seed, m, c),
			}, seed)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			results[i] = s.Run()
			for id := range protocol.NodeID(5) {
				if s.Node(id) == nil {
					t.Errorf("seed %d: node %v is down after the heal", seed, id)
				}
			}
		}
		if results[0] != results[1] {
			t.Fatalf("seed %d: two runs part:\n%+v\n%+v", seed, results[0], results[1])
		}
		r := results[0]
		sum.Crashes, sum.Restarts, sum.Lost, sum.Copied = sum.Crashes+r.Crashes, sum.Restarts+r.Restarts, sum.Lost+r.Lost, sum.Copied+r.Copied
	}
	t.Logf("40 runs: %d crashes, %d restarts, %d messages lost, %d copied", sum.Crashes, sum.Restarts, sum.Lost, sum.Copied)
	if sum.Crashes < 40 || sum.Restarts != sum.Crashes || sum.Lost == 0 || sum.Copied == 0 {
		t.Errorf("vacuous, or a node that crashed stayed down: %+v", sum)
	}
}

func Example() {
	mix, _ := ParseMix("crash,partition")
	faults := Draw(source.Seed(7), mix, Config{
		Nodes: []protocol.NodeID{0, 1, 2, 3, 4},
		To:    protocol.Time(5 * time.Second),
		Heal:  protocol.Time(6 * time.Second),
		Delay: 20 * time.Millisecond,
		Most:  3,
	})
	fmt.Print(fault.Format(faults))
	// Output:
	// 1000: crash 1 at 2.5524s for 136ms
	// 1001: crash 1 at 2.5125s after persist #8 for 8.704s
	// 5002: partition 0,3|1,2,4 at 366.7ms for 1.152s
	// 999999: heal at 6s
}
