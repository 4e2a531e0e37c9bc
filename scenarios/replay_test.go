package scenarios_test

import (
	"bytes"
	"fmt"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/scenario"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
)

// file returns the replay file of a run as dessim run -record writes it.
func (s subject) file(r *scenario.Report, answers []source.Answer) *source.File {
	f := &source.File{Answers: answers, Header: []source.Field{
		{Name: "scenario", Value: s.Scenario.Name},
		{Name: "seed", Value: fmt.Sprint(s.Seed)},
	}}
	for _, x := range s.Scenario.Params() {
		f.Header = append(f.Header, source.Field{Name: x.Name, Value: x.Get(&s.Params)})
	}
	f.Header = append(f.Header,
		source.Field{Name: "verdict", Value: string(r.Verdict)},
		source.Field{Name: "digest", Value: r.Sim.Digest.String()})
	return f
}

// clock is an observer that knows the time, for the comments of answers.
type clock struct{ at protocol.Time }

func (c *clock) Watch() sim.What      { return sim.Started | sim.Received | sim.Fired }
func (c *clock) Observe(e *sim.Event) { c.at = e.At }
func (c *clock) now() protocol.Time   { return c.at }

// sameScenario compares scenarios by identity: they hold functions.
var sameScenario = cmp.Comparer(func(a, b *scenario.Scenario) bool { return a == b })

// A run, recorded, written, read and replayed, is the same run: event by event,
// and nothing in the file is left over.
func TestAReplayIsTheRunThatWasRecorded(t *testing.T) {
	for _, flags := range []string{
		"-scenario bootstrap -nodes 1",
		"-scenario bootstrap -nodes 7",
		"-scenario bootstrap -nodes 5 -loss 10% -copy 10%",
		"-scenario concurrent -nodes 3 -txs 5",
		"-scenario concurrent -nodes 5 -txs 4 -loss 10% -copy 10% -abort 30%",
	} {
		for seed := uint64(1); seed <= 4; seed++ {
			s := mustParse(t, flags)
			s.Seed = seed
			t.Run(s.String(), func(t *testing.T) {
				t.Parallel()
				s.replayed(t)
			})
		}
	}
}

func (s subject) replayed(t *testing.T) {
	now, trace := new(clock), new(sim.Trace)
	recorder := &source.Recorder{Source: source.Seed(s.Seed), Clock: now.now}
	recorded := s.run(recorder, now, trace)
	if plain := s.run(nil); plain.Sim != recorded.Sim {
		t.Errorf("recording and tracing change the run: %+v, without %+v", recorded.Sim, plain.Sim)
	}
	text, err := s.file(&recorded, recorder.Answers()).AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err := source.ParseFile(text)
	if err != nil {
		t.Fatal(err)
	}
	replay, again := source.NewReplay(file.Answers), new(sim.Trace)
	r := s.run(replay, again)
	if a, b := trace.String(), again.String(); a != b {
		t.Fatalf("the replay parts from the run here:\n%s", parting(a, b))
	}
	if diff := cmp.Diff(recorded, r, sameScenario); diff != "" {
		t.Errorf("the replay's report differs (-run +replay):\n%s", diff)
	}
	if u, all := replay.Stats().Used, len(file.Answers); u != all || replay.Stats().Adapted != 0 {
		t.Errorf("of %d answers the replay used %d and adapted %d", all, u, replay.Stats().Adapted)
	}
	if all := len(file.Answers); all == 0 && s.Params.Nodes > 1 {
		t.Error("the recording is empty")
	}
}

// parting returns the first line in which two traces differ.
func parting(a, b string) string {
	as, bs := bytes.Split([]byte(a), []byte("\n")), bytes.Split([]byte(b), []byte("\n"))
	for i := range min(len(as), len(bs)) {
		if !bytes.Equal(as[i], bs[i]) {
			return fmt.Sprintf("line %d\n- %s\n+ %s", i+1, as[i], bs[i])
		}
	}
	return fmt.Sprintf("after %d lines", min(len(as), len(bs)))
}
