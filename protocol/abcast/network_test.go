package abcast

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// A packet is a message in flight. round counts the delays since the broadcast
// at the root of what it is part of.
type packet struct {
	from, to protocol.NodeID
	kind     protocol.Kind
	msg      []byte
	round    int
}

// A network is a group of members and what is in flight between them. Whoever
// drives it says what arrives next. It judges every delivery as it happens.
type network struct {
	members  []*member
	inFlight []packet
	sent     map[protocol.Kind]int
	round    int // of the packet that arrived last

	common []MsgID          // the one order: as far as any member has delivered
	sentIn map[MsgID]string // payload of what was broadcast
	after  map[MsgID]int    // how much its origin had delivered when it was broadcast
	stamps map[stamp]MsgID  // places in the order, to see that no two messages share one
	in     bencode.Reader
	wrong  []string
}

type member struct {
	env       protocol.Env
	group     *plain
	delivered int
	told      int   // outputs of deliveries
	rounds    []int // of each delivery
}

func newNetwork(order Order, size int) *network {
	n := &network{
		sent:   map[protocol.Kind]int{},
		sentIn: map[MsgID]string{},
		after:  map[MsgID]int{},
		stamps: map[stamp]MsgID{},
	}
	ids := make([]protocol.NodeID, size)
	for i := range ids {
		ids[i] = protocol.NodeID(i)
	}
	for _, id := range ids {
		m := &member{}
		m.group = New(Config{
			Members: ids,
			Order:   order,
			Send:    (*protocol.Env).Send,
			Deliver: func(_ *protocol.Env, index uint64, msg Message) { n.judge(m, index, msg) },
		}).(*plain)
		n.members = append(n.members, m)
		m.env.Enter(id, 1, 0, nil)
		m.group.Start(&m.env)
	}
	return n
}

// judge holds a delivery against the one order, which the first member to get
// anywhere writes.
func (n *network) judge(m *member, index uint64, msg Message) {
	where := fmt.Sprintf("node %v delivers %v at %d", m.env.ID(), msg.ID, index)
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
	m.rounds = append(m.rounds, n.round)
}

// tell holds an output against what was delivered.
func (n *network) tell(m *member, rec []byte) {
	index, id, ok := DecodeDelivered(rec)
	if !ok || index != uint64(m.told) || m.told >= m.delivered || n.common[m.told] != id {
		n.wrong = append(n.wrong, fmt.Sprintf("node %v tells of %v at %d as delivery %d of %d", m.env.ID(), id, index, m.told, m.delivered))
	}
	m.told++
}

func (n *network) broadcast(at int, payload string) MsgID {
	m := n.members[at]
	n.round = 0
	m.env.Enter(protocol.NodeID(at), 1, 0, nil)
	id := MsgID{Node: protocol.NodeID(at), Incarnation: 1, Seq: m.group.last.Seq + 1}
	n.sentIn[id], n.after[id] = payload, m.delivered
	body := []byte(payload)
	if got := m.group.Broadcast(&m.env, body); got != id {
		n.wrong = append(n.wrong, fmt.Sprintf("Broadcast gives %v, want %v", got, id))
	}
	poison(body)
	n.collect(m)
	return id
}

// arrive has the i-th packet in flight arrive, and stay in flight if it is to
// arrive again.
func (n *network) arrive(i int, again bool) {
	p := n.inFlight[i]
	if !again {
		n.inFlight = slices.Delete(n.inFlight, i, i+1)
	}
	m := n.members[p.to]
	n.round = p.round
	m.env.Enter(p.to, 1, 0, nil)
	msg := bytes.Clone(p.msg)
	m.group.Receive(&m.env, p.from, msg)
	poison(msg)
	n.collect(m)
}

// poison spoils borrowed memory, for those who kept it.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xee
	}
}

func (n *network) collect(m *member) {
	for _, e := range m.env.Effects() {
		if e.Op == protocol.OpOutput && e.Kind == KindDelivered {
			n.tell(m, e.Body)
			continue
		}
		if e.Op != protocol.OpSend {
			n.wrong = append(n.wrong, fmt.Sprintf("unexpected effect %v", e.Op))
			continue
		}
		n.sent[e.Kind]++
		n.inFlight = append(n.inFlight, packet{m.env.ID(), e.To, e.Kind, bytes.Clone(e.Body), n.round + 1})
		n.judgeStamp(m.env.ID(), e.Body)
	}
	if m.told != m.delivered {
		n.wrong = append(n.wrong, fmt.Sprintf("node %v tells of %d deliveries, it made %d", m.env.ID(), m.told, m.delivered))
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

// firstOfLink gives the first packet in flight on the link of the i-th.
func (n *network) firstOfLink(i int) int {
	p := n.inFlight[i]
	return slices.IndexFunc(n.inFlight, func(q packet) bool { return q.from == p.from && q.to == p.to })
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
	for _, count := range n.sent {
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
