package volume

import (
	"iter"
	"syscall"
)

// Model says which unsynced operations a crash may undo. See the package comment.
type Model uint8

const (
	Ordered Model = iota // what ext4 with data=ordered and XFS allow
	POSIX                // all that POSIX permits: each record is kept or lost alone
	Synced               // nothing is lost: Config.Persist makes each record safe at once
)

// Ino is the number of an inode. Numbers are never used twice, over all lives of a volume.
type Ino uint64

// Root is the root directory. It is its own parent.
const Root Ino = 1

// Types of inodes, in Info.Mode and Entry.Mode: Linux's values, on every machine.
const (
	ModeType    uint32 = 0o170000 // S_IFMT, the mask
	ModeDir     uint32 = 0o040000
	ModeRegular uint32 = 0o100000
	ModeSymlink uint32 = 0o120000
)

// Flags of Rename: Linux's values.
const (
	NoReplace uint32 = 1 << iota // RENAME_NOREPLACE
	Exchange                     // RENAME_EXCHANGE
)

// Limits, as ext4 has them.
const (
	PageSize  = 4096
	MaxName   = 255              // bytes in a name
	MaxTarget = PageSize - 1     // bytes in the target of a symbolic link
	MaxLinks  = 65000            // names of a file
	MaxSize   = 1<<44 - PageSize // bytes in a file
)

// Config is what a volume stands on.
type Config struct {
	Model Model

	// Persist appends a record to the disk and returns its index. rec is borrowed. What
	// rot may damage of it begins at payload, which is len(rec) if it may damage nothing.
	// Under Synced the record is safe when Persist returns.
	Persist func(rec []byte, payload int) (index uint64)

	Now   func() int64 // nanoseconds since 1970
	Epoch uint32       // this life: larger than that of every record, and at least 1
}

// Info describes an inode.
type Info struct {
	Ino          Ino
	Mode         uint32 // type and permissions
	Nlink        uint32
	Size         int64
	Blocks       int64 // units of 512 bytes that hold data
	Mtime, Ctime int64 // nanoseconds since 1970
}

// Entry is one name in a directory. Entries leaves out . and ..
type Entry struct {
	Name string
	Ino  Ino
	Mode uint32 // the type alone
}

// Mount replays the records that survived, in their order, oldest first, and returns the volume
// that they make. Its second result says what the last life lost as far as records show it: one
// line for each operation that is torn, dropped or missing. The error names the record
// that no crash can leave. The records are borrowed until Mount returns.
//
// An empty volume has a root directory and nothing else.
func Mount(records iter.Seq2[uint64, []byte], c Config) (*Volume, []string, error) {
	return nil, nil, syscall.ENOSYS
}

// Volume is a mounted file system. Its errors are of type syscall.Errno, those that Linux gives.
// It is not safe for concurrent use.
type Volume struct{}

// IsRecord reports whether rec looks like a record of a volume, even a torn one.
func IsRecord(rec []byte) bool { return false }

// Describe says what a record does: "write 4096 bytes at 8192 of inode 7", "rename wal.tmp to
// wal in inode 1". Names are quoted where they need it.
func Describe(rec []byte) string { return "" }

// Lookup returns the inode that a name in a directory refers to. It knows . and ..
func (v *Volume) Lookup(dir Ino, name string) (Ino, error) { return 0, syscall.ENOSYS }

// Stat describes an inode.
func (v *Volume) Stat(i Ino) (Info, error) { return Info{}, syscall.ENOSYS }

// Entries returns the names in a directory, sorted.
func (v *Volume) Entries(dir Ino) ([]Entry, error) { return nil, syscall.ENOSYS }

// Create makes an empty regular file. Of mode the permissions count.
func (v *Volume) Create(dir Ino, name string, mode uint32) (Ino, error) { return 0, syscall.ENOSYS }

// Mkdir makes an empty directory. Of mode the permissions count.
func (v *Volume) Mkdir(dir Ino, name string, mode uint32) (Ino, error) { return 0, syscall.ENOSYS }

// Symlink makes a symbolic link.
func (v *Volume) Symlink(dir Ino, name, target string) (Ino, error) { return 0, syscall.ENOSYS }

// Readlink returns the target of a symbolic link.
func (v *Volume) Readlink(i Ino) (string, error) { return "", syscall.ENOSYS }

// Link gives a file one more name.
func (v *Volume) Link(i Ino, dir Ino, name string) error { return syscall.ENOSYS }

// Unlink removes a name of a file or symbolic link.
func (v *Volume) Unlink(dir Ino, name string) error { return syscall.ENOSYS }

// Rmdir removes an empty directory.
func (v *Volume) Rmdir(dir Ino, name string) error { return syscall.ENOSYS }

// Rename moves a name, over what has the new one, as renameat2 does. Flags are
// NoReplace and Exchange.
func (v *Volume) Rename(dir Ino, name string, toDir Ino, toName string, flags uint32) error {
	return syscall.ENOSYS
}

// Read fills p from offset off of a regular file. At and after the end it returns 0.
func (v *Volume) Read(i Ino, p []byte, off int64) (int, error) { return 0, syscall.ENOSYS }

// Write writes p at offset off of a regular file, which grows if need be.
func (v *Volume) Write(i Ino, p []byte, off int64) (int, error) { return 0, syscall.ENOSYS }

// Truncate sets the size of a regular file. What is added reads as zeros and takes no room.
func (v *Volume) Truncate(i Ino, size int64) error { return syscall.ENOSYS }

// Chmod sets the permissions of an inode.
func (v *Volume) Chmod(i Ino, mode uint32) error { return syscall.ENOSYS }

// SetTimes sets the modification time of an inode.
func (v *Volume) SetTimes(i Ino, mtime int64) error { return syscall.ENOSYS }

// Hold keeps an inode alive, also when it has no name: for an open descriptor. Each Hold
// needs one Release.
func (v *Volume) Hold(i Ino) {}

// Release undoes one Hold. An inode with neither name nor Hold is gone.
func (v *Volume) Release(i Ino) {}

// Pin returns the first size bytes of a file as one piece of memory, for a shared read-only
// mapping: it does not move, and writes to the file appear in it, also those that make the file
// grow into it. Bytes after the end of the file are zeros. It must not be written to. ENOMEM
// says that size is more than MaxPin. Each Pin needs one Unpin, with that slice.
func (v *Volume) Pin(i Ino, size int64) ([]byte, error) { return nil, syscall.ENOSYS }

// MaxPin is the largest mapping.
const MaxPin = 1 << 34

// Unpin ends a mapping that Pin began.
func (v *Volume) Unpin(i Ino, mapping []byte) {}

// Pending returns the records that an fsync of an inode has to make safe under the model, those
// under way included, ascending: nothing if it has nothing to do. data makes it an fdatasync.
func (v *Volume) Pending(i Ino, data bool) []uint64 { return nil }

// PendingAll returns the records that a sync has to make safe, ascending.
func (v *Volume) PendingAll() []uint64 { return nil }

// Flushed says that these records are safe now.
func (v *Volume) Flushed(records []uint64) {}

// Failed says that a flush of these records failed. As on Linux, the data among them counts as
// clean from here on: no later sync has it to write, until a write touches the same page.
// Operations on metadata stay pending. It may persist records.
func (v *Volume) Failed(records []uint64) {}

// Used returns how many bytes the volume holds, in whole pages, for statfs.
func (v *Volume) Used() int64 { return 0 }

// Compact persists a snapshot of the volume as one record and returns its index, if
// nothing is pending and the records since the last one are worth it. The caller flushes it, tells
// Flushed or Failed, and may discard all records before it once it is safe.
func (v *Volume) Compact() (index uint64, ok bool) { return 0, false }
