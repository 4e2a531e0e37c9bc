package link_test

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/link"
)

// The network loses the first frame; the link sends it again when its timer
// fires. A host node does the same with the messages and timers of protocol.Link.
func Example() {
	hello := protocol.KindOf("hello")
	newLink := func() *link.Link {
		return link.New(link.Config{
			Retry:  100 * time.Millisecond,
			Window: 32,
			Deliver: func(env *protocol.Env, from protocol.NodeID, msg []byte) {
				fmt.Printf("node %d delivers %q from %d\n", env.ID(), msg, from)
			},
		})
	}
	show := func(env *protocol.Env) {
		for _, e := range env.Effects() {
			if e.Op == protocol.OpSend {
				fmt.Printf("node %d: send %v\n", env.ID(), e.Kind)
			} else {
				fmt.Printf("node %d: %v\n", env.ID(), e.Op)
			}
		}
	}
	var env0, env1 protocol.Env
	link0, link1 := newLink(), newLink()

	env0.Enter(0, 1, 0, nil)
	link0.Send(&env0, 1, hello, []byte("hello"))
	show(&env0) // and the network loses it

	env0.Enter(0, 1, protocol.Time(100*time.Millisecond), nil)
	link0.Timeout(&env0, protocol.Link.Tag(1))
	show(&env0)

	env1.Enter(1, 1, 0, nil)
	link1.Receive(&env1, 0, env0.Effects()[0].Body)
	show(&env1)

	env0.Enter(0, 1, protocol.Time(150*time.Millisecond), nil)
	link0.Receive(&env0, 1, env1.Effects()[0].Body)
	show(&env0)
	// Output:
	// node 0: send hello
	// node 0: set-timer
	// node 0: send link.resend
	// node 0: set-timer
	// node 1 delivers "hello" from 0
	// node 1: send link.ack
	// node 0: cancel-timer
}
