package link

import (
	"fmt"

	"dessim/protocol"
)

// AppendState appends all of the link's state: see protocol.Stateful.
func (l *Link) AppendState(b []byte) []byte {
	for _, id := range protocol.SortedKeys(l.peers) {
		b = l.peers[id].appendState(b)
	}
	return b
}

func (p *peer) appendState(b []byte) []byte {
	b = fmt.Appendf(b, "link to %v life %d, %d numbered, %d resends, up to %d settled", p.id, p.inc, p.out.count, p.tries, p.got)
	if p.sent > 0 {
		b = fmt.Appendf(b, ", %d sent, again at %d", p.sent, p.resendAt)
	}
	if p.ackDue {
		b = fmt.Appendf(b, ", acknowledges")
	}
	if p.armed {
		b = fmt.Appendf(b, ", timer at %d", p.timerAt)
	}
	b = append(b, '\n')
	for i := range p.out.len() {
		m := p.out.at(i)
		b = fmt.Appendf(b, "  to it %d %v %q arrived %v\n", p.out.number(i), m.kind, m.body, m.got)
	}
	for _, a := range p.ahead {
		b = fmt.Appendf(b, "  from it %d %q\n", a.seq, a.body)
	}
	return b
}
