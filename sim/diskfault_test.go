package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"

	"pgregory.net/rapid"
)

// outputsOf returns the texts made final.
func outputsOf(c *collector) (texts []string) {
	for _, e := range c.events {
		if e.What == Output {
			texts = append(texts, string(e.Body))
		}
	}
	return texts
}

// textOf returns the texts of the events of that sort.
func textOf(c *collector, w What) (texts []string) {
	for _, e := range c.events {
		if e.What == w {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// answers is a Source that answers by kind, and 0 to others. A Chance asks it too.
type answers map[protocol.Kind][]uint64

func (a answers) next(k protocol.Kind) (n uint64) {
	if list := a[k]; len(list) > 0 {
		n, a[k] = list[0], list[1:]
	}
	return n
}

func (a answers) Choose(k protocol.Key, _ uint64) uint64       { return a.next(k.Kind) }
func (a answers) Chance(k protocol.Key, _ protocol.Ratio) bool { return a.next(k.Kind) > 0 }

func TestWhatSurvivesACrashIsWhatTheFaultSays(t *testing.T) {
	for _, test := range []struct {
		disk fault.Survival
		src  answers
		want string // found at the restart
		f    FaultCounts
	}{
		{fault.KeepNone, nil, "0=p0 1=p1", FaultCounts{Unsynced: 3}},
		{fault.KeepTorn, nil, "0=p0 1=p1", FaultCounts{Unsynced: 3}},
		{fault.KeepTorn, answers{kindTear: {1}}, "0=p0 1=p1 2=p", FaultCounts{Unsynced: 3, Torn: 1}},
		{fault.KeepTorn, answers{kindKeep: {2}, kindTear: {1}}, "0=p0 1=p1 2=p2 3=p3 4=p", FaultCounts{Kept: 2, Unsynced: 1, Torn: 1}},
		{fault.KeepTorn, answers{kindKeep: {3}, kindTear: {1}}, "0=p0 1=p1 2=p2 3=p3 4=p4", FaultCounts{Kept: 3}},
		{fault.KeepScattered, nil, "0=p0 1=p1", FaultCounts{Unsynced: 3}},
		{fault.KeepScattered, answers{kindKeep: {1, 0, 1}}, "0=p0 1=p1 2=p2 3=p4", FaultCounts{Kept: 2, Unsynced: 1}},
		{fault.KeepAny, nil, "0=p0 1=p1", FaultCounts{Unsynced: 3}},
		{fault.KeepAny, answers{kindKeep: {1, 1, 1}}, "0=p0 1=p1 2=p2 3=p3 4=p4", FaultCounts{Kept: 3}},
		{fault.KeepAny, answers{kindKeep: {2, 0, 1}, kindTear: {1}}, "0=p0 1=p1 2=p 3=p4", FaultCounts{Kept: 1, Unsynced: 2, Torn: 1}},
		{fault.KeepAny, answers{kindKeep: {2, 1, 2}, kindTear: {0, 1}}, "0=p0 1=p1 2=p3 3=p", FaultCounts{Kept: 1, Unsynced: 2, Torn: 1}},
	} {
		plan := Plan{Nodes: 1, Node: scripts(clerk())}
		plan.Inputs = []Input{input(1, 10, 0, "p0p1s0p2p3p4"), input(2, 40, 0, "p5s0"), input(3, 60, 0, "p6")}
		plan.Faults = []fault.Fault{
			{ID: 1, Op: fault.Crash, At: 20, For: 10, Disk: test.disk},
			{ID: 2, Op: fault.Crash, At: 50, For: 5}, // and again: what survived counts as synced
		}
		r, c := run(t, plan, test.src)
		found := outputsOf(c)
		n := strings.Count(test.want, "=")
		if want := fmt.Sprintf("%s %d=p5", test.want, n); found[1] != test.want || found[2] != want {
			t.Errorf("disk %d, answers %v: the restarts find %q and %q, want %q and %q", test.disk, test.src, found[1], found[2], test.want, want)
		}
		if r.Faults != test.f {
			t.Errorf("disk %d: counted %+v, want %+v", test.disk, r.Faults, test.f)
		}
	}
}

func TestSurvivorsAreAPrefixAndAPartOrAnySubset(t *testing.T) {
	var sawTorn, sawGap, sawAmong, sawAll, sawNone bool
	property := func(t *rapid.T) {
		records := rapid.SliceOfN(rapid.StringMatching("[a-e]{0,4}"), 1, 9).Draw(t, "records")
		synced := rapid.IntRange(0, len(records)).Draw(t, "synced")
		disk := fault.Survival(rapid.IntRange(0, int(fault.KeepAny)).Draw(t, "disk"))
		var found [][2]string
		node := script{
			start: func(env *protocol.Env) {
				found = nil
				for i, rec := range env.Records() {
					found = append(found, [2]string{fmt.Sprint(i), string(rec)})
				}
			},
			receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) {
				for i, rec := range records {
					env.Persist([]byte(rec))
					if i+1 == synced {
						env.Sync()
					}
				}
			},
		}
		plan := Plan{Nodes: 1, Node: scripts(node), Inputs: []Input{input(1, 10, 0, "")}, Poison: rapid.Bool().Draw(t, "poison")}
		plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 20, For: 10, Disk: disk}}
		run(t, plan, source.Seed(rapid.Uint64().Draw(t, "seed")))
		var bodies []string
		for i, f := range found {
			if f[0] != fmt.Sprint(i) {
				t.Fatalf("found %v, want indices without gaps", found)
			}
			bodies = append(bodies, f[1])
		}
		if len(bodies) < synced || !slices.Equal(bodies[:synced], records[:synced]) {
			t.Fatalf("found %q, want first the %d synced of %q", bodies, synced, records)
		}
		kept, lost := bodies[synced:], records[synced:]
		switch disk {
		case fault.KeepNone:
			if len(kept) > 0 {
				t.Fatalf("%q survived, want none", kept)
			}
		case fault.KeepTorn:
			n := 0
			for n < len(kept) && kept[n] == lost[n] {
				n++
			}
			torn := n < len(kept)
			if torn && (n+1 != len(kept) || kept[n] == "" || !strings.HasPrefix(lost[n], kept[n])) {
				t.Fatalf("of %q %q survived, want a prefix and a part of the next", lost, kept)
			}
			sawTorn = sawTorn || torn
		case fault.KeepScattered:
			i := 0
			for _, rec := range kept {
				for i < len(lost) && lost[i] != rec {
					i, sawGap = i+1, true
				}
				if i == len(lost) {
					t.Fatalf("of %q %q survived, want some of them in order", lost, kept)
				}
				i++
			}
		case fault.KeepAny:
			i := 0
			for at, rec := range kept {
				for i < len(lost) && !strings.HasPrefix(lost[i], rec) {
					i++
				}
				if i == len(lost) {
					t.Fatalf("of %q %q survived, want some of them or of their beginnings in order", lost, kept)
				}
				sawAmong = sawAmong || lost[i] != rec && at+1 < len(kept)
				i++
			}
		}
		if len(lost) > 1 && disk != fault.KeepNone {
			sawAll = sawAll || slices.Equal(kept, lost)
			sawNone = sawNone || len(kept) == 0
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 300, property)
	if !sawTorn || !sawGap || !sawAmong || !sawAll || !sawNone {
		t.Errorf("vacuous: torn %v, gap %v, torn among others %v, all %v, none %v", sawTorn, sawGap, sawAmong, sawAll, sawNone)
	}
}

func TestAFailingSyncCrashesTheNodeThere(t *testing.T) {
	for _, took := range []time.Duration{0, 7} {
		plan := Plan{Nodes: 2, Disk: Disk{Sync: took}}
		plan.Node = scripts(script{
			start: clerk().start,
			receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
				env.Persist(msg)
				env.Send(1, kindT, msg)
				env.Note(kindT, "before the sync")
				env.Sync()
				env.Note(kindT, "after the sync")
				env.Send(1, kindT, []byte("synced"))
			},
		}, script{receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) { say(env, string(msg)) }})
		plan.Inputs = []Input{input(1, 100, 0, "one"), input(2, 200, 0, "two"), input(3, 300, 0, "three"), input(4, 400, 0, "four")}
		plan.Faults = []fault.Fault{{ID: 1, Op: fault.FailSync, At: 150, For: 20}, {ID: 2, Op: fault.FailSync, At: 350, For: 20, Disk: fault.KeepTorn}}
		r, c := run(t, plan, answers{kindKeep: {1}})
		var got []string
		for _, e := range c.events {
			switch e.What {
			case Output:
				got = append(got, fmt.Sprintf("%d %s", e.At, e.Body))
			case Crashed, Noted:
				got = append(got, fmt.Sprintf("%d %s", e.At, e.Text))
			}
		}
		d := int(took)
		want := []string{
			"0 ", "100 before the sync", "100 after the sync", "110 one", fmt.Sprintf("%d synced", 110+d),
			"200 before the sync", "200 at effect 3, a sync that failed", "210 two", "220 0=one",
			"300 before the sync", "300 after the sync", "310 three", fmt.Sprintf("%d synced", 310+d),
			"400 before the sync", "400 at effect 3, a sync that failed", "410 four", "420 0=one 1=three 2=four",
		}
		if !slices.Equal(got, want) {
			t.Errorf("sync takes %v: got  %q\nwant %q", took, got, want)
		}
		if r.Syncs != 4 || r.Faults != (FaultCounts{FailedSyncs: 2, Unsynced: 1, Kept: 1}) {
			t.Errorf("got %+v", r)
		}
	}
}

func TestASlowDiskTakesLonger(t *testing.T) {
	plan := Plan{Nodes: 2, Node: scripts(clerk()), Disk: Disk{Sync: 5}}
	for i := range uint64(4) {
		for id := range protocol.NodeID(2) {
			plan.Inputs = append(plan.Inputs, input(10*i+uint64(id), protocol.Time(100*(i+1)), id, "p0s0"))
		}
	}
	plan.Faults = []fault.Fault{
		{ID: 1, Op: fault.SlowSync, At: 150, By: 20, For: 150}, // until 300
		{ID: 2, Op: fault.SlowSync, At: 200, By: 4, For: 1},
	}
	r, c := run(t, plan, nil)
	var got []string
	for _, e := range c.events {
		if e.What == Synced {
			got = append(got, fmt.Sprintf("%v at %d", e.Node, e.At))
		}
	}
	want := []string{"0 at 105", "1 at 105", "1 at 205", "0 at 229", "0 at 305", "1 at 305", "0 at 405", "1 at 405"}
	if !slices.Equal(got, want) || r.Faults.SlowedSyncs != 1 {
		t.Errorf("got %q, %d slowed, want %q and 1", got, r.Faults.SlowedSyncs, want)
	}
}

func TestARottenRecordKeepsItsNodeDown(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(clerk()), Inputs: []Input{input(1, 10, 0, "p0p1s0p2"), input(2, 80, 0, "p3")}}
	plan.Faults = []fault.Fault{
		{ID: 1, Op: fault.Rot, At: 20},
		{ID: 2, Op: fault.Crash, At: 30, For: 10},
		{ID: 3, Op: fault.Restart, At: 50},
		{ID: 4, Op: fault.Heal, At: 60},
	}
	r, c := run(t, plan, answers{kindRot: {1}, kindRotBit: {9}})
	if got := textOf(c, Damaged); !slices.Equal(got, []string{"record 1 fails its checksum"}) {
		t.Errorf("got %q", got)
	}
	if got := outputsOf(c); len(got) != 1 || r.Restarts != 0 || r.Dropped != 1 {
		t.Errorf("the starts find %q, %+v; want one start", got, r)
	}
	if r.Faults != (FaultCounts{Rotted: 1, Damaged: 1, Unsynced: 1}) {
		t.Errorf("got %+v", r.Faults)
	}
}

// Which record and which bit it is does not matter: no rot is ever accepted.
func TestRotIsNeverAccepted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := Plan{Nodes: 1, Node: scripts(clerk()), Inputs: []Input{input(1, 10, 0, "p0p1s0p2s0p3")}}
		plan.Faults = []fault.Fault{{ID: 1, Op: fault.Rot, At: 20}, {ID: 2, Op: fault.Crash, At: 30, For: 10, Disk: fault.Survival(rapid.IntRange(0, int(fault.KeepAny)).Draw(t, "disk"))}}
		if r, c := run(t, plan, source.Seed(rapid.Uint64().Draw(t, "seed"))); r.Restarts != 0 || c.of(Damaged) != 1 {
			t.Fatalf("got %+v", r)
		}
	})
}

func TestRotNeedsASyncedRecord(t *testing.T) {
	for _, does := range []string{"", "p0", "p0s0d1s0"} {
		plan := Plan{Nodes: 1, Node: scripts(clerk()), Inputs: []Input{input(1, 10, 0, does)}}
		plan.Faults = []fault.Fault{{ID: 1, Op: fault.Rot, At: 20}, {ID: 2, Op: fault.Crash, At: 30, For: 10}}
		if r, _ := run(t, plan, source.Seed(1)); r.Faults.Rotted != 0 || r.Restarts != 1 {
			t.Errorf("%q: got %+v", does, r)
		}
	}
}
