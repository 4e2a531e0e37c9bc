package steps_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
)

// A keeper tells what its disk kept, and persists each message that it receives
// by the name of it.
type keeper struct {
	got  []string
	kept []byte // borrowed
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
	env.SetTimer(time.Second, uint64(len(msg)))
	env.Send(1, protocol.KindOf("test"), msg)
}

func (k *keeper) Timeout(env *protocol.Env, tag uint64) {
	k.got = append(k.got, fmt.Sprint("timer ", tag))
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

func (k *keeper) want(t *testing.T, want ...string) {
	t.Helper()
	if fmt.Sprint(k.got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", k.got, want)
	}
}

func TestACrashKeepsWhatWasSyncedAndAsMuchOfTheRestAsItIsTold(t *testing.T) {
	for _, c := range []struct {
		keep steps.Survival
		want []string
	}{
		{steps.Nothing, []string{"0 sync"}},
		{steps.Everything, []string{"0 sync", "1 one", "2 last"}},
		{0x02, []string{"0 sync", "1 last"}},
		{0x201, []string{"0 sync", "1 one", "2 la"}},
		{0x303, []string{"0 sync", "1 one", "2 last"}},
	} {
		w, nodes := newWorld()
		for _, body := range []string{"sync", "one", "last"} {
			w.Hand(steps.Message{To: 0, Body: []byte(body)})
		}
		w.Crash(0, c.keep)
		w.Start(0)
		nodes[0].want(t, c.want...)
		if len(w.Timers) != 0 || len(w.InFlight) != 3 || w.Nodes[0].Incarnation != 2 {
			t.Errorf("%d timers and %d messages in incarnation %d, want 0 and 3 in 2", len(w.Timers), len(w.InFlight), w.Nodes[0].Incarnation)
		}
	}
}

func TestAStepHasTheEffectsThatPrecedeItsCrash(t *testing.T) {
	// After the starts: persist, sync, set-timer, send.
	for after, want := range []string{"0 0 false", "1 0 false", "1 0 true", "1 0 true", "1 1 true", "1 1 true"} {
		w, _ := newWorld()
		w.Crashes[2] = steps.Crash{After: after, Keep: 0x01}
		happened := -1
		w.Observe = func(_ protocol.NodeID, effects []protocol.Effect) { happened = len(effects) }
		w.Hand(steps.Message{To: 0, Body: []byte("sync")})
		n := w.Nodes[0]
		got := fmt.Sprint(len(n.Disk), len(w.InFlight), len(n.Disk) == 1 && n.Disk[0].Synced)
		if got != want || n.Up || w.Steps[2] != 4 || happened != min(after, 4) || len(w.Timers) != 0 {
			t.Errorf("after %d effects: records, messages and synced are %s, want %s; up %v, steps %v, %d seen", after, got, want, n.Up, w.Steps, happened)
		}
	}
}

func TestMessagesAreLostCopiedAndSpoilt(t *testing.T) {
	w, nodes := newWorld()
	w.Hand(steps.Message{To: 0, Body: []byte("a"), Depth: 3})
	w.Hand(w.InFlight[0])
	w.Lose(1)
	w.Deliver(0)
	w.Hand(w.Delivered[0])
	if got := len(w.Nodes[1].Disk); got != 3 || w.Depth != 4 || w.Delivered[0].Depth != 4 || string(w.Delivered[0].Body) != "a" {
		t.Errorf("%d arrive at depth %d, of them %+v; want 3 at depth 4", got, w.Depth, w.Delivered)
	}
	if string(nodes[1].kept) == "a" {
		t.Error("a message is as it was after its step")
	}
	w.Crash(1, steps.Nothing)
	if before := len(w.Steps); !w.Settle(9) || len(w.InFlight) != 0 || len(w.Steps) != before+1 {
		t.Errorf("%d in flight, %d steps; want the timer of node 0 alone", len(w.InFlight), len(w.Steps)-before)
	}
}

func TestTheEarliestTimerFiresFirstAndOneOfATagIsReplaced(t *testing.T) {
	w, nodes := newWorld()
	receive := func(body string) {
		w.Hand(steps.Message{To: 0, Body: []byte(body)})
		w.InFlight = nil
	}
	receive("a")
	receive("bb")
	w.Now += 5
	receive("c") // replaces the first
	if w.Settle(1) || w.Now != protocol.Time(time.Second) {
		t.Errorf("at %v nothing is left", w.Now)
	}
	if !w.Settle(1) || w.FireNext() || w.Now != protocol.Time(time.Second)+5 {
		t.Errorf("at %v %v are left", w.Now, w.Timers)
	}
	nodes[0].want(t, "timer 2", "timer 1")
}
