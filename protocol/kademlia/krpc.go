package kademlia

import (
	"dessim/protocol/bencode"
)

// method is what a query asks for.
type method uint8

const (
	unknownMethod method = iota
	ping
	findNode
	get
	put
)

var methodNames = [...]string{ping: "ping", findNode: "find_node", get: "get", put: "put"}

// Bounds of what a message may carry. A datagram with more is malformed.
const (
	maxValue  = 1000 // bytes of a bencoded value: BEP 44
	maxTxn    = 32   // bytes of a transaction id, which we echo
	maxToken  = 64   // bytes of a write token, which we echo
	maxMethod = 32   // bytes of a method's name
	maxLife   = 100 * 24 * 3600 * 1000
)

// BEP 5 and BEP 44 name these errors.
const (
	errServer   = 202
	errProtocol = 203
	errMethod   = 204
	errTooBig   = 205
	errSig      = 206
)

// message is a KRPC message. Its slices alias what it was decoded from. A nil
// slice means that the key is absent.
type message struct {
	y         byte // 'q', 'r' or 'e'
	method    method
	readOnly  bool // BEP 43: the asker does not answer queries
	hasTarget bool
	cached    bool // the value is put on the path of a lookup, not at one of its holders; "spare" in the message
	signed    bool // a put of a mutable item; not encoded
	id        ID   // of the sender; in queries and answers
	target    ID
	txn       []byte
	name      []byte // the method's name, in queries that were decoded
	token     []byte
	nodes     named
	value     []byte // one bencoded value, raw
	life      uint64 // of the value: milliseconds that it has left; 0 is as long as the receiver likes
	code      int64
	text      []byte
}

// append appends m, encoded canonically, to b.
func (m *message) append(b []byte) []byte {
	b = append(b, 'd')
	switch m.y {
	case 'q':
		b = append(b, "1:a"...)
		b = m.appendFields(b)
		b = append(b, "1:q"...)
		if m.method == unknownMethod {
			b = bencode.AppendBytes(b, m.name)
		} else {
			b = bencode.AppendBytes(b, methodNames[m.method])
		}
	case 'r':
		b = append(b, "1:r"...)
		b = m.appendFields(b)
	case 'e':
		b = append(b, "1:el"...)
		b = bencode.AppendInt(b, m.code)
		b = bencode.AppendBytes(b, m.text)
		b = append(b, 'e')
	default:
		panic("kademlia: message is neither query, answer nor error")
	}
	if m.readOnly {
		b = append(b, "2:roi1e"...)
	}
	b = append(b, "1:t"...)
	b = bencode.AppendBytes(b, m.txn)
	b = append(b, "1:y1:"...)
	return append(b, m.y, 'e')
}

// appendFields encodes the arguments of a query or the fields of an answer. life
// and spare are our own: in BEP 44 every put begins a new life, so values that holders
// hand to each other would never expire. Other clients skip them.
func (m *message) appendFields(b []byte) []byte {
	b = append(b, "d2:id20:"...)
	b = append(b, m.id[:]...)
	if m.life != 0 {
		b = append(b, "4:life"...)
		b = bencode.AppendUint(b, m.life)
	}
	if m.nodes.v4 != nil {
		b = append(b, "5:nodes"...)
		b = bencode.AppendBytes(b, m.nodes.v4)
	}
	if m.nodes.v6 != nil {
		b = append(b, "6:nodes6"...)
		b = bencode.AppendBytes(b, m.nodes.v6)
	}
	if m.cached {
		b = append(b, "5:sparei1e"...)
	}
	if m.hasTarget {
		b = append(b, "6:target20:"...)
		b = append(b, m.target[:]...)
	}
	if m.token != nil {
		b = append(b, "5:token"...)
		b = bencode.AppendBytes(b, m.token)
	}
	if m.value != nil {
		b = append(b, "1:v"...)
		b = append(b, m.value...)
	}
	return append(b, 'e')
}

// decode reads b into m and reports whether it is a message in canonical form.
// Unknown keys are skipped: real clients add some. r is scratch.
func (m *message) decode(r *bencode.Reader, b []byte) bool {
	*m = message{}
	if m.quick(b) {
		return true
	}
	return m.slow(r, b)
}

// slow is decode for any message.
func (m *message) slow(r *bencode.Reader, b []byte) bool {
	*m = message{}
	var args, answer, fault []byte
	r.Reset(b)
	r.Dict()
	for r.More() {
		switch string(r.Key()) {
		case "a":
			args = r.Skip()
		case "e":
			fault = r.Skip()
		case "q":
			m.name = bounded(r, maxMethod)
		case "r":
			answer = r.Skip()
		case "ro":
			m.readOnly = r.Int() == 1
		case "t":
			m.txn = bounded(r, maxTxn)
		case "y":
			if y := r.Fixed(1); y != nil {
				m.y = y[0]
			}
		default:
			r.Skip()
		}
	}
	if !r.Finish() || m.txn == nil {
		return false
	}
	switch m.y { // one of the parts counts; the others are unknown keys
	case 'q':
		m.method = methodOf(m.name)
		return m.decodeFields(r, args) && m.complete()
	case 'r':
		m.name = nil
		return m.decodeFields(r, answer)
	case 'e':
		m.name = nil
		return m.decodeError(r, fault)
	}
	return false
}

func (m *message) decodeFields(r *bencode.Reader, b []byte) bool {
	hasID := false
	r.Reset(b)
	r.Dict()
	for r.More() {
		switch string(r.Key()) {
		case "id":
			hasID = copy(m.id[:], r.Fixed(len(m.id))) > 0
		case "k", "sig":
			m.signed = true
			r.Skip()
		case "life":
			m.life = r.UintMax(maxLife)
		case "spare":
			m.cached = r.Bool()
		case "nodes":
			m.nodes.v4 = r.Bytes()
		case "nodes6":
			m.nodes.v6 = r.Bytes()
		case "target":
			m.hasTarget = copy(m.target[:], r.Fixed(len(m.target))) > 0
		case "token":
			m.token = bounded(r, maxToken)
		case "v":
			m.value = r.Skip()
		default:
			r.Skip()
		}
	}
	return r.Finish() && hasID && m.nodes.canonical()
}

func (m *message) decodeError(r *bencode.Reader, b []byte) bool {
	r.Reset(b)
	r.List()
	m.code = r.Int()
	m.text = r.Bytes()
	return r.Finish()
}

// complete reports whether a query has what its method needs.
func (m *message) complete() bool {
	switch m.method {
	case findNode, get:
		return m.hasTarget
	case put:
		return m.token != nil && m.value != nil
	}
	return m.name != nil
}

func methodOf(name []byte) method {
	for i, s := range methodNames {
		if s != "" && s == string(name) {
			return method(i)
		}
	}
	return unknownMethod
}

// bounded reads a string of at most n bytes.
func bounded(r *bencode.Reader, n int) []byte {
	s := r.Bytes()
	if len(s) > n {
		r.Fail()
		return nil
	}
	return s
}

// canonical reports whether b is exactly one canonical bencoded value.
func canonical(r *bencode.Reader, b []byte) bool {
	r.Reset(b)
	r.Skip()
	return r.Done()
}
