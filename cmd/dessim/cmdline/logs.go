package cmdline

import (
	"cmp"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/scenario"
)

// notes is an observer that keeps each node's notes, starts and crashes as text.
type notes struct {
	of map[protocol.NodeID][]byte
}

func (n *notes) Watch() sim.What { return sim.Noted | sim.Started | sim.Crashed }

func (n *notes) Observe(e *sim.Event) {
	if n.of == nil {
		n.of = make(map[protocol.NodeID][]byte)
	}
	b := fmt.Appendf(n.of[e.Node], "%7d.%06d  ", int64(e.At)/1e6, int64(e.At)%1e6)
	switch e.What {
	case sim.Started:
		b = fmt.Appendf(b, "started, incarnation %d", e.Incarnation)
	case sim.Crashed:
		b = fmt.Appendf(b, "crashed %s", plain(e.Text))
	default:
		b = fmt.Appendf(b, "%v: %s", e.Kind, plain(e.Text))
	}
	n.of[e.Node] = append(b, '\n')
}

const logLegend = "#     time, ms  what\n"

// commit writes a file for each node, even an empty one, and for each client with notes.
// On nil it does nothing.
func (d *folder) commit(n *notes, r *scenario.Report) error {
	if d == nil {
		return nil
	}
	names := fileNames(n, r)
	var all []string
	for _, x := range names {
		if err := d.put(x.name, append([]byte(logLegend), n.of[x.node]...)); err != nil {
			return &exit{exitIO, fmt.Sprintf("logs %s: %s", quote(d.path), reason(err))}
		}
		all = append(all, x.name)
	}
	if err := d.publish(all); err != nil {
		return &exit{exitIO, fmt.Sprintf("logs %s: %s", quote(d.path), reason(err))}
	}
	return nil
}

// logFile is the name of a node's file.
type logFile struct {
	node protocol.NodeID
	name string
}

// fileNames names the files by what identifies a node beyond one run: see
// scenario.Column. A node without such a name is a client, or the scenario has no names.
func fileNames(n *notes, r *scenario.Report) []logFile {
	var files []logFile
	named := make(map[protocol.NodeID]bool)
	taken := make(map[string]bool)
	column := slices.IndexFunc(r.Scenario.Columns, func(c scenario.Column) bool { return c.Name })
	for i := range r.Nodes {
		row := &r.Nodes[i]
		name := cell(row, column)
		if name == "" {
			continue
		}
		file := name + ".txt"
		if taken[name] { // a node forged an identity
			file = fmt.Sprintf("%s-%v.txt", name, row.ID)
		}
		taken[name], named[row.ID] = true, true
		files = append(files, logFile{row.ID, file})
	}
	for id := range n.of {
		switch {
		case named[id]:
		case uint64(id) < uint64(r.Params.Nodes):
			files = append(files, logFile{id, fmt.Sprintf("node-%v.txt", id)})
		default:
			files = append(files, logFile{id, fmt.Sprintf("client-%v.txt", id)})
		}
	}
	slices.SortFunc(files, func(a, b logFile) int { return cmp.Compare(a.node, b.node) })
	return files
}
