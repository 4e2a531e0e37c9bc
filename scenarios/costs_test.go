package scenarios

import (
	"fmt"
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/kv"
	"dessim/protocol/ledger"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/protocol/seal"
	"dessim/protocol/twopc"
	"dessim/sim"
)

// costing shows Costs events that are made by hand, each at the time and in the step of
// the last.
type costing struct {
	orderCosts
	at   protocol.Time
	step uint64
}

// in has what follows happen in a new step, at that time.
func (c *costing) in(at protocol.Time) *costing {
	c.at, c.step = at, c.step+1
	return c
}

func (c *costing) show(e sim.Event) *costing {
	e.At, e.Step = c.at, c.step
	if c.Watch()&e.What != 0 {
		c.Observe(&e)
	}
	return c
}

func (c *costing) received(from, to protocol.NodeID, kind protocol.Kind, body string) *costing {
	return c.show(sim.Event{What: sim.Received, Node: to, Peer: from, Kind: kind, Body: []byte(body)})
}

func (c *costing) sent(from, to protocol.NodeID, kind protocol.Kind, body string) *costing {
	return c.show(sim.Event{What: sim.Sent, Node: from, Peer: to, Kind: kind, Body: []byte(body)})
}

func (c *costing) output(node protocol.NodeID, kind protocol.Kind, body string) *costing {
	return c.show(sim.Event{What: sim.Output, Node: node, Kind: kind, Body: []byte(body)})
}

func (c *costing) started(nodes ...protocol.NodeID) *costing {
	for _, id := range nodes {
		c.show(sim.Event{What: sim.Started, Node: id})
	}
	return c
}

func (c *costing) synced(node protocol.NodeID) *costing {
	return c.show(sim.Event{What: sim.Synced, Node: node})
}

// input is the first thing that counts.
func (c *costing) input(at protocol.Time) *costing {
	return c.in(at).received(protocol.Outside, 9, 0, "")
}

func (c *costing) delivered(node protocol.NodeID, index uint64) *costing {
	return c.output(node, abcast.KindDelivered, string(abcast.AppendDelivered(nil, index, abcast.MsgID{Node: 1, Incarnation: 1, Seq: index + 1})))
}

func (c *costing) handed(node protocol.NodeID, tx byte) *costing {
	id := ledger.ID{tx}
	return c.output(node, peer.KindHanded, string(id[:]))
}

func (c *costing) entered(node protocol.NodeID, tx byte) *costing {
	id := ledger.ID{tx}
	return c.output(node, peer.KindEntry, fmt.Sprintf("li0e32:%si0e32:%s32:%si0ee", id[:], id[:], id[:]))
}

func (c *costing) want(t *testing.T, messages, linked, syncs, delivered, beats uint64) {
	t.Helper()
	got := [...]uint64{c.Messages, c.Linked, c.Syncs, c.Delivered, c.Beats}
	if want := [...]uint64{messages, linked, syncs, delivered, beats}; got != want {
		t.Errorf("messages, linked, syncs, delivered and beats are %v, want %v", got, want)
	}
}

func TestCostsOfAnOrderBeginWithTheFirstInput(t *testing.T) {
	var c costing
	c.in(1).started(0, 1).synced(0).sent(0, 1, abcast.KindNewView, "").sent(0, 1, abcast.KindHeartbeat, "")
	c.in(2).sent(1, 0, raft.KindVote, "").delivered(0, 0) // of whoever does without inputs
	c.want(t, 0, 0, 0, 0, 1)
	c.input(10).synced(1).sent(1, 0, abcast.KindData, "")
	c.in(11).sent(0, 1, raft.KindBeat, "").sent(1, 0, raft.KindEcho, "").sent(0, 1, raft.KindAppend, "").sent(0, 1, twopc.KindPrepare, "")
	c.input(12).delivered(1, 0).delivered(0, 1).delivered(1, 1).delivered(0, 2)
	c.in(40).show(sim.Event{What: sim.Ended})
	c.want(t, 2, 0, 1, 2, 3)
	if c.Time != 40 {
		t.Errorf("the run takes %v, want 40ns", c.Time)
	}
}

func TestCostsHaveWhatTheLinkSendsForTheOrderAndNothingElse(t *testing.T) {
	frame := func(component protocol.Component) string {
		return string(seal.Append([]byte(fmt.Sprintf("%cli0ei1ei1ei0ei0ei1ei1e2:%cxe", protocol.Link, component))))
	}
	var c costing
	c.input(1)
	c.in(2).received(0, 1, abcast.KindData, frame(protocol.ABCAST)).sent(1, 0, link.KindAck, "")
	c.want(t, 1, 1, 0, 0, 0)
	c.sent(1, 2, link.KindAck, "").sent(2, 0, link.KindAck, "") // for what came before, from others
	c.in(3).sent(1, 0, link.KindAck, "")
	c.in(4).received(0, 1, twopc.KindVote, frame(protocol.TwoPC)).sent(1, 0, link.KindAck, "")
	c.want(t, 1, 1, 0, 0, 0)
	c.in(5).sent(0, 1, link.KindResend, frame(protocol.ABCAST)).sent(0, 1, link.KindResend, frame(protocol.TwoPC)).sent(0, 1, link.KindResend, "x")
	c.want(t, 2, 2, 0, 0, 0)
	c.in(6).received(0, 1, link.KindResend, frame(protocol.ABCAST)).sent(1, 0, link.KindAck, "")
	c.in(7).received(0, 1, link.KindResend, frame(protocol.TwoPC)).sent(1, 0, link.KindAck, "")
	c.want(t, 3, 3, 0, 0, 0)
}

func TestCostsHaveWaitsOfNodesThatWereUpSinceTheBroadcast(t *testing.T) {
	var c costing
	c.in(1).started(0, 1, 2).input(2)
	c.in(10).handed(0, 'a').in(12).handed(1, 'a') // not another broadcast
	c.in(15).entered(0, 'a').entered(0, 'b')      // of b nothing is known
	c.in(20).started(2).in(21).handed(0, 'c').handed(0, 'd')
	c.in(25).entered(2, 'a').in(26).entered(1, 'a') // 2 was down
	c.in(30).started(1)
	c.in(31).entered(1, 'a').entered(1, 'c').entered(0, 'c').entered(2, 'c') // 1 enters anew what it had
	c.in(31).entered(0, 'c')
	if want := []protocol.Time{5, 16, 10, 10}; !slices.Equal(c.Waits, want) || len(c.Answers) > 0 {
		t.Errorf("waits %v, answers %v, want waits %v", c.Waits, c.Answers, want)
	}
}

func TestCostsHaveTheAnswersOfTheStore(t *testing.T) {
	var c costing
	c.in(1).output(5, kv.KindCalled, "li5ei1ei1ei7ei0ei5ee").in(3).output(6, kv.KindCalled, "li6ei1ei0ei7ei0ei0ee")
	c.in(8).output(6, kv.KindReturned, "li1ei1ei0ee").output(6, kv.KindReturned, "li2ei1ei0ee") // of 2 nothing is known
	c.in(9).output(5, kv.KindReturned, "li1ei1ei0ee")
	if want := []protocol.Time{5, 8}; !slices.Equal(c.Answers, want) || len(c.Waits) > 0 {
		t.Errorf("answers %v, waits %v, want answers %v", c.Answers, c.Waits, want)
	}
}
