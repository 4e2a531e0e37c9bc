package protocol_test

import (
	"fmt"
	"time"

	"dessim/protocol"
)

var (
	kindEcho  = protocol.KindOf("echo")
	kindSleep = protocol.KindOf("sleep")
)

// echo answers each message, and sleeps when none has come for a second.
type echo struct{}

const tagSleep = 1

func (echo) Start(env *protocol.Env) { env.SetTimer(time.Second, tagSleep) }

func (echo) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	env.Send(from, kindEcho, msg)
	env.SetTimer(time.Second, tagSleep)
}

func (echo) Timeout(env *protocol.Env, _ uint64) { env.Output(kindSleep, []byte("zzz")) }

// A unit test of a node needs no simulator: enter a step, let the node consume an
// event, look at the effects.
func Example() {
	var env protocol.Env
	var node protocol.Node = echo{}

	env.Enter(0, 1, 0, protocol.Benign{})
	env.Mount(nil) // this step is a Start, and the disk is empty
	node.Start(&env)
	show(&env)

	env.Enter(0, 1, protocol.Time(time.Millisecond), protocol.Benign{})
	node.Receive(&env, 7, []byte("hello"))
	show(&env)

	env.Enter(0, 1, protocol.Time(1001*time.Millisecond), protocol.Benign{})
	node.Timeout(&env, tagSleep)
	show(&env)

	// Output:
	// at 0s
	//   set-timer 1 after 1s
	// at 1ms
	//   send echo "hello" to 7
	//   set-timer 1 after 1s
	// at 1.001s
	//   output sleep "zzz"
}

func show(env *protocol.Env) {
	fmt.Println("at", env.Now())
	for _, f := range env.Effects() {
		switch f.Op {
		case protocol.OpSend:
			fmt.Printf("  %v %v %q to %v\n", f.Op, f.Kind, f.Body, f.To)
		case protocol.OpSetTimer:
			fmt.Printf("  %v %d after %v\n", f.Op, f.Tag, f.After)
		case protocol.OpOutput:
			fmt.Printf("  %v %v %q\n", f.Op, f.Kind, f.Body)
		}
	}
}
