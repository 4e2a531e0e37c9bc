package volume

import "slices"

// Model says which unsynced operations a crash may undo. See the package comment.
type Model uint8

const (
	Ordered Model = iota // what ext4 with data=ordered and XFS allow
	POSIX                // all that POSIX permits: each record is kept or lost alone
	Synced               // nothing is lost: Config.Persist makes each record safe at once
)

var modelNames = [...]string{Ordered: "ordered", POSIX: "posix", Synced: "synced"}

// String returns the model's name, in lower case.
func (m Model) String() string { return modelNames[m] }

// Models returns the names of the models, for a parameter that chooses one. The caller owns the
// slice.
func Models() []string { return slices.Clone(modelNames[:]) }

// ModelNamed returns the model of that name. It panics if there is none.
func ModelNamed(name string) Model {
	i := slices.Index(modelNames[:], name)
	if i < 0 {
		panic("volume: no model is named " + name)
	}
	return Model(i)
}

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
	PageSize   = 4096
	SectorSize = 512              // what a disk writes as a whole
	MaxName    = 255              // bytes in a name
	MaxTarget  = PageSize - 1     // bytes in the target of a symbolic link
	MaxLinks   = 65000            // names of a file
	MaxSize    = 1<<44 - PageSize // bytes in a file
)

// Config is what a volume needs from its caller.
type Config struct {
	Model Model

	// Persist appends a record to the disk and returns its index. rec is borrowed. Rot may
	// damage the bytes from payload on, which is len(rec) if there are none. Under Synced the
	// record is safe when Persist returns.
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

// Volume is a mounted file system. Its errors are of type syscall.Errno, as Linux returns them.
// It is not safe for concurrent use.
type Volume struct {
	c     Config
	nodes map[Ino]*node
	next  Ino   // the next inode
	pages int64 // of all files

	seq, meta    uint64 // records and operations on metadata of this life
	pend         map[uint64]*pending
	metas        []*pending // Ordered: waiting operations on metadata, oldest first
	waiting      int        // pending records, snapshots included
	bad          int        // pages in the maps bad of all files
	logged       int64      // bytes in records since the last snapshot, itself included
	loggedBefore int64      // those of logged before a snapshot that is not safe yet
	worth        int64      // how many are enough for a snapshot; fewer in tests
	scratch      []byte
}
