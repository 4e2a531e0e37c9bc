//go:build linux && (amd64 || arm64)

package host

import (
	"crypto/rand"
	"encoding/binary"
	"syscall"
	"time"

	"dessim/protocol"
)

// Calls that are not for files.

// callGetrandom returns the bytes of crypto/rand.
func (f *files) callGetrandom(c *callArgs) (uintptr, syscall.Errno) {
	n, _ := rand.Read(c.b[0])
	return uintptr(n), 0
}

// callClockGettime returns the time of the wall clock, or of the monotonic one.
func (f *files) callClockGettime(c *callArgs) (uintptr, syscall.Errno) {
	ns := f.now()
	if clock := c.int(0); clock != 0 && clock != 5 { // neither CLOCK_REALTIME nor CLOCK_REALTIME_COARSE
		f.do(func(env *protocol.Env) { ns = int64(env.Steady()) })
	}
	putTimespec(c.b[1], ns)
	return 0, 0
}

func putTimespec(to []byte, ns int64) {
	if to != nil {
		binary.NativeEndian.PutUint64(to, uint64(ns/int64(time.Second)))
		binary.NativeEndian.PutUint64(to[8:], uint64(ns%int64(time.Second)))
	}
}

// callUname says what kind of machine a node is.
func (f *files) callUname(c *callArgs) (uintptr, syscall.Errno) {
	clear(c.b[0])
	for i, text := range []string{"Linux", Name(f.id), "6.1.0", "#1", machine, "(none)"} {
		copy(c.b[0][i*65:], text)
	}
	return 0, 0
}

// number serves a call that returns a number.
func number(n uintptr) func(*files, *callArgs) (uintptr, syscall.Errno) {
	return func(*files, *callArgs) (uintptr, syscall.Errno) { return n, 0 }
}

// callPrlimit64 returns limits. They cannot be set.
func (f *files) callPrlimit64(c *callArgs) (uintptr, syscall.Errno) {
	limit := ^uint64(0)
	if c.int(1) == syscall.RLIMIT_NOFILE {
		limit = mostDescriptors
	}
	if old := c.b[3]; old != nil {
		binary.NativeEndian.PutUint64(old, limit)
		binary.NativeEndian.PutUint64(old[8:], limit)
	}
	return 0, 0
}

func (f *files) callGetrlimit(c *callArgs) (uintptr, syscall.Errno) {
	return f.callPrlimit64(&callArgs{a: [6]uintptr{0, c.a[0]}, b: [6][]byte{3: c.b[1]}})
}
