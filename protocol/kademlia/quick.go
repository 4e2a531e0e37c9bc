package kademlia

// The parts of the messages that nodes send most, in which only ids, contacts and transaction
// ids differ.
const (
	queryBegins  = "d1:ad2:id20:"
	answerBegins = "d1:rd2:id20:"
	targetKey    = "6:target20:"
	nodesKey     = "5:nodes"
	findEnds     = "e1:q9:find_node1:t8:"
	pingEnds     = "e1:q4:ping1:t8:"
	answerEnds   = "e1:t8:"
	queryLast    = "1:y1:qe"
	answerLast   = "1:y1:re"

	findNameAt, findName = len("e1:q9:"), len("find_node")
	pingNameAt, pingName = len("e1:q4:"), len("ping")
	txnSize              = 8
)

// begins reports whether b begins with prefix. For a constant prefix it compares words.
func begins(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// quick reads b into m, which is empty, as decode does, if b has the form that nodes of this
// package send: a ping, a find_node, or an answer to one with IPv4 contacts. It reports false, and
// m may be anything, for all else, which may be right, too.
func (m *message) quick(b []byte) bool {
	id, rest, ok := cutID(b, queryBegins)
	if !ok {
		return m.quickAnswer(b)
	}
	m.y, m.id = 'q', id
	var tail []byte
	if m.target, tail, m.hasTarget = cutID(rest, targetKey); m.hasTarget {
		m.method, rest, ok = findNode, tail, begins(tail, findEnds)
		if !ok {
			return false
		}
		m.name, rest = rest[findNameAt:findNameAt+findName], rest[len(findEnds):]
	} else {
		m.method = ping
		if !begins(rest, pingEnds) {
			return false
		}
		m.name, rest = rest[pingNameAt:pingNameAt+pingName], rest[len(pingEnds):]
	}
	return m.quickTxn(rest, queryLast)
}

func (m *message) quickAnswer(b []byte) bool {
	id, rest, ok := cutID(b, answerBegins)
	if !ok {
		return false
	}
	m.y, m.id = 'r', id
	if begins(rest, nodesKey) {
		if m.nodes.v4, rest, ok = cutString(rest[len(nodesKey):]); !ok || len(m.nodes.v4)%compact4 != 0 {
			return false
		}
	}
	if !begins(rest, answerEnds) {
		return false
	}
	return m.quickTxn(rest[len(answerEnds):], answerLast)
}

// quickTxn reads the transaction id and the end of a message.
func (m *message) quickTxn(b []byte, last string) bool {
	if len(b) != txnSize+len(last) || string(b[txnSize:]) != last {
		return false
	}
	m.txn = b[:txnSize]
	return true
}

// cutID cuts an id that follows a prefix from b.
func cutID(b []byte, prefix string) (id ID, rest []byte, ok bool) {
	if len(b) < len(prefix)+len(id) || !begins(b, prefix) {
		return id, b, false
	}
	b = b[len(prefix):]
	return ID(b[:len(id)]), b[len(id):], true
}

// cutString cuts a bencoded string of at most 9999 bytes from b.
func cutString(b []byte) (s, rest []byte, ok bool) {
	const most = 4 // digits
	n := 0
	for i := 0; i < len(b) && i <= most; i++ {
		switch c := b[i]; {
		case c == ':' && i > 0:
			if b = b[i+1:]; n > len(b) {
				return nil, nil, false
			}
			return b[:n:n], b[n:], true
		case c < '0' || c > '9' || i == 1 && n == 0:
			return nil, nil, false
		default:
			n = 10*n + int(c-'0')
		}
	}
	return nil, nil, false
}
