package scenario_test

import (
	"fmt"

	"dessim/protocol"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// A scenario runs under any source; its own parameters are read from text.
func ExampleScenario() {
	s := counting()
	p := s.Defaults
	p.Faults, p.Loss = "", protocol.Ratio{}
	if err := s.Set(&p, "inputs", "3"); err != nil {
		fmt.Println(err)
	}
	r, _ := s.Execute(1, p, source.Seed(1), scenario.Options{})
	fmt.Println(r.Verdict, r.Sim.Outputs, len(r.Nodes))
	run := scenario.Subject{Scenario: s, Seed: 1, Params: p}
	fmt.Println(run.String())
	// Output:
	// pass 6 2
	// -seed 1 -scenario counting -inputs 3 -loss 0% -faults none
}
