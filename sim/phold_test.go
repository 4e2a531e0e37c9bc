package sim_test

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/source"
)

var kindJob = protocol.KindOf("job")

var kindTarget = protocol.KindOf("target")

// phold is the classic benchmark of simulators (Fujimoto 1990): a message is
// passed on to a random node after 0.1 s and an exponential time of mean 1 s.
type phold struct {
	nodes, load    int
	received, hash uint64
}

func (p *phold) Start(env *protocol.Env) {
	for i := range p.load {
		p.pass(env, uint64(i))
	}
}

func (p *phold) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	arg := binary.LittleEndian.Uint64(msg)
	p.received++
	p.hash = p.hash*31 + arg + uint64(env.Now())
	p.pass(env, arg+1)
}

func (p *phold) Timeout(*protocol.Env, uint64) {}

func (p *phold) pass(env *protocol.Env, arg uint64) {
	var msg [16]byte
	binary.LittleEndian.PutUint64(msg[:], arg)
	binary.LittleEndian.PutUint64(msg[8:], p.hash)
	env.Send(protocol.NodeID(env.Choose(kindTarget, uint64(p.nodes))), kindJob, msg[:])
}

func pholdPlan(nodes, load int) sim.Plan {
	machines := make([]phold, nodes)
	return sim.Plan{
		Nodes: nodes,
		Node: func(id protocol.NodeID) protocol.Node {
			machines[id] = phold{nodes: nodes, load: load}
			return &machines[id]
		},
		Link:  sim.Link{Delay: 100 * time.Millisecond, Jitter: time.Second, Shape: sim.Exponential},
		Until: protocol.MaxTime,
	}
}

// cpuTime gives the CPU time of this process, which the load of the machine
// disturbs less than the wall clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPHOLD counts events per second of CPU time with nodes x messages pending, through
// the public Node, Env and Source, digest on.
func BenchmarkPHOLD(b *testing.B) {
	for _, nodes := range []int{100, 1000, 10_000, 100_000} {
		for _, load := range []int{1, 16} {
			b.Run(fmt.Sprintf("nodes=%d/messages=%d", nodes, load), func(b *testing.B) {
				s, err := sim.New(pholdPlan(nodes, load), source.Seed(1))
				if err != nil {
					b.Fatal(err)
				}
				for range max(nodes*load, 200_000) + nodes {
					s.Step()
				}
				b.ReportAllocs()
				b.ResetTimer()
				began := cpuTime()
				for range b.N {
					s.Step()
				}
				b.ReportMetric(float64(b.N)/(cpuTime()-began).Seconds(), "events/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
