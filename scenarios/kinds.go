package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/protocol/twopc"
	"dessim/sim/fault"
	"dessim/sim/spell"
)

// sendKinds gives the kinds of messages that nodes send.
func sendKinds() []protocol.Kind {
	return append([]protocol.Kind{
		kademlia.KindPing, kademlia.KindFindNode, kademlia.KindGet, kademlia.KindPut, kademlia.KindAnswer, kademlia.KindError,
		link.KindAck, link.KindResend,
		gossip.KindData, gossip.KindBody, gossip.KindDigest, gossip.KindList, gossip.KindHave, gossip.KindWant,
		twopc.KindPrepare, twopc.KindVote, twopc.KindDecision, twopc.KindAck, twopc.KindAsk, twopc.KindAnswer,
		peer.KindRequest, peer.KindReply, peer.KindHello, peer.KindFetch, peer.KindBody,
	}, orderKinds()...)
}

// orderKinds gives those by which orders are made.
func orderKinds() []protocol.Kind {
	return []protocol.Kind{
		abcast.KindData, abcast.KindPropose, abcast.KindFinal, abcast.KindAck, abcast.KindOrder,
		abcast.KindHeartbeat, abcast.KindViewPrepare, abcast.KindViewPromise, abcast.KindNewView, abcast.KindStable,
		raft.KindPropose, raft.KindAppend, raft.KindAck, raft.KindBeat, raft.KindEcho,
		raft.KindPoll, raft.KindPolled, raft.KindVote, raft.KindVoted, raft.KindSnap,
	}
}

// outputKinds gives the kinds of outputs that nodes put out.
func outputKinds() []protocol.Kind {
	return []protocol.Kind{
		twopc.KindBegun, twopc.KindVoted, twopc.KindDecided, abcast.KindDelivered, abcast.KindViewed, raft.KindTerm,
		peer.KindJoined, peer.KindEntry, peer.KindHanded, peer.KindRefused, peer.KindLooked, peer.KindFound, peer.KindAnswered,
		kademlia.KindJoined, kademlia.KindPublished, kademlia.KindEnded,
	}
}

// Kinds gives the kinds of messages and of outputs that a crash can wait for. Of other
// people's nodes, which have Text, they are not known, and it gives none.
func (s *Scenario) Kinds() (sends, outputs []protocol.Kind) {
	switch {
	case s.Text != nil:
		return nil, nil
	case s.anchors != nil:
		return s.anchors()
	}
	return sendKinds(), outputKinds()
}

// checkAnchor reports an anchor whose kind no node ever sends or puts out: the fault
// would wait for ever. What other people's nodes say is not known.
func (s *Scenario) checkAnchor(f *fault.Fault) error {
	kinds, outputs := s.Kinds()
	if f.On.Op == protocol.OpOutput {
		kinds = outputs
	}
	if f.On.Kind == 0 || kinds == nil {
		return nil
	}
	if slices.Contains(kinds, f.On.Kind) {
		return nil
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.String())
	}
	if near := spell.Near(f.On.Kind.String(), names); near != "" {
		return fmt.Errorf("%v: no node does %v %v; did you mean %s?", f, f.On.Op, f.On.Kind, near)
	}
	return fmt.Errorf("%v: no node does %v %v; want one of %s", f, f.On.Op, f.On.Kind, strings.Join(names, ", "))
}
