package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

// clerk does to its disk what an input says, a letter and a digit an effect, and
// makes known what it finds there when it starts.
func clerk() script {
	return script{
		start: func(env *protocol.Env) {
			var found []string
			for i, rec := range env.Records() {
				found = append(found, fmt.Sprintf("%d=%s", i, rec))
			}
			say(env, strings.Join(found, " "))
		},
		receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
			for ; len(msg) > 0; msg = msg[2:] {
				switch msg[0] {
				case 'p':
					env.Persist(msg[:2])
				case 's':
					env.Sync()
				case 'd':
					env.Discard(uint64(msg[1] - '0'))
				}
			}
		},
	}
}

// slowDisk is the model of a disk.
type slowDisk struct {
	records      map[uint64]string
	next         uint64 // index of the next record
	safe, forget uint64 // indices
}

func (d *slowDisk) do(effect string) {
	switch effect[0] {
	case 'p':
		d.records[d.next] = effect
		d.next++
	case 's':
		d.safe = d.next
		for i := range d.forget {
			delete(d.records, i)
		}
	case 'd':
		d.forget = max(d.forget, min(uint64(effect[1]-'0'), d.next))
	}
}

// crash returns what is found after it.
func (d *slowDisk) crash() string {
	for i := range d.records {
		if i >= d.safe {
			delete(d.records, i)
		}
	}
	d.next, d.forget = d.safe, 0
	var found []string
	for _, i := range protocol.SortedKeys(d.records) {
		found = append(found, fmt.Sprintf("%d=%s", i, d.records[i]))
	}
	return strings.Join(found, " ")
}

func TestRecordsAreWhatTheModelOfADiskSays(t *testing.T) {
	found, lost := 0, 0
	property := func(t *rapid.T) {
		plan := Plan{Nodes: 1, Node: scripts(clerk()), Poison: true}
		plan.Disk.Sync = rapid.SampledFrom([]protocol.Time{0, 7}).Draw(t, "sync").Sub(0)
		model, want := slowDisk{records: make(map[uint64]string)}, []string{""}
		effect := rapid.SampledFrom([]string{"p0", "p1", "p2", "p3", "s0", "s0", "d0", "d1", "d3", "d5", "d9"})
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			at := protocol.Time(i+1) * 1000
			effects := rapid.SliceOfN(effect, 0, 8).Draw(t, "effects")
			plan.Inputs = append(plan.Inputs, input(uint64(i), at, 0, strings.Join(effects, "")))
			if after := rapid.IntRange(0, 9).Draw(t, "crash after, 9 is none"); after < 9 {
				f := fault.Fault{ID: uint64(i), Op: fault.Crash, At: at, After: after, For: 500}
				if after == 0 {
					f.At += 400 // between this step and the next one
				} else {
					effects = effects[:min(after, len(effects))]
				}
				plan.Faults = append(plan.Faults, f)
			}
			for _, e := range effects {
				model.do(e)
			}
			if n := len(plan.Faults); n > 0 && plan.Faults[n-1].ID == uint64(i) {
				lost += int(model.next - model.safe)
				want = append(want, model.crash())
				found += len(model.records)
			}
		}
		_, c := run(t, plan, nil)
		var got []string
		for _, e := range c.events {
			if e.What == Output {
				got = append(got, string(e.Body))
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("the starts find %q, want %q", got, want)
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	if found == 0 || lost == 0 {
		t.Errorf("vacuous: %d records found, %d lost", found, lost)
	}
}

// Only what exists can be discarded: a greater number must not forget records to
// come.
func TestDiscardForgetsNoRecordToCome(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(clerk()), Inputs: []Input{input(1, 10, 0, "p0d9p1s0p2s0")}}
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 20, For: 1}}
	_, c := run(t, plan, nil)
	if got := c.outputs(); len(got) != 2 || got[1] != "21 0 1=p1 2=p2" {
		t.Errorf("got %q, want records 1 and 2", got)
	}
}

// busy is a plan of one node with a disk that takes 50 ns. On an input "slow" it
// persists, syncs and then does more; it says what comes otherwise. Timer 1 is set
// for 120.
func busy(after func(env *protocol.Env)) Plan {
	s := script{
		start: func(env *protocol.Env) {
			for i, rec := range env.Records() {
				say(env, fmt.Sprintf("found %d %s", i, rec))
			}
			env.SetTimer(120, 1)
		},
		receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
			if string(msg) != "slow" {
				say(env, string(msg))
				if string(msg) == "cancel" {
					env.CancelTimer(1)
				}
				return
			}
			say(env, "before")
			env.Persist([]byte("rec"))
			env.Sync()
			after(env)
		},
		timeout: func(env *protocol.Env, tag uint64) { say(env, fmt.Sprint("timer ", tag)) },
	}
	return Plan{Nodes: 1, Node: scripts(s), Disk: Disk{Sync: 50}, Inputs: []Input{input(1, 100, 0, "slow")}}
}

func expectOutputs(t *testing.T, plan Plan, want ...string) Result {
	t.Helper()
	r, c := run(t, plan, nil)
	if got := c.outputs(); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	return r
}

func TestWhatFollowsASlowSyncLeavesWhenItIsDone(t *testing.T) {
	plan := busy(func(env *protocol.Env) {
		say(env, "after")
		env.Send(0, kindT, []byte("sent"))
		env.SetTimer(5, 2)
	})
	r := expectOutputs(t, plan, "100 0 before", "150 0 after", "150 0 timer 1", "155 0 timer 2", "160 0 sent")
	if r.Syncs != 1 {
		t.Errorf("%d syncs, want 1", r.Syncs)
	}
}

func TestEventsHeldDuringASyncComeInOrder(t *testing.T) {
	plan := busy(func(env *protocol.Env) { say(env, "after") })
	for i, at := range []protocol.Time{130, 110, 120, 150, 151} {
		plan.Inputs = append(plan.Inputs, input(uint64(10+i), at, 0, fmt.Sprint("at ", int64(at))))
	}
	r := expectOutputs(t, plan, "100 0 before", "150 0 after", "150 0 at 110", "150 0 at 120", "150 0 timer 1", "150 0 at 130", "150 0 at 150", "151 0 at 151")
	if r.Received != 6 || r.Events != 9 {
		t.Errorf("%d received, %d events; want 6 and, with start, timer and sync, 9", r.Received, r.Events)
	}
}

// A held step may make the node wait again: the others then wait on.
func TestHeldEventsWaitAgain(t *testing.T) {
	plan := busy(func(env *protocol.Env) { env.Sync(); say(env, "after") })
	plan.Inputs = append(plan.Inputs, input(2, 110, 0, "slow"), input(3, 115, 0, "last"))
	expectOutputs(t, plan, "100 0 before", "200 0 after", "200 0 before", "300 0 after", "300 0 last", "300 0 timer 1")
}

func TestATimerCancelledWhileHeldDoesNotFire(t *testing.T) {
	plan := busy(func(env *protocol.Env) { env.CancelTimer(1); say(env, "after") })
	expectOutputs(t, plan, "100 0 before", "150 0 after")

	plan = busy(func(env *protocol.Env) { say(env, "after") })
	plan.Inputs = append(plan.Inputs, input(2, 110, 0, "cancel"))
	expectOutputs(t, plan, "100 0 before", "150 0 after", "150 0 cancel")

	// Replaced is cancelled too.
	plan = busy(func(env *protocol.Env) { env.SetTimer(7, 1); say(env, "after") })
	expectOutputs(t, plan, "100 0 before", "150 0 after", "157 0 timer 1")
}

func TestACrashWhileTheDiskIsBusyLosesTheUnsyncedAndWhatWasHeld(t *testing.T) {
	plan := busy(func(env *protocol.Env) { say(env, "after") })
	plan.Inputs = append(plan.Inputs, input(2, 110, 0, "held"), input(3, 125, 0, "held"), input(4, 136, 0, "slow"))
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 130}, {ID: 2, Op: fault.Restart, At: 135}, {ID: 3, Op: fault.Crash, At: 300, For: 5}}
	// The sync of 136 is done at 186: the one of the incarnation before, due at
	// 150, has nothing to do with it.
	r := expectOutputs(t, plan, "100 0 before", "136 0 before", "186 0 after", "255 0 timer 1", "305 0 found 0 rec", "425 0 timer 1")
	if r.Dropped != 2 {
		t.Errorf("%d dropped, want 2", r.Dropped)
	}
}

func TestACrashAtASlowSyncComesWhenItIsDone(t *testing.T) {
	for after, want := range map[int][]string{
		2: {"100 0 before", "221 0 timer 1"},
		3: {"100 0 before", "151 0 found 0 rec", "271 0 timer 1"},
		4: {"100 0 before", "150 0 after", "151 0 found 0 rec", "271 0 timer 1"},
	} {
		plan := busy(func(env *protocol.Env) { say(env, "after"); say(env, "more") })
		plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: 100, After: after, For: 1}}
		expectOutputs(t, plan, want...)
	}
}

func TestACrashTellsWhetherItCameWhileSyncing(t *testing.T) {
	for at, want := range map[protocol.Time]string{120: "while syncing", 170: "between steps"} {
		plan := busy(func(*protocol.Env) {})
		plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: at}}
		_, c := run(t, plan, nil)
		crashed := slices.IndexFunc(c.events, func(e Event) bool { return e.What == Crashed })
		if crashed < 0 || c.events[crashed].Text != want {
			t.Errorf("at %v: %+v, want a crash %s", at, c.events, want)
		}
	}
}

func TestSyncTimesAreAnswers(t *testing.T) {
	plan := Plan{Nodes: 1, Node: scripts(clerk()), Disk: Disk{Jitter: 9}, Inputs: []Input{input(1, 10, 0, "p0s0s0")}}
	var asked []protocol.Key
	run(t, plan, spy(func(k protocol.Key) { asked = append(asked, k) }))
	if len(asked) != 2 || asked[0].Kind != kindSync || asked[0] == asked[1] {
		t.Errorf("asked %v, want two different questions of kind %v", asked, kindSync)
	}
}
