package sim

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"time"

	"dessim/protocol"
)

// Most runs are small, and so is the heap that they are collected in: less often takes a tenth
// of the CPU away.
func init() { debug.SetGCPercent(400) }

// script is a node made of functions; nil ones do nothing.
type script struct {
	start   func(env *protocol.Env)
	receive func(env *protocol.Env, from protocol.NodeID, msg []byte)
	timeout func(env *protocol.Env, tag uint64)
	flushed func(env *protocol.Env, tag uint64, failed bool)
}

func (s script) Start(env *protocol.Env) {
	if s.start != nil {
		s.start(env)
	}
}

func (s script) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if s.receive != nil {
		s.receive(env, from, msg)
	}
}

func (s script) Timeout(env *protocol.Env, tag uint64) {
	if s.timeout != nil {
		s.timeout(env, tag)
	}
}

func (s script) Flushed(env *protocol.Env, tag uint64, failed bool) {
	if s.flushed != nil {
		s.flushed(env, tag, failed)
	}
}

// scripts makes node i of the i-th script, and all others of the last.
func scripts(all ...script) func(protocol.NodeID) protocol.Node {
	return func(id protocol.NodeID) protocol.Node { return all[min(int(id), len(all)-1)] }
}

// collector keeps the events of its set.
type collector struct {
	want   What
	events []Event
}

func (c *collector) Watch() What { return c.want }

func (c *collector) Observe(e *Event) {
	kept := *e
	kept.Body = bytes.Clone(e.Body)
	c.events = append(c.events, kept)
}

// of counts the events of that sort.
func (c *collector) of(w What) int {
	n := 0
	for i := range c.events {
		if c.events[i].What == w {
			n++
		}
	}
	return n
}

// outputs returns "time node text" of each output.
func (c *collector) outputs() []string {
	var out []string
	for i := range c.events {
		if e := &c.events[i]; e.What == Output {
			out = append(out, fmt.Sprintf("%d %v %s", e.At, e.Node, e.Body))
		}
	}
	return out
}

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Fatal(args ...any)
}

func mustNew(t tb, plan Plan, src protocol.Source, observers ...Observer) *Sim {
	t.Helper()
	if plan.Link == (Link{}) {
		plan.Link.Delay = 10
	}
	if plan.Until == 0 {
		plan.Until = protocol.Time(time.Hour)
	}
	s, err := New(plan, src, observers...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs plan with everything observed.
func run(t tb, plan Plan, src protocol.Source) (Result, *collector) {
	t.Helper()
	c := &collector{want: Everything}
	return mustNew(t, plan, src, c).Run(), c
}

func input(id uint64, at protocol.Time, node protocol.NodeID, body string) Input {
	return Input{ID: id, At: at, Node: node, Body: []byte(body)}
}

var kindT = protocol.KindOf("t")

// say makes text final.
func say(env *protocol.Env, text string) { env.Output(kindT, []byte(text)) }
