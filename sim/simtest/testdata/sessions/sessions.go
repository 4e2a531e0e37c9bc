// Package sessions puts a library that reads crypto/rand under dessim: a server that keeps
// its sessions in memory, and clients that open and use them while the server crashes.
package sessions

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/cryptorand"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
	"example.com/sessions/session"
)

const (
	server  = 0
	clients = 2
)

// Messages are a letter: open, use, refuse; and a token.
var (
	kindRequest = protocol.KindOf("request")
	kindReply   = protocol.KindOf("reply")
	kindOpened  = protocol.KindOf("opened") // output of the client: its token
)

type node struct{ sessions *session.Table }

func newServer() protocol.Node { return &node{session.New()} }

func (n *node) Start(*protocol.Env)           {}
func (n *node) Timeout(*protocol.Env, uint64) {}

func (n *node) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if len(msg) == 0 {
		return
	}
	if user, ok := n.sessions.User(string(msg[1:])); msg[0] == 'u' && ok && user == int(from) {
		env.Send(from, kindReply, msg)
		return
	}
	env.Send(from, kindReply, []byte("o"+n.sessions.Open(int(from))))
}

type client struct{ token string }

func (c *client) Start(*protocol.Env)           {}
func (c *client) Timeout(*protocol.Env, uint64) {}

// Receive uses the session, or opens one if an input comes before there is one.
func (c *client) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	switch {
	case from == protocol.Outside:
		env.Send(server, kindRequest, []byte("u"+c.token))
	case len(msg) > 1 && msg[0] == 'o':
		c.token = string(msg[1:])
		env.Output(kindOpened, msg[1:])
	}
}

// Scenario has clients open and use sessions. With -random system, nothing answers
// crypto/rand, and runs cannot be repeated.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "sessions",
		Shows:    "no token is given to two sessions",
		Defaults: scenario.Params{Nodes: 1, Delay: time.Millisecond, Jitter: 4 * time.Millisecond, Until: time.Minute, Faults: "crash,restart"},
		Own:      []*scenario.Param{scenario.Choice("random", "answered", []string{"answered", "system"}, "what answers crypto/rand")},
		Unused:   []string{"nodes"},
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := sim.Plan{Nodes: 1 + clients, Link: sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy}, Until: protocol.Time(b.Until)}
			if b.Choice("random") == "answered" {
				plan.Random = cryptorand.Answers(b.Seed)
			}
			plan.Node = func(id protocol.NodeID) protocol.Node {
				if id == server {
					return newServer()
				}
				return new(client)
			}
			for i := range uint64(20) {
				plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(i) * 1e8, Node: protocol.NodeID(1 + i%clients)})
			}
			plan.Faults = b.DrawFaults(swarm.Config{Nodes: []protocol.NodeID{server}, From: 1, To: protocol.Time(2 * time.Second), Delay: 5 * time.Millisecond, Most: 4})
			return &scenario.Run{Plan: plan, Checks: check.Suite{distinct()}}
		},
	}
}

// distinct requires that tokens differ.
func distinct() *check.Check {
	owner := make(map[string]protocol.NodeID)
	return check.Always("no token is given twice", sim.Output, func(e *sim.Event) (bool, error) {
		if other, taken := owner[string(e.Body)]; taken && other != e.Node {
			return true, fmt.Errorf("nodes %v and %v have the token %q", other, e.Node, e.Body)
		}
		owner[string(e.Body)] = e.Node
		return true, nil
	})
}
