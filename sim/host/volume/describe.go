package volume

import (
	"fmt"
	"strconv"
	"strings"
)

// IsRecord reports whether rec looks like a record of a volume, even a torn one.
func IsRecord(rec []byte) bool { return len(rec) > 0 && rec[0] == magic }

// Describe says what a record does: "write 4096 bytes at 8192 of /db/wal", "rename /db/wal.tmp to
// wal". Paths are those at the time of the operation, quoted where necessary. An inode that had no
// path, or a long one, is "inode 7".
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
	it := where(r.path, r.to.ino)
	switch r.kind {
	case kindData:
		return fmt.Sprintf("write %d bytes at %d of %s", r.full, r.at, it)
	case kindSize:
		return fmt.Sprintf("size %d of %s", r.at, it)
	case kindSnapshot:
		return "snapshot of the volume"
	case kindTruncate:
		return fmt.Sprintf("truncate %s to %d", it, r.at)
	case kindMode:
		return fmt.Sprintf("chmod %s to %#o", it, r.to.mode&0o7777)
	case kindTimes:
		return fmt.Sprintf("set the times of %s", it)
	}
	first := entry(r.placeIn, r.place)
	switch r.kind {
	case kindCreate:
		return fmt.Sprintf("%s %s", r.makes(), first)
	case kindLink:
		return fmt.Sprintf("link %s as %s", it, first)
	case kindUnlink:
		if r.to.mode&ModeType == ModeDir {
			return "rmdir " + first
		}
		return "unlink " + first
	case kindExchange:
		return fmt.Sprintf("exchange %s and %s", first, entry(r.secondIn, r.second))
	}
	if r.place.dir == r.second.dir {
		return fmt.Sprintf("rename %s to %s", first, word(r.second.name))
	}
	return fmt.Sprintf("rename %s to %s", first, entry(r.secondIn, r.second))
}

// where names an inode by its path or, if that is not known, by its number.
func where(path string, i Ino) string {
	if path == "" {
		return fmt.Sprintf("inode %d", i)
	}
	return word(path)
}

// entry names an entry of a directory.
func entry(dir string, p place) string {
	if dir == "" {
		return fmt.Sprintf("%s in inode %d", word(p.name), p.dir)
	}
	return word(strings.TrimSuffix(dir, "/") + "/" + p.name)
}

// makes names the call that makes an inode.
func (r *record) makes() string {
	switch r.to.mode & ModeType {
	case ModeDir:
		return "mkdir"
	case ModeSymlink:
		return "symlink to " + word(r.to.link) + ":"
	}
	return "create"
}

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
