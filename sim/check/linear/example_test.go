package linear_test

import (
	"fmt"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/check/linear"
)

// A counter is asked to add, and answers with its sum.
func Example() {
	counter := linear.NewHistory(linear.Model[int, int, int]{
		Step: func(sum, add int, answer *int) (int, bool) {
			return sum + add, answer == nil || *answer == sum+add
		},
	})
	// In a scenario, the run shows the check these events.
	right := counter.Linearizable("every sum counts all additions").Seeing(sim.Received|sim.Output, func(e *sim.Event) {
		if e.What == sim.Received {
			counter.Call(e, e.Tag, int(e.Body[0]))
		} else {
			counter.Return(e, e.Tag, int(e.Body[0]))
		}
	})
	right.Observe(&sim.Event{What: sim.Received, Node: 1, At: 10, Body: []byte{5}})
	right.Observe(&sim.Event{What: sim.Received, Node: 2, At: 20, Body: []byte{1}}) // never answered: it may count
	right.Observe(&sim.Event{What: sim.Output, Node: 1, At: 30, Body: []byte{6}})
	right.Observe(&sim.Event{What: sim.Received, Node: 3, At: 40, Body: []byte{1}})
	right.Observe(&sim.Event{What: sim.Output, Node: 3, At: 50, Body: []byte{6}})
	r := check.Suite{right}.Results(100)[0]
	fmt.Println(r.Verdict, r.At)
	fmt.Println(r.Detail)
	// Output:
	// violation 50ns
	// no order of 3 operations explains 1: 6, by client 3 from 40ns to 50ns
}
