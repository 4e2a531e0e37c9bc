package udp

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// split returns the frames of a message.
func split(incarnation uint32, seq uint64, msg []byte) (all []frame) {
	count := fragments(len(msg))
	for i := range count {
		part := msg[i*fragmentLen : min(len(msg), (i+1)*fragmentLen)]
		all = append(all, frame{network: thisNetwork, incarnation: incarnation, seq: seq, index: uint16(i), count: uint16(count), body: part})
	}
	return all
}

func message(seq, size int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "message %d, ", seq), size/8+1)[:size]
}

// Whatever the order of the fragments of several messages, and however often they come,
// each message whose fragments all came is put together as it was.
func TestMessagesArePutTogetherWhateverTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []frame
		messages := rapid.IntRange(1, 4).Draw(t, "messages")
		for seq := 1; seq <= messages; seq++ {
			all = append(all, split(1, uint64(seq), message(seq, rapid.IntRange(fragmentLen+1, 5*fragmentLen).Draw(t, "size")))...)
		}
		got := map[uint64]bool{}
		var ps parts
		for _, f := range rapid.Permutation(append(all, all[rapid.IntRange(0, len(all)-1).Draw(t, "twice")])).Draw(t, "order") {
			msg, gone, why := ps.add(&f, 0, 1<<20)
			if why != delivered || gone != 0 {
				t.Fatalf("fragment %d of message %d is dropped for reason %d, and %d messages with it", f.index, f.seq, why, gone)
			}
			if msg != nil {
				got[f.seq] = true
				if want := message(int(f.seq), len(msg)); !bytes.Equal(msg, want) {
					t.Fatalf("message %d is %q, want %q", f.seq, msg, want)
				}
			}
		}
		if len(got) != messages {
			t.Fatalf("%d of %d messages were put together", len(got), messages)
		}
		left := 0
		for _, p := range ps.list {
			left += p.size()
		}
		if left != ps.bytes || len(ps.list) > 1 {
			t.Fatalf("%d messages in part have %d bytes, counted as %d", len(ps.list), left, ps.bytes)
		}
	})
}

func TestFragmentsThatContradictOthersAreDropped(t *testing.T) {
	msg := message(1, 3*fragmentLen)
	all := split(1, 1, msg)
	more, different, shorter := all[1], all[0], all[2]
	more.count = 4
	different.body = message(2, fragmentLen)
	shorter.body = shorter.body[:5]
	var ps parts
	for i, c := range []struct {
		f    frame
		want reason
	}{{all[0], delivered}, {more, contradictory}, {different, contradictory}, {all[2], delivered}, {shorter, contradictory}} {
		if got, _, why := ps.add(&c.f, 0, 1<<20); got != nil || why != c.want {
			t.Errorf("fragment %d: message %v, reason %d, want reason %d", i, got != nil, why, c.want)
		}
	}
	if got, _, _ := ps.add(&all[1], 0, 1<<20); !bytes.Equal(got, msg) {
		t.Errorf("what contradicted the message changed it")
	}
}

// A later incarnation counts its messages from 1 again.
func TestFragmentsOfDifferentIncarnationsAreNotMixed(t *testing.T) {
	var ps parts
	old, young := split(1, 1, message(1, 2*fragmentLen)), split(2, 1, message(2, 2*fragmentLen))
	ps.add(&old[0], 0, 1<<20)
	if msg, _, why := ps.add(&young[1], 0, 1<<20); msg != nil || why != delivered {
		t.Errorf("fragments of two incarnations made a message, or were dropped for reason %d", why)
	}
	if msg, _, _ := ps.add(&young[0], 0, 1<<20); !bytes.Equal(msg, message(2, 2*fragmentLen)) {
		t.Errorf("the message of the later incarnation is %q", msg)
	}
}

func TestTheOldestMessageInPartGivesWay(t *testing.T) {
	var ps parts
	const most = 10 * fragmentLen
	gone := 0
	for seq := 1; seq <= 100; seq++ {
		f := split(1, uint64(seq), message(seq, 3*fragmentLen))
		_, n, _ := ps.add(&f[0], 0, most)
		if gone += n; ps.bytes > most {
			t.Fatalf("after message %d parts have %d bytes, want at most %d", seq, ps.bytes, most)
		}
	}
	if gone != 97 || len(ps.list) != 3 || ps.list[0].seq != 98 {
		t.Errorf("%d messages gave way and %d are left, the oldest is %d; want 97, 3 and 98", gone, len(ps.list), ps.list[0].seq)
	}
}

func TestAMessageThatStaysIncompleteIsDropped(t *testing.T) {
	var ps parts
	for seq, at := range []time.Duration{0, time.Second} {
		f := split(1, uint64(seq+1), message(1, 2*fragmentLen))
		ps.add(&f[0], at, 1<<20)
	}
	for _, c := range []struct {
		at   time.Duration
		want int
	}{{reassembleFor - 1, 0}, {reassembleFor, 1}, {reassembleFor, 0}, {reassembleFor + time.Second, 1}} {
		if got := ps.expire(c.at); got != c.want {
			t.Errorf("at %v %d messages are dropped, want %d", c.at, got, c.want)
		}
	}
	if ps.bytes != 0 {
		t.Errorf("nothing is left, and %d bytes are counted", ps.bytes)
	}
}

// A bucket lets through what its rate brings, and no more than a second's worth at once.
func TestABucketLetsItsRateThrough(t *testing.T) {
	for _, c := range []struct {
		rate Rate
		size int
		want int // in the ten seconds after the first
	}{
		{Rate{Datagrams: 100, Bytes: 1 << 20}, 50, 1000},
		{Rate{Datagrams: 1000, Bytes: 1000}, 100, 100},
		{Rate{Datagrams: 0, Bytes: 1000}, 100, 0},
		{Rate{Datagrams: 10, Bytes: 0}, 100, 0},
		{Rate{Datagrams: 10, Bytes: 100}, 101, 0},
	} {
		b := newBucket(c.rate)
		first, later := 0, 0
		for range 5000 {
			if b.allow(0, c.size) {
				first++
			}
		}
		for at := time.Duration(0); at < 10*time.Second; at += time.Millisecond {
			if b.allow(at, c.size) {
				later++
			}
		}
		if first*10 != c.want || later < c.want-1 || later > c.want {
			t.Errorf("%+v lets %d through at once and %d in ten seconds, want %d and %d", c.rate, first, later, c.want/10, c.want)
		}
	}
}
