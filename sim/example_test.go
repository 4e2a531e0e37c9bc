package sim_test

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

var kindBall = protocol.KindOf("ball")

// player returns the ball to its sender, until it was hit ten times.
type player struct{}

func (player) Start(env *protocol.Env) {
	if env.ID() == 0 {
		env.Send(1, kindBall, []byte{1})
	}
}

func (player) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if hits := msg[0]; hits < 10 {
		env.Send(from, kindBall, []byte{hits + 1})
	}
}

func (player) Timeout(*protocol.Env, uint64) {}

// Two nodes play ping-pong over a link of 1 to 10 ms.
func Example() {
	s, err := sim.New(sim.Plan{
		Nodes: 2,
		Node:  func(protocol.NodeID) protocol.Node { return player{} },
		Link:  sim.Link{Delay: time.Millisecond, Jitter: 9 * time.Millisecond},
		Until: protocol.Time(time.Second),
	}, source.Seed(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	r := s.Run()
	fmt.Println(r.Received, "balls received, at the end", r.Reason)
	// Output: 10 balls received, at the end nothing left to happen
}

var (
	kindCount = protocol.KindOf("count")
	tagNext   = uint64(1)
)

// counter counts seconds on its disk, and forces only every second count.
type counter struct{ n byte }

func (c *counter) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		c.n = rec[0]
	}
	env.Output(kindCount, []byte{c.n})
	env.SetTimer(time.Second, tagNext)
}

func (c *counter) Receive(*protocol.Env, protocol.NodeID, []byte) {}

func (c *counter) Timeout(env *protocol.Env, _ uint64) {
	c.n++
	env.Persist([]byte{c.n})
	if c.n%2 == 0 {
		env.Sync()
	}
	env.Output(kindCount, []byte{c.n})
	env.SetTimer(time.Second, tagNext)
}

// A node counts, crashes, and comes back with what it had synced. The trace is
// an observer.
func Example_crash() {
	trace := new(sim.Trace)
	s, err := sim.New(sim.Plan{
		Nodes:  1,
		Node:   func(protocol.NodeID) protocol.Node { return new(counter) },
		Link:   sim.Link{Delay: time.Millisecond},
		Faults: []fault.Fault{{ID: 1, Op: fault.Crash, At: protocol.Time(3500 * time.Millisecond), For: time.Second}},
		Until:  protocol.Time(6 * time.Second),
	}, source.Seed(1), trace)
	if err != nil {
		fmt.Println(err)
		return
	}
	s.Run()
	fmt.Print(trace)
	// Output:
	// #     time, ms   step  event      node      seq  what
	//       0.000000      1  started   0                 incarnation 1
	//       0.000000      1  output    0                 count 1 bytes f84bd907
	//    1000.000000      2  fired     0              1  timer 1
	//    1000.000000      2  persisted 0                 record 0: 1 bytes 25c5c634
	//    1000.000000      2  output    0                 count 1 bytes 25c5c634
	//    2000.000000      3  fired     0              2  timer 1
	//    2000.000000      3  persisted 0                 record 1: 1 bytes 2817d96b
	//    2000.000000      3  synced    0                 records below 2
	//    2000.000000      3  output    0                 count 1 bytes 2817d96b
	//    3000.000000      4  fired     0              3  timer 1
	//    3000.000000      4  persisted 0                 record 2: 1 bytes 274c2a36
	//    3000.000000      4  output    0                 count 1 bytes 274c2a36
	//    3500.000000      5  injected  0                 crash 0 at 3.5s for 1s
	//    3500.000000      5  crashed   0                 between steps
	//    4500.000000      6  started   0                 incarnation 2
	//    4500.000000      6  output    0                 count 1 bytes 2817d96b
	//    5500.000000      7  fired     0              5  timer 1
	//    5500.000000      7  persisted 0                 record 2: 1 bytes 274c2a36
	//    5500.000000      7  output    0                 count 1 bytes 274c2a36
	//    6000.000000      7  ended                        end of time
}
