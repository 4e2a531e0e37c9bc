package cmdline

import "dessim/sim"

// title says what a step is: its first event.
func (s *stepper) title(step int) string {
	from, to := s.RowsOf(step)
	if from == to {
		return "no observer sees an event of it"
	}
	return s.words(from)
}

// words puts an event into words. What becomes of a message follows its sending.
func (s *stepper) words(row int) string {
	x := &s.Rows[row]
	words := s.Words(row, 0)
	switch x.What {
	case sim.Injected, sim.Lifted:
		return words
	case sim.Lost, sim.Copied, sim.Corrupted:
		return "  it " + s.Fate(row, 0)
	case sim.Output:
		words = " outputs " + words
	case sim.Fired: // which begins with "'s"
	default:
		words = " " + words
	}
	return "node " + x.Node.String() + words
}
