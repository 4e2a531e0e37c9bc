package host

import (
	"testing"

	"dessim/protocol"
	"dessim/sim"
)

func TestTextIsReadable(t *testing.T) {
	data := &segment{what: segData, to: newConnID(1, 2), seq: 128, data: []byte("put k1 v7\n")}
	for want, e := range map[string]*sim.Event{
		`at 128, 10 bytes "put k1 v7\n"`: {What: sim.Sent, Node: 1, Peer: 2, Body: data.append(nil, 1, 2)},
		"get k1":                         {What: sim.Received, Node: 1, Peer: protocol.Outside, Body: []byte("get k1")},
		`{"Key":"k1"}`:                   {What: sim.Persisted, Node: 1, Body: []byte(`{"Key":"k1"}`)},
		"":                               {What: sim.Output, Node: 1, Body: []byte{0, 1, 2, 3}},
	} {
		if got := Text(e); got != want {
			t.Errorf("%v %q: %q, want %q", e.What, e.Body, got, want)
		}
	}
	if got := Text(&sim.Event{What: sim.Received, Node: 2, Peer: 1, Body: data.append(nil, 1, 2)}); got != `at 128, 10 bytes "put k1 v7\n"` {
		t.Error(got)
	}
	if got := Text(&sim.Event{What: sim.Received, Node: 2, Peer: 3, Body: data.append(nil, 1, 2)}); got != "" {
		t.Errorf("a segment from another node reads %q", got)
	}
}
