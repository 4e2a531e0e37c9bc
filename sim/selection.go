package sim

import (
	"math/bits"

	"dessim/protocol"
)

// A Selective is an Observer that sees, of the messages that it watches, only some. What a
// message is about stands in its first byte (see protocol.Component), so most observers can say
// by that what is not for them; a message costs nothing then.
type Selective interface {
	Observer
	// Selects returns what limits the set that Watch names. It is asked once, at New.
	Selects() []Selection
}

// Selection leaves, of the events of some sorts, those of messages that begin in one of some ways.
type Selection struct {
	Of    What   // sorts of events; of those that are not of messages nothing is left out
	First []byte // first bytes; a message without bytes is left out
}

// An Observer that is Sampling is shown the events of some nodes alone, and those of none: so what
// others do costs nothing, and one that judges a sample costs the same however many nodes there are.
type Sampling interface {
	Observer
	// Only returns what tells whether the events of a node are shown. It is asked once for each node,
	// at New. Nil is all nodes.
	Only() func(id protocol.NodeID) bool
}

// ofMessages are the sorts of events whose Body is a message.
const ofMessages = Received | Sent | Lost | Copied | Corrupted | Dropped

// sorts is the number of sorts of events: Everything has that many bits.
const sorts = 21

// watchers are the observers of a run, by what they are shown.
type watchers struct {
	all   []watcher
	want  What         // some observer wants to see
	wide  What         // some observer wants to see of every node
	class [256]uint16  // of a message, by its first byte; 0 is that of any which no Selection names
	lists [][]*watcher // by sort, and of sorts of messages by class
	first [sorts]int   // index of a sort's list for class 0, by the number of its bit
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

// sees reports whether the event, of a sort that it wants, is shown to the observer.
func (w *watcher) sees(e *Event) bool {
	return w.only == nil || e.What == Ended || uint64(e.Node) >= uint64(len(w.only)) || w.only[e.Node]
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
		}
	}
	for bit := range w.first {
		what := What(1) << bit
		w.first[bit] = len(w.lists)
		w.lists = append(w.lists, nil)
		if what&ofMessages != 0 {
			w.lists = append(w.lists, make([][]*watcher, classes-1)...)
		}
		for i := range w.all {
			if x := &w.all[i]; x.want&what != 0 {
				w.enter(x, what, w.lists[w.first[bit]:])
			}
		}
	}
}

// enter enters an observer in those lists of a sort in which it belongs.
func (w *watchers) enter(x *watcher, what What, lists [][]*watcher) {
	limited, selected := false, make([]bool, len(w.class))
	for _, l := range x.limits {
		if l.Of&what&ofMessages == 0 {
			continue
		}
		limited = true
		for _, b := range l.First {
			selected[w.class[b]] = true
		}
	}
	for c := range lists {
		if !limited || selected[c] {
			lists[c] = append(lists[c], x)
		}
	}
}

// of returns the observers that are shown e.
func (w *watchers) of(e *Event) []*watcher {
	i := w.first[bits.TrailingZeros32(uint32(e.What))]
	if e.What&ofMessages != 0 && len(e.Body) > 0 {
		i += int(w.class[e.Body[0]])
	}
	return w.lists[i]
}
