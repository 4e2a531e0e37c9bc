package scenarios

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/protocol/twopc"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

// world is the network of a run: what its nodes are made of, and its timetable.
//
// All times are multiples of the longest usual delay, so that a slow network runs
// the same protocol in slow motion:
//
//	0            node 0 starts, the others join through it one after the other
//	settle       all have joined: they publish their keys, choose neighbours
//	begin        the workload begins, and with it the fault window, if there are faults
//	healed       the fault window is over
//	liveFrom     so are the syncs that were slow in it; liveness checks allow some time from here
type world struct {
	p params
	judge.Network
	verifier *ledger.Verifier
	asker    *peer.Client                  // nil before its start
	links    *judge.Links                  // or nil
	hears    []hears                       // who sees what a node's link hands up
	abort    func(twopc.ID) protocol.Ratio // unless the parameters say never
	delay    time.Duration                 // the longest usual delay
	settle   protocol.Time
	begin    protocol.Time
	remember int             // ended transactions of a client, if not as usual
	ended    int             // records of what is over that are not worth discarding, if not as usual: then no others are discarded
	waiting  int             // bodies that wait for keys at most, if not as usual
	open     int             // requests that wait at most, if not as usual
	most     int             // most faults drawn of a kind; 0 is mostOfAKind
	healed   protocol.Time   // no fault from then on; 0 without faults
	drawTo   protocol.Time   // no drawn fault begins from then on; 0: as healed
	spared   protocol.NodeID // hit by no drawn fault, if drawTo is not 0
	liveFrom protocol.Time   // the last sync that a written fault slows is over: liveness counts from here; 0 without faults
}

// The timetable, and the coins that nodes begin with.
const (
	joinDelays    = 150 // after the last start
	publishDelays = 60
	maxSpread     = 5 * time.Second // of the starts
	coins         = 8
	coinWorth     = 1_000_000_000
	maxVerified   = 1 << 16
	fewLeaf       = 2 // ids that nodes list to each other where repairs must do
	raftSnapshot  = 2 // log entries behind a snapshot: few, so that a node that restarts receives one
)

// newWorld makes the network of p.Nodes nodes. Identities derive from the seed
// and the node's number, never from answers.
func newWorld(p params) *world {
	w := &world{p: p, verifier: ledger.NewVerifier(maxVerified), delay: p.Delay + p.Jitter}
	w.Network = judge.Network{
		Nodes: make([]*peer.Node, p.Nodes), Minted: make([]ledger.TxOut, 0, coins*p.Nodes),
		Link: w.link(), Failing: p.Failing(), K: p.K, Incarnations: judge.NewIncarnations(p.Nodes + 1),
	}
	for i := range p.Nodes {
		key := ledger.NewKey(w.secret("key", uint64(i)))
		w.Keys = append(w.Keys, key)
		w.Owners = append(w.Owners, key.Owner())
		w.Members = append(w.Members, protocol.NodeID(i))
		for range coins {
			w.Minted = append(w.Minted, ledger.TxOut{Owner: key.Owner(), Amount: coinWorth})
		}
	}
	w.Genesis = ledger.NewGenesis("dessim", w.Minted)
	w.settle = w.joined()
	w.begin = w.ledgerBegin()
	if p.Failing() {
		w.healAt(w.healTime())
	}
	return w
}

func (w *world) joined() protocol.Time { return protocol.Time(w.spread() + joinDelays*w.delay) }

// ledgerBegin returns when the workload of a ledger begins.
func (w *world) ledgerBegin() protocol.Time {
	return w.joined() + protocol.Time(publishDelays*w.delay)
}

func (w *world) spread() time.Duration {
	return min(time.Duration(w.p.Nodes)*w.delay/2, maxSpread)
}

// secret returns 32 bytes that only the plan knows.
func (w *world) secret(what string, n uint64) [32]byte {
	b := append([]byte("dessim "), what...)
	b = binary.BigEndian.AppendUint64(b, w.p.Seed)
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, n))
}

// after returns the time that many longest delays after at. Beyond the longest run it
// returns one more than that: never.
func (w *world) after(at protocol.Time, delays int) protocol.Time {
	if protocol.Time(delays) > (protocol.MaxTime-at)/protocol.Time(w.delay) {
		return protocol.MaxTime + 1
	}
	return at + protocol.Time(delays)*protocol.Time(w.delay)
}

// plan returns the plan without workload: the nodes and their links, with room for
// that many clients.
func (w *world) plan(clients int) sim.Plan {
	p := sim.Plan{
		Nodes: w.p.Nodes + clients,
		Node:  w.node,
		Twin:  w.twin,
		Link:  w.link(),
		Disk:  sim.Disk{Jitter: w.delay / 10},
		Until: protocol.Time(w.p.Until),
	}
	for i := range p.Nodes {
		at := w.begin // a client
		if i < w.p.Nodes {
			at = w.start(i)
		}
		p.Starts = append(p.Starts, at)
	}
	return p
}

func (w *world) link() sim.Link {
	return sim.Link{Delay: w.p.Delay, Jitter: w.p.Jitter, Loss: w.p.Loss, Copy: w.p.Copy}
}

func (w *world) start(i int) protocol.Time {
	return protocol.Time(int64(w.spread()) / int64(w.p.Nodes) * int64(i))
}

// node returns node id, which is from now on the one that checks look at.
func (w *world) node(id protocol.NodeID) protocol.Node {
	n := w.make(id, func(env *protocol.Env, from protocol.NodeID, msg []byte) {
		for _, h := range w.hears {
			h(env, from, msg)
		}
	})
	switch n := n.(type) {
	case *peer.Liar:
		w.Nodes[id] = n.Node
	case *peer.Node:
		w.Nodes[id] = n
	case *peer.Client:
		w.asker = n
	}
	return n
}

// hears sees what a node's link hands up: see peer.Config.
type hears func(env *protocol.Env, from protocol.NodeID, msg []byte)

// twin returns another node id, of which nobody hears.
func (w *world) twin(id protocol.NodeID) protocol.Node { return w.make(id, nil) }

// make makes node id, which is a client if it comes after the members.
func (w *world) make(id protocol.NodeID, heard hears) protocol.Node {
	if uint64(id) >= uint64(w.p.Nodes) {
		return peer.NewClient(w.delay, w.p.Failing())
	}
	order, group := w.group()
	secret := w.secret("secret", uint64(id))
	cfg := peer.Config{
		Members:  w.Members,
		First:    0,
		Book:     protocol.SimBook{},
		Key:      w.Keys[id],
		Genesis:  w.Genesis,
		Verifier: w.verifier,
		Order:    order,
		Group:    group,
		Secret:   binary.BigEndian.Uint64(secret[:]),
		Delay:    w.delay,
		K:        w.p.K,
		Alpha:    w.p.Alpha,
		Tries:    tries(w.p.Loss),
		Settle:   w.settle.Sub(w.start(int(id))),
		Abort:    w.aborts,
		Survive:  w.p.Failing(),
		Remember: w.remember,
		Ended:    w.ended,
		Waiting:  w.waiting,
		Open:     w.open,
		Heard:    heard,
	}
	if w.p.Draws(swarm.Repair) {
		cfg.Leaf = fewLeaf
		if w.ended == 0 {
			cfg.Compact = protocol.Ratio{Num: 1, Den: 50}
		}
	}
	if slices.Contains(w.Liars, id) {
		return peer.NewLiar(cfg)
	}
	return peer.New(cfg)
}

// aborts returns the probability that a participant aborts an attempt at random. The first
// attempt of a scenario may be certain to, for a retry to look at, but not where the parameters
// say that none does.
func (w *world) aborts(id twopc.ID) protocol.Ratio {
	if w.p.Abort.Never() {
		return protocol.Ratio{}
	}
	return w.abort(id)
}

// group returns how broadcasts are ordered: by package abcast, or by the function that
// replaces it.
func (w *world) group() (abcast.Order, func(abcast.Config) abcast.Orderer) {
	if w.p.Order == orderRaft {
		return abcast.ISIS, func(c abcast.Config) abcast.Orderer {
			return raft.New(raft.Config{Members: c.Members, Datagram: c.Views.Datagram, Tick: c.Views.Tick,
				Snapshot: raftSnapshot, Deliver: c.Deliver, Changed: c.Views.Changed})
		}
	}
	order, err := abcast.ParseOrder(w.p.Order)
	if err != nil {
		order = abcast.ISIS // for scenarios without broadcasts, which have no order
	}
	return order, nil
}

// tries returns how often an RPC must be sent to get through: at least often enough for
// the slowest links to answer.
func tries(loss protocol.Ratio) int {
	const least = 8
	return max(least, repeats(loss, 2))
}

// repeats returns the number of tries after which the probability that all fail is below
// 10^-12. A try fails if any of its parts does, each with probability p below 1.
func repeats(p protocol.Ratio, parts int) int {
	const one = 1_000_000
	if p.Never() {
		return 1
	}
	success := uint64(one)
	for range parts {
		success = success * (uint64(p.Den) - uint64(p.Num)) / uint64(p.Den)
	}
	failure := one - success
	n := 1
	for left := failure * one; left > 0; n++ { // in units of 10^-12
		left = left * failure / one
	}
	return n
}

// choose asks a question of the workload, named by what it is about.
func (w *world) choose(kind protocol.Kind, about, n uint64) uint64 {
	if n < 2 {
		return 0
	}
	return w.p.Source.Choose(protocol.Key{Kind: kind, N: about}, n)
}

func (w *world) rows(*sim.Sim) []scenario.Node {
	rows := make([]scenario.Node, 0, len(w.Nodes))
	for i, n := range w.Nodes {
		length, hash, balance := uint64(0), w.Genesis.TxID(), uint64(0)
		if n != nil {
			l := n.Ledger()
			length, hash, balance = l.ListLen(), l.ListHash(), l.Balance(w.Owners[i])
		}
		rows = append(rows, scenario.Node{ID: protocol.NodeID(i), Cells: []string{
			fmt.Sprintf("%x", w.Owners[i][:]), fmt.Sprint(length), fmt.Sprintf("%x", hash[:]), fmt.Sprint(balance),
		}})
	}
	return rows
}

// withLedgers puts the number of different ledgers before facts.
func (w *world) withLedgers(facts func() []scenario.Fact) func(*sim.Sim) []scenario.Fact {
	return func(*sim.Sim) []scenario.Fact {
		seen := make(map[[32]byte]bool)
		for _, n := range w.Nodes {
			if n == nil {
				seen[w.Genesis.TxID()] = true
			} else {
				seen[n.Ledger().ListHash()] = true
			}
		}
		text := fmt.Sprintf("the same on all %d nodes", len(w.Nodes))
		if len(seen) > 1 {
			text = fmt.Sprintf("%d different ones on %d nodes", len(seen), len(w.Nodes))
		}
		return append([]scenario.Fact{{Name: "ledgers", Value: text}}, facts()...)
	}
}
