package grouptest

import (
	"fmt"
	"strconv"
	"strings"

	"dessim/protocol"
	"dessim/protocol/abcast"
)

// A Host is the smallest node that can run a group: it passes records, messages and timers
// to the Group, and broadcasts its inputs.
type Host struct {
	Group
	// Sent, if not nil, is called for each broadcast.
	Sent func(id abcast.MsgID, payload string)
}

// NewHost returns a node of a group of that size, whose deliveries are outputs.
func (p *Protocol) NewHost(size int) *Host { return &Host{Group: p.group(size)} }

// Start restores what the disk kept.
func (h *Host) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		h.Restore(rec)
	}
	h.Group.Start(env)
}

// Receive broadcasts an input.
func (h *Host) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from != protocol.Outside {
		h.Group.Receive(env, from, msg)
		return
	}
	payload := string(msg)
	id := h.Broadcast(env, msg)
	if h.Sent != nil {
		h.Sent(id, payload)
	}
}

// handOver makes a delivery an output.
func handOver(env *protocol.Env, index uint64, m abcast.Message) {
	env.Output(HandedOver, fmt.Appendf(nil, "%d %d %d %d %s", index, m.ID.Node, m.ID.Incarnation, m.ID.Seq, m.Payload))
	spoil(m.Payload)
}

// readHandedOver undoes handOver.
func readHandedOver(body []byte) (index uint64, id abcast.MsgID, payload string) {
	field := strings.SplitN(string(body), " ", 5)
	number := func(i int) uint64 {
		n, err := strconv.ParseUint(field[i], 10, 64)
		if err != nil {
			panic(fmt.Sprintf("grouptest: delivery %q: %v", body, err))
		}
		return n
	}
	return number(0), abcast.MsgID{Node: protocol.NodeID(number(1)), Incarnation: uint32(number(2)), Seq: number(3)}, field[4]
}

// Payload returns a message's payload from the output of its delivery.
func Payload(body []byte) string {
	_, _, payload := readHandedOver(body)
	return payload
}

// distorted is a node with a wrong host, which changes the effects of every step.
type distorted struct {
	node    protocol.Node
	inner   protocol.Env
	distort func(effects []protocol.Effect) []protocol.Effect
}

func (d *distorted) Start(env *protocol.Env) {
	d.step(env, func() { d.node.Start(&d.inner) })
}

func (d *distorted) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	d.step(env, func() { d.node.Receive(&d.inner, from, msg) })
}

func (d *distorted) Timeout(env *protocol.Env, tag uint64) {
	d.step(env, func() { d.node.Timeout(&d.inner, tag) })
}

func (d *distorted) step(env *protocol.Env, do func()) {
	env.Fork(&d.inner)
	do()
	env.Join(&d.inner, func(*protocol.Effect) {})
	for _, f := range d.distort(d.inner.Effects()) {
		env.Repeat(&f)
	}
}
