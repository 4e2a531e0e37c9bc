// Package udp carries the messages of a live node over one UDP socket: a Network is what
// package live asks for, and a Book the protocol.Book of a live run.
//
// # Datagrams
//
// A message between members travels in frames, each a datagram of at most 1232 bytes,
// which every IPv6 link carries whole (RFC 8200). A frame has a header of 32 bytes, whose
// numbers are big-endian, and up to 1200 bytes of the message:
//
//	 0  magic        3   de 55 1a; no bencoded message begins so
//	 3  version      1   1
//	 4  network      8   the same at all members, and different for each network
//	12  incarnation  4   of the sender, from 1
//	16  seq          8   of the message, from 1
//	24  index        2   of this fragment, below count
//	26  count        2   fragments of the message, from 1
//	28  checksum     4   CRC-32C of all that precedes and follows it
//
// All fragments but the last have 1200 bytes; the last has at least one, unless the
// message is empty. So a message has one encoding, and fragments cannot overlap. A frame
// in any other form is dropped and counted, as is one of another version or network.
//
// A message that begins with 'd' to a node that is no member goes out as it is, in one
// datagram: so speaks BitTorrent's DHT. Such a datagram is accepted from anyone, with
// incarnation and seq 0. Nothing else is sent to strangers, or accepted from them.
//
// # What is trusted
//
// The source address tells who sent a datagram; no field of it does. Whoever can send
// from a member's address is that member: the contract has no forged senders, and relies
// on its network (obligation 18 of a runtime). The checksum finds accidents, not malice.
//
// Old datagrams that are sent again are accepted again. The contract permits copies,
// however late, so machines must bear them; and to drop them here would hide the copies
// that Config.Fate makes.
//
// # Bounds
//
// Each member has a token bucket of datagrams and of bytes, and all strangers together
// have one. What exceeds it is dropped before it costs memory. Each member has its own
// memory for messages that have arrived in part, so no other can take it; the oldest
// message gives way, and one that is incomplete after two seconds is dropped. Strangers
// have none. A longer message than Limits.Message is lost at its sender. Stats counts
// every drop by its reason.
//
// The system's receive buffer is shared by all senders: a flood that outruns the
// reading goroutine makes the system drop honest datagrams too, which nobody counts.
// TestAFloodOfRubbishLeavesMembersServed measures how many.
package udp
