package abcast

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// The kinds of the outputs: what a life sees of the order, in that order.
var (
	KindDelivered = protocol.KindOf("delivered") // a message, before Config.Deliver is given it; see DecodeDelivered
	KindViewed    = protocol.KindOf("viewed")    // a view; see DecodeViewed
)

// AppendDelivered encodes the output of kind KindDelivered, for what orders by other
// means too: index is as Config.Deliver is given it.
func AppendDelivered(b []byte, index uint64, id MsgID) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, index)
	b = appendIDFields(b, id)
	return append(b, 'e')
}

// DecodeDelivered reads an output of kind KindDelivered.
func DecodeDelivered(rec []byte) (index uint64, id MsgID, ok bool) {
	var r bencode.Reader
	r.Reset(rec)
	r.List()
	index = r.Uint()
	id = readID(&r)
	r.End()
	if !r.Done() {
		return 0, MsgID{}, false
	}
	return index, id, true
}

// AppendView encodes the output of kind KindViewed, for what orders by other means too.
func AppendView(b []byte, v View) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, v.Number)
	b = bencode.AppendUint(b, v.Place)
	b = appendLives(b, v.Members)
	return append(b, 'e')
}

// DecodeViewed reads an output of kind KindViewed.
func DecodeViewed(rec []byte) (v View, ok bool) {
	var r bencode.Reader
	r.Reset(rec)
	r.List()
	v.Number = readAtLeast1(&r, maxNumber)
	v.Place = r.UintMax(maxLength)
	v.Members = readLives(&r)
	r.End()
	if !r.Done() {
		return View{}, false
	}
	return v, true
}

// TextOutput gives an output of this package in words, without its kind:
//
//	2/1/1 as message 7
//	9 of [0/1 1/1 2/1] before message 8
//
// The text of what is none is empty.
func TextOutput(kind protocol.Kind, rec []byte) string {
	switch kind {
	case KindDelivered:
		if index, id, ok := DecodeDelivered(rec); ok {
			return fmt.Sprintf("%v as message %d", id, index)
		}
	case KindViewed:
		if v, ok := DecodeViewed(rec); ok {
			return fmt.Sprintf("%d of %v before message %d", v.Number, v.Members, v.Place)
		}
	}
	return ""
}
