package host

import (
	"fmt"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/host/volume"
)

// mostQuoted is how many bytes of a message's data are quoted.
const mostQuoted = 48

// Text describes an event of a run of hosted programs, for Scenario.Text: what a message of a socket
// carries, as in `at 128, 43 bytes "put k1 v7"`; what a record does to a file; and inputs, outputs
// and other records as they are, if they are text. It returns "" for any other event.
func Text(e *sim.Event) string {
	switch {
	case e.What&(sim.Sent|sim.Received|sim.Lost|sim.Copied|sim.Corrupted|sim.Dropped) != 0 && e.Peer != protocol.Outside:
		return segmentText(e)
	case e.What&(sim.Persisted|sim.Salvaged) != 0 && volume.IsRecord(e.Body):
		return volume.Describe(e.Body)
	case e.What&(sim.Received|sim.Dropped|sim.Output|sim.Persisted|sim.Salvaged) != 0 && printable(e.Body):
		return string(e.Body)
	}
	return ""
}

func segmentText(e *sim.Event) string {
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
	if !printable(first) {
		return size
	}
	text := strings.ReplaceAll(fmt.Sprintf("%q", first), `\"`, `"`)
	if len(first) < len(b) {
		text += "..."
	}
	return size + " " + text
}

// printable reports whether at least three quarters of b are text.
func printable(b []byte) bool {
	n := 0
	for _, c := range b {
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t' {
			n++
		}
	}
	return n > 0 && n >= len(b)*3/4
}
