package abcast

import "slices"

// A journal is a member's log: the one order as far as it knows, and beyond what
// is stable, as it believes. Entries are messages and views.
//
// It grows for ever, in memory and on disk. Entries that all nodes have reported as
// stable are asked for no more while those nodes keep their disks, but for one thing: an
// incarnation that starts hands its host the whole order again. To forget a prefix takes
// a snapshot of the host's state in its place: a record SNAPSHOT(length, seqs, members,
// state), written before the entries from length on are written again, everything older
// discarded, and one sync (as twopc.Discard does it); Start hands the snapshot to the
// host before the entries; length is at most the least that any node has reported, so
// that no ballot needs what is gone, unless snapshots travel too, as raft's do. No host
// here can write its state yet.
type journal struct {
	adopted   uint64 // view in which it was last adopted whole
	entries   []logEntry
	written   int               // entries with a record
	safe      int               // entries whose record is synced
	commit    int               // entries known to be stable
	delivered int               // entries handed to the host in this incarnation
	handed    uint64            // messages among them
	seqs      map[Member]uint64 // the last seq of each origin among the entries, which have an origin's messages from 1 without gaps
}

// A logEntry is a message or, if view is not 0, the beginning of a view.
type logEntry struct {
	m       Message
	view    uint64
	members []Member
}

// same reports whether two entries are the same one.
func (e *logEntry) same(o *logEntry) bool { return e.view == o.view && e.m.ID == o.m.ID }

func (j *journal) has(id MsgID) bool { return id.Seq <= j.seqs[id.Origin()] }

func (j *journal) order(m Message) { j.extend([]logEntry{{m: m}}) }

func (j *journal) extend(entries []logEntry) {
	for _, e := range entries {
		if e.view == 0 {
			j.seqs[e.m.ID.Origin()] = e.m.ID.Seq
		}
	}
	j.entries = append(j.entries, entries...)
}

// waiting returns the number of messages that were not handed to the host.
func (j *journal) waiting() (n int) {
	for i := range j.entries[j.delivered:] {
		if j.entries[j.delivered+i].view == 0 {
			n++
		}
	}
	return n
}

// cut forgets the entries from length on.
func (j *journal) cut(length int) {
	for _, e := range slices.Backward(j.entries[length:]) {
		if e.view == 0 {
			j.seqs[e.m.ID.Origin()] = e.m.ID.Seq - 1
		}
	}
	clear(j.entries[length:])
	j.entries = j.entries[:length]
	j.written = min(j.written, length)
	j.safe = min(j.safe, length)
}

// synced notes that all written entries are safe.
func (j *journal) synced() { j.safe = j.written }

// settle ends the reading of the disk.
func (j *journal) settle(stats *Stats) {
	if j.commit > len(j.entries) {
		// The hint survived and the last entries did not. What there is of the
		// log is stable, and a majority has the rest.
		stats.Clamped++
		j.commit = len(j.entries)
	}
	j.written, j.safe = len(j.entries), len(j.entries)
}
