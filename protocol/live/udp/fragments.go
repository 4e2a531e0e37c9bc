package udp

import (
	"bytes"
	"time"
)

// parts are the messages of one member that have arrived in part, the oldest first.
type parts struct {
	list  []part
	bytes int // reserved for them
}

// part is a message of which fragments are missing.
type part struct {
	incarnation uint32
	seq         uint64
	begun       time.Duration
	missing     int
	last        int      // bytes of the last fragment, if it has come
	buf         []byte   // the fragments as they came, each in fragmentLen bytes
	places      []uint16 // of each fragment in buf, from 1; 0 is missing
}

// size is what is reserved for a message. buf has less as long as little of it has come,
// so that a datagram that claims to begin a long one costs little.
func (p *part) size() int { return len(p.places) * fragmentLen }

// add takes in a fragment of a message that has several. It returns the message when it
// is whole, and the number of older messages that gave way to it. why is delivered unless
// the fragment is dropped. most bounds the bytes of the member's parts, and holds the
// longest message.
func (ps *parts) add(f *frame, now time.Duration, most int) (msg []byte, gone int, why reason) {
	at := 0
	for at < len(ps.list) && (ps.list[at].seq != f.seq || ps.list[at].incarnation != f.incarnation) {
		at++
	}
	if at == len(ps.list) {
		gone = ps.begin(f, now, most)
		at = len(ps.list) - 1
	}
	p := &ps.list[at]
	switch {
	case int(f.count) != len(p.places):
		return nil, gone, contradictory
	case p.places[f.index] == 0:
		p.put(f)
	case !p.has(f):
		return nil, gone, contradictory
	}
	if p.missing > 0 {
		return nil, gone, delivered
	}
	msg = p.message()
	ps.drop(at)
	return msg, gone, delivered
}

// begin makes room for the message of f, at the end of the list.
func (ps *parts) begin(f *frame, now time.Duration, most int) (gone int) {
	p := part{incarnation: f.incarnation, seq: f.seq, begun: now, missing: int(f.count), places: make([]uint16, f.count)}
	for len(ps.list) > 0 && ps.bytes+p.size() > most {
		ps.drop(0)
		gone++
	}
	ps.bytes += p.size()
	ps.list = append(ps.list, p)
	return gone
}

// put takes in a fragment that is missing.
func (p *part) put(f *frame) {
	if len(p.buf) == cap(p.buf) {
		p.buf = append(make([]byte, 0, min(p.size(), 2*len(p.buf)+4*fragmentLen)), p.buf...)
	}
	from := len(p.buf)
	p.buf = p.buf[:from+fragmentLen]
	copy(p.buf[from:], f.body)
	p.places[f.index] = uint16(from/fragmentLen + 1)
	p.missing--
	if int(f.index) == len(p.places)-1 {
		p.last = len(f.body)
	}
}

// fragment returns fragment i, which is not missing.
func (p *part) fragment(i int) []byte {
	size := fragmentLen
	if i == len(p.places)-1 {
		size = p.last
	}
	return p.buf[(int(p.places[i])-1)*fragmentLen:][:size]
}

// has reports whether f is the fragment that has come in its place.
func (p *part) has(f *frame) bool { return bytes.Equal(p.fragment(int(f.index)), f.body) }

// message returns the message, of which nothing is missing.
func (p *part) message() []byte {
	inOrder := true
	for i := range p.places {
		inOrder = inOrder && int(p.places[i]) == i+1
	}
	if inOrder {
		return p.buf[:len(p.buf)-fragmentLen+p.last]
	}
	msg := make([]byte, 0, len(p.buf))
	for i := range p.places {
		msg = append(msg, p.fragment(i)...)
	}
	return msg
}

// drop forgets a message.
func (ps *parts) drop(at int) {
	ps.bytes -= ps.list[at].size()
	copy(ps.list[at:], ps.list[at+1:])
	ps.list[len(ps.list)-1] = part{}
	ps.list = ps.list[:len(ps.list)-1]
}

// expire drops what has been incomplete for too long.
func (ps *parts) expire(now time.Duration) (gone int) {
	for len(ps.list) > 0 && now-ps.list[0].begun >= reassembleFor {
		ps.drop(0)
		gone++
	}
	return gone
}
