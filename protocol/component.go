package protocol

import "fmt"

// A Component is the first byte of a message or record that is not a raw KRPC
// datagram (those begin with 'd'), and the top of a timer's tag: it names the
// machine of the host that is meant. Components run from 0x01 to 0x1f.
type Component byte

// The components of this module's machines. Other nodes may number theirs as they
// like: the numbers meet only within one node.
const (
	Link     Component = 0x01
	Gossip   Component = 0x02
	TwoPC    Component = 0x03
	ABCAST   Component = 0x04
	Peer     Component = 0x05
	Kademlia Component = 0x06 // in tags and records; its messages begin with 'd'
)

// String returns the machine's name as traces show it, or "component-N".
func (c Component) String() string {
	switch c {
	case Link:
		return "link"
	case Gossip:
		return "gossip"
	case TwoPC:
		return "twopc"
	case ABCAST:
		return "abcast"
	case Peer:
		return "peer"
	case Kademlia:
		return "kademlia"
	}
	return fmt.Sprintf("component-%d", byte(c))
}

const tagShift = 48

// Periodic marks, within a tag, a timer that is set again for ever, such as a
// refresh. It, and what follows from it, never keeps a run from ending.
const Periodic uint64 = 1 << 47

// Cut returns what follows the component's byte in a message or record, or nil if it is
// not of the component.
func (c Component) Cut(b []byte) []byte {
	if len(b) == 0 || Component(b[0]) != c {
		return nil
	}
	return b[1:]
}

// Tag returns the timer tag of component c with n in its low bits. n must be less
// than 2^48 and may include Periodic.
func (c Component) Tag(n uint64) uint64 {
	if n>>tagShift != 0 {
		panic(fmt.Sprintf("protocol: tag number %#x of %v reaches into the component's bits", n, c))
	}
	return uint64(c)<<tagShift | n
}

// SplitTag undoes Component.Tag. For tags whose top 16 bits are above 255, which
// Tag does not make, it returns component 0 and the whole tag.
func SplitTag(tag uint64) (Component, uint64) {
	c, n := tag>>tagShift, tag&(1<<tagShift-1)
	if c > 255 {
		return 0, tag
	}
	return Component(c), n
}
