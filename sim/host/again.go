package host

import (
	"sync"

	"dessim/protocol"
	"dessim/sim/host/volume"
)

// A program that has ended can be started again on the machine that goes on: see
// Options.RestartAfter. What is left of its process is the state of its file system.

// again has the node start its program once more, if that is asked for.
func (l *life) again(env *protocol.Env) {
	if l.options.RestartAfter > 0 && l.files.owner != programs {
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

// goOn closes what a process that has ended had open.
func (f *files) goOn(l *life) {
	f.do, f.print = l.do, l.Print
	f.unlocked, f.locks = nil, nil
	for _, w := range f.flushes {
		w.ended = sync.NewCond(&f.mu) // nobody waits any more
	}
	for _, n := range protocol.SortedKeys(f.mappings) {
		for _, m := range f.mappings[n] {
			if m.ino != 0 {
				f.vol.Unpin(m.ino, m.memory)
				f.vol.Release(m.ino)
			}
		}
	}
	clear(f.mappings)
	closed := map[*openFile]bool{}
	for _, fd := range protocol.SortedKeys(f.descriptors) {
		if d := f.descriptors[fd].openFile; !closed[d] {
			closed[d] = true
			f.vol.Release(d.ino)
		}
	}
	clear(f.descriptors)
	clear(f.waits)
	f.free, f.umask = f.first, 0o022
	if f.cwd != volume.Root {
		f.vol.Release(f.cwd)
		f.cwd = volume.Root
	}
}

// settled is flushed for a program that has ended.
func (f *files) settled(tag uint64, failed bool) {
	w, ok := f.flushes[tag]
	if !ok {
		return
	}
	delete(f.flushes, tag)
	if failed {
		f.vol.Failed(w.records)
	} else {
		f.vol.Flushed(w.records)
	}
}
