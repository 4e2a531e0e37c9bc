package link

import (
	"strconv"

	"dessim/protocol"
	"dessim/protocol/words"
)

// Describe appends the state to b by the convention of protocol.Describer, node by node.
// Messages have their numbers.
func (l *Link) Describe(b []byte) []byte {
	for _, id := range protocol.SortedKeys(l.peers) {
		b = words.Part(b, id.String(), func(b []byte) []byte { return l.describe(b, l.peers[id]) })
	}
	return b
}

func (l *Link) describe(b []byte, p *peer) []byte {
	b = words.Uint(b, "life", uint64(p.inc))
	b = words.Uint(b, "last to it", p.out.count)
	b = words.Uint(b, "all from it", p.got)
	if p.out.len() > 0 {
		b = words.Part(b, "unacknowledged", p.describeOut)
	}
	if p.sent > 0 {
		b = words.Row(b).Str("again: at ").Str(words.Time(p.resendAt)).Str(", ").Count(uint64(p.tries), "resend").Str(" so far").End()
	}
	if len(p.ahead) > 0 {
		b = words.Part(b, "early", func(b []byte) []byte {
			for _, a := range p.ahead {
				how := "delivered"
				if l.cfg.FIFO {
					how = words.Content(a.body)
				}
				b = words.Line(b, strconv.FormatUint(a.seq, 10), how)
			}
			return b
		})
	}
	if p.ackDue {
		b = words.Line(b, "acknowledges", "at the end of this step")
	}
	if p.armed {
		b = words.Line(b, "timer", "at "+words.Time(p.timerAt))
	}
	return b
}

func (p *peer) describeOut(b []byte) []byte {
	for i := range p.out.len() {
		m := p.out.at(i)
		b = words.Row(b).Uint(p.out.number(i)).Str(": ").Str(m.kind.String()).Str(", ").Content(m.body)
		switch {
		case i >= p.sent:
			b = append(b, ", not sent"...)
		case m.got:
			b = append(b, ", arrived"...)
		}
		b = append(b, '\n')
	}
	return b
}
