package peer

import "dessim/protocol/ledger"

// What follows is for checks that watch the network.

// DecodeRequest reads a message of KindRequest.
func DecodeRequest(msg []byte) (r Request, ok bool) {
	m, ok := decode(msg)
	return m.req, ok && m.typ == typeRequest
}

// DecodeFetch reads a message of KindFetch: it asks for the body of that id.
func DecodeFetch(msg []byte) (id ledger.ID, ok bool) {
	m, ok := decode(msg)
	return m.id, ok && m.typ == typeFetch
}

// DecodeBody reads a message of KindBody. The body aliases msg.
func DecodeBody(msg []byte) (body []byte, ok bool) {
	m, ok := decode(msg)
	return m.body, ok && m.typ == typeBody
}
