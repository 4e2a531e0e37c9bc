package scenario_test

import (
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/explore"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

func TestEqualValuesAreEqualParams(t *testing.T) {
	s := counting()
	p := s.Defaults
	for _, text := range []string{"7", "10"} { // 10 is what it is anyhow
		if err := s.Set(&p, "inputs", text); err != nil {
			t.Fatal(err)
		}
		if (p == s.Defaults) != (text == "10") || s.Param("inputs").Get(&p) != text {
			t.Errorf("inputs %s: equal to the defaults %v, read back as %s", text, p == s.Defaults, s.Param("inputs").Get(&p))
		}
	}
}

func TestFlagsOfParametersAreReadAsByTheCommandLine(t *testing.T) {
	s := counting()
	p, err := s.ParseParams("--inputs=3 -fault 'crash 0 at 2s for 1s' -fault 'pause 1 at 5s for 1s' -colour blue")
	if x := (scenario.Subject{Scenario: s, Params: p}); err != nil || x.String() != "-seed 0 -scenario counting -inputs 3 -colour blue -fault 'crash 0 at 2s for 1s; pause 1 at 5s for 1s'" {
		t.Errorf("%v, %v", x.String(), err)
	}
	for _, flags := range []string{"-seed 7", "-scenario counting", "-inputs 101", "-inputs 5000000000", "-inputs 1 -inputs 2", "inputs 3", "-pace 3"} {
		if _, err := s.ParseParams(flags); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line", flags, err)
		}
	}
}

// Text is asked with all parameters set, as Build is.
func TestTextKnowsEveryParameter(t *testing.T) {
	s := counting()
	s.Text = func(p *scenario.Params, _ *sim.Event) string { return p.Duration("pause").String() }
	trace := sim.Trace{Text: s.Words(&s.Defaults)}
	if r, _ := s.Execute(1, s.Defaults, source.Seed(1), scenario.Options{Observers: []sim.Observer{&trace}}); r.Failure != "" {
		t.Error(r.Failure)
	}
}

// What comes after the end of a run that is cut short is left out of its plan.
func TestARunCutShortGoesWithoutWhatComesLater(t *testing.T) {
	s := counting()
	p, err := s.ParseParams("-until 2500ms -faults none -loss 0%")
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := s.Execute(1, p, protocol.Benign{}, scenario.Options{}); !ok || r.Sim.Outputs != 4 {
		t.Errorf("%+v, want the outputs of two inputs", r.Sim)
	}
}

// A search may change what means nothing to the scenario, and a parameter may be new: a
// recording of the former keeps it, and one from before the latter is read.
func TestRecordingsKeepWhatASearchChangesAndMissWhatIsNew(t *testing.T) {
	s := counting()
	s.Unused = []string{"nodes"}
	x := scenario.Record(scenario.Subject{Scenario: s, Seed: 1, Params: s.Defaults}, &explore.Trial{Nodes: 1}, scenario.Failed, sim.Digest{})
	text, err := x.AppendText(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	find := func(string) (*scenario.Scenario, error) { return s, nil }
	if got, err := scenario.ParseRecording(text, find); err != nil || got.Params.Nodes != 1 || got.Edited {
		t.Errorf("%+v, %v\n%s", got, err, text)
	}
	s.Own = append(s.Own, scenario.Int("more", 5, 0, 9, "declared since"))
	got, err := scenario.ParseRecording(text, find)
	if err != nil || s.Param("more").Get(&got.Params) != "5" {
		t.Errorf("%+v, %v", got, err)
	}
}
