// Package wal is a write-ahead log in files, as textbooks have it: records with checksums are appended
// to a segment, a segment that is full is followed by another, and what a crash left of a record is cut
// off when the log is opened. It is ordinary Go code that knows nothing of a simulator.
//
// Options.Bug plants one of the classic mistakes.
package wal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Bug is a mistake that a log makes on purpose.
type Bug string

// The mistakes.
const (
	None       Bug = "none"
	NoSync     Bug = "nosync"     // records are not synced
	NoDirSync  Bug = "nodirsync"  // the directory is not synced, so a new segment may be gone
	NoTempSync Bug = "notempsync" // a segment gets its name before its data is synced
	AckBefore  Bug = "ackbefore"  // records are synced in the background
	GroupAck   Bug = "groupack"   // a sync acknowledges what was written since it began
	NoTruncate Bug = "notruncate" // what a crash left of a record stays, and records follow it
	NoChecksum Bug = "nochecksum" // a record whose length is right is taken for whole
	NoRollback Bug = "norollback" // what a failed write left stays, and records follow it
	TrustCache Bug = "trustcache" // what can be read is taken for safe, though a sync of it may have failed
	GoOn       Bug = "goon"       // a failed sync is tried again
	TrimNewest Bug = "trimnewest" // the newest of the segments to be removed goes first
)

// Bugs lists all of them.
var Bugs = []string{string(None), string(NoSync), string(NoDirSync), string(NoTempSync), string(AckBefore), string(GroupAck),
	string(NoTruncate), string(NoChecksum), string(NoRollback), string(TrustCache), string(GoOn), string(TrimNewest)}

// Options configure a log. The zero value is usable.
type Options struct {
	SegmentBytes int64 // a segment of this size is followed by another; 0 is 1 MiB
	Bug          Bug
}

// ErrCorrupt says that files are damaged, or missing, in a way that no crash can explain.
var ErrCorrupt = errors.New("the log is corrupt")

// Log is a log that is open. Its methods may be called at any time.
type Log struct {
	dir     string
	options Options

	mu       sync.Mutex
	wake     *sync.Cond // a sync has ended
	segments []uint64   // the numbers of their first records; the last one is written
	file     *os.File
	size     int64
	next     uint64 // number of the next record
	safe     uint64 // records below are on the disk
	syncing  bool
	failed   error // then the log must be opened again
}

// Open opens the log in a directory, or makes one, and returns the records that it has, with the
// number of the first.
func Open(dir string, o Options) (l *Log, first uint64, records [][]byte, err error) {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 1 << 20
	}
	l = &Log{dir: dir, options: o}
	l.wake = sync.NewCond(&l.mu)
	if err := l.makeDir(); err != nil {
		return nil, 0, nil, err
	}
	if l.segments, err = list(dir); err != nil {
		return nil, 0, nil, err
	}
	if len(l.segments) == 0 {
		l.next = 1
		if err := l.begin(); err != nil {
			return nil, 0, nil, err
		}
		return l, 1, nil, nil
	}
	if records, err = l.read(); err != nil {
		return nil, 0, nil, err
	}
	return l, l.segments[0], records, nil
}

func (l *Log) makeDir() error {
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		return err
	}
	for dir := filepath.Clean(l.dir); dir != filepath.Dir(dir); {
		dir = filepath.Dir(dir)
		if err := l.syncDir(dir); err != nil && !os.IsPermission(err) {
			return err
		}
	}
	return nil
}

// read reads all segments, and makes the last one ready to be written.
func (l *Log) read() (records [][]byte, err error) {
	l.next = l.segments[0]
	for i, at := range l.segments {
		if at != l.next {
			return nil, fmt.Errorf("%w: segment %s begins where record %d should be", ErrCorrupt, name(at), l.next)
		}
		data, err := os.ReadFile(l.path(at))
		if err != nil {
			return nil, err
		}
		list, good, err := parse(data, at, l.options.Bug == NoChecksum)
		last := i == len(l.segments)-1
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w: segment %s: %v", ErrCorrupt, name(at), err)
		case !last && good < len(data):
			return nil, fmt.Errorf("%w: segment %s is damaged at byte %d, and not the last", ErrCorrupt, name(at), good)
		}
		records = append(records, list...)
		l.next += uint64(len(list))
		if last {
			if err := l.resume(at, data[:good]); err != nil {
				return nil, err
			}
		}
	}
	l.safe = l.next
	return records, nil
}

// resume makes the last segment ready, of which data is whole. It is written anew: what can be
// read may be in memory alone, and marked as written, if a sync failed when the log was open.
func (l *Log) resume(at uint64, data []byte) (err error) {
	switch l.options.Bug {
	case NoTruncate, TrustCache:
		if l.file, err = os.OpenFile(l.path(at), os.O_RDWR, 0); err != nil {
			return err
		}
		if l.options.Bug == TrustCache {
			if err := l.file.Truncate(int64(len(data))); err != nil {
				return err
			}
		}
		if l.size, err = l.file.Seek(0, io.SeekEnd); err != nil {
			return err
		}
		return l.file.Sync()
	}
	return l.write(at, data)
}

// begin begins the next segment.
func (l *Log) begin() error {
	if err := l.write(l.next, header(l.next)); err != nil {
		return err
	}
	l.segments = append(l.segments, l.next)
	l.safe = l.next
	return nil
}

// write makes a segment of that data, under another name first, and goes on with it.
func (l *Log) write(at uint64, data []byte) error {
	temp := filepath.Join(l.dir, "segment.tmp")
	f, err := os.Create(temp)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil && l.options.Bug != NoTempSync {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(temp, l.path(at))
	}
	if err == nil {
		err = l.syncDir(l.dir)
	}
	if err != nil {
		f.Close()
		return err
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.size = f, int64(len(data))
	return nil
}

// Append appends a record, and returns its number when it is safe. After an error, it may be in the
// log, or not.
func (l *Log) Append(rec []byte) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.rotate(); err != nil {
		return 0, l.fail(err)
	}
	frame := encode(l.next, rec)
	if n, err := l.file.Write(frame); err != nil {
		if l.options.Bug != NoRollback {
			return 0, l.rollback(err)
		}
		l.size += int64(n)
		return 0, err
	}
	l.size += int64(len(frame))
	number := l.next
	l.next++
	return number, l.wait(number)
}

// rollback cuts off what a failed write left, for which there is room.
func (l *Log) rollback(why error) error {
	err := l.file.Truncate(l.size)
	if err == nil {
		_, err = l.file.Seek(l.size, io.SeekStart)
	}
	if err != nil {
		return l.fail(errors.Join(why, err))
	}
	return why
}

// rotate begins another segment if the last one is full.
func (l *Log) rotate() error {
	full := func() bool { return l.failed == nil && l.size >= l.options.SegmentBytes }
	for full() && l.syncing {
		l.wake.Wait()
	}
	if !full() {
		return l.failed
	}
	if l.options.Bug != NoSync {
		if err := l.file.Sync(); err != nil {
			return err
		}
	}
	l.wake.Broadcast()
	return l.begin()
}

// wait waits until a record is safe. One of the goroutines that wait syncs for all.
func (l *Log) wait(number uint64) error {
	switch l.options.Bug {
	case NoSync:
		return nil
	case AckBefore:
		go l.file.Sync()
		return nil
	}
	for l.failed == nil && l.safe <= number {
		if l.syncing {
			l.wake.Wait()
			continue
		}
		l.sync()
	}
	if l.safe > number {
		return nil
	}
	return l.failed
}

// sync syncs what has been written, without the lock.
func (l *Log) sync() {
	l.syncing = true
	upTo, f := l.next, l.file
	l.mu.Unlock()
	err := f.Sync()
	l.mu.Lock()
	l.syncing = false
	l.wake.Broadcast()
	switch {
	case err != nil && l.options.Bug != GoOn:
		l.fail(err)
	case err == nil && l.options.Bug == GroupAck:
		l.safe = l.next
	case err == nil:
		l.safe = upTo
	}
}

// fail stops all writing: what the disk has is not known.
func (l *Log) fail(err error) error {
	if l.failed == nil {
		l.failed = fmt.Errorf("the log must be opened again: %w", err)
	}
	l.wake.Broadcast()
	return l.failed
}

// Trim removes segments of which all records have a number below before, the oldest first. Each
// removal is safe before the next, so that no crash leaves a gap.
func (l *Log) Trim(before uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	n := 0
	for n+1 < len(l.segments) && l.segments[n+1] <= before {
		n++
	}
	for i := range n {
		at := l.segments[i]
		if l.options.Bug == TrimNewest {
			at = l.segments[n-1-i]
		}
		err := os.Remove(l.path(at))
		if err == nil {
			err = l.syncDir(l.dir)
		}
		if err != nil {
			return l.fail(err)
		}
	}
	l.segments = l.segments[n:]
	return nil
}

// Close ends the use of the log. Records that are being appended may be lost.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.syncing {
		l.wake.Wait()
	}
	l.fail(os.ErrClosed)
	return l.file.Close()
}

func (l *Log) path(at uint64) string { return filepath.Join(l.dir, name(at)) }

func (l *Log) syncDir(dir string) error {
	if l.options.Bug == NoDirSync {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Failed reports whether the log must be opened again.
func (l *Log) Failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed != nil
}
