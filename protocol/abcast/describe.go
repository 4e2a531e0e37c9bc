package abcast

import (
	"fmt"
	"strconv"

	"dessim/protocol"
	"dessim/protocol/words"
)

// Descriptions keep the convention of protocol.Describer. The part of the rule is named by
// the order; what it holds back stands there in the order of delivery, the head first.

func (p *plain) Describe(b []byte) []byte {
	b = words.Uint(b, "delivered", p.delivered)
	b = words.Line(b, "last broadcast", p.last.String())
	if p.rule == nil {
		return words.Line(b, p.cfg.Order.String(), "not started")
	}
	return words.Part(b, p.cfg.Order.String(), p.rule.describe)
}

func (r *isis) describe(b []byte) []byte {
	b = words.Uint(b, "clock", r.clock)
	if head := r.queue.head(); head != nil { // it would have been delivered if it were agreed
		b = words.Line(b, "blocked by", head.m.ID.String()+", which is not agreed")
	}
	b = words.Part(b, "held back", func(b []byte) []byte {
		for _, e := range r.queue.sorted() {
			state := ": proposed "
			if e.deliverable {
				state = ": agreed "
			}
			b = e.stamp.append(e.m.ID.append(b).Str(state)).Str(", ").Content(e.m.Payload)
			if t := e.tally; t != nil {
				b = fmt.Appendf(b, ", greatest so far %v, proposals missing of %s", t.greatest, r.view.lacking(t.heard))
			}
			b = append(b, '\n')
		}
		return b
	})
	if len(r.early) > 0 {
		b = words.Part(b, "without message", func(b []byte) []byte {
			for _, id := range protocol.SortedKeysFunc(r.early, MsgID.Compare) {
				b = words.Line(b, id.String(), "agreed "+r.early[id].String())
			}
			return b
		})
	}
	return words.Part(b, "ordered", r.past.describe)
}

// String returns number.proposer, as traces have it.
func (s stamp) String() string { return string(s.append(make([]byte, 0, 32))) }

func (s stamp) append(b []byte) words.Row {
	return words.Row(b).Uint(s.number).Str(".").Node(s.proposer)
}

// lacking lists the members that are not marked.
func (v *view) lacking(marked []bool) string {
	var missing []protocol.NodeID
	for i, id := range v.members {
		if !marked[i] {
			missing = append(missing, id)
		}
	}
	return words.Ranges(missing)
}

func (r *lamport) describe(b []byte) []byte {
	b = words.Uint(b, "clock", r.clock)
	b = words.Part(b, "heard", func(b []byte) []byte {
		for i, id := range r.view.members {
			if id != r.view.self {
				b = words.Uint(b, id.String(), r.heard[i])
			}
		}
		return b
	})
	if head := r.queue.head(); head != nil {
		// Members before this one were looked at for the head; those after it were not.
		b = fmt.Appendf(b, "blocked by: node %v, heard at %d, not yet at %d\n",
			r.view.members[r.caughtUp], r.heard[r.caughtUp], head.stamp.number)
	}
	b = words.Part(b, "held back", func(b []byte) []byte {
		for _, e := range r.queue.sorted() {
			b = e.stamp.append(e.m.ID.append(b).Str(": at ")).Str(", ").Content(e.m.Payload).End()
		}
		return b
	})
	return words.Part(b, "ordered", r.past.describe)
}

func (r *sequencer) describe(b []byte) []byte {
	b = words.Line(b, "places are given by", r.placer().String())
	b = words.Uint(b, "last place", r.placed)
	first := r.placed - uint64(len(r.places)) + 1
	place := map[MsgID]uint64{}
	for i, id := range r.places {
		place[id] = first + uint64(i)
	}
	if len(r.places) > 0 { // it would have been delivered if its message were here
		b = fmt.Appendf(b, "blocked by: %v, whose message is not here\n", r.places[0])
	}
	b = words.Part(b, "placed", func(b []byte) []byte {
		for _, id := range r.places {
			b = words.Line(b, strconv.FormatUint(place[id], 10), id.String())
		}
		return b
	})
	b = words.Part(b, "held back", func(b []byte) []byte {
		for _, id := range r.arrived {
			m, waits := r.waiting[id]
			if !waits {
				continue
			}
			r := id.append(b)
			if p, placed := place[id]; placed {
				r = r.Str(": place ").Uint(p)
			} else {
				r = r.Str(": no place")
			}
			b = r.Str(", ").Content(m.Payload).End()
		}
		return b
	})
	return words.Part(b, "ordered", r.past.describe)
}

// describe appends the seqs of each origin.
func (s *idSet) describe(b []byte) []byte {
	for _, l := range protocol.SortedKeysFunc(s.runs, Member.compare) {
		b = l.append(b).Str(": ")
		for i, r := range s.runs[l] {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendUint(b, r.first, 10)
			if r.last > r.first {
				b = strconv.AppendUint(append(b, '-'), r.last, 10)
			}
		}
		b = append(b, '\n')
	}
	return b
}
