package link

import (
	"dessim/protocol/bencode"
	"dessim/protocol/seal"
)

// Frame is what a frame says, for checks that watch the network.
type Frame struct {
	Data     bool   // it carries a message; else it only acknowledges
	From, To uint32 // incarnations of its sender and of its receiver; To is 0 if it is not known
	Ack      uint64 // numbers up to here are settled: received, or never to come
	Sack     uint64 // bit k: Ack+2+k was received too
	Low      uint64 // of data: numbers below will not come any more
	Seq      uint64 // of data: the message's number
	Msg      []byte // of data; it aliases the frame
}

// Watcher reads frames for checks. The zero Watcher is ready.
type Watcher struct{ r bencode.Reader }

// Read returns what a frame says. ok is false if a node would drop it as damaged or
// malformed.
func (w *Watcher) Read(b []byte) (f Frame, ok bool) {
	if b, ok = seal.Open(b); !ok {
		return Frame{}, false
	}
	x, ok := decode(&w.r, b)
	return Frame{x.data, x.src, x.dst, x.ack, x.sack, x.low, x.seq, x.msg}, ok
}
