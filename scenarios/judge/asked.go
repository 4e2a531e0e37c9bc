package judge

import (
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
)

// Questions judges the answers of two-phase commit: each question about a decision is answered
// in the step in which it comes, and what an answer says stays true.
type Questions struct {
	c       *Commits
	net     *Network
	lies    func(id protocol.NodeID) bool
	open    []question // of steps under way
	armed   []bool     // by member: one of open is to it
	ended   []ended    // by member
	commits []ended    // by member: what it has committed, by its disk
}

// question is one that a node's link has handed up.
type question struct {
	node, from protocol.NodeID
	id         twopc.ID
}

// NewQuestions returns a judge of what members ask each other about the transactions of c.
// Nodes that lie are not judged, nor what they ask.
func NewQuestions(c *Commits, n *Network, lies func(id protocol.NodeID) bool) *Questions {
	return &Questions{c: c, net: n, lies: lies, armed: make([]bool, len(n.Nodes)), ended: make([]ended, len(n.Nodes)), commits: make([]ended, len(n.Nodes))}
}

// Heard is for peer.Config: it sees what the link of a node hands up.
func (q *Questions) Heard(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if id, ok := twopc.Question(msg); ok && uint64(from) < uint64(len(q.net.Nodes)) && !q.lies(from) {
		q.open = append(q.open, question{env.ID(), from, id})
		q.armed[env.ID()] = true
	}
}

// Answered requires that a node which is asked answers at once, if only that it does not know,
// and that an answer which says abort is safe: see safe.
func (q *Questions) Answered() *check.Check {
	watch := sim.Persisted | sim.Synced | sim.Crashed | sim.Sent | sim.Received | sim.Fired
	c := check.Always("a question about a decision is answered for good", watch, func(e *sim.Event) (bool, error) {
		if uint64(e.Node) >= uint64(len(q.ended)) {
			return false, nil // a client
		}
		n, commits := &q.ended[e.Node], &q.commits[e.Node]
		switch e.What {
		case sim.Persisted:
			if f, ok := twopc.Proves(e.Body); ok && f.Commit {
				commits.unsafe = append(commits.unsafe, f.ID)
			} else if id, ok := twopc.Ends(e.Body); ok {
				n.unsafe = append(n.unsafe, id)
			}
		case sim.Synced:
			n.sync(e.Incarnation)
			commits.sync(e.Incarnation)
		case sim.Crashed:
			n.unsafe, commits.unsafe = n.unsafe[:0], commits.unsafe[:0]
			q.open = slices.DeleteFunc(q.open, func(x question) bool { return x.node == e.Node })
			q.armed[e.Node] = false
		case sim.Sent:
			if e.Kind == twopc.KindAnswer {
				return true, q.answer(e)
			}
		default: // the next step begins
			return false, q.silent(e.Node)
		}
		return false, nil
	})
	return ArmedSteps(c, q.armed).OfMessages(sim.Sent, ofLink).OrNotApplicable("nobody asked about a decision")
}

// silent requires that no question of a node's last step is open.
func (q *Questions) silent(node protocol.NodeID) error {
	for i, x := range q.open {
		if x.node == node && !q.lies(node) {
			q.close(i)
			return fmt.Errorf("node %v is asked about %v by node %v, and does not answer", node, x.id, x.from)
		}
	}
	return nil
}

// close takes a question off those that are open.
func (q *Questions) close(i int) {
	node := q.open[i].node
	q.open = slices.Delete(q.open, i, i+1)
	q.armed[node] = slices.ContainsFunc(q.open, func(x question) bool { return x.node == node })
}

func (q *Questions) answer(e *sim.Event) error {
	msg, ok := q.c.Payload(e)
	if !ok {
		return nil
	}
	id, aborts, ok := twopc.Says(msg)
	if !ok || q.lies(e.Node) {
		return nil
	}
	if i := slices.Index(q.open, question{e.Node, e.Peer, id}); i >= 0 {
		q.close(i)
	}
	if aborts && !q.safe(e.Node, id) {
		return fmt.Errorf("node %v answers that %v aborted; it may still vote yes, and node %v commit", e.Node, id, q.c.txs[id].coordinator)
	}
	return nil
}

// safe reports whether a transaction that a node says aborted never commits: since its
// coordinator has aborted it, or crashed before it committed; or since this node has a record
// that it never votes yes, or knows of another's.
func (q *Questions) safe(node protocol.NodeID, id twopc.ID) bool {
	t := q.c.txs[id]
	if t == nil || node == t.coordinator {
		return true // one that answers so about a commit has forgotten it: then nobody is in doubt
	}
	if _, recorded := q.ended[node].safe[id]; recorded || q.lies(t.coordinator) {
		return true
	}
	for _, d := range t.decided {
		if d.node != node && !d.commit {
			return true
		}
	}
	_, commits := q.commits[t.coordinator].safe[id]
	return !commits && q.net.Incarnations.since(t.coordinator, t.incarnation)
}
