//go:build linux && (amd64 || arm64)

package host

import (
	"bytes"
	"iter"
	"sync"
	"syscall"

	"dessim/protocol"
	"dessim/sim/host/volume"
)

// kindDisk marks notes of a node's file system.
var kindDisk = protocol.KindOf("disk")

// files is a node's file system, in the place of the operating system's. The overlay's group files
// leads the system calls of a hosted program here; calltable.go lists those that are served.
//
// Everything happens within the node's steps: in calls of the program, or of the driver when the disk
// has finished a flush. A caller holds the mutex, and parks only to wait for a condition. There are no
// goroutines and no timers.
//
// The node's disk has the volume's records or the program's own. It becomes the volume's with the
// first call that changes a file. Only then the records of a new volume are persisted.
type files struct {
	id          protocol.NodeID
	incarnation uint32
	options     DiskOptions
	do          func(func(env *protocol.Env))
	print       func(stderr bool, text []byte)

	quietMutex
	vol        *volume.Volume
	image      []imageFile
	failed     bool   // the volume cannot be mounted
	owner      owner  // of the disk
	index      uint64 // of the next record
	held       []heldRecord
	noted      map[string]bool // by noteOnce
	flushes    map[uint64]*flush
	errors     map[volume.Ino]uint64 // failed flushes of an inode
	unreported map[volume.Ino]bool   // the last of these has not been reported by an fsync
	sparse     map[volume.Ino]bool   // files that got a hole in this life

	descriptors map[int]descriptor
	first       int // the lowest number
	free        int // no number from first to before it is free
	cwd         volume.Ino
	umask       uint32
	locks       locks
	unlocked    *sync.Cond // made by a goroutine that waits for a lock
	mappings    map[uintptr][]mapping
	waits       map[uint64]string // what a goroutine waits for, by its name
}

// owner says whose records a disk has.
type owner uint8

const (
	nobody owner = iota
	volumes
	programs
)

// heldRecord is a record of a new volume that nothing has changed yet.
type heldRecord struct {
	bytes   []byte
	payload int
}

func newFiles(l *life, image []imageFile) *files {
	first := firstOf(l.host.id, l.host.incarnation)
	return &files{
		id: l.host.id, incarnation: l.host.incarnation, options: l.options.Disk, image: image, do: l.do, print: l.Print,
		noted:       make(map[string]bool),
		flushes:     make(map[uint64]*flush),
		errors:      make(map[volume.Ino]uint64),
		unreported:  make(map[volume.Ino]bool),
		sparse:      make(map[volume.Ino]bool),
		descriptors: make(map[int]descriptor),
		first:       first,
		free:        first,
		cwd:         volume.Root,
		umask:       0o022,
		mappings:    make(map[uintptr][]mapping),
		waits:       make(map[uint64]string),
	}
}

// begin looks at the records that survived, and mounts them if they are files.
func (f *files) begin(env *protocol.Env) {
	for i, rec := range env.Records() {
		f.index = i + 1
		if f.owner == nobody {
			f.owner = programs
			if volume.IsRecord(rec) {
				f.owner = volumes
			}
		}
	}
	if f.owner == volumes {
		defer f.unlock(f.lock())
		f.mount(env.Records())
	}
}

// mount makes the volume, and notes what was lost.
func (f *files) mount(records iter.Seq2[uint64, []byte]) {
	var lines []string
	var err error
	f.vol, lines, err = volume.Mount(records, volume.Config{
		Model:   f.options.Model,
		Persist: f.persist,
		Now:     f.now,
		Epoch:   f.incarnation,
	})
	for _, line := range lines {
		f.note(line)
	}
	if err != nil {
		f.failed = true
		f.note("the file system cannot be mounted: " + err.Error())
	}
}

// ready mounts a new volume, if nothing is mounted.
func (f *files) ready() syscall.Errno {
	if f.vol == nil && !f.failed {
		f.mount(func(func(uint64, []byte) bool) {})
		if !f.failed {
			f.install()
		}
	}
	if f.failed {
		return syscall.EIO
	}
	return 0
}

// change is called before the program changes anything. From then on the disk is the volume's.
func (f *files) change() syscall.Errno {
	switch f.owner {
	case volumes:
		if f.options.Model == volume.Synced { // others do so after a flush
			f.compact()
		}
		return 0
	case programs:
		f.noteOnce("a node keeps files or records, and this one keeps records: its files cannot be changed")
		return syscall.EPERM
	}
	f.owner = volumes
	var all []uint64
	for _, r := range f.held {
		all = append(all, f.index-uint64(len(f.held)-len(all)))
		f.do(func(env *protocol.Env) { env.PersistFrom(r.bytes, r.payload) })
	}
	f.held = nil
	f.safe(all)
	return 0
}

// safe makes records safe at once.
func (f *files) safe(records []uint64) {
	if len(records) > 0 {
		f.do(func(env *protocol.Env) { env.Flush(0, records) })
		f.vol.Flushed(records)
	}
}

// persist is the volume's Config.Persist.
func (f *files) persist(rec []byte, payload int) uint64 {
	f.index++
	index := f.index - 1
	if f.owner != volumes {
		f.held = append(f.held, heldRecord{bytes.Clone(rec), payload})
		return index
	}
	f.do(func(env *protocol.Env) {
		env.PersistFrom(rec, payload)
		if f.options.Model == volume.Synced {
			env.Flush(0, []uint64{index})
		}
	})
	return index
}

// records is called before the program uses records. It panics if the disk has files.
func (f *files) records() {
	defer f.unlock(f.lock())
	if f.owner == volumes {
		panic("host: a node keeps files or records, and this one keeps files: no record can be persisted beside them")
	}
	f.owner = programs
}

// now returns the time of the node's clock in nanoseconds since 1970.
func (f *files) now() (now int64) {
	f.do(func(env *protocol.Env) { now = epoch + int64(env.Now()) })
	return now
}

// space returns how many bytes of data the disk has room for, and false if it has no bound.
func (f *files) space() (free int64, bound bool) {
	full := false
	f.do(func(env *protocol.Env) { full = env.Full() })
	switch {
	case full:
		return 0, true
	case f.options.Capacity > 0:
		return max(f.options.Capacity-f.vol.Used(), 0), true
	}
	return 0, false
}

// note records a note.
func (f *files) note(text string) {
	f.do(func(env *protocol.Env) { env.Note(kindDisk, text) })
}

// noteOnce records a note unless the node has it already.
func (f *files) noteOnce(text string) {
	if !f.noted[text] {
		f.noted[text] = true
		f.note(text)
	}
}

// ofPrograms reports whether the disk has the program's own records.
func (f *files) ofPrograms() bool { return f.owner == programs }

// goOn closes what a process that has ended had open.
func (f *files) goOn(l *life) {
	f.do, f.print = l.do, l.Print
	f.unlocked, f.locks = nil, nil
	for _, w := range f.flushes {
		w.ended = sync.NewCond(&f.Mutex) // no goroutine waits any more
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
		if d := f.descriptors[fd].openFile; !closed[d] && d.socket == nil {
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

// settled is flushed, for a program that has ended.
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
