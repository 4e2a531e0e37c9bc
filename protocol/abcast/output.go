package abcast

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// The kinds of the outputs: what an incarnation sees of the order, in that order.
var (
	KindDelivered = protocol.KindOf("delivered") // a message, before Config.Deliver takes it; see DecodeDelivered
	KindViewed    = protocol.KindOf("viewed")    // a view; see DecodeViewed
)

// AppendDelivered encodes an output of kind KindDelivered, also for other Orderers.
// index is that of Config.Deliver.
func AppendDelivered(b []byte, index uint64, id MsgID) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, index)
	b = appendIDFields(b, id)
	return append(b, 'e')
}

// DecodeDelivered reads an output of kind KindDelivered.
func DecodeDelivered(rec []byte) (index uint64, id MsgID, ok bool) {
	r := bencode.ListOf(rec)
	index = r.Uint()
	id = readID(&r)
	if !r.Finish() {
		return 0, MsgID{}, false
	}
	return index, id, true
}

// AppendView encodes an output of kind KindViewed, also for other Orderers.
func AppendView(b []byte, v View) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, v.Number)
	b = bencode.AppendUint(b, v.Place)
	b = appendMembers(b, v.Members)
	return append(b, 'e')
}

// DecodeViewed reads an output of kind KindViewed.
func DecodeViewed(rec []byte) (v View, ok bool) {
	r := bencode.ListOf(rec)
	v.Number = r.Positive(maxNumber)
	v.Place = r.UintMax(maxLength)
	v.Members = readMembers(&r)
	if !r.Finish() {
		return View{}, false
	}
	return v, true
}

// TextOutput returns an output of this package in words, without its kind:
//
//	2/1/1 as message 7
//	9 of [0/1 1/1 2/1] before message 8
//
// The text of anything else is empty.
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
