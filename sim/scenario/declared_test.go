package scenario_test

import (
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim/scenario"
)

func TestAScenarioThatCannotRunHasAFlaw(t *testing.T) {
	own := func(names ...string) func(s *scenario.Scenario) {
		return func(s *scenario.Scenario) {
			s.Own = nil
			for _, name := range names {
				s.Own = append(s.Own, scenario.Int(name, 1, 0, 2, ""))
			}
		}
	}
	meter := func() scenario.Meter { return nil }
	for _, x := range []struct {
		want  string // "" is no flaw
		spoil func(s *scenario.Scenario)
	}{
		{"", func(*scenario.Scenario) {}},
		{"", own("a", "b2", "c-3")},
		{"", func(s *scenario.Scenario) { s.Small, s.Unused = "-inputs 2 -colour blue", []string{"copy"} }},
		{"", func(s *scenario.Scenario) { s.Compare = &scenario.Comparison{Param: "colour", Meter: meter} }},
		{`a scenario has the name ""; want small letters`, func(s *scenario.Scenario) { s.Name = "" }},
		{`a scenario has the name "a--b"; want small letters`, func(s *scenario.Scenario) { s.Name = "a--b" }},
		{`a scenario has the name "2a"; want small letters`, func(s *scenario.Scenario) { s.Name = "2a" }},
		{"scenario counting has no Build", func(s *scenario.Scenario) { s.Build = nil }},
		{`a parameter has the name "Txs"; want small letters`, own("Txs")},
		{`a parameter has the name "a_b"; want small letters`, own("a_b")},
		{`a parameter has the name "a-"; want small letters`, own("a-")},
		{"parameter nodes is a field of Params", own("nodes")},
		{"parameter fault is a field of Params", own("fault")},
		{"parameter seed has the name of a line in replay files", own("seed")},
		{"parameter answers has the name of a line in replay files", own("answers")},
		{"two parameters are called a", own("a", "a")},
		{`initial value of tired "60%": want at most 50%`, func(s *scenario.Scenario) {
			s.Own[3] = scenario.Ratio("tired", protocol.Percent(60), protocol.Percent(50), "")
		}},
		{"parameter " + strings.Repeat("a", 41) + " cannot be written: ", own(strings.Repeat("a", 41))},
		{`Unused names "jiter", which is no field of Params; did you mean jitter?`, func(s *scenario.Scenario) { s.Unused = []string{"jiter"} }},
		{`Unused names "colour", which is no field of Params; want some of nodes, delay, jitter, `, func(s *scenario.Scenario) { s.Unused = []string{"colour"} }},
		{"Defaults: nodes 3", func(s *scenario.Scenario) { s.Defaults.Nodes = 3 }},
		{`initial value of order "": want isis, raft`, func(s *scenario.Scenario) {
			s.Own = []*scenario.Param{scenario.Choice("order", "", []string{"isis", "raft"}, "")}
		}},
		{`parameter order has the value with the name ""`, func(s *scenario.Scenario) {
			s.Own = []*scenario.Param{scenario.Choice("order", "", []string{"", "raft"}, "")}
		}},
		{`Defaults: faults is "none"; want "", which is none`, func(s *scenario.Scenario) { s.Defaults.Faults = "none" }},
		{`Defaults: fault is "crash 0 at 1000ms"; want it as it is read: "crash 0 at 1s"`, func(s *scenario.Scenario) { s.Defaults.Fault = "crash 0 at 1000ms" }},
		{"", func(s *scenario.Scenario) { s.Defaults.Loss = protocol.Ratio{Num: 1, Den: 3} }},
		{`Defaults: faults is "restart,crash"; want it as it is read: "crash,restart"`, func(s *scenario.Scenario) { s.Defaults.Faults = "restart,crash" }},
		{"Own is not made by Int", func(s *scenario.Scenario) { s.Own = []*scenario.Param{{Name: "x"}} }},
		{"Own is not made by Int", func(s *scenario.Scenario) { s.Own = []*scenario.Param{nil} }},
		{`parameter words has the value with the name "it's"`, func(s *scenario.Scenario) {
			s.Own = []*scenario.Param{scenario.Choice("words", "it's", []string{"it's"}, "")}
		}},
		{"Small: loss: nothing is drawn", func(s *scenario.Scenario) { s.Small = "-loss 0%" }},
		{"Defaults: delay 0s", func(s *scenario.Scenario) { s.Defaults.Delay = 0 }},
		{`Small: "inputs 2": want flags`, func(s *scenario.Scenario) { s.Small = "inputs 2" }},
		{"Small: txs means nothing to scenario counting", func(s *scenario.Scenario) { s.Small = "-txs 2" }},
		{`Small: inputs "101": want 0 to 100`, func(s *scenario.Scenario) { s.Small = "-inputs 101" }},
		{"Small: nodes 3", func(s *scenario.Scenario) { s.Small = "-nodes 3" }},
		{`Compare names parameter "order", which the scenario does not have`, func(s *scenario.Scenario) {
			s.Compare = &scenario.Comparison{Param: "order", Meter: meter}
		}},
		{"Compare names parameter inputs, which has no Values", func(s *scenario.Scenario) {
			s.Compare = &scenario.Comparison{Param: "inputs", Meter: meter}
		}},
		{"Compare has no Meter", func(s *scenario.Scenario) { s.Compare = &scenario.Comparison{Param: "colour"} }},
	} {
		s := counting()
		x.spoil(s)
		err := s.Flaw()
		switch {
		case x.want == "" && err != nil:
			t.Errorf("a scenario without a flaw: %v", err)
		case x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("flaw %v, want one line with %q", err, x.want)
		}
	}
}
