package abcast

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/words"
)

// Text returns a message in words:
//
//	data 1/1/1 7390d1d6       with the beginning of the payload
//	propose 1/1/1 = 7         a stamp, of the sender
//	final 1/1/1 = 7.2         a stamp with its proposer
//	data 1/1/1 at 7 7390d1d6  Lamport's, with its stamp
//	abcast.ack at 8           a stamp
//	order 1/1/1 = 3           a place, from 1
//
// With Views, the number of the view and of the frame in it precede those, and
// there are
//
//	stable 9                                      the length of the sender's log
//	heartbeat 6, log of view 6, works, next 3, hears 0 1 2, able, follows 0, asks
//	                                              the view promised, the next frame wanted, places, and whether it is to be answered
//	view.prepare 9 from 4                         the number of a view, and where reports are to begin
//	view.promise 9, log of view 6, length 8, 4 stable   and what the sender has
//	view.new 9 from 4 to 10: [0/1 1/1 2/1]        the log to go on with, and the members
//
// The text of what is not canonical is empty.
func Text(msg []byte) string {
	var r bencode.Reader
	d, ok := decode(&r, protocol.ABCAST.Cut(msg))
	if !ok {
		return textDatagram(msg)
	}
	return textBody(&d)
}

func textBody(d *decoded) string {
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

func textDatagram(msg []byte) string {
	var in datagramReader
	d, ok := in.decode(msg)
	if !ok {
		return ""
	}
	switch d.op {
	case opHeartbeat:
		state := "waits"
		if d.normal {
			state = "works"
		}
		return fmt.Sprintf("%v %d, log of view %d, %s, next %d, %s", KindHeartbeat, d.promised, d.adopted, state, d.next, textSight(&d.sight))
	case opPrepare:
		return fmt.Sprintf("%v %d from %d", KindViewPrepare, d.view, d.base)
	case opPromise:
		return fmt.Sprintf("%v %d, log of view %d, length %d, %d stable", KindViewPromise, d.view, d.adopted, d.length, d.commit)
	case opNewView:
		n := len(d.entries)
		return fmt.Sprintf("%v %d from %d to %d: %v", KindNewView, d.view, d.base, d.base+n, d.entries[n-1].members)
	}
	place := fmt.Sprintf("%d.%d ", d.view, d.seq)
	if length, ok := in.stable(d.body); ok {
		return place + fmt.Sprintf("%v %d", KindStable, length)
	}
	body, _ := decode(&in.inner, d.body)
	return place + textBody(&body)
}

func textSight(s *sight) string {
	t := "hears"
	for i := range 8 * len(s.hears) {
		if s.hears[i/8]>>(i%8)&1 == 1 {
			t += fmt.Sprintf(" %d", i)
		}
	}
	if s.able {
		t += ", able"
	}
	if s.follows != nobody {
		t += fmt.Sprintf(", follows %d", s.follows)
	}
	if s.asks {
		t += ", asks"
	}
	return t
}

func textPayload(b []byte) string {
	if len(b) == 0 {
		return "empty"
	}
	return words.Short(b)
}

// TextRecord returns a record on disk in words. The text of what is not canonical
// is empty.
func TextRecord(rec []byte) string {
	d, ok := decodeRecord(rec)
	if !ok {
		return ""
	}
	switch d.kind {
	case recStart:
		return fmt.Sprintf("life %d", d.inc)
	case recPromised:
		return fmt.Sprintf("promised view %d", d.view)
	case recAdopted:
		return fmt.Sprintf("adopted view %d, log from %d to %d", d.view, d.base, d.base+len(d.entries))
	case recAppended:
		return fmt.Sprintf("log entry %d: %s", d.base, textEntry(&d.entries[0]))
	}
	return fmt.Sprintf("stable up to %d", d.base)
}

func textEntry(e *logEntry) string {
	if e.view != 0 {
		return fmt.Sprintf("view %d of %v", e.view, e.members)
	}
	return fmt.Sprintf("%v %s", e.m.ID, textPayload(e.m.Payload))
}
