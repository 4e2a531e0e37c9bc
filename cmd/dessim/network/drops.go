package network

import "dessim/protocol/peer"

// drop counts what was dropped for a reason.
type drop struct {
	reason string
	count  uint64
}

// drops returns what an incarnation has dropped: the socket, the Host and the node.
func (n *node) drops(p *peer.Node, l *life) []drop {
	u, h, s := n.socket.stats(), l.node.Stats(), p.Stats()
	return []drop{
		{"unroutable", u.Unroutable}, {"too_long", u.TooLong}, {"send_failed", u.SendFailed},
		{"oversized", u.Oversized}, {"unknown_sender", u.Unknown}, {"strangers", u.Strangers}, {"excess", u.Excess},
		{"malformed_frame", u.Malformed}, {"other_version", u.OtherVersion}, {"other_network", u.OtherNetwork},
		{"corrupt_frame", u.Corrupt}, {"contradictory", u.Contradictory}, {"read_failed", u.ReadFailed}, {"incomplete", u.Incomplete},
		{"overrun", h.Overrun}, {"unwanted", h.Unwanted},
		{"malformed", s.Malformed}, {"corrupt", s.Corrupt}, {"forged", s.Forged}, {"overflowed", s.Overflowed},
	}
}
