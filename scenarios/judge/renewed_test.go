package judge

import (
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/check"
)

func TestAValueThatIsAcknowledgedMustBePutAgainWithinTheHour(t *testing.T) {
	value := "i7e"
	id := kademlia.Key([]byte(value))
	put := "d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa5:token1:x1:vi7ee1:q3:put1:t1:t1:y1:qe"
	left := "d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa5:sparei1e5:token1:x1:vi7ee1:q3:put1:t1:t1:y1:qe"
	get := "d1:ad2:id20:bbbbbbbbbbbbbbbbbbbb6:target20:" + string(id[:]) + "e1:q3:get1:t1:t1:y1:qe"
	for _, c := range []struct {
		name, put string
		kind      protocol.Kind // of the answer
		again     bool
		wrong     bool
	}{
		{"it is never put again", put, kademlia.KindAnswer, false, true},
		{"it is put again", put, kademlia.KindAnswer, true, false},
		{"it is refused", put, kademlia.KindError, false, false},
		{"it is left on the path of a lookup", left, kademlia.KindAnswer, false, false},
	} {
		d := &DHT{IDs: make([]kademlia.ID, 2), Until: protocol.Time(3 * time.Hour)}
		k := NewChurn(d).renewed()
		step := uint64(0)
		show := func(what sim.What, at time.Duration, kind protocol.Kind, body string) {
			k.Observe(&sim.Event{What: what, Step: step, At: protocol.Time(at), Node: 1, Incarnation: 1, Kind: kind, Body: []byte(body)})
		}
		show(sim.Started, 0, 0, "")
		step++
		show(sim.Received, time.Minute, kademlia.KindPut, c.put)
		show(sim.Sent, time.Minute, c.kind, "")
		step++
		if c.again {
			show(sim.Sent, 50*time.Minute, kademlia.KindGet, get)
		}
		step++
		show(sim.Sent, 100*time.Minute, kademlia.KindPing, "")
		if got := k.Result(d.Until).Verdict == check.Violation; got != c.wrong {
			t.Errorf("%s: judged wrong %v, want %v", c.name, got, c.wrong)
		}
	}
}
