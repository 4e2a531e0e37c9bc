package abcast

import "dessim/protocol"

// Sizes sees the size of each collection: see protocol.Sized.
func (p *plain) Sizes(see func(name string, items int)) {
	see("order.to deliver", len(p.ordered))
	if p.rule != nil {
		p.rule.sizes(see)
	}
}

// Sizes sees the size of each collection: see protocol.Sized.
func (m *membership) Sizes(see func(name string, items int)) {
	out, early := 0, 0
	for i := range m.chans {
		out += len(m.chans[i].out)
		early += len(m.chans[i].early)
	}
	see("order.log", len(m.log.entries))
	see("order.origins", len(m.log.seqs))
	see("order.not delivered", len(m.log.entries)-m.log.delivered)
	see("order.outbox", len(m.outbox))
	see("order.unacknowledged", out)
	see("order.early", early)
	see("order.ahead", len(m.ahead))
	if m.rule != nil {
		m.rule.sizes(see)
	}
}

func (r *isis) sizes(see func(name string, items int)) {
	see("order.held back", r.queue.len())
	see("order.found by id", len(r.queue.byID))
	see("order.without message", len(r.early))
	see("order.runs", r.past.size())
}

func (r *lamport) sizes(see func(name string, items int)) {
	see("order.held back", r.queue.len())
	see("order.found by id", len(r.queue.byID))
	see("order.runs", r.past.size())
}

func (r *sequencer) sizes(see func(name string, items int)) {
	see("order.held back", len(r.waiting))
	see("order.arrived", len(r.arrived))
	see("order.without message", len(r.places))
	see("order.runs", r.past.size())
}

// size returns the number of runs.
func (s *idSet) size() (n int) {
	for _, l := range protocol.SortedKeysFunc(s.runs, Member.compare) {
		n += len(s.runs[l])
	}
	return n
}
