package udp

import "time"

// parts are the messages of one member that have arrived in part, the oldest first.
type parts struct {
	list  []part
	bytes int // reserved for them
}

// part is a message of which fragments are missing.
type part struct {
	incarnation uint32
	seq         uint64
	count       uint16
	missing     uint16
	end         int // of the message in buf; 0 until the last fragment has come
	buf         []byte
	have        []uint64 // a bit a fragment
	begun       time.Duration
}

func (p *part) size() int { return int(p.count) * fragmentLen }

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
	word, bit := f.index/64, uint64(1)<<(f.index%64)
	from := int(f.index) * fragmentLen
	switch {
	case f.count != p.count:
		return nil, gone, contradictory
	case p.have[word]&bit != 0:
		if end := from + len(f.body); string(p.buf[from:end]) != string(f.body) || f.index == f.count-1 && end != p.end {
			return nil, gone, contradictory
		}
		return nil, gone, delivered // a copy
	}
	p.have[word] |= bit
	p.missing--
	copy(p.buf[from:], f.body)
	if f.index == f.count-1 {
		p.end = from + len(f.body)
	}
	if p.missing > 0 {
		return nil, gone, delivered
	}
	msg = p.buf[:p.end]
	ps.drop(at)
	return msg, gone, delivered
}

// begin makes room for the message of f, at the end of the list.
func (ps *parts) begin(f *frame, now time.Duration, most int) (gone int) {
	p := part{incarnation: f.incarnation, seq: f.seq, count: f.count, missing: f.count, begun: now}
	for len(ps.list) > 0 && ps.bytes+p.size() > most {
		ps.drop(0)
		gone++
	}
	p.buf = make([]byte, p.size())
	p.have = make([]uint64, (int(f.count)+63)/64)
	ps.bytes += p.size()
	ps.list = append(ps.list, p)
	return gone
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
