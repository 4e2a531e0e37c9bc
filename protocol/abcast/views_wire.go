package abcast

import (
	"bytes"
	"math"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// The kinds of the messages that Views adds. A rule's messages keep theirs, repeated
// ones too.
var (
	KindHeartbeat   = protocol.KindOf("heartbeat")    // all to all, now and then and with what is new; acknowledges
	KindViewPrepare = protocol.KindOf("view.prepare") // a leader to all: promise this view
	KindViewPromise = protocol.KindOf("view.promise") // the answer: what the node has
	KindNewView     = protocol.KindOf("view.new")     // the leader to all that promised: the log to go on with
	KindStable      = protocol.KindOf("stable")       // all to all in a view: how long the safe log is
)

// With Views a message on the wire is the byte protocol.ABCAST and one bencoded
// list, which begins with its type and the sender's incarnation:
//
//	HEARTBEAT 16 incarnation promised adopted normal next beat hears able follows asks
//	PREPARE   17 incarnation view base
//	PROMISE   18 incarnation view adopted commit length entries tail
//	NEWVIEW   19 incarnation view base entries
//	FRAME     20 incarnation view seq body
//
// next is the number of the next frame wanted, or 0 if not normal, and beat grows with each
// tick and with each answer. hears is a set of places, a bit each, in as few bytes as hold
// it; follows is a place plus one, or 0 for nobody; asks is for an answer. entries of a PROMISE begin at the lesser of base and length;
// those of a NEWVIEW at base, and the last is the view's own. A body is that of a rule
// or
//
//	STABLE    8 length
//
// Entries, held messages and members are lists too. A held message has its payload,
// if it is known, in a list of its own:
//
//	message   1 node incarnation seq payload
//	view      2 view members
//	held      node incarnation seq agreed number by payload
//	member    node incarnation
//
// The records on disk begin with the same byte:
//
//	START     1 incarnation
//	PROMISED  2 view
//	ADOPTED   3 view base entries
//	APPENDED  4 index entry
//	COMMIT    5 length
//
// What a crash leaves of the records after the last sync may have gaps. An APPENDED
// behind a gap is recognized by its index, and a COMMIT beyond the log is a true
// hint that is cut to it. Nothing else can be behind a gap, since all else is synced
// at once.
const (
	opStable    = 8
	opHeartbeat = iota + 15
	opPrepare
	opPromise
	opNewView
	opFrame
)

const (
	recStart = iota + 1
	recPromised
	recAdopted
	recAppended
	recCommit
)

const (
	entryMessage = 1
	entryView    = 2
)

// maxLength bounds a log, so that a length is an int on any machine.
const maxLength = math.MaxInt32

// unplaced is the number of a held message that has none.
const unplaced = maxNumber

// datagram is one of any type; fields that its type lacks are 0.
type datagram struct {
	op       uint64
	inc      uint32
	promised uint64
	adopted  uint64
	normal   bool
	next     uint64
	sight
	view    uint64
	base    int
	commit  int
	length  int
	entries []logEntry // their payloads are copies
	tail    []held     // so are these
	seq     uint64
	body    []byte // aliases the message
}

// A sight is what the sender of a heartbeat makes of those that it got.
type sight struct {
	beat    uint64 // what was sent later has a greater one, or the same and was sent at the same tick
	hears   []byte // the places that it hears: see places.appendTo
	able    bool   // it could lead a view
	follows int    // place of the node whose ballots it waits for, or nobody
	asks    bool   // the receiver is to answer at once
}

func appendHeartbeat(b []byte, promised, adopted uint64, normal bool, next uint64, s sight) []byte {
	b = bencode.AppendUint(b, promised)
	b = bencode.AppendUint(b, adopted)
	b = bencode.AppendBool(b, normal)
	b = bencode.AppendUint(b, next)
	b = bencode.AppendUint(b, s.beat)
	b = bencode.AppendBytes(b, s.hears)
	b = bencode.AppendBool(b, s.able)
	b = bencode.AppendUint(b, uint64(s.follows+1))
	b = bencode.AppendBool(b, s.asks)
	return append(b, 'e')
}

func appendPrepare(b []byte, view uint64, base int) []byte {
	b = bencode.AppendUint(b, view)
	b = bencode.AppendUint(b, uint64(base))
	return append(b, 'e')
}

// appendPromise appends a promise up to what appendReport appends.
func appendPromise(b []byte, view, adopted uint64, commit, length int) []byte {
	b = bencode.AppendUint(b, view)
	b = bencode.AppendUint(b, adopted)
	b = bencode.AppendUint(b, uint64(commit))
	return bencode.AppendUint(b, uint64(length))
}

func appendReport(b []byte, entries []logEntry, tail []held) []byte {
	b = appendEntries(b, entries)
	b = append(b, 'l')
	for _, h := range tail {
		b = append(b, 'l')
		b = appendIDFields(b, h.id)
		b = bencode.AppendBool(b, h.agreed)
		b = bencode.AppendUint(b, h.stamp.number)
		b = bencode.AppendUint(b, uint64(h.stamp.proposer))
		b = append(b, 'l')
		if h.here {
			b = bencode.AppendBytes(b, h.payload)
		}
		b = append(b, 'e', 'e')
	}
	return append(b, 'e', 'e')
}

func appendNewView(b []byte, view uint64, base int, entries []logEntry) []byte {
	b = bencode.AppendUint(b, view)
	b = bencode.AppendUint(b, uint64(base))
	b = appendEntries(b, entries)
	return append(b, 'e')
}

func appendFrame(b []byte, view, seq uint64, body []byte) []byte {
	b = bencode.AppendUint(b, view)
	b = bencode.AppendUint(b, seq)
	b = append(b, body...)
	return append(b, 'e')
}

func appendStable(b []byte, length int) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, opStable)
	b = bencode.AppendUint(b, uint64(length))
	return append(b, 'e')
}

func appendIDFields(b []byte, id MsgID) []byte {
	b = bencode.AppendUint(b, uint64(id.Node))
	b = bencode.AppendUint(b, uint64(id.Incarnation))
	return bencode.AppendUint(b, id.Seq)
}

func appendEntries(b []byte, entries []logEntry) []byte {
	b = append(b, 'l')
	for i := range entries {
		b = appendEntry(b, &entries[i])
	}
	return append(b, 'e')
}

func appendEntry(b []byte, e *logEntry) []byte {
	b = append(b, 'l')
	if e.view == 0 {
		b = bencode.AppendUint(b, entryMessage)
		b = appendIDFields(b, e.m.ID)
		b = bencode.AppendBytes(b, e.m.Payload)
		return append(b, 'e')
	}
	b = bencode.AppendUint(b, entryView)
	b = bencode.AppendUint(b, e.view)
	b = appendMembers(b, e.members)
	return append(b, 'e')
}

func appendMembers(b []byte, members []Member) []byte {
	b = append(b, 'l')
	for _, l := range members {
		b = append(b, 'l')
		b = bencode.AppendUint(b, uint64(l.Node))
		b = bencode.AppendUint(b, uint64(l.Incarnation))
		b = append(b, 'e')
	}
	return append(b, 'e')
}

// datagramReader reads datagrams without allocating a Reader for each.
type datagramReader struct {
	outer, inner bencode.Reader
}

// decode reads a datagram, whole with its component byte, and refuses what the
// append functions would not write.
func (in *datagramReader) decode(msg []byte) (d datagram, ok bool) {
	r := &in.outer
	r.Reset(protocol.ABCAST.Cut(msg))
	r.List()
	d.op = r.Uint()
	d.inc = uint32(r.Positive(math.MaxUint32))
	switch d.op {
	case opHeartbeat:
		d.promised = r.UintMax(maxNumber)
		d.adopted = r.UintMax(d.promised)
		d.normal = r.Bool()
		d.next = r.Uint()
		d.beat = r.Uint()
		d.hears = r.Bytes()
		d.able = r.Bool()
		d.follows = int(r.UintMax(maxLength)) - 1
		d.asks = r.Bool()
		if d.normal && (d.adopted == 0 || d.adopted != d.promised) {
			r.Fail()
		}
		if !d.normal && d.next != 0 {
			r.Fail()
		}
		if n := len(d.hears); n > 0 && d.hears[n-1] == 0 {
			r.Fail()
		}
	case opPrepare:
		d.view = r.Positive(maxNumber)
		d.base = readLength(r)
	case opPromise:
		d.view = r.Positive(maxNumber)
		d.adopted = r.UintMax(d.view - min(d.view, 1))
		d.commit = readLength(r)
		d.length = readLength(r)
		d.entries = readEntries(r)
		d.tail = readTail(r)
	case opNewView:
		d.view = r.Positive(maxNumber)
		d.base = readLength(r)
		d.entries = readEntries(r)
		if n := len(d.entries); n == 0 || d.entries[n-1].view != d.view {
			r.Fail()
		}
	case opFrame:
		d.view = r.Positive(maxNumber)
		d.seq = r.Uint()
		d.body = r.Skip()
		if !r.Broken() && !in.known(d.body) {
			r.Fail()
		}
	default:
		r.Fail()
	}
	if !r.Finish() {
		return datagram{}, false
	}
	return d, true
}

// known reports whether body is a rule's or a report.
func (in *datagramReader) known(body []byte) bool {
	if _, ok := in.stable(body); ok {
		return true
	}
	_, ok := decode(&in.inner, body)
	return ok
}

// stable reads a body that reports a length.
func (in *datagramReader) stable(body []byte) (length int, ok bool) {
	r := &in.inner
	r.Reset(body)
	r.List()
	if r.Uint() != opStable {
		return 0, false
	}
	length = readLength(r)
	return length, r.Finish()
}

func readLength(r *bencode.Reader) int { return int(r.UintMax(maxLength)) }

func readEntries(r *bencode.Reader) (entries []logEntry) {
	r.List()
	for r.More() {
		entries = append(entries, readEntry(r))
	}
	r.End()
	return entries
}

func readEntry(r *bencode.Reader) (e logEntry) {
	r.List()
	switch r.Uint() {
	case entryMessage:
		e.m.ID = readID(r)
		e.m.Payload = bytes.Clone(r.Bytes())
	case entryView:
		e.view = r.Positive(maxNumber)
		e.members = readMembers(r)
	default:
		r.Fail()
	}
	r.End()
	return e
}

// readMembers reads members with ascending nodes, at least one.
func readMembers(r *bencode.Reader) (members []Member) {
	r.List()
	for r.More() {
		r.List()
		l := Member{readNode(r), uint32(r.Positive(math.MaxUint32))}
		r.End()
		if n := len(members); n > 0 && members[n-1].Node >= l.Node {
			r.Fail()
		}
		members = append(members, l)
	}
	r.End()
	if len(members) == 0 {
		r.Fail()
	}
	return members
}

func readTail(r *bencode.Reader) (tail []held) {
	r.List()
	for r.More() {
		var h held
		r.List()
		h.id = readID(r)
		h.agreed = r.Bool()
		h.stamp.number = r.Positive(maxNumber)
		h.stamp.proposer = readNode(r)
		r.List()
		if h.here = r.More(); h.here {
			h.payload = bytes.Clone(r.Bytes())
		}
		r.End()
		r.End()
		tail = append(tail, h)
	}
	r.End()
	return tail
}
