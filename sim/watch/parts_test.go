package watch_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/source"
	"dessim/sim/watch"
)

// busy has a timer each nanosecond; at the 250th of node 1 it does something else.
type busy struct {
	gate
	do func()
}

func (b busy) Start(env *protocol.Env) {
	for i := range time.Duration(300) {
		env.SetTimer(1+i, uint64(i))
	}
}

func (b busy) Timeout(env *protocol.Env, tag uint64) {
	if tag == 250 && env.ID() == 1 {
		b.do()
	}
}

// inParts returns a run in two parts of two busy nodes.
func inParts(t *testing.T, do func()) *sim.Sim {
	t.Helper()
	m, err := sim.New(sim.Plan{
		Nodes: 2, Node: func(protocol.NodeID) protocol.Node { return busy{do: do} }, Threads: 2,
		Link: sim.Link{Delay: 100}, Until: 1000, Inputs: []sim.Input{{At: 900}},
	}, source.Seed(1))
	if err != nil {
		t.Fatal(err)
	}
	if n, why := m.Threads(); n != 2 {
		t.Fatalf("%d threads: %s", n, why)
	}
	return m
}

func TestFramesOfARunInPartsAreThoseOfTheNode(t *testing.T) {
	m := inParts(t, func() { panic("boom") })
	p, _ := (*watch.Watchdog)(nil).Run(1, m, func() { m.Run() })
	if p == nil || p.Node != 1 || p.Value != "boom" || len(p.Frames) != 2 || !strings.HasSuffix(p.Frames[1], " busy.Timeout") {
		t.Fatalf("%+v", p)
	}
	if want := "node 1 panicked at step 504, 0.000251 ms (its timer 250 fires): boom, at " + p.Frames[0]; p.Error() != want {
		t.Errorf("got  %q\nwant %q", p.Error(), want)
	}
}

func TestTheEndOfAGoroutineInPartsIsAPanicOfItsNode(t *testing.T) {
	m := inParts(t, runtime.Goexit)
	p, _ := (*watch.Watchdog)(nil).Run(1, m, func() { m.Run() })
	if p == nil || p.Node != 1 || !strings.Contains(p.Error(), "called runtime.Goexit") {
		t.Fatalf("%v", p)
	}
}

func TestAStuckNodeOfARunInPartsIsFound(t *testing.T) {
	open := make(chan struct{})
	m := inParts(t, func() { <-open })
	ctx, cancel := context.WithCancel(t.Context())
	d := &watch.Watchdog{Context: ctx, Patience: 20 * time.Millisecond, Grace: 20 * time.Millisecond, Tell: func(watch.Stuck) { cancel() }}
	p, stuck := d.Run(1, m, func() { m.Run() })
	if p != nil || stuck == nil || stuck.Node != 1 || len(stuck.Frames) != 2 || !strings.HasSuffix(stuck.Frames[1], " busy.Timeout") || stuck.At != 251 {
		t.Errorf("panic %v, stuck %+v", p, stuck)
	}
	close(open)
}
