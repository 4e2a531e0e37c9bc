package sim

import (
	"encoding/binary"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// rumour is a gossip: what is new goes to three nodes, again and again until
// they acknowledge it; now and then a node tells another how much it knows, and
// is told what it lacks.
type rumour struct {
	nodes   int
	known   []uint16
	waiting map[uint64]bool // peer and rumour not acknowledged yet
}

var (
	kindPeer = protocol.KindOf("peer")
	tagSync  = protocol.Gossip.Tag(protocol.Periodic)
)

func (g *rumour) peer(env *protocol.Env) protocol.NodeID {
	return protocol.NodeID(env.Choose(kindPeer, uint64(g.nodes)))
}

func (g *rumour) Start(env *protocol.Env) {
	env.SetTimer(time.Duration(100+env.ID())*time.Millisecond, tagSync)
}

func (g *rumour) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	id := binary.BigEndian.Uint16(msg[1:])
	switch msg[0] {
	case 'n': // new
		if from != protocol.Outside {
			env.Send(from, kindT, []byte{'a', msg[1], msg[2]})
		}
		g.learn(env, id)
	case 'a':
		delete(g.waiting, uint64(from)<<16|uint64(id))
		env.CancelTimer(protocol.Gossip.Tag(uint64(from)<<16 | uint64(id)))
	case 'k': // how much from knows
		for _, x := range g.known[min(int(id), len(g.known)):] {
			g.tell(env, from, x)
		}
	}
}

func (g *rumour) learn(env *protocol.Env, id uint16) {
	for _, x := range g.known {
		if x == id {
			return
		}
	}
	g.known = append(g.known, id)
	for range 3 {
		g.tell(env, g.peer(env), id)
	}
}

func (g *rumour) tell(env *protocol.Env, to protocol.NodeID, id uint16) {
	n := uint64(to)<<16 | uint64(id)
	g.waiting[n] = true
	env.Send(to, kindT, binary.BigEndian.AppendUint16([]byte{'n'}, id))
	env.SetTimer(80*time.Millisecond, protocol.Gossip.Tag(n))
}

func (g *rumour) Timeout(env *protocol.Env, tag uint64) {
	if tag == tagSync {
		env.Send(g.peer(env), kindT, binary.BigEndian.AppendUint16([]byte{'k'}, uint16(len(g.known))))
		env.SetTimer(500*time.Millisecond, tagSync)
		return
	}
	if _, n := protocol.SplitTag(tag); g.waiting[n] {
		g.tell(env, protocol.NodeID(n>>16), uint16(n))
	}
}

func rumours() Plan {
	plan := Plan{Nodes: 20, Until: 4 * second}
	plan.Node = func(protocol.NodeID) protocol.Node { return &rumour{nodes: plan.Nodes, waiting: make(map[uint64]bool)} }
	plan.Link = Link{Delay: 2 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: protocol.Percent(3)}
	for i := range uint64(40) {
		plan.Inputs = append(plan.Inputs, input(i, protocol.Time(50*time.Millisecond)*protocol.Time(i), protocol.NodeID(i*7%20), string([]byte{'n', 0, byte(i)})))
	}
	return plan
}

// register is a Source that takes down what was asked and answered, and answers
// one question benignly.
type register struct {
	protocol.Source
	undo    protocol.Key
	answers map[protocol.Key]uint64
	asked   int
	losses  []protocol.Key
	order   []protocol.Key
}

func newRegister(seed uint64) *register {
	return &register{Source: source.Seed(seed), answers: make(map[protocol.Key]uint64)}
}

func (r *register) note(k protocol.Key, a uint64) {
	r.asked++
	r.order = append(r.order, k)
	r.answers[k] = a
}

func (r *register) Choose(k protocol.Key, n uint64) uint64 {
	a := r.Source.Choose(k, n)
	r.note(k, a)
	return a
}

func (r *register) Chance(k protocol.Key, p protocol.Ratio) bool {
	a := k != r.undo && r.Source.Chance(k, p)
	r.note(k, uint64(btoi(a)))
	if a {
		r.losses = append(r.losses, k)
	}
	return a
}

// keptOf returns how many hundredths of the questions of r from the i-th on were
// asked in other, too, with the same answer.
func (r *register) keptOf(other *register, i int) int {
	kept := 0
	for _, k := range r.order[i:] {
		if a, ok := other.answers[k]; ok && a == r.answers[k] {
			kept++
		}
	}
	return 100 * kept / max(1, len(r.order)-i)
}

func TestRemovingAnInputKeepsTheNamesOfTheRest(t *testing.T) {
	full := newRegister(1)
	mustNew(t, rumours(), full).Run()
	worst, sum := 100, 0
	removed := []int{0, 5, 10, 20, 30}
	for _, i := range removed {
		plan := rumours()
		plan.Inputs = append(plan.Inputs[:i:i], plan.Inputs[i+1:]...)
		less := newRegister(1)
		mustNew(t, plan, less).Run()
		// Of the questions from where the runs part.
		from := 0
		for from < len(full.order) && from < len(less.order) && full.order[from] == less.order[from] {
			from++
		}
		kept := full.keptOf(less, from)
		worst, sum = min(worst, kept), sum+kept
	}
	t.Logf("of the later ones of %d questions %d%% are kept, at worst %d%%", full.asked, sum/len(removed), worst)
	if sum/len(removed) < 80 {
		t.Errorf("removing an input keeps %d%% of the later answers, want 80%%", sum/len(removed))
	}
}

func TestUndoingALossKeepsTheNamesOfTheRest(t *testing.T) {
	full := newRegister(1)
	mustNew(t, rumours(), full).Run()
	if len(full.losses) < 20 {
		t.Fatalf("vacuous: %d losses", len(full.losses))
	}
	for _, k := range full.losses[:20] {
		other := newRegister(1)
		other.undo = k
		mustNew(t, rumours(), other).Run()
		if kept := full.keptOf(other, 0); kept < 95 {
			t.Errorf("undoing the loss %v keeps %d%% of the answers, want 95%%", k, kept)
		}
	}
}

func TestNamesSeldomRecur(t *testing.T) {
	for seed := range uint64(3) {
		r := newRegister(seed)
		mustNew(t, rumours(), r).Run()
		again := r.asked - len(r.answers)
		t.Logf("%d of %d questions have the name of another", again, r.asked)
		if r.asked < 5000 || again > r.asked*3/100 {
			t.Errorf("seed %d: %d of %d questions have the name of another, want at most 3%%", seed, again, r.asked)
		}
	}
}

// ask returns the keys of the network's delays in a run of one step of node 0.
func ask(t *testing.T, do func(env *protocol.Env), l Link) []protocol.Key {
	t.Helper()
	l.Delay, l.Jitter = 1, 9
	var keys []protocol.Key
	plan := Plan{Nodes: 3, Link: l, Node: scripts(script{start: do}, script{})}
	run(t, plan, spy(func(k protocol.Key) {
		if k.Kind == kindDelay {
			keys = append(keys, k)
		}
	}))
	return keys
}

func distinct(keys []protocol.Key) bool {
	seen := make(map[protocol.Key]bool)
	for _, k := range keys {
		seen[k] = true
	}
	return len(seen) == len(keys)
}

func TestEqualMessagesOfAStepHaveDifferentNames(t *testing.T) {
	const n = 100 // more than a linear search is used for
	keys := ask(t, func(env *protocol.Env) {
		for range n {
			env.Send(1, kindT, []byte("x"))
			env.Send(2, kindT, []byte("x"))
			env.Send(1, kindT, []byte("y"))
		}
	}, Link{})
	if len(keys) != 3*n || !distinct(keys) {
		t.Errorf("%d keys, distinct: %v", len(keys), distinct(keys))
	}
}

func TestANameDoesNotDependOnOtherSends(t *testing.T) {
	alone := ask(t, func(env *protocol.Env) { env.Send(1, kindT, []byte("x")) }, Link{})
	among := ask(t, func(env *protocol.Env) {
		env.Send(1, kindT, []byte("y"))
		env.SetTimer(3, 9)
		env.Send(2, kindT, []byte("x"))
		say(env, "z")
		env.Send(1, kindPeer, []byte("x")) // nor on the kind
	}, Link{})
	if alone[0] != among[2] {
		t.Errorf("alone the message is named %v, among others %v", alone[0], among[2])
	}
}

func TestACopyHasAnotherName(t *testing.T) {
	keys := ask(t, func(env *protocol.Env) { env.Send(1, kindT, []byte("x")) }, Link{Copy: protocol.Percent(100)})
	if len(keys) != 2 || keys[0] == keys[1] {
		t.Errorf("message and copy are named %v", keys)
	}
}

// Indistinguishable messages must not walk together: what follows from each is
// named differently.
func TestWhatFollowsFromEqualMessagesHasDifferentNames(t *testing.T) {
	var keys []protocol.Key
	plan := Plan{Nodes: 2, Link: Link{Delay: 1, Jitter: 9, Copy: protocol.Percent(100)}, Node: scripts(script{
		start: func(env *protocol.Env) {
			env.Send(1, kindT, []byte("x"))
			env.Send(1, kindT, []byte("x"))
		},
	}, script{receive: func(env *protocol.Env, from protocol.NodeID, msg []byte) {
		env.Choose(kindPeer, 5)
		env.SetTimer(1000, 1)
		env.Send(0, kindT, []byte("y"))
	}})}
	run(t, plan, spy(func(k protocol.Key) { keys = append(keys, k) }))
	if len(keys) != 4+4+8 || !distinct(keys) {
		t.Errorf("%d keys, want 16 distinct ones: %v", len(keys), keys)
	}
}

// Occurrences in a step that a slow sync cut in two count on.
func TestOccurrencesGoOnAfterASlowSync(t *testing.T) {
	send := func(sync bool) func(*protocol.Env) {
		return func(env *protocol.Env) {
			env.Send(1, kindT, []byte("x"))
			if sync {
				env.Sync()
			}
			env.Send(1, kindT, []byte("x"))
		}
	}
	names := func(do func(*protocol.Env)) (keys []protocol.Key) {
		plan := Plan{Nodes: 2, Link: Link{Delay: 1, Jitter: 9}, Disk: Disk{Sync: 5}, Node: scripts(script{start: do}, script{})}
		run(t, plan, spy(func(k protocol.Key) { keys = append(keys, k) }))
		return keys
	}
	a, b := names(send(false)), names(send(true))
	if len(a) != 2 || len(b) != 2 || a[0] != b[0] || a[1] != b[1] || a[0] == a[1] {
		t.Errorf("without sync %v, with %v; want equal names, two different ones", a, b)
	}
}

func TestChoicesOfIncarnationsHaveDifferentNames(t *testing.T) {
	var keys []protocol.Key
	plan := Plan{Nodes: 2, Node: scripts(script{start: func(env *protocol.Env) {
		env.Choose(kindPeer, 5)
		env.Choose(kindPeer, 5)
		env.Choose(kindT, 5)
	}}), Faults: []fault.Fault{{ID: 1, Op: fault.Crash, At: 5, For: 5}, {ID: 2, Op: fault.Crash, At: 20, For: 5}}}
	run(t, plan, spy(func(k protocol.Key) { keys = append(keys, k) }))
	if len(keys) != 12 || !distinct(keys) {
		t.Errorf("%d keys, want 12 distinct ones: %v", len(keys), keys)
	}
}
