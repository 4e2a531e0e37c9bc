package kv

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/seal"
)

// ReadRequest returns what a sealed message from a client asks for, for checks that watch the
// network: a Command without its client. ok is false if it is no request.
func ReadRequest(msg []byte) (c Command, ok bool) {
	m, ok := read(msg)
	return m.cmd, ok && m.typ == typeRequest
}

// ReadReply returns what a sealed message from a replica says. ok is false if it is no reply.
func ReadReply(msg []byte) (r Return, ok bool) {
	m, ok := read(msg)
	return m.res, ok && m.typ == typeReply
}

func read(msg []byte) (m message, ok bool) {
	if msg, ok = seal.Open(msg); !ok {
		return message{}, false
	}
	return decode(msg)
}

// FirstSeq returns the number of a client's first command in an incarnation. The next ones
// follow one by one.
func FirstSeq(incarnation uint32) uint64 { return uint64(incarnation)<<incarnationShift | 1 }

// LongestRest returns how long a client rests at most between two operations.
func LongestRest(delay time.Duration) time.Duration { return restDelays * delay }

// Rests reports whether the timer under tag ends a client's rest.
func Rests(tag uint64) bool { return tag == tagRest }

// Last returns the reply to the last command of a client that was applied; its Seq is 0 if none
// was.
func (n *Node) Last(client protocol.NodeID) Return { return n.sessions[client] }
