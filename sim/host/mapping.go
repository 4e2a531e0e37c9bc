//go:build linux && (amd64 || arm64)

package host

import (
	"syscall"
	"unsafe"

	"dessim/sim/host/volume"
)

// mapping is memory that a program got by mmap.
type mapping struct {
	memory []byte     // the whole
	ino    volume.Ino // 0 if it is of no file, or a copy
}

// callMmap maps files for reading, as the volume's own memory, and makes anonymous and private memory.
// Shared mappings that can be written are refused: nothing says in which order such writes would
// reach the disk.
func (f *files) callMmap(c *callArgs) (uintptr, syscall.Errno) {
	size, prot, flags, off := c.long(1), c.int(2), c.int(3), c.long(5)
	switch {
	case size <= 0 || off < 0 || off%volume.PageSize != 0:
		return 0, syscall.EINVAL
	case size > volume.MaxPin || off > volume.MaxPin-size:
		return 0, syscall.ENOMEM
	case flags&syscall.MAP_FIXED != 0:
		f.noteOnce("a simulated node's mmap does not serve MAP_FIXED")
		return 0, syscall.EINVAL
	case flags&syscall.MAP_ANON != 0:
		memory := aligned(size)
		return f.mapped(mapping{memory: memory}, memory), 0
	}
	d, err := f.file(c.int(4))
	switch {
	case err != 0:
		return 0, syscall.EBADF
	case d.dir:
		return 0, syscall.ENODEV
	case !d.readable():
		return 0, syscall.EACCES
	}
	switch writes := prot&syscall.PROT_WRITE != 0; {
	case flags&syscall.MAP_PRIVATE != 0 && writes:
		memory := aligned(size)
		_, failed := f.vol.Read(d.ino, memory, off)
		return f.mapped(mapping{memory: memory}, memory), errno(failed)
	case writes && !d.writable():
		return 0, syscall.EACCES
	case writes:
		f.noteOnce("a simulated node's mmap does not serve shared memory that can be written: map it for reading, and write to the file")
		return 0, syscall.ENODEV
	}
	memory, failed := f.vol.Pin(d.ino, off+size)
	if failed != nil {
		return 0, errno(failed)
	}
	f.vol.Hold(d.ino)
	return f.mapped(mapping{memory: memory, ino: d.ino}, memory[off:]), 0
}

// mapped remembers a mapping, and returns the address of what the program sees of it.
func (f *files) mapped(m mapping, seen []byte) uintptr {
	simMapped()
	n := address(seen)
	f.mappings[n] = append(f.mappings[n], m)
	return n
}

// aligned returns memory that begins where a page does.
func aligned(size int64) []byte {
	memory := make([]byte, size+volume.PageSize)
	return memory[-address(memory)&(volume.PageSize-1):][:size]
}

func address(p []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(p))) }

func (f *files) callMunmap(c *callArgs) (uintptr, syscall.Errno) {
	n := c.a[0]
	if n%volume.PageSize != 0 && len(f.mappings[n]) == 0 {
		return 0, syscall.EINVAL
	}
	all := f.mappings[n]
	if len(all) == 0 {
		return 0, 0 // of a part, or of nothing
	}
	m := all[len(all)-1]
	if f.mappings[n] = all[:len(all)-1]; len(all) == 1 {
		delete(f.mappings, n)
	}
	if m.ino != 0 {
		f.vol.Unpin(m.ino, m.memory)
		f.vol.Release(m.ino)
	}
	return 0, 0
}

// callMprotect allows everything, except writes to the memory of a file.
func (f *files) callMprotect(c *callArgs) (uintptr, syscall.Errno) {
	if c.int(2)&syscall.PROT_WRITE != 0 {
		for _, m := range f.mappings[c.a[0]] {
			if m.ino != 0 {
				return 0, syscall.EACCES
			}
		}
	}
	return 0, 0
}
