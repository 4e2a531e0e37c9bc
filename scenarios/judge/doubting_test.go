package judge

import (
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/twopc"
	"dessim/sim"
)

// Node 2 coordinates and crashes. Node 0 has said yes; node 1 has said nothing, is in doubt too, or
// has decided, and the coordinator may come back for an instant.
func TestADoubtEndsByAnotherNodeThatIsInNone(t *testing.T) {
	const delay = time.Millisecond
	id := twopc.ID{Client: 5, Transfer: 8, Attempt: 3}
	said := map[protocol.Kind][]byte{twopc.KindVoted: []byte("li5ei8ei3ei2ei1elee"), twopc.KindDecided: []byte("li5ei8ei3ei2ei1ee")} // yes
	for _, c := range []struct {
		what    string
		other   protocol.Kind // that node 1 says at first, or 0
		returns bool          // the coordinator comes back and crashes
		again   bool          // node 0 restarts after that, and says again that it is in doubt
		wrong   bool
	}{
		{what: "nothing", wrong: true},
		{what: "a yes", other: twopc.KindVoted},
		{what: "a decision", other: twopc.KindDecided, wrong: true},
		{what: "nothing, and the coordinator returns", returns: true},
		{what: "a yes, and the coordinator returns, and node 0", other: twopc.KindVoted, returns: true, again: true},
		{what: "a decision, and the coordinator returns, and node 0", other: twopc.KindDecided, returns: true, again: true, wrong: true},
	} {
		p := NewProgress(&sim.Plan{Nodes: 3}, 3, false, delay, func(protocol.NodeID) uint64 { return 0 })
		p.Doubts(&Commits{txs: map[twopc.ID]*commit{id: {id: id, coordinator: 2, participants: []protocol.NodeID{0, 1, 2}}}}, delay,
			func(protocol.NodeID) bool { return false }, func(protocol.NodeID, twopc.ID) bool { return false })
		for node := range protocol.NodeID(3) {
			p.Observe(&sim.Event{What: sim.Started, Node: node, Incarnation: 1})
		}
		now := at(1000)
		p.Observe(&sim.Event{What: sim.Crashed, Node: 2, At: now})
		p.Observe(&sim.Event{What: sim.Output, Kind: twopc.KindVoted, Node: 0, At: now, Body: said[twopc.KindVoted]})
		if c.other != 0 {
			p.Observe(&sim.Event{What: sim.Output, Kind: c.other, Node: 1, At: now, Body: said[c.other]})
		}
		if now = at(1100); c.returns {
			p.Observe(&sim.Event{What: sim.Started, Node: 2, Incarnation: 2, At: now})
			p.Observe(&sim.Event{What: sim.Crashed, Node: 2, At: now})
		}
		if now = at(1200); c.again {
			p.Observe(&sim.Event{What: sim.Crashed, Node: 0, At: now})
			p.Observe(&sim.Event{What: sim.Started, Node: 0, Incarnation: 2, At: now})
			p.Observe(&sim.Event{What: sim.Output, Kind: twopc.KindVoted, Node: 0, At: now, Body: said[twopc.KindVoted]})
		}
		p.Observe(&sim.Event{What: sim.Ended, At: at(3000)})
		if err := p.doubting.wrong; (err != nil) != c.wrong || err != nil && !strings.Contains(err.Error(), "connected with node 1") {
			t.Errorf("node 1 says %s: judged %v, want wrong: %v", c.what, err, c.wrong)
		}
	}
}
