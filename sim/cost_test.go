package sim_test

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/phold"
	"dessim/sim/source"
)

// settle steps until what grows with the pending events has grown.
func settle(t *testing.T, plan sim.Plan, steps int) *sim.Sim {
	t.Helper()
	s, err := sim.New(plan, source.Seed(1))
	if err != nil {
		t.Fatal(err)
	}
	for range steps {
		s.Step()
	}
	return s
}

// expectNoAllocations counts over many steps, so that even one allocation in some
// thousands shows; what a growing buffer costs is rarer than that.
func expectNoAllocations(t *testing.T, s *sim.Sim) {
	t.Helper()
	const steps = 5000
	n := testing.AllocsPerRun(10, func() {
		for range steps {
			if !s.Step() {
				t.Fatal("the run is over")
			}
		}
	})
	if n > 0 {
		t.Errorf("%v allocations in %d steps, want 0", n, steps)
	}
}

func TestASteadyRunAllocatesNothing(t *testing.T) {
	for _, load := range []int{1, 16} {
		expectNoAllocations(t, settle(t, phold.Load{Nodes: 500, Messages: load}.Plan(), 200_000))
	}
}

var kindBusy = protocol.KindOf("busy")

// busybody cancels and sets timers, sends long bodies to several, makes outputs,
// and goes on for ever.
type busybody struct{ body [300]byte }

func (b *busybody) Start(env *protocol.Env) { env.SetTimer(time.Second, 1) }

func (b *busybody) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	env.CancelTimer(2)
	env.SetTimer(time.Second, 2)
	env.Output(kindBusy, msg)
}

func (b *busybody) Timeout(env *protocol.Env, tag uint64) {
	b.body[0]++
	env.SetTimer(time.Second, tag)
	for i := range protocol.NodeID(4) {
		env.Send((env.ID()+i)%20, kindBusy, b.body[:])
	}
}

func TestTimersLongBodiesAndBusyLinksAllocateNothing(t *testing.T) {
	plan := phold.Load{Nodes: 20, Messages: 1}.Plan()
	plan.Node = func(protocol.NodeID) protocol.Node { return new(busybody) }
	plan.Link.Loss, plan.Link.Copy, plan.Link.FIFO = protocol.Percent(5), protocol.Percent(5), true
	plan.Links = []sim.LinkRule{{From: 1, To: sim.Any, Link: sim.Link{Delay: time.Second}}}
	expectNoAllocations(t, settle(t, plan, 400_000))
}

// chorus sends to all, who answer: all at one instant.
type chorus struct{ nodes int }

func (c chorus) Start(env *protocol.Env) {
	if env.ID() == 0 {
		env.SetTimer(1, 1)
	}
}

func (c chorus) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if env.ID() != 0 {
		env.Send(0, kindBusy, msg)
	}
}

func (c chorus) Timeout(env *protocol.Env, _ uint64) {
	for i := 1; i < c.nodes; i++ {
		env.Send(protocol.NodeID(i), kindBusy, []byte{1})
	}
	env.SetTimer(2, 1)
}

// BenchmarkSameInstant has that many events at one time, half of them at one
// node; events/s must not fall with their number as the square would.
func BenchmarkSameInstant(b *testing.B) {
	for _, tied := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("tied=%d", tied), func(b *testing.B) {
			s, err := sim.New(sim.Plan{
				Nodes: tied,
				Node:  func(protocol.NodeID) protocol.Node { return chorus{tied} },
				Link:  sim.Link{Delay: 1},
				Until: protocol.MaxTime,
			}, source.Seed(1))
			if err != nil {
				b.Fatal(err)
			}
			for range 6 * tied {
				s.Step()
			}
			b.ResetTimer()
			for range b.N {
				s.Step()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
