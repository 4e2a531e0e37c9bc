package abcast

import (
	"fmt"

	"dessim/protocol/bencode"
	"dessim/protocol/words"
)

// Text gives a message in words:
//
//	data 1/1/1 7390d1d6       with the beginning of the payload
//	propose 1/1/1 = 7         a stamp, of the sender
//	final 1/1/1 = 7.2         a stamp with its proposer
//	data 1/1/1 at 7 7390d1d6  Lamport's, with its stamp
//	abcast.ack at 8           a stamp
//	order 1/1/1 = 3           a place, from 1
//
// The text of what is not canonical is empty.
func Text(msg []byte) string {
	body, ok := cutComponent(msg)
	if !ok {
		return ""
	}
	var r bencode.Reader
	d, ok := decode(&r, body)
	if !ok {
		return ""
	}
	switch d.op {
	case opData, opSequencerData:
		return fmt.Sprintf("%v %v %s", KindData, d.id, textPayload(d.payload))
	case opLamportData:
		return fmt.Sprintf("%v %v at %d %s", KindData, d.id, d.number, textPayload(d.payload))
	case opPropose:
		return fmt.Sprintf("%v %v = %d", KindPropose, d.id, d.number)
	case opLamportAck:
		return fmt.Sprintf("%v at %d", KindAck, d.number)
	case opSequencerOrder:
		return fmt.Sprintf("%v %v = %d", KindOrder, d.id, d.number)
	}
	return fmt.Sprintf("%v %v = %d.%v", KindFinal, d.id, d.number, d.proposer)
}

func textPayload(b []byte) string {
	if len(b) == 0 {
		return "empty"
	}
	return words.Short(b)
}
