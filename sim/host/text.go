package host

import (
	"fmt"
	"strings"

	"dessim/sim"
)

// mostQuoted is how many bytes of a message's data are quoted.
const mostQuoted = 48

// Text describes a message of a hosted program's socket, for Scenario.Text: `43 bytes from 128:
// "put k1 v7"`. It returns "" for any other event.
func Text(e *sim.Event) string {
	if e.What&(sim.Sent|sim.Received|sim.Lost|sim.Copied|sim.Corrupted|sim.Dropped) == 0 {
		return ""
	}
	from, to := e.Node, e.Peer
	if e.What&(sim.Received|sim.Dropped) != 0 {
		from, to = to, from
	}
	s, ok := parseSegment(e.Body, from, to)
	if !ok {
		return ""
	}
	switch s.what {
	case segDatagram:
		return fmt.Sprintf("port %d to %d, %s", s.fromPort, s.toPort, quoted(s.data))
	case segSyn:
		return fmt.Sprintf("port %d to %d", s.fromPort, s.toPort)
	case segSynAck:
		return "accepted"
	case segData:
		return fmt.Sprintf("at %d, %s", s.seq, quoted(s.data))
	case segFin:
		return fmt.Sprintf("at %d", s.seq)
	case segProbe:
		return "probe"
	case segAck:
		return fmt.Sprintf("up to %d", s.ack)
	}
	return "no such connection"
}

// quoted describes data: its size, and its first bytes if they are text.
func quoted(b []byte) string {
	size := fmt.Sprintf("%d bytes", len(b))
	first := b[:min(len(b), mostQuoted)]
	printable := 0
	for _, c := range first {
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t' {
			printable++
		}
	}
	if printable < len(first)*3/4 || len(first) == 0 {
		return size
	}
	text := strings.ReplaceAll(fmt.Sprintf("%q", first), `\"`, `"`)
	if len(first) < len(b) {
		text += "..."
	}
	return size + " " + text
}
