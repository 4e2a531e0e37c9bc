package scenarios_test

import (
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/protocol/seal"
	"dessim/protocol/twopc"
	"dessim/sim"
)

// speaker requires that Text finds words for all that nodes did and consumed.
type speaker struct {
	t     *testing.T
	text  func(e *sim.Event) string
	kinds []protocol.Kind // met so far
	whats sim.What
}

const withText = sim.Received | sim.Dropped | sim.Sent | sim.Lost | sim.Copied | sim.Persisted | sim.Output | sim.Fired

func (s *speaker) Watch() sim.What { return withText }

func (s *speaker) Observe(e *sim.Event) {
	s.whats |= e.What
	if !slices.Contains(s.kinds, e.Kind) {
		s.kinds = append(s.kinds, e.Kind)
	}
	text := s.text(e)
	c, _ := protocol.SplitTag(e.Tag)
	switch {
	case e.What == sim.Fired && c == protocol.TwoPC: // numbered: the trace tells component and number
	case text == "":
		s.t.Errorf("step %d: %v %v of %q (timer %#x) has no text", e.Step, e.What, e.Kind, e.Body, e.Tag)
	case len(text) > 100 || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }):
		s.t.Errorf("step %d: %v %v has the text %q, want a short line", e.Step, e.What, e.Kind, text)
	case e.Kind != 0 && strings.HasPrefix(text, e.Kind.String()+" "):
		s.t.Errorf("step %d: the text %q repeats the kind", e.Step, text)
	}
}

func TestEveryMessageRecordOutputAndTimerHasAText(t *testing.T) {
	s := &speaker{t: t}
	for _, flags := range []string{
		"-scenario bootstrap -nodes 12 -loss 10% -copy 10%",
		"-scenario concurrent -nodes 6 -txs 12 -loss 20% -copy 20%",
		"-scenario concurrent -nodes 3 -txs 12 -loss 30% -copy 10% -seed 2", // long exchanges of gossip
		"-scenario concurrent -nodes 3 -txs 2 -order lamport",
		"-scenario concurrent -nodes 3 -txs 2 -order sequencer",
		"-scenario verify -nodes 4 -txs 1 -loss 10%",
		"-scenario doublespend -nodes 4 -txs 1",
		"-scenario churn -nodes 12 -txs 8",
	} {
		run, err := parseSubject(flags)
		if err != nil {
			t.Fatal(err)
		}
		s.text = textOf(run.Params.Nodes)
		run.run(nil, s)
	}
	for _, k := range []protocol.Kind{
		kademlia.KindPing, kademlia.KindFindNode, kademlia.KindGet, kademlia.KindPut, kademlia.KindAnswer,
		link.KindAck, link.KindResend,
		gossip.KindData, gossip.KindBody, gossip.KindDigest, gossip.KindList, gossip.KindWant, gossip.KindHave,
		twopc.KindPrepare, twopc.KindVote, twopc.KindDecision, twopc.KindAck, twopc.KindBegun, twopc.KindVoted, twopc.KindDecided,
		abcast.KindData, abcast.KindPropose, abcast.KindFinal, abcast.KindAck, abcast.KindOrder,
		peer.KindRequest, peer.KindReply, peer.KindHello, peer.KindFetch, peer.KindBody,
		peer.KindJoined, peer.KindLooked, peer.KindFound, peer.KindEntry, peer.KindRefused, peer.KindAnswered,
		kademlia.KindJoined, kademlia.KindPublished, kademlia.KindEnded,
	} {
		if !slices.Contains(s.kinds, k) {
			t.Errorf("no run shows a %v", k)
		}
	}
	if want := withText &^ sim.Dropped; s.whats&want != want { // no node is ever down
		t.Errorf("the runs show only %b of %b", s.whats, want)
	}
}

func TestTextTellsTheMessageThatALinkCarries(t *testing.T) {
	text := textOf(3)
	for _, c := range []struct {
		what sim.What
		node protocol.NodeID
		kind protocol.Kind
		tag  uint64
		body string
		want string
	}{
		{sim.Sent, 0, twopc.KindVote, 0, sealed("\x01li0ei1ei1ei0ei0ei5ei7e18:\x03li1ei3ei0ei1ei0eee"), "3/0.1 no"},
		{sim.Sent, 0, link.KindResend, 0, sealed("\x01li0ei1ei1ei0ei0ei5ei7e18:\x03li1ei3ei0ei1ei0eee"), "message 7: vote 3/0.1 no"},
		{sim.Sent, 0, link.KindResend, 0, sealed("\x01li0ei1ei1ei0ei0ei5ei7e5:helloe"), ""},
		{sim.Sent, 0, link.KindAck, 0, sealed("\x01li1ei1ei1ei7ei0ee"), "up to 7"},
		{sim.Sent, 0, gossip.KindBody, 0, sealed("\x02li0e1:ae"), "ca978112 1 byte"},
		{sim.Received, 0, 0, 0, sealed("\x02li0e1:ae"), "gossip.data ca978112 1 byte"},
		{sim.Received, 0, 0, 0, "", ""},
		{sim.Received, 0, 0, 0, "nonsense", ""},
		{sim.Persisted, 0, 0, 0, sealed("\x03li3ei3ei0ei1ee"), "abort 3/0.1"},
		{sim.Fired, 2, 0, protocol.Peer.Tag(0), "", "peer settle"},
		{sim.Fired, 3, 0, protocol.Peer.Tag(0), "", "peer retry transfer 0"},
		{sim.Fired, 2, 0, protocol.TwoPC.Tag(0), "", ""},
	} {
		e := &sim.Event{What: c.what, Node: c.node, Kind: c.kind, Tag: c.tag, Body: []byte(c.body)}
		if got := text(e); got != c.want {
			t.Errorf("%v %v %q has the text %q, want %q", c.what, c.kind, c.body, got, c.want)
		}
	}
}

// sealed returns what stands on the wire, or on disk.
func sealed(s string) string { return string(seal.Append([]byte(s))) }

func FuzzText(f *testing.F) {
	f.Add([]byte(sealed("\x01li0ei1ei1ei0ei0ei5ei7e18:\x03li1ei3ei0ei1ei0eee")))
	f.Add([]byte("d1:eli201e6:\xff\n\x00ree1:t2:\n\n1:y1:ee"))
	f.Fuzz(func(t *testing.T, b []byte) {
		text := textOf(1)
		for _, what := range []sim.What{sim.Received, sim.Persisted, sim.Output} {
			for _, kind := range []protocol.Kind{0, link.KindResend, twopc.KindVoted, peer.KindLooked} {
				if s := text(&sim.Event{What: what, Kind: kind, Body: b}); len(s) > 120 || strings.Contains(s, "\n") {
					t.Fatalf("%v %v %q has the text %q", what, kind, b, s)
				}
			}
		}
	})
}
