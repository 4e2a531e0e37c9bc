package judge

import (
	"math"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/kv"
	"dessim/protocol/seal"
	"dessim/sim"
	"dessim/sim/check"
)

// sealed returns a message of the store's wire: its fields follow the component.
func sealed(fields string) []byte {
	return seal.Append(append([]byte{byte(kv.Component)}, fields...))
}

// violationOf returns what a check says of these events.
func violationOf(c *check.Check, events ...*sim.Event) string {
	for _, e := range events {
		c.Observe(e)
	}
	return c.Result(math.MaxInt64).Detail
}

func TestAClientThatIsOutOfTurnIsReported(t *testing.T) {
	const client = 4 // it begins with replica 1 of 3
	started := &sim.Event{What: sim.Started, At: 1, Node: client, Incarnation: 1}
	input := &sim.Event{What: sim.Received, At: 2, Node: client, Peer: protocol.Outside, Body: kv.AskInput(kv.Command{Op: kv.CAS, Key: 7, New: 5})}
	called := func(at protocol.Time, body string) *sim.Event {
		return &sim.Event{What: sim.Output, At: at, Node: client, Kind: kv.KindCalled, Body: []byte(body)}
	}
	asks := func(at protocol.Time, to protocol.NodeID, fields string) *sim.Event {
		return &sim.Event{What: sim.Sent, At: at, Node: client, Peer: to, Kind: kv.KindRequest, Body: sealed(fields)}
	}
	reply := &sim.Event{What: sim.Received, At: 9, Node: client, Peer: 2, Kind: kv.KindReply, Body: sealed("li1ei4294967297ei0ei6ee")}
	returned := &sim.Event{What: sim.Output, At: 9, Node: client, Kind: kv.KindReturned, Body: []byte("li4294967297ei0ei6ee")}
	rested := &sim.Event{What: sim.Fired, At: 10, Node: client, Tag: kv.Component.Tag(2)}
	swap, request := called(2, "li4ei4294967297ei2ei7ei0ei5ee"), "li0ei4294967297ei2ei7ei0ei5ee"
	for name, c := range map[string]struct {
		events []*sim.Event
		want   string
	}{
		"as it should":           {[]*sim.Event{input, swap, asks(2, 1, request), asks(8, 2, request), reply, returned, rested, input, called(10, "li4ei4294967298ei2ei7ei6ei5ee")}, ""},
		"nothing was asked for":  {[]*sim.Event{swap}, "its next input does not ask for"},
		"another operation":      {[]*sim.Event{input, called(2, "li4ei4294967297ei1ei7ei0ei5ee")}, "its next input does not ask for"},
		"a wrong number":         {[]*sim.Event{input, called(2, "li4ei4294967298ei2ei7ei0ei5ee")}, "want 4294967297 of its own"},
		"while one is open":      {[]*sim.Event{input, swap, input, swap}, "is open"},
		"late":                   {[]*sim.Event{input, called(99, "li4ei4294967297ei2ei7ei0ei5ee")}, "after it could"},
		"not what it saw":        {[]*sim.Event{input, swap, reply, returned, input, rested, called(10, "li4ei4294967298ei2ei7ei0ei5ee")}, "saw 6 last"},
		"at once":                {[]*sim.Event{input, swap, reply, returned, input, called(9, "li4ei4294967298ei2ei7ei6ei5ee")}, "before it has rested"},
		"in its rest":            {[]*sim.Event{input, swap, reply, returned, input, called(10, "li4ei4294967298ei2ei7ei6ei5ee")}, "before it has rested"},
		"the wrong replica":      {[]*sim.Event{input, swap, asks(2, 2, request)}, "want node 1"},
		"the same replica again": {[]*sim.Event{input, swap, asks(2, 1, request), asks(8, 1, request)}, "want node 2"},
		"what is over":           {[]*sim.Event{input, swap, asks(2, 1, request), reply, returned, asks(10, 2, request)}, "not its open operation"},
		"without a reply":        {[]*sim.Event{input, swap, asks(2, 1, request), returned}, "the first reply"},
	} {
		got := violationOf(NewCallers([]protocol.NodeID{0, 1, 2}, 4).InTurn(), append([]*sim.Event{started}, c.events...)...)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestAReplicaThatDoesNotServeIsReported(t *testing.T) {
	const client = 3
	asks := &sim.Event{What: sim.Received, At: 2, Node: 0, Peer: client, Kind: kv.KindRequest, Body: sealed("li0ei1ei1ei7ei0ei5ee")}
	says := func(node protocol.NodeID, fields string) *sim.Event {
		return &sim.Event{What: sim.Sent, At: 3, Node: node, Peer: client, Kind: kv.KindReply, Body: sealed(fields)}
	}
	fired := &sim.Event{What: sim.Fired, At: 4, Node: 0}
	applied := &sim.Event{What: sim.Output, At: 3, Node: 0, Kind: kv.KindApplied, Body: []byte("li0ei9ee")}
	other := *asks
	other.Node = 1
	for name, c := range map[string]struct {
		events []*sim.Event
		want   string
	}{
		"a state that stays":    {[]*sim.Event{asks, says(0, "li1ei1ei1ei0ee")}, "have put out 0 states"},
		"to whom nobody asked":  {[]*sim.Event{says(0, "li1ei1ei1ei0ee")}, "was not asked for last"},
		"of another command":    {[]*sim.Event{asks, says(0, "li1ei2ei1ei0ee")}, "was not asked for last"},
		"asked, and broadcasts": {[]*sim.Event{asks, fired}, "has broadcast 0 commands, and was asked for 1"},
		"two replies":           {[]*sim.Event{asks, applied, says(0, "li1ei1ei1ei0ee"), &other, says(1, "li1ei1ei1ei9ee")}, "another reply was"},
	} {
		replicas := make([]*kv.Node, 3)
		for i := range replicas {
			replicas[i] = kv.New(kv.Config{Members: []protocol.NodeID{0, 1, 2}, Order: abcast.ISIS, Delay: 1})
		}
		if got := violationOf(NewServers(replicas).Served(), c.events...); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
