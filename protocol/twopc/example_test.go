package twopc_test

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/twopc"
)

// Three nodes agree on a transfer. The loop at the end stands for the network.
func Example() {
	var managers []*twopc.Manager
	for range 3 {
		managers = append(managers, twopc.New(twopc.Config{
			Send:        (*protocol.Env).Send,
			VoteTimeout: time.Second,
			AskAfter:    2 * time.Second,
			Remember:    1000,
			Inspect: func(env *protocol.Env, id twopc.ID, payload []byte) (keys [][]byte, endorsement []byte, ok bool) {
				return [][]byte{payload}, fmt.Appendf(nil, "signed by %v", env.ID()), true
			},
			Decided: func(env *protocol.Env, d twopc.Decision) {
				fmt.Printf("node %v: %v commit=%v, %d endorsements\n", env.ID(), d.ID, d.Commit, len(d.Endorsements))
			},
		}))
	}
	var env protocol.Env
	env.Enter(0, 1, 0, nil)
	id := twopc.ID{Client: 9, Transfer: 1, Attempt: 1}
	if err := managers[0].Begin(&env, id, []byte("coin 7"), []protocol.NodeID{0, 1, 2}); err != nil {
		fmt.Println(err)
	}
	type letter struct {
		from, to protocol.NodeID
		body     string
	}
	var mail []letter
	post := func() {
		for _, e := range env.Effects() {
			if e.Op == protocol.OpSend {
				mail = append(mail, letter{env.ID(), e.To, string(e.Body)})
			}
		}
	}
	messages := 0
	for post(); len(mail) > 0; post() {
		l := mail[0]
		mail = mail[1:]
		messages++
		env.Enter(l.to, 1, 0, nil)
		managers[l.to].Receive(&env, l.from, []byte(l.body))
	}
	fmt.Println(messages, "messages")
	// Output:
	// node 0: 9/1.1 commit=true, 3 endorsements
	// node 1: 9/1.1 commit=true, 3 endorsements
	// node 2: 9/1.1 commit=true, 3 endorsements
	// 8 messages
}
