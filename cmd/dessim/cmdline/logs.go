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

func (n *notes) Reads() sim.Reads { return sim.ReadsEvents }

func (n *notes) Observe(e *sim.Event) {
	if n.of == nil {
		n.of = make(map[protocol.NodeID][]byte)
	}
	text := e.Text
	switch e.What {
	case sim.Started:
		text = fmt.Sprintf("started, incarnation %d", e.Incarnation)
	case sim.Crashed:
		text = "crashed " + text
	default:
		text = fmt.Sprintf("%v: %s", e.Kind, text)
	}
	n.of[e.Node] = AppendLog(n.of[e.Node], e.At, text)
}

// LogLegend is the first line of a node's log.
const LogLegend = "#     time, ms  what\n"

// AppendLog appends a line of a node's log: when something happened, and what.
func AppendLog(b []byte, at protocol.Time, what string) []byte {
	b = fmt.Appendf(b, "%7d.%06d  %s", int64(at)/1e6, int64(at)%1e6, plain(what))
	return append(b, '\n')
}

// writeTo writes a file for each node, even an empty one, and for each client with notes.
func (n *notes) writeTo(d *files.Folder, r *scenario.Report) error {
	var all []string
	for _, x := range fileNames(n, r) {
		if err := d.Put(x.name, append([]byte(LogLegend), n.of[x.node]...)); err != nil {
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
