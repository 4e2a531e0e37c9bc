// Package volume is a file system in memory that writes each change to a disk, as one or more records.
// A crash keeps, loses and tears records. Mount replays those that are left, so the result is what a
// real disk could have held. The package knows neither the simulator nor system calls: it has
// inodes, names and bytes, and returns the errors of Linux.
//
//	v, notes, err := volume.Mount(records, volume.Config{Model: volume.Ordered, Persist: ..., Now: ..., Epoch: 1})
//	f, err := v.Create(volume.Root, "wal", 0o644)
//	n, err := v.Write(f, p, 0)
//	flush(v.Pending(f, false)) // an fsync; then v.Flushed or v.Failed
//
// # Records
//
// An operation on metadata (create, mkdir, symlink, link, unlink, rmdir, rename, truncate, chmod,
// times) is one record. A write is one data record for each page of 4096 bytes that it touches, and
// one size record if the file grows. A page is written back as a whole, so pages of 4096 bytes are
// lost, and a page is torn at sectors of 512 bytes.
//
// # What a crash may leave
//
//	                                     Ordered                          POSIX
//	operations on metadata               a prefix, in their order [1,2]   any of them [3]
//	an entry whose inode is lost         cannot be                        an empty inode [3]
//	writes to one page                   a prefix, in their order [4]     any of them [3]
//	writes to different pages            any of them [3,5]                any of them
//	a write to a page that is torn       whole sectors of it, from its beginning on, in both [3]
//	the size after an append             only with all before it: its    alone; bytes that are
//	                                     data, the file's earlier sizes   lost read as zeros [3]
//	                                     and earlier metadata [1,2]
//	an append of several pages           a prefix of its pages [3]        any of them
//	a rename before the data             the file is empty or short, unless it was synced, in both [2,3]
//	a write after a truncation           only with the truncation [1]     alone
//	a torn or lost operation             did not happen: names change as a whole, in both [3]
//
//	fsync of a file makes safe           its data and size, and the       its data, size and
//	                                     metadata of all inodes up to     attributes; not its
//	                                     the last change of its own [1,2] name [6]
//	fsync of a directory                 metadata up to its last change   its entries; a rename
//	                                     [1,2]                            from or to it whole [6]
//	fdatasync                            as fsync, but permissions and times may stay behind, in both [6]
//	an fsync with nothing to do          does nothing: it does not wait for others [1]
//
//	a failed fsync                       its pages count as clean: a later fsync that succeeds does not write
//	                                     them [7]; a write to such a page makes all of it dirty; the new size
//	                                     gets to the disk with the next fsync; memory keeps the data until
//	                                     a crash. Metadata stays to be written.
//
// Under Synced, every operation is on the disk when it returns. The caller chooses among the allowed
// states: it picks the records that survive. A write over data that a page had before depends on no
// other record, as databases require.
//
//	[1] Linux, Documentation/admin-guide/ext4.rst (data=ordered) and fs/ext4/fsync.c
//	[2] Linux, fs/xfs: the log is in order, sizes are logged when data is on the disk (xfs_setfilesize)
//	[3] Pillai et al., All File Systems Are Not Created Equal, OSDI 2014 (ALICE), sections 2 and 4
//	[4] Linux's page cache: a page holds all writes before the last one that is in it
//	[5] Mohan et al., Finding Crash-Consistency Bugs with Bounded Black-Box Crash Testing, OSDI 2018
//	[6] fsync(2): an fsync of a file need not make its entry in the directory safe
//	[7] Rebello et al., Can Applications Recover from fsync Failures?, ATC 2020; PostgreSQL's fsyncgate
//
// # What the model leaves out
//
//   - Writeback in the background: nothing becomes safe without a sync, however long it waits. The
//     caller draws what survives a crash without one.
//   - ext4's auto_da_alloc, which syncs data before it replaces a file by rename or truncation. XFS
//     has no such thing, and programs must not count on it.
//   - Blocks: delayed allocation, unwritten extents, holes that fill up, and a full
//     journal. The caller decides whether there is room.
//   - Stale data: a byte that was never on the disk is zero, not what the block had before.
//   - Sectors of a page in another order than the first to the last, and sectors torn inside.
//   - Failures of the journal, after which ext4 and XFS refuse all writes; errors of reads.
//   - Errors of writeback between two fsyncs, which the next fsync reports.
//   - Special files, owners, extended attributes, times of access, quotas.
//
// # Lives
//
// An epoch is one life, between two mounts. A later mount sees the records of all lives. It judges each
// life by the records that are left of that life, and at its end drops inodes without a name and data
// beyond the ends of files. So two mounts of one disk have the same result, and no operation that was
// lost comes back. When the log is long and nothing is pending, Compact replaces it by one record.
//
// # Reading the code
//
// volume.go has the types, record.go the form of a record. names.go and data.go change the volume and
// persist records, sync.go says which records an fsync has to make safe, and load.go replays those
// that a crash leaves.
package volume
