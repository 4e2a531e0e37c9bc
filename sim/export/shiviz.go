package export

import (
	"io"
	"slices"
	"strconv"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/history"
)

// shiVizPattern finds an event of a ShiViz log: two lines, the second one with the host and its
// clock. ShiViz shows the fields that it does not know beside an event.
const shiVizPattern = `(?<time>\S+) (?<step>\S+) (?<event>.*)\n(?<host>\S+) (?<clock>\{.*\})`

// hostOfFaults is the host of faults that hit no node.
const hostOfFaults = "faults"

// writeShiViz writes the pattern, an empty line, since there is one run, and the events that a
// text trace has. An event comes after those before on its node, and one that receives a message
// after the one that sent it. So does one that drops a message, as the arrow then shows: on a
// node that is down nothing can follow but a start.
func writeShiViz(w io.Writer, h *history.History, a *About) error {
	p := &printer{w: w}
	p.print(shiVizPattern, "\n\n")
	c := &clocks{at: make(map[int32]clock), now: make(map[protocol.NodeID]clock), wanted: wanted(h)}
	for step := range h.Steps {
		from, to := h.RowsOf(step)
		for i := from; i < to; i++ {
			r := &h.Rows[i]
			if r.What&sim.Unwritten != 0 {
				continue
			}
			now := c.tick(int32(i), r)
			p.print(sim.Millis(h.Steps[step].At), " ", strconv.Itoa(step), " ", words(h, i), "\n", hostOf(a, r.Node), " {")
			for k, x := range now {
				if k > 0 {
					p.print(",")
				}
				p.print(`"`, hostOf(a, x.node), `":`, strconv.Itoa(x.n))
			}
			p.print("}\n")
		}
	}
	return p.err
}

func hostOf(a *About, id protocol.NodeID) string {
	if id == protocol.Outside {
		return hostOfFaults
	}
	return a.name(id)
}

// wanted returns the rows from which a message arrives.
func wanted(h *history.History) []bool {
	w := make([]bool, len(h.Rows))
	for i := range h.Rows {
		if r := &h.Rows[i]; r.What&(sim.Received|sim.Dropped) != 0 && r.Origin != history.None {
			w[r.Origin] = true
		}
	}
	return w
}

// clock is a vector clock: how many events of each node came before, or are it; by node, without
// those of which none did.
type clock []component

type component struct {
	node protocol.NodeID
	n    int
}

// merge returns the later of two clocks. Neither changes.
func (c clock) merge(d clock) clock {
	all := make(clock, 0, len(c)+len(d))
	for len(c) > 0 && len(d) > 0 {
		switch {
		case c[0].node < d[0].node:
			all, c = append(all, c[0]), c[1:]
		case c[0].node > d[0].node:
			all, d = append(all, d[0]), d[1:]
		default:
			all = append(all, component{c[0].node, max(c[0].n, d[0].n)})
			c, d = c[1:], d[1:]
		}
	}
	return append(append(all, c...), d...)
}

// clocks are those of a run so far.
type clocks struct {
	now    map[protocol.NodeID]clock
	at     map[int32]clock // of the rows whose message is to arrive
	wanted []bool
}

// tick returns the clock of row i, which is the next one. It is valid until the next call.
func (c *clocks) tick(i int32, r *history.Row) clock {
	now := c.now[r.Node]
	if r.What&(sim.Received|sim.Dropped) != 0 && r.Origin != history.None {
		now = now.merge(c.at[r.Origin])
		delete(c.at, r.Origin)
	}
	own, found := slices.BinarySearchFunc(now, r.Node, func(x component, id protocol.NodeID) int {
		return int(int64(x.node) - int64(id))
	})
	if !found {
		now = slices.Insert(now, own, component{node: r.Node})
	}
	now[own].n++
	c.now[r.Node] = now
	if c.wanted[i] {
		c.at[i] = slices.Clone(now)
	}
	return now
}
