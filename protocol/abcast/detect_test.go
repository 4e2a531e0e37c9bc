package abcast

import (
	"testing"
	"time"

	"dessim/protocol"
)

// A longest answers each question with the last answer.
type longest struct{ protocol.Benign }

func (longest) Choose(_ protocol.Key, n uint64) uint64 { return n - 1 }

func TestTicksDifferByAnAnswer(t *testing.T) {
	g, env := inView(ISIS, 1, 2)
	for want, src := range map[time.Duration]protocol.Source{time.Second: nil, time.Second * 39 / 32: longest{}} {
		env.Enter(1, 1, 0, src)
		g.Timeout(env, tagTick)
		var got []time.Duration
		for _, e := range env.Effects() {
			if e.Op == protocol.OpSetTimer {
				got = append(got, e.After)
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("timers are set for %v, want the next tick after %v", got, want)
		}
	}
}

// A heartbeat that was overtaken says nothing of now.
func TestOldHeartbeatsDoNotUndoNewOnes(t *testing.T) {
	g, env := inView(ISIS, 1, 2)
	beat := func(number uint64, hears byte) {
		g.Receive(env, 0, appendHeartbeat(headed(opHeartbeat, 1), 12, 12, true, 0, sight{number, []byte{hears}, true, 0, false}))
	}
	beat(7, 7)
	beat(6, 1)
	if !g.connected(0) {
		t.Error("node 0 said that it hears node 1, and then an old heartbeat came")
	}
	beat(8, 1)
	if g.connected(0) {
		t.Error("node 0 said that it does not hear node 1 any more")
	}
	g.Receive(env, 0, appendHeartbeat(headed(opHeartbeat, 2), 12, 12, false, 0, sight{1, []byte{7}, true, 0, false}))
	if !g.connected(0) {
		t.Error("a new incarnation counts from the beginning")
	}
}
