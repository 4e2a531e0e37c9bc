package explore

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
)

// An Adversary sets the misfortunes of a plan, and asks for each as late as can be, by
// a question of the node that it hits. So a search that merges states comes to all of
// them, and to each state before them once; and what it finds is a list of answers,
// which can be shrunk and replayed like any other.
//
// A node that may crash puts out what the crash waits for, of kinds that begin with
// "beset.". So checks must pass over outputs of kinds that they do not know.
//
// It wraps the nodes: see Unwrap. What it asks is benign if answered 0, so under a
// seed the plan runs as well.
type Adversary struct {
	// AnyOrder has messages, inputs too, wait at their receiver until it is asked which to
	// take next, or to take none yet: so they are received in every order, whatever a
	// delay is, or in every order that FIFO links allow, if the plan's link is one. The
	// links have their least delay. What waits is lost when the node crashes. Timers go
	// off in time: a search ends only if none goes off for ever, and time does not count
	// (Small.Timeless).
	AnyOrder bool
	// Crashes are how long a node that crashes may stay down. Each node may crash once,
	// in its first life: before each step that does something that lasts, and after each
	// effect of it that does (see Crashes). All or some of its unsynced records survive,
	// or none.
	Crashes []time.Duration
	// Members is how many nodes may crash, from node 0 on; 0 is all.
	Members int
}

// Plan returns p under the adversary. A plan with Links of their own has no AnyOrder:
// that panics.
func (a Adversary) Plan(p sim.Plan) sim.Plan {
	if a.AnyOrder && len(p.Links) > 0 {
		panic("explore: an adversary cannot tell the order of messages on links that differ")
	}
	if a.AnyOrder {
		p.Link.Jitter = 0
	}
	inner, links := p.Node, p.Link
	members := protocol.NodeID(cmp.Or(a.Members, p.Nodes))
	p.Node = func(id protocol.NodeID) protocol.Node {
		b := &beset{node: inner(id), Adversary: a, link: links}
		if id >= members {
			b.Crashes = nil
		}
		return b
	}
	next := uint64(1)
	for i := range p.Faults {
		next = max(next, p.Faults[i].ID+1)
	}
	p.Faults = slices.Clone(p.Faults)
	for i, down := range a.Crashes {
		for id := range members {
			p.Faults = append(p.Faults, fault.Fault{ID: next, Op: fault.Crash, For: down, Node: id, Disk: fault.KeepTorn,
				On: fault.Anchor{Op: protocol.OpOutput, Kind: crashKind(i), N: 1}})
			next++
		}
	}
	return p
}

// The kinds of what a beset node is asked, and of the output at which it crashes.
var (
	// KindTake is the question which of the messages that wait is taken next.
	KindTake = protocol.KindOf("beset.next")
	// KindCrash is the question whether the node crashes here.
	KindCrash = protocol.KindOf("beset.crash")
)

func crashKind(i int) protocol.Kind { return protocol.KindOf(fmt.Sprintf("beset.down%d", i)) }

// tagTake bears no component's byte.
const tagTake = 0xffff << 48

// A beset is a node under an adversary.
type beset struct {
	Adversary
	node    protocol.Node
	link    sim.Link
	waiting []letter // by arrival
	asking  bool     // the timer to take one is set
	inner   protocol.Env
}

type letter struct {
	from protocol.NodeID
	body []byte
}

// Unwrap returns the node that an Adversary has wrapped, or n itself.
func Unwrap(n protocol.Node) protocol.Node {
	if b, ok := n.(*beset); ok {
		return b.node
	}
	return n
}

// anyOrder reports whether the nodes of a run are beset by an adversary that orders
// their messages.
func anyOrder(s *sim.Sim) bool {
	for id := range s.Nodes() {
		if b, ok := s.Node(protocol.NodeID(id)).(*beset); ok {
			return b.AnyOrder
		}
	}
	return false
}

func (b *beset) Start(env *protocol.Env) { b.step(env, b.node.Start) }

// Receive has the message wait, or the node inside receive it.
func (b *beset) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if !b.AnyOrder {
		b.step(env, func(env *protocol.Env) { b.node.Receive(env, from, msg) })
		return
	}
	b.waiting = append(b.waiting, letter{from, slices.Clone(msg)})
	b.ask(env)
}

// Timeout has the node inside receive a message that waits, or gives it its timer.
func (b *beset) Timeout(env *protocol.Env, tag uint64) {
	if tag != tagTake {
		b.step(env, func(env *protocol.Env) { b.node.Timeout(env, tag) })
		return
	}
	b.asking = false
	next := b.takeable()
	if i := env.Choose(KindTake, uint64(len(next))+1); i < uint64(len(next)) {
		l := b.waiting[next[i]]
		b.waiting = slices.Delete(b.waiting, next[i], next[i]+1)
		b.step(env, func(env *protocol.Env) { b.node.Receive(env, l.from, l.body) })
	}
	b.ask(env)
}

// ask sets the timer to take a message if there is one.
func (b *beset) ask(env *protocol.Env) {
	if len(b.waiting) > 0 && !b.asking {
		b.asking = true
		env.SetTimer(b.link.Delay, tagTake)
	}
}

// takeable gives the messages that can be next: all, or of FIFO links the first of
// each sender.
func (b *beset) takeable() (next []int) {
	for i, l := range b.waiting {
		earlier := func(o letter) bool { return o.from == l.from }
		if !b.link.FIFO || !slices.ContainsFunc(b.waiting[:i], earlier) {
			next = append(next, i)
		}
	}
	return next
}

// step lets the node inside do a step, up to where it is to crash.
func (b *beset) step(env *protocol.Env, do func(env *protocol.Env)) {
	if len(b.Crashes) == 0 || env.Incarnation() > 1 {
		do(env)
		return
	}
	env.Fork(&b.inner)
	do(&b.inner)
	crashed, begun := false, !slices.ContainsFunc(b.inner.Effects(), lasts)
	crash := func() {
		i := env.Choose(KindCrash, uint64(len(b.Crashes))+1)
		if crashed = i > 0; crashed {
			env.Output(crashKind(int(i-1)), nil)
		}
	}
	env.Join(&b.inner, func(f *protocol.Effect) {
		if !begun {
			begun = true
			crash()
		}
		if crashed {
			return
		}
		env.Repeat(f)
		if lasts(*f) {
			crash()
		}
	})
}

// lasts reports whether a crash after an effect leaves something else than one before.
func lasts(f protocol.Effect) bool {
	return f.Op == protocol.OpSend || f.Op == protocol.OpPersist || f.Op == protocol.OpSync || f.Op == protocol.OpOutput
}

func (b *beset) Describe(text []byte) []byte {
	if d, ok := b.node.(protocol.Describer); ok {
		return d.Describe(text)
	}
	return text
}

// AppendState appends the state of the node inside and what waits. Of that the order
// counts as far as it can be told by what is received.
func (b *beset) AppendState(text []byte) []byte {
	waiting := slices.Clone(b.waiting)
	slices.SortStableFunc(waiting, func(x, y letter) int {
		if c := cmp.Compare(x.from, y.from); c != 0 || b.link.FIFO {
			return c
		}
		return slices.Compare(x.body, y.body)
	})
	for _, l := range waiting {
		text = fmt.Appendf(text, "waits from %v %q\n", l.from, l.body)
	}
	whole, ok := b.node.(protocol.Stateful)
	if !ok {
		panic(fmt.Sprintf("explore: a %T cannot write down its state", b.node))
	}
	return whole.AppendState(text)
}
