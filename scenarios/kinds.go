package scenarios

import (
	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/protocol/twopc"
)

// sendKinds returns the kinds of messages that nodes send.
func sendKinds() []protocol.Kind {
	return append([]protocol.Kind{
		kademlia.KindPing, kademlia.KindFindNode, kademlia.KindGet, kademlia.KindPut, kademlia.KindAnswer, kademlia.KindError,
		link.KindAck, link.KindResend,
		gossip.KindData, gossip.KindBody, gossip.KindDigest, gossip.KindList, gossip.KindHave, gossip.KindWant,
		twopc.KindPrepare, twopc.KindVote, twopc.KindDecision, twopc.KindAck, twopc.KindAsk, twopc.KindAnswer,
		peer.KindRequest, peer.KindReply, peer.KindHello, peer.KindFetch, peer.KindBody,
	}, orderKinds()...)
}

// orderKinds returns the kinds of messages of the orders.
func orderKinds() []protocol.Kind {
	return []protocol.Kind{
		abcast.KindData, abcast.KindPropose, abcast.KindFinal, abcast.KindAck, abcast.KindOrder,
		abcast.KindHeartbeat, abcast.KindViewPrepare, abcast.KindViewPromise, abcast.KindNewView, abcast.KindStable,
		raft.KindPropose, raft.KindAppend, raft.KindAck, raft.KindBeat, raft.KindEcho,
		raft.KindPoll, raft.KindPolled, raft.KindVote, raft.KindVoted, raft.KindSnap,
	}
}

// outputKinds returns the kinds of outputs.
func outputKinds() []protocol.Kind {
	return []protocol.Kind{
		twopc.KindBegun, twopc.KindVoted, twopc.KindDecided, abcast.KindDelivered, abcast.KindViewed, raft.KindTerm,
		peer.KindJoined, peer.KindEntry, peer.KindHanded, peer.KindRefused, peer.KindLooked, peer.KindFound, peer.KindAnswered, peer.KindStored, peer.KindValue,
		kademlia.KindJoined, kademlia.KindPublished, kademlia.KindEnded, kademlia.KindLooked,
	}
}
