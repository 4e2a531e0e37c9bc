package steps_test

import (
	"fmt"
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
)

// A keeper persists and passes on what it receives, and notes its records and
// timers.
type keeper struct {
	got  []string
	kept []byte // which it must not keep
}

func (k *keeper) Start(env *protocol.Env) {
	for i, rec := range env.Records() {
		k.got = append(k.got, fmt.Sprintf("%d %s", i, rec))
	}
}

func (k *keeper) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	k.kept = msg
	env.Persist(msg)
	if string(msg) == "sync" {
		env.Sync()
	}
	env.SetTimer(100, uint64(len(msg)))
	env.Send(1, protocol.KindOf("test"), msg)
}

func (k *keeper) Timeout(env *protocol.Env, tag uint64) {
	k.got = append(k.got, fmt.Sprintf("timer %d at %d", tag, env.Now()))
}

func newWorld() (*steps.World, []*keeper) {
	nodes := make([]*keeper, 2)
	w := steps.New(2, func(id protocol.NodeID) protocol.Node {
		nodes[id] = &keeper{}
		return nodes[id]
	})
	w.StartAll()
	return w, nodes
}

func TestACrashKeepsWhatWasSyncedAndWhatSurvivalSays(t *testing.T) {
	for keep, want := range map[steps.Survival][]string{
		steps.Nothing:    {"0 sync"},
		steps.Everything: {"0 sync", "1 one", "2 last"},
		0x002:            {"0 sync", "1 last"},
		0x201:            {"0 sync", "1 one", "2 la"},
		0x303:            {"0 sync", "1 one", "2 last"},
	} {
		w, nodes := newWorld()
		for _, body := range []string{"sync", "one", "last"} {
			w.Hand(steps.Message{To: 0, Body: []byte(body)})
		}
		w.Crash(0, keep)
		w.Start(0)
		if !slices.Equal(nodes[0].got, want) || len(w.Timers) != 0 || len(w.InFlight) != 3 {
			t.Errorf("%#x keeps %q, %d timers and %d messages; want %q, 0 and 3", keep, nodes[0].got, len(w.Timers), len(w.InFlight), want)
		}
	}
}

func TestAStepHasTheEffectsBeforeItsCrash(t *testing.T) {
	// The effects are persist, sync, set-timer and send.
	for after, want := range []string{"0 false 0", "1 false 0", "1 true 0", "1 true 0", "1 true 1", "1 true 1"} {
		w, _ := newWorld()
		w.Crashes[2] = steps.Crash{After: after, Keep: steps.Everything}
		observed := 0
		w.Observe = func(_ protocol.NodeID, effects []protocol.Effect) { observed = len(effects) }
		w.Hand(steps.Message{To: 0, Body: []byte("sync")})
		n := w.Nodes[0]
		got := fmt.Sprint(len(n.Disk), len(n.Disk) == 1 && n.Disk[0].Synced, len(w.InFlight))
		if got != want || n.Up || observed != min(after, 4) || len(w.Timers) != 0 {
			t.Errorf("after %d effects: %s, up %v, %d effects observed, timers %v; want %s", after, got, n.Up, observed, w.Timers, want)
		}
	}
}

func TestMessagesAreLostCopiedAndOverwrittenAndTimersReplaced(t *testing.T) {
	w, nodes := newWorld()
	for now, body := range []string{"a", "bb", "c"} { // c replaces the timer of a
		w.Now = protocol.Time(now)
		w.Hand(steps.Message{To: 0, Body: []byte(body), Depth: 3})
	}
	w.Lose(1)
	w.Hand(w.InFlight[0])
	w.InFlight = w.InFlight[:2] // without what came of the copy
	w.Deliver(0)
	if d := w.Delivered[0]; string(d.Body) != "a" || d.Depth != 4 || w.Depth != 4 || string(nodes[1].kept) == "a" {
		t.Errorf("%+v is delivered at depth %d, want a at 4; kept %q", d, w.Depth, nodes[1].kept)
	}
	if got := len(w.Nodes[1].Disk); got != 2 {
		t.Errorf("node 1 receives %d messages, want a and its copy", got)
	}
	w.Crash(1, steps.Nothing)
	if w.Settle(1) || !w.Settle(1) || !slices.Equal(nodes[0].got, []string{"timer 2 at 101", "timer 1 at 102"}) {
		t.Errorf("fired %q, left %v", nodes[0].got, w.Timers)
	}
}

// filer persists what it receives, flushes that record alone, which supersedes all before it, and
// notes what it is told.
type filer struct {
	keeper
	n uint64
}

func (f *filer) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	env.Persist(msg)
	f.n++
	env.Discard(f.n - 1)
	env.Flush(f.n, []uint64{f.n - 1})
}

func (f *filer) Flushed(_ *protocol.Env, tag uint64, failed bool) {
	f.got = append(f.got, fmt.Sprint(tag, failed))
}

func TestAFlushMakesItsRecordsSafeWhenItEnds(t *testing.T) {
	var n *filer
	w := steps.New(1, func(protocol.NodeID) protocol.Node {
		n = new(filer)
		return n
	})
	w.StartAll()
	for _, body := range []string{"one", "two"} {
		w.Hand(steps.Message{To: 0, Body: []byte(body)})
	}
	w.Flushed(true)
	if len(w.Flushes) != 1 || w.Nodes[0].Disk[0].Synced {
		t.Errorf("%d flushes, %+v; want one, and nothing safe", len(w.Flushes), w.Nodes[0].Disk)
	}
	w.Flushed(false)
	if want := []string{"1 true", "2 false"}; !slices.Equal(n.got, want) {
		t.Errorf("it is told %q, want %q", n.got, want)
	}
	w.Hand(steps.Message{To: 0, Body: []byte("three")})
	w.Restart(0)
	if want := []string{"1 two"}; !slices.Equal(n.got, want) || len(w.Flushes) != 0 {
		t.Errorf("it finds %q, with %d flushes under way; want %q and none", n.got, len(w.Flushes), want)
	}
}
