package scenarios

import (
	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/scenario"
	"dessim/sim/stats"
)

// measureOrder measures how long the order takes.
func measureOrder(m *stats.Meter) {
	order, waits := m.Time("order", "from the broadcast of a transaction until a node that was up all the while has entered it"), newEntryWaits()
	m.See(sim.Started|sim.Output, func(e *sim.Event) {
		if wait, ok := waits.see(e); ok {
			order.Add(wait.Sub(0))
		}
	})
}

// measureJoins measures how long members take until they put out that kind.
func (w *world) measureJoins(m *stats.Meter, joined protocol.Kind) {
	join := m.Time("join", "from the start of a node until it has joined")
	m.SeeAlone(sim.Started|sim.Crashed|sim.Output, func(e *sim.Event) {
		switch {
		case uint64(e.Node) >= uint64(w.p.Nodes): // a client
		case e.What == sim.Started:
			join.Begin(e.Node, e.At)
		case e.What == sim.Crashed:
			join.Forget(e.Node)
		case e.Kind == joined:
			join.End(e.Node, e.At)
		}
	})
}

// alsoMeasure has a run measure more.
func alsoMeasure(r *scenario.Run, more ...func(m *stats.Meter)) {
	first := r.Measure
	r.Measure = func(m *stats.Meter) {
		first(m)
		for _, measure := range more {
			measure(m)
		}
	}
}
