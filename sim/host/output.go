package host

import (
	"bytes"

	"dessim/protocol"
)

var (
	kindStdout = protocol.KindOf("stdout")
	kindStderr = protocol.KindOf("stderr")
)

// Print notes each line that the program writes to standard output or standard error. Text without a
// newline waits for the rest of its line. The standard library calls it: see the overlay's group
// output.
func (l *life) Print(stderr bool, text []byte) {
	kind, begun := kindStdout, &l.lines[0]
	if stderr {
		kind, begun = kindStderr, &l.lines[1]
	}
	for {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		begun.Write(line)
		if !whole {
			return
		}
		l.do(func(env *protocol.Env) { env.Note(kind, begun.String()) })
		begun.Reset()
		text = rest
	}
}
