package udp

import (
	"fmt"
	"math"
	"time"
)

// Limits bound what a Network takes from others.
type Limits struct {
	Message    int  // bytes of the longest message
	Reassembly int  // bytes of messages that have arrived in part; each member has an equal share
	Member     Rate // what each member may send
	Strangers  Rate // what all strangers together may send
}

// Rate is what may arrive in a second, and at most at once. What is beyond either is
// dropped.
type Rate struct{ Datagrams, Bytes int }

const (
	maxFragments  = 1<<16 - 1 // a frame can count no more
	maxRate       = math.MaxInt32
	reassembleFor = 2 * time.Second
)

// DefaultLimits returns limits for a network of so many members: messages of up to
// 1 MiB, four of them in part from each member, 100,000 datagrams a second from each,
// and 1,000 from all strangers.
func DefaultLimits(members int) Limits {
	return Limits{
		Message:    1 << 20,
		Reassembly: 4 << 20 * members,
		Member:     Rate{Datagrams: 100_000, Bytes: 128 << 20},
		Strangers:  Rate{Datagrams: 1_000, Bytes: 1 << 20},
	}
}

func (l Limits) check(members int) error {
	within := func(what string, n, low, high int) error {
		if n < low || n > high {
			return fmt.Errorf("udp: %s is %d, want %d to %d", what, n, low, high)
		}
		return nil
	}
	least := members * fragments(l.Message) * fragmentLen
	for _, err := range []error{
		within("Limits.Message", l.Message, 1, maxFragments*fragmentLen),
		within("Limits.Reassembly, which holds a longest message of each member,", l.Reassembly, least, math.MaxInt),
		within("Limits.Member.Datagrams", l.Member.Datagrams, 1, maxRate),
		within("Limits.Member.Bytes", l.Member.Bytes, frameLen, maxRate),
		within("Limits.Strangers.Datagrams", l.Strangers.Datagrams, 0, maxRate),
		within("Limits.Strangers.Bytes", l.Strangers.Bytes, 0, maxRate),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket is a token bucket of datagrams and of bytes. Its tokens are nanoseconds: a
// datagram costs the time in which the rate brings one, and it holds those of a second.
type bucket struct {
	rate             Rate
	datagrams, bytes time.Duration
	last             time.Duration
}

func newBucket(r Rate) bucket { return bucket{rate: r, datagrams: time.Second, bytes: time.Second} }

// allow takes out what a datagram of n bytes costs, if there is as much.
func (b *bucket) allow(now time.Duration, n int) bool {
	if b.rate.Datagrams == 0 || b.rate.Bytes == 0 {
		return false
	}
	b.datagrams = min(time.Second, b.datagrams+now-b.last)
	b.bytes = min(time.Second, b.bytes+now-b.last)
	b.last = now
	one := time.Second / time.Duration(b.rate.Datagrams)
	all := time.Duration(n) * time.Second / time.Duration(b.rate.Bytes)
	if b.datagrams < one || b.bytes < all {
		return false
	}
	b.datagrams -= one
	b.bytes -= all
	return true
}
