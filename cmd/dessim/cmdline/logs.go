package cmdline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/files"
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

// writeTo writes a file for each node, even an empty one, and for each client with notes.
func (n *notes) writeTo(d *files.Folder, r *scenario.Report) error {
	var all []string
	for _, x := range fileNames(n, r) {
		if err := d.Put(x.name, append([]byte(logLegend), n.of[x.node]...)); err != nil {
			return err
		}
		all = append(all, x.name)
	}
	return d.Publish(all)
}

// logFile is the name of a node's file.
type logFile struct {
	node protocol.NodeID
	name string
}

// fileNames names the files by what identifies a node beyond one run: see
// scenario.Column. A node without such a name is a client, or the scenario has no names.
func fileNames(n *notes, r *scenario.Report) []logFile {
	var all []logFile
	named := make(map[protocol.NodeID]bool)
	taken := make(map[string]bool) // in small letters, as some systems see names
	add := func(id protocol.NodeID, name string) {
		file := files.Name(".txt", name)
		if taken[strings.ToLower(file)] { // a node forged an identity
			file = files.Name(fmt.Sprintf("-%v.txt", id), name)
		}
		taken[strings.ToLower(file)] = true
		all = append(all, logFile{id, file})
	}
	column := slices.IndexFunc(r.Scenario.Columns, func(c scenario.Column) bool { return c.Name })
	for i := range r.Nodes {
		row := &r.Nodes[i]
		if name := cell(row, column); name != "" {
			named[row.ID] = true
			add(row.ID, name)
		}
	}
	for _, id := range protocol.SortedKeys(n.of) {
		switch {
		case named[id]:
		case uint64(id) < uint64(r.Params.Nodes):
			add(id, fmt.Sprintf("node-%v", id))
		default:
			add(id, fmt.Sprintf("client-%v", id))
		}
	}
	slices.SortFunc(all, func(a, b logFile) int { return cmp.Compare(a.node, b.node) })
	return all
}
