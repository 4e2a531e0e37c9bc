package kademlia

import (
	"time"

	"dessim/protocol"
	"dessim/protocol/backoff"
)

// The rules for what is tried again. After each the first pause, and what bounds the
// tries.
var (
	// SendAgain: a query is sent again after Config.Timeout, and Config.Tries times in
	// all; to a stale contact or an absent node once.
	SendAgain = backoff.Rule{Kind: protocol.KindOf("dht.resend"), Doublings: 1}
	// StaleAgain: a stale contact is asked again by lookups that lack better ones, for
	// ever, first after Config.Pause (section 4.1 of the paper locks contacts that do
	// not answer for growing intervals).
	StaleAgain = backoff.Rule{Kind: protocol.KindOf("dht.stale"), Doublings: 6}
	// JoinAgain: a node that joins asks the nodes that it may join through in turn, for
	// ever, first after Config.Pause.
	JoinAgain = backoff.Rule{Kind: protocol.KindOf("dht.rejoin"), Doublings: 6}
	// PublishAgain: a value that nobody stored is put again, as long as it is published,
	// first after Config.Pause.
	PublishAgain = backoff.Rule{Kind: protocol.KindOf("dht.reput"), Doublings: 6}
	// AbsentAgain: an absent node is asked for ever, first after a 64th of Config.Refresh,
	// and at last every half of it.
	AbsentAgain = backoff.Rule{Kind: protocol.KindOf("dht.absent"), Doublings: 5}
	// SeedAgain: a node joined through that answers is asked for ever, each time after
	// three quarters of Config.Refresh.
	SeedAgain = backoff.Rule{Kind: protocol.KindOf("dht.seed")}
)

// absentParts is the part of Config.Refresh after which an absent node is asked first.
const absentParts = 64

// Longest returns the longest time that a query takes to fail, with all its tries.
func (c *Config) Longest() time.Duration {
	sum := c.Timeout // the first pause has no jitter
	for tries := range c.Tries - 1 {
		sum += backoff.Rule{Doublings: uint8(min(tries, int(SendAgain.Doublings)))}.Longest(c.Timeout)
	}
	return sum
}
