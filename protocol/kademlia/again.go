package kademlia

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/backoff"
)

// The rules for what is tried again.
var (
	// SendAgain is for queries, which are sent Config.Tries times in all, first again
	// after Config.Timeout; to a stale contact or an absent node once.
	SendAgain = backoff.Rule{Kind: protocol.KindOf("dht.resend"), Doublings: 1, Jitter: quarter}
	// StaleAgain is for stale contacts, which lookups that lack better ones ask again,
	// for ever, first after Config.Pause (section 4.1 of the paper locks contacts that
	// do not answer for growing intervals).
	StaleAgain = backoff.Rule{Kind: protocol.KindOf("dht.stale"), Doublings: 6, Jitter: quarter}
	// JoinAgain is for a node that joins: it asks the nodes that it may join through in
	// turn, for ever, first after Config.Pause.
	JoinAgain = backoff.Rule{Kind: protocol.KindOf("dht.rejoin"), Doublings: 6, Jitter: quarter}
	// PutAgain is for a value that nobody stored: it is put again as long as it is
	// published, first after Config.Pause.
	PutAgain = backoff.Rule{Kind: protocol.KindOf("dht.reput"), Doublings: 6, Jitter: quarter}
	// AbsentAgain is for absent nodes, which are asked for ever, first after a 64th of
	// Config.Refresh, and at last every half of it.
	AbsentAgain = backoff.Rule{Kind: protocol.KindOf("dht.absent"), Doublings: 5, Jitter: quarter}
	// SeedAgain is for the nodes joined through, which are asked for ever, while they
	// answer, after three quarters of Config.Refresh each time.
	SeedAgain = backoff.Rule{Kind: protocol.KindOf("dht.seed"), Jitter: quarter}
)

var quarter = protocol.Ratio{Num: 1, Den: 4}

// absentParts is the part of Config.Refresh after which an absent node is asked first.
const absentParts = 64

// Longest returns a bound of the time that a query takes to fail, with all its tries.
func (c *Config) Longest() time.Duration {
	return c.Timeout + time.Duration(c.Tries-1)*SendAgain.Longest(c.Timeout)
}
