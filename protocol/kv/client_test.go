package kv

import (
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/seal"
)

func TestARequestIsSentInRoundsWithPausesThatGrowUntilTheReply(t *testing.T) {
	const delay = 10 * time.Millisecond
	members := []protocol.NodeID{0, 1, 2}
	c := NewClient(Config{Members: members, Delay: delay})
	var env protocol.Env
	var to []protocol.NodeID
	step := func(do func()) (pause time.Duration) {
		env.Enter(7, 1, 0, nil)
		do()
		for _, e := range env.Effects() {
			switch {
			case e.Op == protocol.OpSetTimer && e.Tag == tagRetry:
				pause = e.After
			case e.Op == protocol.OpSend:
				to = append(to, e.To)
			}
		}
		return pause
	}
	step(func() { c.Start(&env) })
	for op := range 2 {
		to = nil
		got := []time.Duration{step(func() {
			c.waiting = append(c.waiting, Command{Op: Put, Key: 1, New: 2})
			c.begin(&env)
		})}
		var want []time.Duration
		for _, doublings := range []int{0, 1, 2, 2, 2} {
			want = append(want, slices.Repeat([]time.Duration{PatienceDelays * delay << doublings}, len(members))...)
		}
		for len(got) < len(want) {
			got = append(got, step(func() { c.Timeout(&env, tagRetry) }))
		}
		if !slices.Equal(got, want) {
			t.Errorf("operation %d is asked for after %v, want %v", op, got, want)
		}
		for i := range to {
			if want := members[(int(to[0])+i)%len(members)]; to[i] != want {
				t.Fatalf("operation %d is asked for at %v, want each replica in turn", op, to)
			}
		}
		reply := seal.Append(message{typ: typeReply, res: Return{Seq: c.now.Seq, OK: true, Value: 2}}.append(nil))
		if p := step(func() { c.Receive(&env, 0, reply) }); p != 0 || c.open {
			t.Errorf("after its reply operation %d is asked for after %v", op, p)
		}
		step(func() { c.Timeout(&env, tagRest) })
	}
}
