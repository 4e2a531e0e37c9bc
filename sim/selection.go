package sim

import (
	"math/bits"
	"slices"

	"dessim/protocol"
)

// A Selective is an Observer that sees only some of the messages, timers and outputs that it watches.
// The first byte of a message says what it is about (see protocol.Component), and so does the tag of a
// timer and the kind of an output. So most observers can exclude others by that, which then cost
// nothing.
type Selective interface {
	Observer
	// Selects returns what limits the set that Watch names. It is asked once, at New.
	Selects() []Selection
}

// Selection leaves, of the events of some sorts, those of messages that begin in one of some ways, of
// timers of some components, and of outputs of some kinds.
type Selection struct {
	Of    What            // sorts of events; of those that are of none of these nothing is left out
	First []byte          // first bytes of messages, and components of timers; a message without bytes is left out
	Kinds []protocol.Kind // of outputs
	// Armed, unless nil, leaves those alone of nodes for which it is true when it is the event's turn, and
	// then First, if it is nil, means all messages and timers. The observer changes it as it goes:
	// so what waits for the next step of a node costs nothing while there is nothing to judge. An
	// observer has one.
	Armed []bool
}

// A Sampling is an Observer that is shown the events of some nodes alone, and those that happen to no
// node. The events of others cost nothing, so a check of a sample costs the same for any number of
// nodes.
type Sampling interface {
	Observer
	// Only returns a function that reports whether the events of a node are shown; nil shows those of
	// all nodes. Both are called at New, the function once for each node.
	Only() func(id protocol.NodeID) bool
}

// ofMessages are the sorts of events whose Body is a message.
const ofMessages = Received | Sent | Lost | Copied | Corrupted | Dropped

// ofTimers are the sorts of events whose Tag is a timer's.
const ofTimers = Fired | TimerSet | TimerCancelled

// sorts is the number of sorts of events: Everything has that many bits.
const sorts = 24

// watchers are the observers of a run, by what they are shown.
type watchers struct {
	all   []watcher
	want  What            // some observer wants to see
	wide  What            // some observer wants to see of every node
	class [256]uint16     // of a message, by its first byte, and of a timer, by its component; 0 is that of any which no Selection names
	kinds []protocol.Kind // that Selections name; an output's class is one more than the place of its kind, or 0
	lists [][]viewer      // by sort, and of sorts that Selections limit by class
	first [sorts]int      // index of a sort's list for class 0, by the number of its bit
}

// viewer is an entry of a list: what show needs of a watcher, side by side.
type viewer struct {
	Observer
	only  []bool
	armed []bool // or nil: see Selection
	of    *watcher
}

type watcher struct {
	Observer
	want   What
	limits []Selection
	only   []bool // by node; nil is all
	reads  Reads
	local  NodeReader // if it reads the node, or nil
}

func watch(o Observer) watcher {
	w := watcher{Observer: o, want: o.Watch()}
	if o, ok := o.(Selective); ok {
		w.limits = o.Selects()
	}
	if w.want == 0 {
		w.reads = ReadsEvents // of which it is shown none
	} else if r, ok := o.(interface{ Reads() Reads }); ok {
		w.reads = r.Reads()
	}
	if w.reads == ReadsNode {
		w.local = o.(NodeReader)
	}
	return w
}

// choose notes the nodes whose events a Sampling observer is shown. It reports false if they are
// all.
func (w *watcher) choose(nodes []node) bool {
	o, ok := w.Observer.(Sampling)
	if !ok || o.Only() == nil {
		return false
	}
	only := o.Only()
	w.only = make([]bool, len(nodes))
	for i := range w.only {
		w.only[i] = only(protocol.NodeID(i))
		nodes[i].chosen = nodes[i].chosen || w.only[i]
	}
	return true
}

// idle reports whether the observer passes over the event, since it is not armed.
func (v *viewer) idle(e *Event) bool {
	return v.armed != nil && (uint64(e.Node) >= uint64(len(v.armed)) || !v.armed[e.Node])
}

// sees reports whether the event, of a sort that it wants, is shown to the observer unless that is
// idle.
func (v *viewer) sees(e *Event) bool {
	return v.only == nil || e.What == Ended || uint64(e.Node) >= uint64(len(v.only)) || v.only[e.Node]
}

// wants reports whether an observer may want to see such an event of a node.
func (s *Sim) wants(n *node, what What) bool {
	return s.wide&what != 0 || n.chosen && s.want&what != 0
}

// init sorts the observers, which are shown each event in the order given.
func (w *watchers) init(observers []Observer, nodes []node) {
	classes := 1
	for _, o := range observers {
		x := watch(o)
		w.want |= x.want
		if !x.choose(nodes) {
			w.wide |= x.want
		}
		w.all = append(w.all, x)
		for _, l := range x.limits {
			for _, b := range l.First {
				if w.class[b] == 0 {
					w.class[b] = uint16(classes)
					classes++
				}
			}
			for _, k := range l.Kinds {
				if !slices.Contains(w.kinds, k) {
					w.kinds = append(w.kinds, k)
				}
			}
		}
	}
	for bit := range w.first {
		what, n := What(1)<<bit, 1
		switch {
		case what&(ofMessages|ofTimers) != 0:
			n = classes
		case what == Output:
			n += len(w.kinds)
		}
		w.first[bit] = len(w.lists)
		w.lists = append(w.lists, make([][]viewer, n)...)
		w.fill(what, w.lists[w.first[bit]:])
	}
}

// fill makes the lists of a sort.
func (w *watchers) fill(what What, lists [][]viewer) {
	most := 0
	for i := range w.all {
		if w.all[i].want&what != 0 {
			most++
		}
	}
	if most == 0 {
		return
	}
	for c := range lists {
		lists[c] = make([]viewer, 0, most)
	}
	selected, always := make([]bool, len(lists)), make([]bool, len(lists))
	for i := range w.all {
		if x := &w.all[i]; x.want&what != 0 {
			w.enter(x, what, lists, selected, always)
		}
	}
}

// enter enters an observer in those lists of a sort in which it belongs. selected and always are
// scratch, with a place for each list.
func (w *watchers) enter(x *watcher, what What, lists [][]viewer, selected, always []bool) {
	clear(selected)
	clear(always)
	limited := false
	var armed []bool
	for i := range x.limits {
		l := &x.limits[i]
		if l.Of&what&(ofMessages|ofTimers|Output) == 0 {
			continue
		}
		limited = true
		for _, c := range w.classes(l, what, len(lists)) {
			selected[c], always[c] = true, always[c] || l.Armed == nil
		}
		if l.Armed != nil {
			armed = l.Armed
		}
	}
	for c := range lists {
		v := viewer{Observer: x.Observer, only: x.only, of: x}
		if limited && !always[c] {
			v.armed = armed
		}
		if !limited || selected[c] {
			lists[c] = append(lists[c], v)
		}
	}
}

// classes returns the classes that a Selection names, of a sort that has so many.
func (w *watchers) classes(l *Selection, what What, all int) (classes []int) {
	switch {
	case what == Output:
		for _, k := range l.Kinds {
			classes = append(classes, 1+slices.Index(w.kinds, k))
		}
	case l.First == nil && l.Armed != nil:
		for c := range all {
			classes = append(classes, c)
		}
	default:
		for _, b := range l.First {
			classes = append(classes, int(w.class[b]))
		}
	}
	return classes
}

// of returns the observers that are shown e.
func (w *watchers) of(e *Event) []viewer {
	i := w.first[bits.TrailingZeros32(uint32(e.What))]
	switch {
	case e.What&ofMessages != 0:
		if len(e.Body) > 0 {
			i += int(w.class[e.Body[0]])
		}
	case e.What&ofTimers != 0:
		c, _ := protocol.SplitTag(e.Tag)
		i += int(w.class[c])
	case e.What == Output:
		i += 1 + slices.Index(w.kinds, e.Kind)
	}
	return w.lists[i]
}
