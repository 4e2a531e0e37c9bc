package link

import (
	"testing"

	"dessim/protocol"
	"dessim/protocol/seal"
)

// TestANodeMaySendToItself: such a message needs no acknowledgement and no timer, since
// the runtime does not lose it.
func TestANodeMaySendToItself(t *testing.T) {
	var got []string
	cfg := config()
	cfg.FIFO = true
	cfg.Deliver = func(_ *protocol.Env, from protocol.NodeID, msg []byte) {
		got = append(got, from.String()+" "+string(msg))
	}
	var env protocol.Env
	l := New(cfg)
	env.Enter(3, 2, 0, nil)
	l.Send(&env, 3, kindTest, []byte("a"))
	l.Send(&env, 3, kindTest, []byte("b"))
	sent := append([]protocol.Effect(nil), env.Effects()...)
	for _, e := range sent {
		if e.Op != protocol.OpSend || e.To != 3 || e.Kind != kindTest {
			t.Fatalf("sending to itself is %+v, want a send alone", e)
		}
		if msg, ok := Payload(e.Body); !ok || len(msg) != 1 {
			t.Errorf("what is sent to itself carries %q, %v", msg, ok)
		}
	}
	var other protocol.Env
	other.Enter(3, 2, 1, nil)
	for _, e := range sent {
		l.Receive(&other, 3, e.Body)
	}
	if n := len(other.Effects()); n != 0 || len(sent) != 2 {
		t.Errorf("receiving %d messages from itself has %d effects, want 2 and none", len(sent), n)
	}
	if len(got) != 2 || got[0] != "3 a" || got[1] != "3 b" {
		t.Errorf("it delivers %q", got)
	}
	if s, want := l.Stats(), (Stats{Sent: 2, Delivered: 2}); s != want {
		t.Errorf("it counts %+v, want %+v", s, want)
	}

	// The next incarnation takes nothing of the one before.
	other.Enter(3, 3, 2, nil)
	next := New(cfg)
	next.Receive(&other, 3, sent[0].Body)
	next.Receive(&other, 3, seal.Append((&frame{src: 3, dst: 3}).append(nil)))
	if s, want := next.Stats(), (Stats{Stale: 1, Malformed: 1}); s != want || len(got) != 2 {
		t.Errorf("the next incarnation counts %+v, want %+v, and has %q", s, want, got)
	}
}
