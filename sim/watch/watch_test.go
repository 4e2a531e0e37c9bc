package watch_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/cryptorand"
	"dessim/sim/watch"
)

// gate is a node that waits in its second step until it may go on.
type gate struct{ open chan struct{} }

func (gate) Start(env *protocol.Env)                        { env.SetTimer(1, 7) }
func (gate) Receive(*protocol.Env, protocol.NodeID, []byte) {}
func (g gate) Timeout(*protocol.Env, uint64)                { <-g.open }

// run returns a run of that node alone.
func run(t *testing.T, node protocol.Node) *sim.Sim {
	t.Helper()
	return runUnder(t, nil, node)
}

func runUnder(t *testing.T, random sim.Random, node protocol.Node) *sim.Sim {
	t.Helper()
	m, err := sim.New(sim.Plan{Nodes: 1, Node: func(protocol.NodeID) protocol.Node { return node }, Random: random, Link: sim.Link{Delay: 1}, Until: 1000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAStepThatDoesNotEndIsReportedOnceWithItsPlace(t *testing.T) {
	g := gate{make(chan struct{})}
	m := run(t, g)
	var told []watch.Stuck
	first := make(chan struct{})
	var once sync.Once
	d := &watch.Watchdog{Patience: 8 * time.Millisecond, Tell: func(s watch.Stuck) {
		told = append(told, s)
		once.Do(func() { close(first) })
	}}
	go func() {
		<-first
		time.Sleep(50 * time.Millisecond) // to be told again, if it were
		close(g.open)
	}()
	if p, stuck := d.Run(3, m, func() { m.Run() }); p != nil || stuck != nil {
		t.Fatal(p, stuck)
	}
	if len(told) != 1 {
		t.Fatalf("told %d times, want once", len(told))
	}
	text := told[0].String()
	if told[0].Seed != 3 || !strings.HasPrefix(text, "node 0 has been in step 2 (its timer 7 fires) for ") || !strings.Contains(text, ", at dessim/sim/watch/watch_test.go:") || !strings.HasSuffix(text, " gate.Timeout") {
		t.Errorf("told %q", text)
	}
}

func TestAnInterruptedRunWhoseStepNeverEndsIsAbandoned(t *testing.T) {
	g := gate{make(chan struct{})}
	m := run(t, g)
	ctx, cancel := context.WithCancel(t.Context())
	d := &watch.Watchdog{Context: ctx, Patience: 4 * time.Millisecond, Grace: 4 * time.Millisecond, Tell: func(watch.Stuck) { cancel() }}
	p, stuck := d.Run(1, m, func() { m.Run() })
	if p != nil || stuck == nil || stuck.Step != 2 || !d.Interrupted() {
		t.Errorf("panic %v, stuck %+v", p, stuck)
	}
	close(g.open)
}

// rower panics within calls of the standard library and of its own.
type rower struct{ gate }

func (r rower) Timeout(env *protocol.Env, _ uint64) {
	env.Output(protocol.KindOf("row"), []byte(strings.Map(r.row, "ab")))
}

func (rower) row(rune) rune {
	var none []rune
	return none[len(none)]
}

func TestFramesAreThoseOfTheNodeAlone(t *testing.T) {
	for _, random := range []sim.Random{nil, cryptorand.Answers(1)} {
		m := runUnder(t, random, rower{})
		p, _ := (*watch.Watchdog)(nil).Run(1, m, func() { m.Run() })
		if p == nil || len(p.Frames) != 2 || !strings.HasSuffix(p.Frames[0], " rower.row") || !strings.HasSuffix(p.Frames[1], " rower.Timeout") {
			t.Fatalf("%v: %q", p, p.Frames)
		}
		if want := "node 0 panicked at step 2, 0.000001 ms (its timer 7 fires): runtime error: index out of range [0] with length 0, at " + p.Frames[0]; p.Error() != want {
			t.Errorf("got  %q\nwant %q", p.Error(), want)
		}
		if strings.Contains(strings.Join(p.Frames, ""), "//") || strings.HasPrefix(p.Frames[0], "/") {
			t.Errorf("frames have paths of this machine: %q", p.Frames)
		}
	}
}

func TestAPanicOutsideOfTheRunReachesTheCaller(t *testing.T) {
	defer func() {
		if b, ok := recover().(*watch.Broken); !ok || b.Value != "boom" || !strings.Contains(b.Error(), "boom, at dessim/sim/watch/watch_test.go:") {
			t.Errorf("recovered %v", b)
		}
	}()
	(*watch.Watchdog)(nil).Run(1, run(t, gate{}), func() { panic("boom") })
}

func TestFramesKnowModulesFromTheStandardLibrary(t *testing.T) {
	stack := `goroutine 7 [running]:
panic({0x1, 0x2})
	/usr/local/go/src/runtime/panic.go:792 +0x132
example.com/kv/store%2ev3.(*Store[...]).Receive(0xc000, {0x1, 0x2})
	/home/someone/private/store/store.go:41 +0x1d
main.(*node).Start(...)
	/home/someone/private/main.go:7
dessim/sim.(*Sim).receive(0xc000)
	/home/someone/dessim/sim/sim.go:300 +0x1
created by dessim/sim/watch.(*Watchdog).Run in goroutine 1
	/home/someone/dessim/sim/watch/watch.go:100 +0x1
`
	got := watch.Frames([]byte(stack))
	if len(got) != 2 || got[0] != "example.com/kv/store.v3/store.go:41 (*Store[...]).Receive" || !strings.HasSuffix(got[1], "main.go:7 (*node).Start") || strings.Contains(got[1], "private") {
		t.Errorf("%q", got)
	}
}
