package sim_test

import (
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/sim"
)

// some is an observer that sees some nodes, or all if nodes is nil.
type some struct {
	nodes []protocol.NodeID
	seen  []sim.Event
}

func (s *some) Watch() sim.What { return sim.Everything &^ sim.Noted }

func (s *some) Observe(e *sim.Event) {
	x := *e
	x.Body = slices.Clone(e.Body)
	s.seen = append(s.seen, x)
}

func (s *some) Only() func(id protocol.NodeID) bool {
	if s.nodes == nil {
		return nil
	}
	return func(id protocol.NodeID) bool { return slices.Contains(s.nodes, id) }
}

// chatter sends, sets timers and cancels some.
type chatter struct{}

func (chatter) Start(env *protocol.Env) { env.SetTimer(5, 1) }

func (chatter) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	env.SetTimer(7, 2)
	if msg[0] > 0 {
		env.Send(from, 0, []byte{msg[0] - 1})
	}
	env.Output(0, msg)
}

func (chatter) Timeout(env *protocol.Env, tag uint64) {
	if tag == 1 {
		env.Send((env.ID()+1)%4, 0, []byte{9})
	}
	env.CancelTimer(2)
}

func TestASamplingObserverSeesTheEventsOfItsNodesAndOfNone(t *testing.T) {
	all, two, none := &some{}, &some{nodes: []protocol.NodeID{1, 3}}, &some{nodes: []protocol.NodeID{}}
	plan := sim.Plan{Nodes: 4, Node: func(protocol.NodeID) protocol.Node { return chatter{} }, Link: sim.Link{Delay: 3}, Until: 1000}
	for _, observers := range [][]sim.Observer{{all}, {two}, {none}, {two, none}} {
		two.seen, none.seen = nil, nil
		s, err := sim.New(plan, nil, observers...)
		if err != nil {
			t.Fatal(err)
		}
		s.Run()
	}
	var want []sim.Event
	for _, e := range all.seen {
		if e.What == sim.Ended || slices.Contains(two.nodes, e.Node) {
			want = append(want, e)
		}
	}
	same := func(a, b sim.Event) bool {
		x, y := string(a.Body), string(b.Body)
		a.Body, b.Body = nil, nil
		return x == y && a.What == b.What && a.At == b.At && a.Node == b.Node && a.Peer == b.Peer && a.Seq == b.Seq && a.Tag == b.Tag && a.Step == b.Step
	}
	if !slices.EqualFunc(two.seen, want, same) || len(want) < 20 || len(want) == len(all.seen) {
		t.Errorf("it sees %d events, want %d of %d", len(two.seen), len(want), len(all.seen))
	}
	if len(none.seen) != 1 || none.seen[0].What != sim.Ended {
		t.Errorf("one without nodes sees %v, want the end alone", none.seen)
	}
}
