package abcast

import (
	"fmt"
	"runtime/debug"
	"slices"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/internal/steps"
)

// Most runs are small, and so is the heap that they are collected in: less often takes a sixth
// of the CPU away.
func init() { debug.SetGCPercent(400) }

// A network is a group of members over perfect links. The test says what arrives
// next. The network judges every delivery as it happens.
type network struct {
	*steps.World
	members []*member
	common  []MsgID          // the one order: as far as any member has delivered
	sentIn  map[MsgID]string // payload of what was broadcast
	after   map[MsgID]int    // how much its origin had delivered when it was broadcast
	stamps  map[stamp]MsgID  // places in the order, to see that no two messages share one
	in      bencode.Reader
	wrong   []string
}

type member struct {
	id        protocol.NodeID
	group     *plain
	sent      uint64 // broadcasts
	delivered int
	told      int   // outputs of deliveries
	rounds    []int // of each delivery: the delays since the broadcast at the root of it
}

func newNetwork(order Order, size int) *network {
	n := &network{
		sentIn: map[MsgID]string{},
		after:  map[MsgID]int{},
		stamps: map[stamp]MsgID{},
	}
	ids := make([]protocol.NodeID, size)
	for i := range ids {
		ids[i] = protocol.NodeID(i)
	}
	n.World = steps.New(size, func(id protocol.NodeID) protocol.Node {
		m := &member{id: id}
		m.group = New(Config{
			Members: ids,
			Order:   order,
			Send:    (*protocol.Env).Send,
			Deliver: func(_ *protocol.Env, index uint64, msg Message) { n.judge(m, index, msg) },
		}).(*plain)
		n.members = append(n.members, m)
		return m.group
	})
	n.Observe = func(id protocol.NodeID, effects []protocol.Effect) { n.judgeStep(n.members[id], effects) }
	n.StartAll()
	return n
}

// judge holds a delivery against the one order, which the first member to get
// anywhere writes.
func (n *network) judge(m *member, index uint64, msg Message) {
	where := fmt.Sprintf("node %v delivers %v at %d", m.id, msg.ID, index)
	if index != uint64(m.delivered) {
		n.wrong = append(n.wrong, fmt.Sprintf("%s, after %d deliveries", where, m.delivered))
	}
	if want, ok := n.sentIn[msg.ID]; !ok || want != string(msg.Payload) {
		n.wrong = append(n.wrong, fmt.Sprintf("%s: payload %q, broadcast %v %q", where, msg.Payload, ok, want))
	}
	if m.delivered == len(n.common) {
		if slices.Contains(n.common, msg.ID) {
			n.wrong = append(n.wrong, where+", a second time")
		}
		if n.after[msg.ID] > m.delivered {
			n.wrong = append(n.wrong, fmt.Sprintf("%s, but its origin had delivered %d before it", where, n.after[msg.ID]))
		}
		n.common = append(n.common, msg.ID)
	} else if want := n.common[m.delivered]; want != msg.ID {
		n.wrong = append(n.wrong, fmt.Sprintf("%s, where another delivered %v", where, want))
	}
	m.delivered++
	m.rounds = append(m.rounds, n.Depth)
}

// tell holds an output against what was delivered.
func (n *network) tell(m *member, rec []byte) {
	index, id, ok := DecodeDelivered(rec)
	if !ok || index != uint64(m.told) || m.told >= m.delivered || n.common[m.told] != id {
		n.wrong = append(n.wrong, fmt.Sprintf("node %v tells of %v at %d as delivery %d of %d", m.id, id, index, m.told, m.delivered))
	}
	m.told++
}

func (n *network) broadcast(at int, payload string) MsgID {
	m := n.members[at]
	m.sent++
	id := MsgID{Node: m.id, Incarnation: 1, Seq: m.sent}
	n.sentIn[id], n.after[id] = payload, m.delivered
	n.Step(m.id, func(env *protocol.Env) {
		body := []byte(payload)
		if got := m.group.Broadcast(env, body); got != id {
			n.wrong = append(n.wrong, fmt.Sprintf("Broadcast gives %v, want %v", got, id))
		}
		clear(body) // it was borrowed
	})
	return id
}

// arrive has message i in flight arrive, and stay in flight if it is to arrive
// again.
func (n *network) arrive(i int, again bool) {
	if again {
		n.Hand(n.InFlight[i])
	} else {
		n.Deliver(i)
	}
}

// judgeStep holds what a member did against what it delivered meanwhile.
func (n *network) judgeStep(m *member, effects []protocol.Effect) {
	for _, e := range effects {
		switch {
		case e.Op == protocol.OpOutput && e.Kind == KindDelivered:
			n.tell(m, e.Body)
		case e.Op == protocol.OpSend:
			n.judgeStamp(m.id, e.Body)
		default:
			n.wrong = append(n.wrong, fmt.Sprintf("unexpected effect %v", e.Op))
		}
	}
	if m.told != m.delivered {
		n.wrong = append(n.wrong, fmt.Sprintf("node %v tells of %d deliveries, it made %d", m.id, m.told, m.delivered))
	}
}

// judgeStamp demands that no two messages get one place.
func (n *network) judgeStamp(from protocol.NodeID, msg []byte) {
	d, _ := decode(&n.in, msg[1:])
	var s stamp
	switch d.op {
	case opFinal:
		s = stamp{d.number, d.proposer}
	case opLamportData:
		s = stamp{d.number, from}
	case opSequencerOrder:
		s = stamp{number: d.number}
	default:
		return
	}
	if id, ok := n.stamps[s]; ok && id != d.id {
		n.wrong = append(n.wrong, fmt.Sprintf("%v and %v are both placed at %v", id, d.id, s))
	}
	n.stamps[s] = d.id
}

// firstOfLink returns the first message in flight on the link of message i.
func (n *network) firstOfLink(i int) int {
	m := n.InFlight[i]
	return slices.IndexFunc(n.InFlight, func(o steps.Message) bool { return o.From == m.From && o.To == m.To })
}

// unfinished tells who has not delivered so many messages, or holds more, or "".
func (n *network) unfinished(broadcasts int) string {
	for i, m := range n.members {
		if m.delivered != broadcasts || m.group.Delivered() != uint64(broadcasts) || m.group.Pending() != 0 {
			return fmt.Sprintf("node %d: %d of %d delivered when all is quiet\n%s", i, m.delivered, broadcasts, m.group.Describe(nil))
		}
	}
	return ""
}

// sum gives the number of messages sent.
func (n *network) sum() (sum int) {
	for _, count := range n.Sent {
		sum += count
	}
	return sum
}

func (n *network) pending() (sum int) {
	for _, m := range n.members {
		sum += m.group.Pending()
	}
	return sum
}

func (n *network) stats() (sum Stats) {
	for _, m := range n.members {
		s := m.group.Stats()
		sum.Malformed += s.Malformed
		sum.Foreign += s.Foreign
		sum.Stray += s.Stray
		sum.Early += s.Early
	}
	return sum
}
