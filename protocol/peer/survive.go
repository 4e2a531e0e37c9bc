package peer

import (
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/kademlia"
	"dessim/protocol/ledger"
	"dessim/protocol/seal"
	"dessim/protocol/twopc"
)

// A node with Config.Survive comes back from a crash with what it had forced to
// disk. The order is rebuilt from its log (see package abcast), the ledger by
// applying that order again, and what two-phase commit had promised stands. Then
// it joins the DHT again, through another node if it was the first.
//
// The danger is a commit whose transaction never gets its place in the order,
// since who was to broadcast it crashed. So every party remembers the commits
// that have none. When a view begins, whatever an earlier life broadcast is in
// the log or never will be: then the sender broadcasts what it misses again. If
// the sender is not in the view, the lowest of the other parties does it. Two may
// do it at once, when views follow quickly; the second place in the order is
// refused as spent by the first.

// The multiples of Config.Delay of a node that survives.
const (
	tickDelays     = 10
	resettleDelays = 30
	refreshDelays  = 300
)

// commit is a committed transaction in which this node took part.
type commit struct {
	id    twopc.ID
	nodes []protocol.NodeID // coordinator first
	wtxid ledger.ID
	tx    *ledger.Tx
	body  []byte
	said  bool // broadcast by this life: package abcast cares for it until it has its place
}

// patience gives for how long two-phase commit waits for votes and for decisions.
// While nobody crashes only lost messages delay them, and no attempt should be in
// vain for that. Where nodes crash, to wait long is to block.
func (c *Config) patience() (vote, ask time.Duration) {
	if c.Survive {
		return 60 * c.Delay, 80 * c.Delay
	}
	return voteDelays * c.Delay, askDelays * c.Delay
}

// settleAfter gives when this life publishes its key. The first waits until all
// have started.
func (n *Node) settleAfter(env *protocol.Env) time.Duration {
	if env.Incarnation() > 1 && n.cfg.Survive {
		return resettleDelays * n.cfg.Delay
	}
	return n.cfg.Settle
}

// join joins the DHT: through the first node, or in later lives through whoever of
// the others answers. The first life of the first node is what all others join.
func (n *Node) join(env *protocol.Env) {
	self := env.ID()
	switch {
	case env.Incarnation() > 1 && n.cfg.Survive && len(n.cfg.Members) > 1:
		n.dht.Rejoin(env, n.others(self), n.onJoined)
	case self == n.cfg.First:
		n.onJoined(env)
	default:
		n.dht.Join(env, n.cfg.Book.Endpoint(n.cfg.First), n.onJoined)
	}
}

// others gives the addresses of the other members, from the one after this node on.
func (n *Node) others(self protocol.NodeID) (out []protocol.Endpoint) {
	i, _ := slices.BinarySearch(n.cfg.Members, self)
	for _, id := range slices.Concat(n.cfg.Members[i+1:], n.cfg.Members[:i]) {
		out = append(out, n.cfg.Book.Endpoint(id))
	}
	return out
}

// refresh renews the routing table now and then: those who came back know few, and
// are not known by those who took them for dead. If all lost their tables while the
// network was divided, each side joined itself, and no contact leads to the other: so
// the members are gone through in turn, and who is no contact is joined through.
// When there are more contacts than before, some may lack this node's key.
func (n *Node) refresh(env *protocol.Env) {
	env.SetTimer(refreshDelays*n.cfg.Delay, protocol.Peer.Tag(timerRefresh))
	others := n.others(env.ID())
	if n.dht.Joining() || len(others) == 0 {
		return
	}
	n.turn = (n.turn + 1) % len(others)
	next := others[n.turn]
	if slices.ContainsFunc(n.dht.Contacts(), func(c kademlia.Contact) bool { return c.Addr == next }) {
		n.dht.Refresh(env, n.refreshed)
	} else {
		n.dht.Rejoin(env, slices.Concat(others[n.turn:], others[:n.turn]), n.refreshed)
	}
}

// refreshed consumes the end of a refresh.
func (n *Node) refreshed(env *protocol.Env) {
	before := n.contacts
	n.contacts = len(n.dht.Contacts())
	if n.contacts > before && n.joined && n.settled {
		n.putKey(env)
	}
}

// views tells whether the order has views.
func (c *Config) views() bool { return c.Survive || c.Group != nil }

// newOrder makes the order.
func (n *Node) newOrder() abcast.Orderer {
	c := abcast.Config{Members: n.cfg.Members, Order: n.cfg.Order, Send: n.link.Send, Deliver: n.ordered}
	if n.cfg.views() {
		c.Views = &abcast.Views{Datagram: n.datagram, Tick: tickDelays * n.cfg.Delay, Merge: n.cfg.Delay, Changed: n.viewChanged}
	}
	if n.cfg.Group != nil {
		return n.cfg.Group(c)
	}
	return abcast.New(c)
}

// datagram sends a message of the order's membership, which needs no link.
func (n *Node) datagram(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, msg []byte) {
	n.scratch = seal.Append(append(n.scratch[:0], msg...))
	env.Send(to, kind, n.scratch)
}

// receiveDatagram consumes one.
func (n *Node) receiveDatagram(env *protocol.Env, from protocol.NodeID, msg []byte) {
	msg, ok := seal.Open(msg)
	switch {
	case !ok:
		n.stats.Corrupt++
		return
	case !n.cfg.views():
		n.stats.Malformed++
		return
	}
	n.order.Receive(env, from, msg)
}

// viewChanged broadcasts again what the log before a view lacks. A view without
// this life is history, which is being told again: what comes after it may have
// what it lacks.
func (n *Node) viewChanged(env *protocol.Env, v abcast.View) {
	n.members = n.members[:0]
	for _, m := range v.Members {
		n.members = append(n.members, m.Node)
	}
	if !slices.Contains(v.Members, abcast.Life{Node: env.ID(), Incarnation: env.Incarnation()}) {
		return
	}
	for _, c := range slices.Clone(n.out.unplaced) {
		n.place(env, c)
	}
}

// place broadcasts a commit, if that is this node's to do.
func (n *Node) place(env *protocol.Env, c *commit) {
	if c.said || !n.responsible(env.ID(), c) {
		return
	}
	c.said = true
	n.order.Broadcast(env, c.wtxid[:])
	n.flood.Broadcast(env, c.body)
}

// responsible tells whether it is node's to broadcast a commit: the coordinator's,
// or if that is in no view, the lowest other party's in it.
func (n *Node) responsible(self protocol.NodeID, c *commit) bool {
	if c.nodes[0] == self {
		return true
	}
	if !n.cfg.Survive {
		return false
	}
	for i, id := range c.nodes {
		if _, in := slices.BinarySearch(n.members, id); in && (i == 0 || id < self) {
			return false
		}
	}
	_, in := slices.BinarySearch(n.members, self)
	return in
}

// placed takes note that a transaction has its place in the order.
func (n *Node) placed(id ledger.ID) {
	n.out.unplaced = slices.DeleteFunc(n.out.unplaced, func(c *commit) bool { return c.wtxid == id })
}
