package explore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/source"
)

// hidden puts out, from the third input on, what nobody could repeat.
type hidden struct {
	what   func() string
	inputs int
}

func (h *hidden) Start(*protocol.Env)           {}
func (h *hidden) Timeout(*protocol.Env, uint64) {}

func (h *hidden) Receive(env *protocol.Env, _ protocol.NodeID, _ []byte) {
	text := "as always"
	if h.inputs++; h.inputs >= 3 {
		text = h.what()
	}
	env.Output(protocol.KindOf("said"), []byte(text))
}

// hiding is the world of one such node, with an input each second.
func hiding(what func() string) *explore.World {
	plan := sim.Plan{Nodes: 1, Node: func(protocol.NodeID) protocol.Node { return &hidden{what: what} },
		Link: sim.Link{Delay: time.Millisecond}, Until: protocol.Time(time.Minute)}
	for i := range 5 {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: protocol.Time(time.Second) * protocol.Time(i+1)})
	}
	return &explore.World{Seed: func(seed uint64, _ protocol.Source, _ bool, observers ...sim.Observer) (explore.Outcome, *explore.Trial) {
		s, err := sim.New(plan, source.Seed(seed), observers...)
		if err != nil {
			panic(err)
		}
		return explore.Outcome{Verdict: check.Pass, Digest: s.Run().Digest}, nil
	}}
}

func TestASweepNamesTheFirstEventThatDiffers(t *testing.T) {
	keys := make(map[int]bool)
	for i := range 1000 {
		keys[i] = true
	}
	for name, what := range map[string]func() string{
		"math/rand": func() string { return fmt.Sprint(rand.Uint64()) },
		"map order": func() string {
			for k := range keys {
				return fmt.Sprintf("%d and others", k)
			}
			return ""
		},
	} {
		_, err := explore.Sweep(t.Context(), hiding(what), explore.SweepOptions{From: 64, To: 64})
		var differs *explore.NotDeterministicError
		if !errors.As(err, &differs) || differs.Difference == nil {
			t.Errorf("%s: %v, want where the runs differ", name, err)
			continue
		}
		// One of 1,000 keys may come twice: then the next output differs.
		d := differs.Difference
		if d.Here == d.There || !strings.Contains(d.Here, "output") || !strings.Contains(d.There, "output") || !strings.Contains(err.Error(), d.Place()) ||
			!(d.Place() == "step 4, 3000.000000 ms" || name == "map order") {
			t.Errorf("%s: %s: %+v in\n%v", name, d.Place(), d, err)
		}
	}
}

func TestEqualRunsHaveNoDifference(t *testing.T) {
	w := hiding(func() string { return "as always" })
	if d := explore.FirstDifference(func(o sim.Observer) bool { w.Seed(1, nil, false, o); return true }); d != nil {
		t.Errorf("%+v", d)
	}
}

func TestATraceThatEndsEarlierDiffersThere(t *testing.T) {
	longer := make(chan bool, 2)
	longer <- false
	longer <- true
	d := explore.FirstDifference(func(o sim.Observer) bool {
		o.Observe(&sim.Event{What: sim.Started, At: 1e6})
		if <-longer {
			o.Observe(&sim.Event{What: sim.Crashed, At: 2e6, Step: 7})
		}
		return true
	})
	if d == nil || (d.Here == "") == (d.There == "") || d.Place() != "step 7, 2.000000 ms" {
		t.Errorf("%+v", d)
	}
}
