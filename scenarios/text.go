package scenarios

import (
	"cmp"
	"strings"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/kv"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/protocol/seal"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/scenario"
)

// eventText returns the Text of an event in a sim.Trace. Nodes after those of p are clients,
// whose timers mean other things. An event that no machine can read has no text.
func eventText(p *scenario.Params, e *sim.Event) string {
	switch e.What {
	case sim.Fired:
		return textTimer(e, uint64(e.Node) >= uint64(p.Nodes))
	case sim.Persisted:
		return clip(textRecord(e.Body))
	case sim.Output:
		return clip(textOutput(e.Kind, e.Body))
	}
	return clip(textMessage(e))
}

// maxText keeps a stranger's message from filling the screen; other texts are shorter.
const maxText = 120

func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText-3] + "..."
	}
	return s
}

// textMessage returns the words that follow the kind of a message or input. A frame of the
// link is described if it is the link's own; otherwise its content is.
func textMessage(e *sim.Event) string {
	payload, carries := link.Payload(e.Body)
	switch {
	case !carries:
		body := e.Body
		if msg, ok := seal.Open(body); ok && len(msg) > 0 && (protocol.Component(msg[0]) == protocol.ABCAST || protocol.Component(msg[0]) == kv.Component) {
			body = msg // messages that bypass the link have a seal of their own
		}
		return without(e.Kind, textBody(body))
	case e.Kind != link.KindResend:
		return without(e.Kind, textBody(payload))
	}
	if s := textBody(payload); s != "" {
		return link.Text(e.Body) + ": " + s
	}
	return ""
}

// without removes the kind, since the trace shows it anyway.
func without(kind protocol.Kind, text string) string {
	if kind == gossip.KindBody { // the same message, sent for another reason
		kind = gossip.KindData
	}
	return strings.TrimPrefix(text, kind.String()+" ")
}

func textBody(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	switch protocol.Component(b[0]) {
	case 'd':
		return kademlia.Text(b)
	case protocol.Link:
		return link.Text(b)
	case protocol.Gossip:
		return gossip.Text(b)
	case protocol.TwoPC:
		return twopc.Text(b)
	case protocol.ABCAST:
		return cmp.Or(abcast.Text(b), raft.Text(b)) // neither can read the other's messages
	case protocol.Peer:
		return peer.Text(b)
	case protocol.Kademlia:
		return kademlia.TextInput(b)
	case kv.Component:
		return kv.Text(b)
	}
	return ""
}

func textRecord(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	switch protocol.Component(b[0]) {
	case protocol.TwoPC:
		return twopc.TextRecord(b)
	case protocol.ABCAST:
		return cmp.Or(abcast.TextRecord(b), raft.TextRecord(b))
	case protocol.Peer:
		return peer.TextRecord(b)
	case protocol.Kademlia:
		return kademlia.TextInput(b)
	}
	return ""
}

// textOutput tries every machine: each describes only its own kinds.
func textOutput(kind protocol.Kind, b []byte) string {
	return cmp.Or(twopc.TextOutput(kind, b), abcast.TextOutput(kind, b), raft.TextOutput(kind, b),
		kv.TextOutput(kind, b), kademlia.TextOutput(kind, b), peer.TextOutput(kind, b))
}

func textTimer(e *sim.Event, client bool) string {
	switch c, _ := protocol.SplitTag(e.Tag); {
	case c == protocol.Link:
		return link.TextTimer(e.Tag)
	case c == protocol.Gossip:
		return gossip.TextTimer(e.Tag)
	case c == protocol.Kademlia:
		return kademlia.TextTimer(e.Tag)
	case c == protocol.Peer && client:
		return peer.TextClientTimer(e.Tag)
	case c == protocol.Peer:
		return peer.TextTimer(e.Tag)
	}
	return "" // timers of two-phase commit are numbered, and the trace shows the number
}
