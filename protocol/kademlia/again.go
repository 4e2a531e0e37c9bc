package kademlia

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/backoff"
)

// The rules for what is tried again.
var (
	// SendAgain: a query is sent again after Config.Timeout, and Config.Tries times in
	// all; to a stale contact or an absent node once.
	SendAgain = backoff.Rule{Kind: protocol.KindOf("dht.resend"), Doublings: 1, Jitter: quarter}
	// StaleAgain: a stale contact is asked again by lookups that lack better ones, for
	// ever, first after Config.Pause (section 4.1 of the paper locks contacts that do
	// not answer for growing intervals).
	StaleAgain = backoff.Rule{Kind: protocol.KindOf("dht.stale"), Doublings: 6, Jitter: quarter}
	// JoinAgain: a node that joins asks the nodes that it may join through in turn, for
	// ever, first after Config.Pause.
	JoinAgain = backoff.Rule{Kind: protocol.KindOf("dht.rejoin"), Doublings: 6, Jitter: quarter}
	// PutAgain: a value that nobody stored is put again, as long as it is published,
	// first after Config.Pause.
	PutAgain = backoff.Rule{Kind: protocol.KindOf("dht.reput"), Doublings: 6, Jitter: quarter}
	// AbsentAgain: an absent node is asked for ever, first after a 64th of Config.Refresh,
	// and at last every half of it.
	AbsentAgain = backoff.Rule{Kind: protocol.KindOf("dht.absent"), Doublings: 5, Jitter: quarter}
	// SeedAgain: a node joined through that answers is asked for ever, each time after
	// three quarters of Config.Refresh.
	SeedAgain = backoff.Rule{Kind: protocol.KindOf("dht.seed"), Jitter: quarter}
)

var quarter = protocol.Ratio{Num: 1, Den: 4}

// absentParts is the part of Config.Refresh after which an absent node is asked first.
const absentParts = 64

// Longest returns a bound of the time that a query takes to fail, with all its tries.
func (c *Config) Longest() time.Duration {
	return c.Timeout + time.Duration(c.Tries-1)*SendAgain.Longest(c.Timeout)
}
