package explore_test

import (
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/explore"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
)

func TestAProcessServesOneRunIfEachRunHasOne(t *testing.T) {
	for isolation, want := range map[explore.Isolation]int{explore.EachRun: 1, explore.EachWorker: 2} {
		w := coin()
		w.Isolation = isolation
		var out strings.Builder
		if err := serveOne(w, strings.NewReader("{}\n{}\n"), &out); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), "dessim run: "); got != want {
			t.Errorf("%v: of two runs %d are served, want %d\n%s", isolation, got, want, out.String())
		}
	}
}

func TestAReplayIsAnsweredApartAsHere(t *testing.T) {
	here := coin()
	apart := apartOf(t, here)
	const seed = 7
	_, recorded := here.Seed(seed, nil, true)
	answers := recorded.Answers[:len(recorded.Answers)/2]
	want, wantTrial := here.Seed(seed, source.NewReplay(answers), true)
	got, gotTrial := apart.Seed(seed, source.NewReplay(answers), true)
	if diff := cmp.Diff(want, got) + cmp.Diff(wantTrial, gotTrial); diff != "" || len(answers) == 0 {
		t.Errorf("of %d answers, here and apart:\n%s", len(answers), diff)
	}
}

// bodies collects those of events that it watches for.
type bodies struct {
	what sim.What
	all  string
}

func (b *bodies) Watch() sim.What { return b.what }

func (b *bodies) Observe(e *sim.Event) { b.all += string(e.Body) }

// A run uses the memory of a body again, and observers see it only later.
func TestAnObserverApartSeesTheBodiesThatItWatchesFor(t *testing.T) {
	w := &explore.World{Seed: func(_ uint64, _ protocol.Source, _ bool, observers ...sim.Observer) (explore.Outcome, *explore.Trial) {
		body := []byte("a")
		for _, what := range []sim.What{sim.Sent, sim.Received, sim.Sent} {
			for _, o := range observers {
				if o.Watch()&what != 0 {
					o.Observe(&sim.Event{What: what, Body: body})
				}
			}
			body[0]++
		}
		return explore.Outcome{}, nil
	}}
	sent, received := &bodies{what: sim.Sent}, &bodies{what: sim.Received}
	apartOf(t, w).Seed(1, nil, false, sent, received)
	if sent.all != "ac" || received.all != "b" {
		t.Errorf("sent %q, want ac; received %q, want b", sent.all, received.all)
	}
}
