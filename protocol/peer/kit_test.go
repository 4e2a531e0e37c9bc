package peer

import (
	"crypto/sha256"
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/internal/steps"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
)

const (
	delay = 10 * time.Millisecond
	coin  = 1000 // what each coin of the genesis is worth
)

// world is a small network: members 0 to n-1, then one client.
type world struct {
	*steps.World
	members []protocol.NodeID
	keys    []ledger.Key // of the members, then of one stranger
	coins   int          // that each of them begins with
	genesis *ledger.Genesis
	order   abcast.Order
	survive bool
	aborts  uint32 // of the attempts at a transfer, the first ones: member 2 aborts them
	deaf    bool   // member 0 misses what the flood sends it
	nodes   []*Node
	answers []Answer
}

func newWorld(members, coins int) *world {
	w := &world{coins: coins, order: abcast.ISIS, nodes: make([]*Node, members)}
	var outs []ledger.TxOut
	for i := range members + 1 {
		key := ledger.NewKey(sha256.Sum256(fmt.Appendf(nil, "key %d", i)))
		w.keys = append(w.keys, key)
		if i == members {
			break // the stranger has no coins
		}
		w.members = append(w.members, protocol.NodeID(i))
		for range coins {
			outs = append(outs, ledger.TxOut{Owner: key.Owner(), Amount: coin})
		}
	}
	w.genesis = ledger.NewGenesis("test", outs)
	return w
}

func (w *world) owner(i int) ledger.Owner { return w.keys[i].Owner() }

// outpoint names coin j of member i.
func (w *world) outpoint(i, j int) ledger.Outpoint {
	return ledger.Outpoint{TxID: w.genesis.TxID(), Index: uint32(i*w.coins + j)}
}

func (w *world) client() protocol.NodeID { return protocol.NodeID(len(w.members)) }

// make makes a member's Node.
func (w *world) make(id protocol.NodeID) *Node {
	cfg := Config{
		Members: w.members, Book: protocol.SimBook{}, Key: w.keys[id], Genesis: w.genesis, Order: w.order,
		Secret: protocol.Hash2(uint64(id), 1), Delay: delay, Tries: 8, Settle: 200 * delay, Survive: w.survive,
	}
	if id == 2 {
		cfg.Abort = func(id twopc.ID) protocol.Ratio {
			if id.Attempt <= w.aborts {
				return protocol.Percent(100)
			}
			return protocol.Ratio{}
		}
	}
	w.nodes[id] = New(cfg)
	return w.nodes[id]
}

// deaf is a Node that misses what the flood sends it while its world says so.
type deaf struct {
	*Node
	w *world
}

func (d deaf) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if !d.w.deaf || protocol.Component(msg[0]) != protocol.Gossip {
		d.Node.Receive(env, from, msg)
	}
}

// start starts the nodes and lets the members join.
func (w *world) start(t tb) {
	t.Helper()
	w.World = steps.New(len(w.members)+1, func(id protocol.NodeID) protocol.Node {
		switch id {
		case 0:
			return deaf{w.make(id), w}
		case w.client():
			return NewClient(delay, w.survive)
		}
		return w.make(id)
	})
	w.Observe = func(_ protocol.NodeID, effects []protocol.Effect) {
		for _, e := range effects {
			if a, ok := DecodeAnswer(e.Body); ok && e.Op == protocol.OpOutput && e.Kind == KindAnswered {
				w.answers = append(w.answers, a)
			}
		}
	}
	w.StartAll()
	w.goOn()
	for _, n := range w.nodes {
		if !n.Joined() || n.Degree() != len(w.members)-1 {
			t.Fatalf("after %v a node is %s", w.Now, n.Describe(nil))
		}
	}
}

// goOn lets ten seconds pass.
func (w *world) goOn() {
	for end := w.Now.Add(10 * time.Second); w.Now < end; {
		w.Settle(1)
	}
}

// transfer has the client ask for a transfer.
func (w *world) transfer(n uint64, sender, receiver, witness int, amount uint64) {
	r := Request{Transfer: n, Receiver: w.owner(receiver), Witness: w.owner(witness), Amount: amount}
	w.Hand(steps.Message{From: protocol.Outside, To: w.client(), Body: TransferInput(protocol.NodeID(sender), r)})
}

// mustForget demands that all members have accepted that many transactions, have
// their bodies from the flood alone, and remember nothing else of them.
func (w *world) mustForget(t tb, accepted uint64) {
	t.Helper()
	for i, n := range w.nodes {
		if got := n.Ledger().ListLen(); got != accepted {
			t.Errorf("node %d has accepted %d, want %d", i, got, accepted)
		}
		if len(n.queue.items)+len(n.out.promised)+len(n.out.open)+len(n.out.queued)+len(n.out.begun)+len(n.out.pending)+len(n.out.asked) != 0 {
			t.Errorf("node %d remembers places %v, promises %v, transfers %v %v %v %v %v", i, n.queue.items, n.out.promised, n.out.open, n.out.queued, n.out.begun, n.out.pending, n.out.asked)
		}
		if len(n.bodies.parsed)+len(n.bodies.own) != 0 {
			t.Errorf("node %d keeps bodies %v and %v", i, n.bodies.parsed, n.bodies.own)
		}
		if len(n.keys.bodies)+len(n.keys.failed)+len(n.keys.asked) != 0 {
			t.Errorf("node %d still waits for keys: %+v", i, n.keys)
		}
	}
}

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}
