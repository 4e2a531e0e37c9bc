package kv

import (
	"fmt"
	"strconv"

	"dessim/protocol"
	"dessim/protocol/words"
)

// Describe appends the state to b by the convention of protocol.Describer.
func (n *Node) Describe(b []byte) []byte {
	b = words.Part(b, "table", describeTable(n.table))
	b = words.Part(b, "clients", func(b []byte) []byte {
		for _, c := range protocol.SortedKeys(n.sessions) {
			last := n.sessions[c]
			b = words.Line(b, c.String(), last.text())
		}
		return b
	})
	b = words.Part(b, "asked here", func(b []byte) []byte {
		for _, c := range protocol.SortedKeys(n.asked) {
			b = words.Uint(b, c.String(), n.asked[c])
		}
		return b
	})
	b = fmt.Appendf(b, "state: %016x\n", n.state)
	return words.Part(b, "order", n.group.Describe)
}

func describeTable(table map[uint64]uint64) func(b []byte) []byte {
	return func(b []byte) []byte {
		for _, k := range protocol.SortedKeys(table) {
			b = words.Uint(b, strconv.FormatUint(k, 10), table[k])
		}
		return b
	}
}

// Describe appends the state to b by the convention of protocol.Describer.
func (c *Client) Describe(b []byte) []byte {
	switch {
	case c.open:
		b = fmt.Appendf(b, "operation: %d, %v\n", c.now.Seq, c.now)
		b = fmt.Appendf(b, "asks: %v, replica number %d for this operation\n", c.cfg.Members[c.at], c.asked)
	case c.resting:
		b = words.Line(b, "operation", "rests before the next one")
	default:
		b = words.Line(b, "operation", "none")
	}
	if !c.open {
		b = words.Line(b, "asks", fmt.Sprintf("%v next", c.cfg.Members[c.at]))
	}
	b = words.Uint(b, "begun", c.count)
	b = words.Part(b, "waiting", func(b []byte) []byte {
		for i, w := range c.waiting {
			b = words.Line(b, strconv.FormatUint(c.count+uint64(i)+1, 10), w.String())
		}
		return b
	})
	return words.Part(b, "seen", describeTable(c.seen))
}
