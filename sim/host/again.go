package host

import "dessim/protocol"

// A program that has ended can be started again on the machine that goes on: see
// Options.RestartAfter. What is left of its process is the state of its file system.

// again has the node start its program once more, if that is asked for.
func (l *life) again(env *protocol.Env) {
	if l.options.RestartAfter > 0 && !l.files.ofPrograms() {
		l.restarts = true
		env.SetTimer(l.options.RestartAfter, alarm)
	}
}

// goOn is what a new process has of the last one of its machine.
func (l *life) goOn(last *life) {
	l.process = last.process + 1
	l.net.conns, l.net.next = last.net.conns, last.net.next // which peers may still know
	l.files = last.files
	l.files.goOn(l)
}
