package judge

import (
	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/protocol/twopc"
	"dessim/sim"
)

// Frames decodes what several checks look at in one event, once: the message in a link's frame, and
// what two-phase commit puts out. The zero Frames is ready.
type Frames struct {
	frame   seenBody
	payload []byte
	carries bool

	output  seenBody
	record  twopc.Record
	records bool
}

// seenBody names the body of an event by where it lies: within a step, and for a sort of event, no
// two lie at one place.
type seenBody struct {
	step uint64
	what sim.What
	kind protocol.Kind
	at   *byte
	size int
}

// is reports whether it is the body of e, and notes that from now on it is.
func (s *seenBody) is(e *sim.Event) bool {
	now := seenBody{step: e.Step, what: e.What, kind: e.Kind, size: len(e.Body)}
	if now.size > 0 {
		now.at = &e.Body[0]
	}
	same := now == *s && now.at != nil
	*s = now
	return same
}

// Payload is link.Payload of a message.
func (f *Frames) Payload(e *sim.Event) (msg []byte, ok bool) {
	if !f.frame.is(e) {
		f.payload, f.carries = link.Payload(e.Body)
	}
	return f.payload, f.carries
}

// Record is twopc.DecodeOutput of an output. Its slices are shared.
func (f *Frames) Record(e *sim.Event) (r twopc.Record, ok bool) {
	if !f.output.is(e) {
		f.record, f.records = twopc.DecodeOutput(e.Kind, e.Body)
	}
	return f.record, f.records
}
