package peer

import (
	"slices"
	"testing"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
)

// Nobody else may have the body when its hash gets its place: a crash must not take it.
func TestALiarForcesWhatItSaysBeforeItTellsAnybody(t *testing.T) {
	w := newWorld(3, 1)
	w.survive = true
	w.start(t)
	body := []byte("no transaction")
	l := &Liar{w.nodes[1]}
	var env protocol.Env
	env.Enter(1, 1, w.Now+1, nil)
	l.Receive(&env, protocol.Outside, SayInput(body))

	first := slices.IndexFunc(env.Effects(), func(e protocol.Effect) bool { return e.Op == protocol.OpSend })
	if first < 1 || env.Effects()[first-1].Op != protocol.OpSync {
		t.Fatalf("the effects are %v, want a sync before the first message", env.Effects())
	}
	again := w.make(1)
	for _, e := range env.Effects()[:first-1] {
		again.fold(e.Body)
	}
	if got, ok := again.Body(ledger.ID(gossip.Sum(body))); !ok || string(got) != string(body) {
		t.Errorf("after a restart the body is %q, want %q", got, body)
	}
}

func TestALiarWhoSaysABodyTwiceRecordsItOnce(t *testing.T) {
	w := newWorld(3, 1)
	w.survive = true
	w.start(t)
	l := &Liar{w.nodes[1]}
	said := 0
	for range 2 {
		var env protocol.Env
		env.Enter(1, 1, w.Now+1, nil)
		l.Receive(&env, protocol.Outside, SayInput([]byte("no transaction")))
		for _, e := range env.Effects() {
			if f, ok := ReadFact(e.Body); e.Op == protocol.OpPersist && ok && !f.Key() {
				said++
			}
		}
	}
	if said != 1 {
		t.Errorf("the body was recorded %d times, want 1", said)
	}
}
