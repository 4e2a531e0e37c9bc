//go:build linux && (amd64 || arm64)

package host

import (
	"sync"
	"syscall"

	"dessim/protocol"
	"dessim/sim/host/volume"
)

// flush is records on their way to the disk.
type flush struct {
	records []uint64
	done    bool
	failed  bool
	lost    []volume.Ino // if it failed: the files of which data is not on the disk
	ended   *sync.Cond
}

// flushed is called by the driver when the disk is done with a flush.
func (f *files) flushed(tag uint64, failed bool) {
	defer f.unlock(f.lock())
	w, ok := f.flushes[tag]
	if !ok {
		return
	}
	delete(f.flushes, tag)
	w.done, w.failed = true, failed
	if failed {
		w.lost = f.vol.Failed(w.records)
	} else {
		f.vol.Flushed(w.records)
		f.compact()
	}
	w.ended.Broadcast()
}

// compact replaces all records by a snapshot, when that is worth it.
func (f *files) compact() {
	if index, ok := f.vol.Compact(); ok {
		f.do(func(env *protocol.Env) { env.Discard(index) })
		f.safe([]uint64{index})
	}
}

// flush makes records safe and waits until they are. If that fails, ok is false.
func (f *files) flush(records []uint64, path string) (lost []volume.Ino, ok bool) {
	if len(records) == 0 {
		return nil, true
	}
	w := &flush{records: records, ended: sync.NewCond(&f.Mutex)}
	tag := uint64(1) // the lowest that is free: questions about the flush are named by it
	for f.flushes[tag] != nil {
		tag++
	}
	f.flushes[tag] = w
	f.do(func(env *protocol.Env) { env.Flush(tag, records) })
	f.wait(w.ended, "waits for fsync of "+path, func() bool { return w.done })
	return w.lost, !w.failed
}

// wait waits for a condition. what says for what, in descriptions.
func (f *files) wait(c *sync.Cond, what string, until func() bool) {
	name, _ := simSelf()
	f.waits[name] = what
	for !until() {
		c.Wait()
	}
	delete(f.waits, name)
}

// waitsFor returns what a goroutine waits for here, if it does.
func (f *files) waitsFor(name uint64) (what string, ok bool) {
	defer f.unlock(f.lock())
	what, ok = f.waits[name]
	return what, ok
}

// sync makes a file safe. A failed flush is reported once to each open file.
func (f *files) sync(d *openFile, data bool) syscall.Errno {
	d.refs++ // so that it stays
	_, ok := f.flush(f.vol.Pending(d.ino, data), d.path)
	if !ok {
		f.errors[d.ino]++
	}
	known := d.errors == f.errors[d.ino]
	d.errors = f.errors[d.ino]
	f.unref(d)
	if !known {
		delete(f.unreported, d.ino)
		return syscall.EIO
	}
	return 0
}

func (f *files) callFsync(c *callArgs) (uintptr, syscall.Errno)     { return f.fsync(c, false) }
func (f *files) callFdatasync(c *callArgs) (uintptr, syscall.Errno) { return f.fsync(c, true) }

func (f *files) fsync(c *callArgs, data bool) (uintptr, syscall.Errno) {
	d, err := f.file(c.int(0))
	switch {
	case err != 0:
		return 0, err
	case d.flags&oPath != 0:
		return 0, syscall.EBADF
	}
	return 0, f.sync(d, data)
}

// syncAll makes all files safe. If that fails, the next fsync of a file that lost data fails, as on
// Linux, even if the file is opened only then: nothing else would, since the data counts as clean.
func (f *files) syncAll() (ok bool) {
	lost, ok := f.flush(f.vol.PendingAll(), "all files")
	for _, i := range lost {
		f.errors[i]++
		f.unreported[i] = true
	}
	return ok
}

// callSync is sync, which does not report a failure.
func (f *files) callSync(*callArgs) (uintptr, syscall.Errno) {
	if f.ready() == 0 {
		f.syncAll()
	}
	return 0, 0
}

func (f *files) callSyncfs(c *callArgs) (uintptr, syscall.Errno) {
	if _, err := f.file(c.int(0)); err != 0 {
		return 0, err
	}
	if !f.syncAll() {
		return 0, syscall.EIO
	}
	return 0, 0
}
