package story

import (
	"fmt"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim/history"
	"dessim/sim/wording"
)

// What is told of states.
const (
	mostNodes  = 4
	mostKeys   = 4
	mostValue  = 48 // characters
	mostBelief = 400
)

// belief is what a node says of itself: its values by key, and the keys in order.
type belief struct {
	node   protocol.NodeID
	keys   []string
	values map[string]string
}

// beliefs returns what the nodes that the violation concerns say of themselves when it shows, a
// line a node: of the keys that its sentence names, and of those in which the nodes differ.
func (t *teller) beliefs() (lines []string) {
	if t.violation == nil {
		return nil
	}
	var all []belief
	for _, id := range t.nearest() {
		if b := t.believes(id); len(b.keys) > 0 {
			all = append(all, b)
		}
	}
	if len(all) == 0 {
		return nil
	}
	keys, named := t.telling(all)
	if len(keys) == 0 {
		return nil
	}
	var ignorant []string
	for _, b := range all {
		var parts []string
		for _, key := range keys {
			if value, has := b.values[key]; has {
				parts = append(parts, fmt.Sprintf("%s: %s", key, history.Short(value, mostValue)))
			}
		}
		switch {
		case len(parts) > 0:
			lines = append(lines, history.Short(fmt.Sprintf("then node %v has %s", b.node, strings.Join(parts, "; ")), mostBelief))
		case named && t.nodes[b.node] <= 1:
			ignorant = append(ignorant, b.node.String())
		}
	}
	if len(ignorant) > 0 {
		lines = append(lines, wording.Plural(len(ignorant), "node")+" "+strings.Join(ignorant, ", ")+": nothing of that")
	}
	return lines
}

// nearest returns the nodes that the violation concerns most, ascending.
func (t *teller) nearest() []protocol.NodeID {
	ids := protocol.SortedKeys(t.nodes)
	slices.SortStableFunc(ids, func(a, b protocol.NodeID) int { return t.nodes[a] - t.nodes[b] })
	ids = ids[:min(len(ids), mostNodes)]
	slices.Sort(ids)
	return ids
}

// believes returns the last state of a node up to the violation. Its keys have the names of the
// lines that they are indented under.
func (t *teller) believes(id protocol.NodeID) belief {
	b := belief{node: id, values: make(map[string]string)}
	for i := len(t.States.All) - 1; i >= 0; i-- {
		s := &t.States.All[i]
		if s.Node == id && s.Step <= uint64(t.last) {
			b.read(string(s.Text))
			break
		}
	}
	return b
}

func (b *belief) read(text string) {
	const deepest = 16
	var path []string
	for line := range strings.Lines(text) {
		body := strings.TrimLeft(line, " ")
		key, value, isPair := strings.Cut(strings.TrimSpace(body), ":")
		if !isPair || key == "" {
			continue
		}
		depth := min((len(line)-len(body))/2, len(path), deepest)
		path = append(path[:depth], key)
		name := strings.Join(path, ".")
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		if _, known := b.values[name]; !known {
			b.keys = append(b.keys, name)
			b.values[name] = value
		}
	}
}

// telling returns the keys that are told: first those that the violation names, then those in
// which nodes differ, the fewest different values first. A key in which no two agree may be no more
// than a name of the node.
func (t *teller) telling(all []belief) (telling []string, named bool) {
	type candidate struct {
		key    string
		named  bool
		differ int
	}
	var keys []candidate
	seen := make(map[string]bool)
	for _, b := range all {
		for _, key := range b.keys {
			if seen[key] {
				continue
			}
			seen[key] = true
			values, has, named := make(map[string]bool), 0, mentions(key, t.names)
			for _, other := range all {
				if v, ok := other.values[key]; ok {
					has++
					values[v] = true
					named = named || mentions(v, t.names)
				}
			}
			if named || has > 1 && len(values) > 1 {
				keys = append(keys, candidate{key, named, len(values)})
			}
		}
	}
	slices.SortStableFunc(keys, func(a, b candidate) int {
		switch {
		case a.named != b.named && a.named:
			return -1
		case a.named != b.named:
			return 1
		case a.named:
			return 0
		}
		return a.differ - b.differ
	})
	for _, c := range keys[:min(len(keys), mostKeys)] {
		telling, named = append(telling, c.key), named || c.named
	}
	return telling, named
}
