// Package seal guards frames on the wire against accidents: it appends a
// checksum of a frame's bytes and checks it on arrival, so that a frame damaged by
// the network differs from one that its sender made wrongly.
//
// It promises that a damaged frame passes once in about 2^64 times. It does not
// guard against liars: anyone can seal anything, and the hash under it
// (protocol.HashBytes) can be made to collide. Against liars, sign. The checksums of
// Ethernet and UDP do the same work below, but a few damaged datagrams in a billion
// pass the 16 bits of UDP's (Stone and Partridge, "When the CRC and TCP Checksum
// Disagree", 2000), and a vote must not be one of them.
package seal

import (
	"encoding/binary"

	"dessim/protocol"
)

// Size is the length of a checksum.
const Size = 8

// Append appends a checksum of all of b to b.
func Append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(b, protocol.HashBytes(b))
}

// Open returns b without its checksum, aliasing b. ok is false if b is not as Append
// left it.
func Open(b []byte) (msg []byte, ok bool) {
	n := len(b) - Size
	if n < 0 || binary.BigEndian.Uint64(b[n:]) != protocol.HashBytes(b[:n]) {
		return nil, false
	}
	return b[:n:n], true
}
