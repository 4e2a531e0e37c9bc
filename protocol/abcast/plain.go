package abcast

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
)

// plain is a member of a group without Views: the rule, over the links of its host.
type plain struct {
	cfg       Config
	last      MsgID // id of the last broadcast; Seq 0 before the first
	rule      rule  // nil before Start
	ordered   []Message
	handing   bool   // handOver is under way, so that Deliver may broadcast
	delivered uint64 // also the index of the next message
	out       []byte // scratch
	stats     Stats
}

func (p *plain) Restore([]byte) {
	panic("abcast: a record is restored, but without Views a group keeps none")
}

func (p *plain) Start(env *protocol.Env) {
	p.cfg.place(env, p.rule != nil)
	p.last = MsgID{Node: env.ID(), Incarnation: env.Incarnation()}
	p.rule = newRule(p.cfg.Order, &view{
		self:    env.ID(),
		members: p.cfg.Members,
		send:    p.send,
		order:   func(m Message) { p.ordered = append(p.ordered, m) },
		stats:   &p.stats,
	})
}

func (p *plain) Broadcast(env *protocol.Env, payload []byte) MsgID {
	mustRun(env, p.rule != nil)
	p.last.Seq++
	m := Message{ID: p.last, Payload: bytes.Clone(payload)}
	p.rule.broadcast(env, m)
	p.handOver(env)
	return m.ID
}

func (p *plain) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	mustRun(env, p.rule != nil)
	_, member := slices.BinarySearch(p.cfg.Members, from)
	if !member || from == p.last.Node {
		p.stats.Foreign++
		return
	}
	body := protocol.ABCAST.Cut(msg)
	if body == nil {
		p.stats.Malformed++
		return
	}
	p.rule.receive(env, from, body)
	p.handOver(env)
}

func (p *plain) Timeout(env *protocol.Env, tag uint64) {
	panic(fmt.Sprintf("abcast: node %v: timer %#x, but a group without Views sets none", env.ID(), tag))
}

// handOver delivers what the rule ordered in this step. It waits for the rule
// to return, so that a Deliver that broadcasts never meets a half-done rule.
func (p *plain) handOver(env *protocol.Env) {
	if p.handing {
		return // Deliver called Broadcast; the loop below goes on with what that ordered
	}
	p.handing = true
	for i := 0; i < len(p.ordered); i++ {
		index := p.delivered
		p.delivered++
		p.out = AppendDelivered(p.out[:0], index, p.ordered[i].ID)
		env.Output(KindDelivered, p.out)
		p.cfg.Deliver(env, index, p.ordered[i])
	}
	clear(p.ordered) // the payloads are no longer ours to hold
	p.ordered = p.ordered[:0]
	p.handing = false
}

// send puts the component byte before a body of the rule and sends it.
func (p *plain) send(env *protocol.Env, to protocol.NodeID, kind protocol.Kind, body []byte) {
	p.out = append(p.out[:0], byte(protocol.ABCAST))
	p.out = append(p.out, body...)
	p.cfg.Send(env, to, kind, p.out)
}

func (p *plain) Pending() int {
	if p.rule == nil {
		return 0
	}
	return p.rule.pending()
}

func (p *plain) Delivered() uint64 { return p.delivered }

func (p *plain) View() (v View, normal bool) { return View{}, false }

func (p *plain) Stats() Stats { return p.stats }
