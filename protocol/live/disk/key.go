package disk

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// KeySize is the length of a node's key.
const KeySize = 32

// Key returns the node's secret, from which its identity can be made: random bytes in the file
// "key" of the folder, which its owner alone may read. They are made the first time, before
// the first Begin: a node that has begun and has no key has lost it.
func (d *Disk) Key() (key [KeySize]byte, err error) {
	if d.err == errClosed {
		return key, d.wrap(d.err)
	}
	path := filepath.Join(d.dir, "key")
	b, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = d.makeKey(path)
	}
	if err != nil {
		return key, d.wrap(err)
	}
	if len(b) != KeySize+4 || binary.LittleEndian.Uint32(b[KeySize:]) != crc32.Checksum(b[:KeySize], castagnoli) {
		return key, &DamageError{path, 0, "fails its checksum"}
	}
	return [KeySize]byte(b[:KeySize]), nil
}

func (d *Disk) makeKey(path string) ([]byte, error) {
	switch numbers, err := d.numbers(); {
	case err != nil:
		return nil, err
	case len(numbers) > 0:
		return nil, &DamageError{path, 0, "is missing, and the node has begun before"}
	}
	b := make([]byte, KeySize)
	_, _ = rand.Read(b) // never fails
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return b, d.file(path, b, 0o600)
}

func readSecret(path string) ([]byte, error) {
	now, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := now.Mode(); !mode.IsRegular() || mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("file %s has mode %v, so that others can read it; want mode 0600 and a key that nobody else has read", path, mode)
	}
	return os.ReadFile(path)
}
