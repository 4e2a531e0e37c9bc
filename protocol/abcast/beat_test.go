package abcast

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dessim/protocol"
)

// beats returns whom the last step sent heartbeats, and "?" after those that are to answer.
func beats(env *protocol.Env) (to []string) {
	var in datagramReader
	for _, e := range env.Effects() {
		if e.Op == protocol.OpSend && e.Kind == KindHeartbeat {
			d, _ := in.decode(e.Body)
			mark := ""
			if d.asks {
				mark = "?"
			}
			to = append(to, fmt.Sprint(e.To, mark))
		}
	}
	return to
}

// fires lets a tick pass, and returns its heartbeats.
func (g *membership) fires(env *protocol.Env) []string {
	env.Enter(1, 1, 0, nil)
	g.Timeout(env, tagTick)
	return beats(env)
}

// hears0 takes a heartbeat that says nothing new.
func (g *membership) hears0(env *protocol.Env, id protocol.NodeID, asks bool) []string {
	env.Enter(1, 1, 0, nil)
	g.Receive(env, id, appendHeartbeat(headed(opHeartbeat, 1), 12, 12, true, 0, sight{g.beats, []byte{7}, true, 0, asks}))
	return beats(env)
}

func expectBeats(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("heartbeats of %s (-want +got):\n%s", what, d)
	}
}

func TestHeartbeatsSayWhatIsNewAndElseComeAtEachThirdTick(t *testing.T) {
	g, env := inView(ISIS, 1, 2)
	quiet := func() {
		g.hears0(env, 0, false)
		g.hears0(env, 2, false)
	}
	quiet()
	expectBeats(t, "the first tick, in the view", g.fires(env), "0", "2")
	for i := range 2 {
		expectBeats(t, "a tick without news", g.fires(env))
		quiet()
		if i == 0 {
			continue
		}
		expectBeats(t, "the third tick", g.fires(env), "0", "2")
	}
	g.Receive(env, 0, framed(1, 12, g.chans[0].next, appendStable(nil, 1)))
	expectBeats(t, "the tick after a frame", g.fires(env), "0")
	g.Receive(env, 0, framed(1, 12, g.chans[0].next-1, appendStable(nil, 1)))
	expectBeats(t, "the tick after a frame that came before", g.fires(env), "0")
	quiet()
	expectBeats(t, "the next third tick of one", g.fires(env), "2")
	g.Receive(env, 0, appendPrepare(headed(opPrepare, 1), 9, 0))
	expectBeats(t, "the tick after a question for an old view", g.fires(env), "0")
}

func TestSilenceIsAskedAboutAndThenSuspected(t *testing.T) {
	g, env := inView(ISIS, 1, 2)
	g.hears0(env, 0, false)
	var got []string
	for tick := range suspectAfter + beatEvery {
		g.hears0(env, 2, false)
		for _, to := range g.fires(env) {
			if to[0] == '0' {
				got = append(got, fmt.Sprint(tick+1, " ", to))
			}
		}
		if silent := tick+1 >= suspectAfter; g.alive(0) == silent {
			t.Errorf("after %d ticks of silence node 0 is alive: %v", tick+1, !silent)
		}
	}
	want := []string{"1 0", "4 0?", "5 0?", "6 0?", "9 0?"} // at the sixth, that it is not heard any more
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("heartbeats to a silent node (-want +got):\n%s", d)
	}
	expectBeats(t, "what is no question", g.hears0(env, 0, false))
	expectBeats(t, "a question", g.hears0(env, 0, true), "0")
	before := g.beats
	if g.hears0(env, 0, true); g.beats != before+1 {
		t.Errorf("an answer has number %d, want %d", g.beats, before+1)
	}
}
