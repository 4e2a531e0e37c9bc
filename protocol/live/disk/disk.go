// Package disk keeps the records of a live node in files. It is what package protocol calls
// a disk: obligations 1, 13 to 15, 25 and 26.
//
// A node has a folder of its own, which one process at a time opens. In it are segments,
// "log-0000000001" and so on: files that grow at their end until the next one begins. Records,
// discards and incarnations are frames in them, each with a length, a number and checksums. The
// first frame of a segment says what the segments before it amount to. So a discard is one
// frame, there or not, and segments that have only discarded records are deleted.
//
// # What is durable when
//
// Append and Discard keep their frames in memory. Sync writes them by one write and makes them
// durable by one fdatasync, or fsync where there is no other; the discard comes last, behind
// the records that it must not precede. If nothing is pending, Sync does nothing.
//
// A node has at most one sync under way, since its runtime waits for it, and everything that
// was appended since the one before goes with it. So there is nothing to merge. Nodes of one
// process do not share syncs either: they would need one log for all, and one fate; the file
// systems merge the flushes of several files by themselves.
//
// A new file has a temporary name until it is durable, and its name is durable before anything
// relies on it. A deletion is not made durable: a segment that comes back has nothing but
// discarded records, and the next Begin deletes it again.
//
// # What Begin finds
//
// All that was synced, and perhaps some of the records that were being written at a power failure: a
// prefix of them, whole. The rest of that write is cut off. A write is known to be one that was
// not synced by what it lacks: see unfinished. Anything else that fails its checksum is damage,
// a DamageError, and the node must not start.
//
// Begin cannot see that the last write was cut or zeroed after it was synced, that all files were
// deleted, or that the folder was replaced by an older copy: they look like syncs that never
// happened. Nobody should do this to a node that goes on.
//
// Linux and Darwin have all that this needs; elsewhere Open returns an error.
package disk

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// Options are the options of a Disk. The zero Options are good.
type Options struct {
	// Owner says whose records these are, such as the node and its network, in one line of at
	// most MaxOwner bytes. Begin refuses a folder that has another owner's.
	Owner string
	// Segment is the size from which on a segment is followed by another; 0 means 16 MiB.
	Segment int64
	// Tear, unless nil, has Crash leave the first Tear(n) of the n bytes in the file that a
	// sync would have written, as a power failure in the middle of it might. Nil leaves none.
	Tear func(n int) int
}

// Bounds of what a Disk takes.
const (
	MaxOwner  = 1024    // bytes of Options.Owner
	MaxRecord = maxBody // bytes of a record
)

const defaultSegment = 16 << 20

// Disk is the disk of a node. Its methods are called by one goroutine at a time, first Begin.
// After an error of a method it is good for nothing but Close; what was synced stays.
type Disk struct {
	dir    string
	o      Options
	folder *os.File // holds the lock
	err    error    // why nothing can be written, or nil
	probe  func(op, path string, b []byte) error

	state             // with what was appended, but without what was discarded, since the last sync
	forget  uint64    // the floor from the next sync on, if greater
	buf     []byte    // frames of what was appended since the last sync
	log     segment   // the last one, which is written to
	older   []segment // those before it that are needed, oldest first
	records []record  // what Begin found
}

// segment is a file of the log.
type segment struct {
	number uint64
	salt   uint64
	first  uint64 // index of its first record
	size   int64  // what of it is durable
	f      *os.File
}

type record struct {
	index uint64
	body  []byte
}

var (
	errBegin  = errors.New("no incarnation has begun; want Begin first")
	errClosed = errors.New("is closed")
)

// Open opens the folder of a node, which it makes if there is none. It returns an error if
// another process, or this one, has opened it.
func Open(dir string, o Options) (*Disk, error) {
	if len(o.Owner) > MaxOwner {
		return nil, fmt.Errorf("disk: owner of folder %s has %d bytes; want at most %d", dir, len(o.Owner), MaxOwner)
	}
	if o.Segment <= 0 {
		o.Segment = defaultSegment
	}
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("disk: %w", err)
	}
	folder, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("disk: %w", err)
	}
	if err := lock(folder); err != nil {
		folder.Close()
		return nil, fmt.Errorf("disk: folder %s %w", dir, err)
	}
	return &Disk{dir: dir, o: o, folder: folder, err: errBegin}, nil
}

// fail makes the disk unusable, and returns why.
func (d *Disk) fail(err error) error {
	d.err = err
	return d.wrap(err)
}

func (d *Disk) wrap(err error) error {
	var damage *DamageError
	if err == nil || errors.As(err, &damage) {
		return err
	}
	return fmt.Errorf("disk: folder %s: %w", d.dir, err)
}

// Begin counts another incarnation and returns its number, which is durable then, as are the
// records that it found. A DamageError means that the node must not start again.
func (d *Disk) Begin() (incarnation uint32, err error) {
	switch d.err {
	case errBegin:
	case nil:
		return 0, d.wrap(errors.New("an incarnation has begun already; want Crash or Close first"))
	default:
		return 0, d.wrap(d.err)
	}
	d.err = nil
	if err := d.recover(); err != nil {
		return 0, d.fail(err)
	}
	d.incarnation++
	d.buf = appendFrame(d.buf, kindBegin, uint64(d.incarnation), d.log.size, nil)
	if err := d.flush(); err != nil {
		return 0, d.fail(err)
	}
	return d.incarnation, nil
}

// Records returns what Begin found, oldest first, by index, until the first Append. Nobody may
// change the bytes.
func (d *Disk) Records() iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		for _, r := range d.records {
			if !yield(r.index, r.body) {
				return
			}
		}
	}
}

// Append adds a record. It is durable after the next Sync, and until then in memory alone.
func (d *Disk) Append(rec []byte) error {
	if d.err != nil {
		return d.wrap(d.err)
	}
	if len(rec) > MaxRecord {
		return d.wrap(fmt.Errorf("record %d has %d bytes; want at most %d", d.next, len(rec), MaxRecord))
	}
	d.records = nil
	d.buf = appendRecord(d.buf, d.log.salt, d.next, d.log.size, rec)
	d.next++
	return nil
}

// Discard forgets the records with an index below upTo, at most those there are now, with the
// next Sync.
func (d *Disk) Discard(upTo uint64) { d.forget = max(d.forget, min(upTo, d.next)) }

// Sync returns when all that was appended and discarded before is durable.
func (d *Disk) Sync() error {
	if d.err != nil {
		return d.wrap(d.err)
	}
	if d.forget > d.floor {
		d.buf = appendFrame(d.buf, kindDiscard, d.forget, d.log.size, nil)
	}
	if len(d.buf) == 0 {
		return nil
	}
	if err := d.flush(); err != nil {
		return d.fail(err)
	}
	d.floor = max(d.floor, d.forget)
	if d.log.size >= d.o.Segment {
		if err := d.rotate(); err != nil {
			return d.fail(err)
		}
	}
	if err := d.tidy(); err != nil {
		return d.fail(err)
	}
	return nil
}

// Crash gives up what was not synced, but for what Options.Tear keeps. Begin comes next.
func (d *Disk) Crash() error {
	if d.err != nil {
		return d.wrap(d.err)
	}
	if d.o.Tear != nil {
		n := max(0, min(d.o.Tear(len(d.buf)), len(d.buf)))
		if err := d.write(&d.log, d.buf[:n], d.log.size); err != nil {
			return d.fail(err)
		}
	}
	if err := d.log.close(); err != nil {
		return d.fail(err)
	}
	d.err, d.buf, d.records = errBegin, nil, nil
	return nil
}

// Close gives up what was not synced, and lets others open the folder.
func (d *Disk) Close() error {
	if d.err == errClosed {
		return nil
	}
	d.err, d.buf, d.records = errClosed, nil, nil
	return errors.Join(d.log.close(), d.folder.Close())
}

func (s *segment) close() error {
	f := s.f
	s.f = nil
	if f == nil {
		return nil
	}
	return f.Close()
}

// flush makes the frames in buf durable.
func (d *Disk) flush() error {
	if err := d.write(&d.log, d.buf, d.log.size); err != nil {
		return err
	}
	if err := d.sync(d.log.f); err != nil {
		return err
	}
	d.log.size += int64(len(d.buf))
	if d.buf = d.buf[:0]; cap(d.buf) > 1<<20 {
		d.buf = nil
	}
	return nil
}

// rotate begins the next segment. The old one gets its end once the new one is durable, and
// nothing is written to that before the end is durable: a segment without its end is the
// last one, or an empty one follows.
func (d *Disk) rotate() error {
	old := d.log
	s, err := d.create(old.number + 1)
	if err != nil {
		return err
	}
	d.log = s
	defer old.close()
	if err := d.write(&old, appendFrame(nil, kindEnd, s.number, old.size, nil), old.size); err != nil {
		return err
	}
	if err := d.sync(old.f); err != nil {
		return err
	}
	d.older = append(d.older, segment{number: old.number, first: old.first})
	return nil
}

// tidy deletes the segments that have only discarded records.
func (d *Disk) tidy() error {
	for len(d.older) > 0 {
		end := d.log.first
		if len(d.older) > 1 {
			end = d.older[1].first
		}
		if end > d.floor {
			return nil
		}
		if err := d.remove(d.path(d.older[0].number)); err != nil {
			return err
		}
		d.older = d.older[1:]
	}
	return nil
}

var processors sync.Mutex // of changes to their number

// Processors lets Go run as many more goroutines at a time as disks may sync, until back is called.
// Whoever opens disks for nodes calls it first. A sync blocks a thread, and with it one of
// GOMAXPROCS, until the runtime notices, which takes up to 10 ms: with few of them, syncs of some
// nodes would hold up the others, and those who receive.
func Processors(disks int) (back func()) {
	add := func(n int) {
		processors.Lock()
		defer processors.Unlock()
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n)
	}
	add(disks)
	return func() { add(-disks) }
}

func (d *Disk) path(number uint64) string {
	return filepath.Join(d.dir, fmt.Sprintf("log-%010d", number))
}
