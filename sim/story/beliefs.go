package story

import (
	"fmt"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim/history"
	"dessim/sim/wording"
)

// How much is told of states.
const (
	mostNodes  = 4
	mostKeys   = 6
	mostBeside = 3
	mostBefore = 2   // steps
	mostValue  = 120 // characters
)

// belief is what a node says of itself: its values by key, and the keys in order.
type belief struct {
	node   protocol.NodeID
	keys   []string
	values map[string]string
	about  map[string]uint8 // by key: how much it has to do with what the violation names
}

// beliefs returns the states of the nodes that the violation concerns when it shows, a line a node:
// the keys that have to do with what it names, or else those in which the nodes differ.
func (t *teller) beliefs() (lines []string) {
	if t.violation == nil {
		return nil
	}
	var all []belief
	for _, id := range t.nearest() {
		if b := t.believes(id, t.last); len(b.keys) > 0 {
			all = append(all, b)
		}
	}
	keys, named := telling(all, t.violation.Step == 0)
	if len(keys) == 0 {
		return nil
	}
	var ignorant []string
	for i := range all {
		b := &all[i]
		switch told := b.told(keys, named); {
		case told != "":
			lines = append(lines, fmt.Sprintf("then node %v has %s", b.node, told))
		case named && t.nodes[b.node] <= 1:
			ignorant = append(ignorant, b.node.String())
		}
	}
	if len(ignorant) > 0 {
		lines = append(lines, wording.Plural(len(ignorant), "node")+" "+strings.Join(ignorant, ", ")+": nothing of that")
	}
	return lines
}

// before returns the states of the nodes that show the violation just before that step: the keys that
// they change in it and that have to do with what the violation names.
func (t *teller) before() (lines []string) {
	for _, step := range protocol.SortedKeys(t.hops) {
		id := t.nodeOf(step)
		if t.violation.Step == 0 || t.hops[step] > 1 || id == protocol.Outside || len(lines) == mostBefore {
			continue
		}
		if _, known := t.States.At(id, step-1); !known {
			continue
		}
		was, is := t.believes(id, step-1), t.believes(id, step)
		var keys []string
		for _, key := range was.keys {
			if was.values[key] != is.values[key] && (!t.follows || was.about[key] > 0) {
				keys = append(keys, key)
			}
		}
		if told := was.told(keys[:min(len(keys), mostKeys)], t.follows); told != "" {
			lines = append(lines, fmt.Sprintf("just before step %d, node %v has %s", step, id, told))
		}
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

// state returns the last description of a node up to a step, or "".
func (t *teller) state(id protocol.NodeID, step int) string {
	for i := len(t.States.All) - 1; i >= 0; i-- {
		if s := &t.States.All[i]; s.Node == id && s.Step <= uint64(step) {
			return string(s.Text)
		}
	}
	return ""
}

// believes returns what a node says of itself after a step. A key includes those of the lines that it
// is indented under. The values under a line that the violation is about are one value.
func (t *teller) believes(id protocol.NodeID, step int) belief {
	b := belief{node: id, values: make(map[string]string), about: make(map[string]uint8)}
	described(t.state(id, step), func(path []string, value string) {
		whole, about := len(path), t.names.of(value)
		for i, part := range path {
			if is := t.names.of(part); is > 0 {
				whole, about = i+1, exact+is // more than a value that mentions it
				break
			}
		}
		b.add(strings.Join(path[:whole], "."), strings.TrimSpace(strings.Join(path[whole:], ".")+" "+value), about)
	})
	return b
}

// described calls yield for each value in a description, with the keys of the lines that it is
// indented under, and its own.
func described(text string, yield func(path []string, value string)) {
	const deepest = 16
	var path []string
	for line := range strings.Lines(text) {
		body := strings.TrimLeft(line, " ")
		key, value, isPair := strings.Cut(strings.TrimSpace(body), ": ") // a place in code has a colon, too
		if !isPair {
			key, value, isPair = strings.Cut(strings.TrimSpace(body), ":")
		}
		if !isPair || key == "" {
			continue
		}
		depth := min((len(line)-len(body))/2, len(path), deepest)
		path = append(path[:depth], key)
		if value = strings.TrimSpace(value); value != "" {
			yield(path, value)
		}
	}
}

// add adds a value to a key. A key that has nothing to do with the violation keeps its first value.
func (b *belief) add(key, value string, about uint8) {
	switch before, known := b.values[key]; {
	case !known:
		b.keys = append(b.keys, key)
		b.values[key] = value
	case about > 0:
		b.values[key] = before + ", " + value
	}
	b.about[key] = max(b.about[key], about)
}

// told returns the values of keys, or "". If named is set, it returns only those that have to do with
// what the violation names.
func (b *belief) told(keys []string, named bool) string {
	var parts []string
	for _, key := range keys {
		if value, has := b.values[key]; has && (!named || b.about[key] > 0) {
			parts = append(parts, fmt.Sprintf("%s: %s", key, history.Short(value, mostValue)))
		}
	}
	return strings.Join(parts, "; ")
}

// telling returns the keys that are told: those that have to do with what the violation names, its
// own names first; or else those in which nodes differ, the fewest different values first, since a key
// in which no two nodes agree may be no more than a name of the node. If something is stuck, values
// beside it in which nodes differ may be the reason, so they are told, too.
func telling(all []belief, stuck bool) (telling []string, named bool) {
	type candidate struct {
		key    string
		about  uint8
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
			c, values, has := candidate{key: key}, make(map[string]bool), 0
			for _, other := range all {
				if v, ok := other.values[key]; ok {
					has++
					values[v] = true
					c.about = max(c.about, other.about[key])
				}
			}
			if c.differ = len(values); c.about > 0 || has > 1 && c.differ > 1 {
				keys = append(keys, c)
			}
			named = named || c.about > 0
		}
	}
	slices.SortStableFunc(keys, func(a, b candidate) int {
		if a.about != b.about || a.about > 0 {
			return int(b.about) - int(a.about)
		}
		return a.differ - b.differ
	})
	for _, c := range keys[:min(len(keys), mostKeys)] {
		if c.about > 0 || !named {
			telling = append(telling, c.key)
		}
	}
	if !stuck || !named {
		return telling, named
	}
	beside := 0
	for _, c := range keys {
		if c.about == 0 && beside < mostBeside && slices.ContainsFunc(telling, func(key string) bool { return besides(c.key, key) }) {
			telling, beside = append(telling, c.key), beside+1
			for i := range all {
				all[i].about[c.key] = kin
			}
		}
	}
	return telling, named
}

// besides reports whether a key belongs to the component in which another has an entry.
func besides(key, entry string) bool {
	for range 2 {
		entry = entry[:max(strings.LastIndexByte(entry, '.'), 0)]
	}
	return entry != "" && strings.HasPrefix(key, entry+".")
}
