package udp

import "sync/atomic"

// Stats counts what a Network did. Messages whose datagrams the system lost are in none
// of the counts but those of their sender.
type Stats struct {
	SentMessages      uint64 // handed to the system, copies that Fate made too
	SentDatagrams     uint64
	SentBytes         uint64
	ReceivedDatagrams uint64 // good or bad
	ReceivedBytes     uint64
	Delivered         uint64 // messages

	// Messages that were not sent.
	Unroutable   uint64 // nobody has the NodeID, or a stranger would not understand it
	TooLong      uint64
	Lost         uint64 // by Fate
	Undelayed    uint64 // Fate delays too many already
	SendFailed   uint64 // the system refused a datagram
	SentToClosed uint64 // after Close

	// Datagrams that were not accepted.
	Oversized     uint64
	Unknown       uint64 // no raw datagram, and the source is no member
	Strangers     uint64 // beyond what all strangers together may send
	Excess        uint64 // beyond what one member may send
	Malformed     uint64
	OtherVersion  uint64
	OtherNetwork  uint64
	Corrupt       uint64 // of another checksum
	Contradictory uint64 // a fragment that does not fit those before it
	ReadFailed    uint64 // the system reported an error in place of a datagram

	Incomplete uint64 // messages of which fragments were missing when they were dropped
}

// reason is why something was counted.
type reason uint8

const (
	delivered reason = iota
	sentMessages
	sentDatagrams
	sentBytes
	receivedDatagrams
	receivedBytes
	unroutable
	tooLong
	lost
	undelayed
	sendFailed
	sentToClosed
	oversized
	unknown
	strangers
	excess
	malformed
	otherVersion
	otherNetwork
	corrupt
	contradictory
	readFailed
	incomplete
	reasons
)

type counters [reasons]atomic.Uint64

func (c *counters) count(r reason) { c[r].Add(1) }

func (c *counters) stats() Stats {
	n := func(r reason) uint64 { return c[r].Load() }
	return Stats{
		SentMessages: n(sentMessages), SentDatagrams: n(sentDatagrams), SentBytes: n(sentBytes),
		ReceivedDatagrams: n(receivedDatagrams), ReceivedBytes: n(receivedBytes), Delivered: n(delivered),
		Unroutable: n(unroutable), TooLong: n(tooLong), Lost: n(lost), Undelayed: n(undelayed),
		SendFailed: n(sendFailed), SentToClosed: n(sentToClosed),
		Oversized: n(oversized), Unknown: n(unknown), Strangers: n(strangers), Excess: n(excess),
		Malformed: n(malformed), OtherVersion: n(otherVersion), OtherNetwork: n(otherNetwork),
		Corrupt: n(corrupt), Contradictory: n(contradictory), ReadFailed: n(readFailed), Incomplete: n(incomplete),
	}
}
