package volume

import (
	"fmt"
	"strconv"
)

// IsRecord reports whether rec looks like a record of a volume, even a torn one.
func IsRecord(rec []byte) bool { return len(rec) > 0 && rec[0] == magic }

// Describe says what a record does: "write 4096 bytes at 8192 of inode 7", "rename wal.tmp to
// wal in inode 1". Names are quoted where they need it.
func Describe(rec []byte) string {
	r, err := decode(rec)
	if err == nil {
		return r.describe()
	}
	if len(rec) >= checkedLen && err == errTorn {
		return fmt.Sprintf("%v, torn after %d bytes", kind(rec[1]), len(rec))
	}
	if len(rec) == 1 {
		return fmt.Sprintf("a record of 1 byte that %v", err)
	}
	return fmt.Sprintf("a record of %d bytes that %v", len(rec), err)
}

var kindNames = [kinds]string{
	kindData: "write", kindSize: "size", kindSnapshot: "snapshot", kindTruncate: "truncate", kindMode: "chmod",
	kindTimes: "utimes", kindCreate: "create", kindLink: "link", kindUnlink: "unlink", kindRename: "rename",
	kindExchange: "exchange",
}

func (k kind) String() string {
	if k < kinds && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

func (r *record) describe() string {
	i := r.to.ino
	switch r.kind {
	case kindData:
		return fmt.Sprintf("write %d bytes at %d of inode %d", r.full, r.at, i)
	case kindSize:
		return fmt.Sprintf("size %d of inode %d", r.at, i)
	case kindSnapshot:
		return "snapshot of the volume"
	case kindTruncate:
		return fmt.Sprintf("truncate inode %d to %d", i, r.at)
	case kindMode:
		return fmt.Sprintf("chmod inode %d to %#o", i, r.to.mode&0o7777)
	case kindTimes:
		return fmt.Sprintf("set the times of inode %d", i)
	case kindCreate:
		return fmt.Sprintf("%s %s as inode %d", r.makes(), r.place, i)
	case kindLink:
		return fmt.Sprintf("link inode %d as %s", i, r.place)
	case kindUnlink:
		if r.to.mode&ModeType == ModeDir {
			return fmt.Sprintf("rmdir %s", r.place)
		}
		return fmt.Sprintf("unlink %s", r.place)
	}
	first, and := r.place.String(), "to"
	if r.place.dir == r.second.dir {
		first = word(r.place.name)
	}
	if r.kind == kindExchange {
		and = "and"
	}
	return fmt.Sprintf("%v %s %s %s", r.kind, first, and, r.second)
}

// makes is the call that makes an inode.
func (r *record) makes() string {
	switch r.to.mode & ModeType {
	case ModeDir:
		return "mkdir"
	case ModeSymlink:
		return "symlink to " + word(r.to.link) + ":"
	}
	return "create"
}

func (p place) String() string { return fmt.Sprintf("%s in inode %d", word(p.name), p.dir) }

// word quotes a name that is not plain.
func word(name string) string {
	if q := strconv.Quote(name); len(q) != len(name)+2 || name == "" {
		return q
	}
	for _, c := range name {
		if c == ' ' {
			return strconv.Quote(name)
		}
	}
	return name
}
