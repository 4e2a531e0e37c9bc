//go:build unix

package mutate

import (
	"syscall"
	"time"
)

// CPU returns the processor time of this process so far.
func CPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it knows no such error
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
