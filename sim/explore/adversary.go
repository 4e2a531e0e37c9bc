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

// An Adversary makes crashes and message orders questions of the nodes that they
// affect, and asks each question as late as possible. So a search that merges states
// reaches every crash and every order, and visits each state before them once. A run that it
// finds is a list of answers, which can be shrunk and replayed like any other.
//
// A node that may crash puts out the effect that its crash waits for, of a kind that
// begins with "adv.". So checks must ignore outputs of kinds that they do not know.
//
// An Adversary wraps the nodes: see Unwrap. The answer 0 to its questions is benign, so
// the plan also runs under a seed.
type Adversary struct {
	// AnyOrder holds messages, and inputs, at their receiver, which then asks which one to
	// take next, or whether to take none yet. So messages are received in every order,
	// whatever the delays; on FIFO links, in every order that these allow. Links have
	// their least delay. Waiting messages are lost when the node crashes. Timers keep
	// their times: a search ends only if timers stop eventually, and if the time does not
	// matter (Small.Timeless).
	AnyOrder bool
	// Crashes are the times that a crashed node may stay down. Each node may crash once,
	// in its first incarnation: before each step with a lasting effect, and after each
	// lasting effect (see Misfortunes). All, some or none of its unsynced records survive.
	Crashes []time.Duration
	// Members is the number of nodes that may crash, from node 0 on; 0 is all.
	Members int
}

// Plan returns p under the adversary. It panics if AnyOrder is set and p has Links that
// differ from the others.
func (a Adversary) Plan(p sim.Plan) sim.Plan {
	if a.AnyOrder && len(p.Links) > 0 {
		panic("explore: AnyOrder needs equal links, and the plan has Links")
	}
	if a.AnyOrder {
		p.Link.Jitter = 0
	}
	inner, links := p.Node, p.Link
	members := protocol.NodeID(cmp.Or(a.Members, p.Nodes))
	p.Node = func(id protocol.NodeID) protocol.Node {
		n := &adversaryNode{node: inner(id), Adversary: a, link: links}
		if id >= members {
			n.Crashes = nil
		}
		return n
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

// KindCrash is the question whether the node crashes here.
var KindCrash = protocol.KindOf("adv.crash")

// kindNext is the question which waiting message the node receives next.
var kindNext = protocol.KindOf("adv.next")

// crashKind returns the kind of the output after which a node is down for Crashes[i].
func crashKind(i int) protocol.Kind { return protocol.KindOf(fmt.Sprintf("adv.down%d", i)) }

// tagTake is a tag that no component uses.
const tagTake = 0xffff << 48

// adversaryNode is a node under an adversary.
type adversaryNode struct {
	Adversary
	node    protocol.Node
	link    sim.Link
	waiting []message // by arrival
	asking  bool      // the timer to take one is set
	inner   protocol.Env
}

type message struct {
	from protocol.NodeID
	body []byte
}

// Unwrap returns the node that an Adversary has wrapped, or n itself.
func Unwrap(n protocol.Node) protocol.Node {
	if w, ok := n.(*adversaryNode); ok {
		return w.node
	}
	return n
}

// anyOrder reports whether an adversary orders the messages of a run.
func anyOrder(s *sim.Sim) bool {
	for id := range s.Nodes() {
		if n, ok := s.Node(protocol.NodeID(id)).(*adversaryNode); ok {
			return n.AnyOrder
		}
	}
	return false
}

func (n *adversaryNode) Start(env *protocol.Env) { n.step(env, n.node.Start) }

// Receive keeps the message waiting, or passes it to the wrapped node.
func (n *adversaryNode) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if !n.AnyOrder {
		n.step(env, func(env *protocol.Env) { n.node.Receive(env, from, msg) })
		return
	}
	n.waiting = append(n.waiting, message{from, slices.Clone(msg)})
	n.ask(env)
}

// Timeout lets the wrapped node receive a waiting message, or passes its timer on.
func (n *adversaryNode) Timeout(env *protocol.Env, tag uint64) {
	if tag != tagTake {
		n.step(env, func(env *protocol.Env) { n.node.Timeout(env, tag) })
		return
	}
	n.asking = false
	next := n.candidates()
	if i := env.Choose(kindNext, uint64(len(next))+1); i < uint64(len(next)) {
		l := n.waiting[next[i]]
		n.waiting = slices.Delete(n.waiting, next[i], next[i]+1)
		n.step(env, func(env *protocol.Env) { n.node.Receive(env, l.from, l.body) })
	}
	n.ask(env)
}

// Flushed passes the end of a flush to the wrapped node, which is a protocol.Flusher.
func (n *adversaryNode) Flushed(env *protocol.Env, tag uint64, failed bool) {
	n.step(env, func(env *protocol.Env) { n.node.(protocol.Flusher).Flushed(env, tag, failed) })
}

// ask sets the timer to take a message, if one waits.
func (n *adversaryNode) ask(env *protocol.Env) {
	if len(n.waiting) > 0 && !n.asking {
		n.asking = true
		env.SetTimer(n.link.Delay, tagTake)
	}
}

// candidates returns the indices of the messages that can be next: all, or on FIFO links
// the first from each sender.
func (n *adversaryNode) candidates() (next []int) {
	for i, l := range n.waiting {
		earlier := func(o message) bool { return o.from == l.from }
		if !n.link.FIFO || !slices.ContainsFunc(n.waiting[:i], earlier) {
			next = append(next, i)
		}
	}
	return next
}

// step runs a step of the wrapped node, up to the point at which it crashes.
func (n *adversaryNode) step(env *protocol.Env, do func(env *protocol.Env)) {
	if len(n.Crashes) == 0 || env.Incarnation() > 1 {
		do(env)
		return
	}
	env.Fork(&n.inner)
	do(&n.inner)
	crashed, begun := false, !slices.ContainsFunc(n.inner.Effects(), lasts)
	crash := func() {
		i := env.Choose(KindCrash, uint64(len(n.Crashes))+1)
		if crashed = i > 0; crashed {
			env.Output(crashKind(int(i-1)), nil)
		}
	}
	env.Join(&n.inner, func(f *protocol.Effect) {
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

// lasts reports whether a crash after the effect differs from one before it.
func lasts(f protocol.Effect) bool {
	return f.Op == protocol.OpSend || f.Op == protocol.OpPersist || f.Op == protocol.OpSync || f.Op == protocol.OpOutput || f.Op == protocol.OpFlush && f.Tag == 0
}

func (n *adversaryNode) Describe(text []byte) []byte {
	if d, ok := n.node.(protocol.Describer); ok {
		return d.Describe(text)
	}
	return text
}

// AppendState appends the state of the wrapped node and the waiting messages, in an order
// that differs only where what can be received differs.
func (n *adversaryNode) AppendState(text []byte) []byte {
	waiting := slices.Clone(n.waiting)
	slices.SortStableFunc(waiting, func(x, y message) int {
		if c := cmp.Compare(x.from, y.from); c != 0 || n.link.FIFO {
			return c
		}
		return slices.Compare(x.body, y.body)
	})
	for _, l := range waiting {
		text = fmt.Appendf(text, "waits from %v %q\n", l.from, l.body)
	}
	whole, ok := n.node.(protocol.Stateful)
	if !ok {
		panic(fmt.Sprintf("explore: a %T is not protocol.Stateful", n.node))
	}
	return whole.AppendState(text)
}
