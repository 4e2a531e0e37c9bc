package report

import (
	"errors"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// hostile are texts that must neither run nor break the page.
var hostile = []string{
	"</script><script>alert(1)</script>",
	`"><img src=x onerror=alert(1)>`,
	"<!--<script>", "]]>", "&lt;b&gt;", "javascript:alert(1)", "${alert(1)}", "{{.}}",
	"\x00\x01\x1b[31m\u202e\u2028\ufeff", "\xff\xfe\xc3", strings.Repeat("long ", 4000),
}

// toy is a node that knows no words: it says what others sent, hostile texts first of all.
type toy struct {
	heard int
}

func (n *toy) Start(env *protocol.Env) {
	env.SetTimer(time.Second, protocol.Periodic)
	env.SetTimer(time.Minute, 1)
	env.CancelTimer(1)
}

func (n *toy) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	n.heard++
	env.Persist(msg)
	env.Persist(nil)
	env.Sync()
	env.Discard(1)
	env.Sync()
	env.Note(protocol.KindOf("note"), string(msg))
	env.Output(protocol.KindOf("heard"), msg)
	if from == protocol.Outside {
		env.Send(1-env.ID(), protocol.KindOf("told"), msg)
	}
}

func (n *toy) Timeout(*protocol.Env, uint64) {}

// describing is a toy that describes itself in hostile words.
type describing struct{ toy }

// Start flushes a record.
func (n *describing) Start(env *protocol.Env) {
	n.toy.Start(env)
	if env.Incarnation() == 1 {
		env.Persist([]byte(hostile[0]))
		env.Flush(1, []uint64{0})
	}
}

func (n *describing) Flushed(*protocol.Env, uint64, bool) {}

func (n *describing) Describe(b []byte) []byte {
	b = append(b, "heard: "...)
	b = append(b, hostile[n.heard%len(hostile)]...)
	return append(b, '\n')
}

// broken is a toy whose description panics.
type broken struct{ toy }

func (n *broken) Describe([]byte) []byte { panic("no words: " + hostile[0]) }

// toys is a scenario of two such nodes. Everything in it that can have a text has a hostile one.
func toys(node func() protocol.Node) *scenario.Scenario {
	return &scenario.Scenario{
		Name: "toys", Defaults: scenario.Params{Nodes: 2, Delay: time.Millisecond, Jitter: time.Millisecond, Until: time.Minute},
		Columns: []scenario.Column{{Head: "name", Name: true, Short: 30}},
		Build: func(b *scenario.Setup) *scenario.Run {
			plan := sim.Plan{Nodes: 2, Node: func(protocol.NodeID) protocol.Node { return node() }, Link: sim.Link{Delay: b.Delay, Jitter: b.Jitter}, Until: protocol.Time(b.Until), Disk: sim.Disk{Sync: time.Millisecond}}
			for i, text := range hostile {
				plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), Node: protocol.NodeID(i % 2), At: protocol.Time(time.Second) * protocol.Time(i+1), Body: []byte(text)})
			}
			n := 0
			wrong := &check.Evidence{Sequences: []check.Sequence{{Name: hostile[0], Items: []check.Item{{Text: hostile[1]}}}, {Name: "b", Items: []check.Item{{Text: "x"}}}}}
			return &scenario.Run{
				Plan: plan,
				Checks: check.Suite{check.Always("toys "+hostile[0], sim.Output, func(*sim.Event) (bool, error) {
					if n++; n == len(hostile) {
						return true, wrong.With(errors.New(strings.Join(hostile, " ")))
					}
					return true, nil
				})},
				Nodes: func(*sim.Sim) []scenario.Node {
					return []scenario.Node{{ID: 0, Cells: []string{hostile[0]}}, {ID: 1, Cells: []string{hostile[8]}}}
				},
				Facts: func(*sim.Sim) []scenario.Fact { return []scenario.Fact{{Name: hostile[0], Value: hostile[1]}} },
			}
		},
	}
}
