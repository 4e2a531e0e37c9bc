package cmdline

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// machineRoom returns what the kernel says is free, within the limits of the process.
func machineRoom() room {
	free, _ := os.ReadFile("/proc/meminfo")
	r := room{meminfo(string(free), "MemAvailable:"), "/proc/meminfo"}
	var v syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_AS, &v) == nil && v.Cur < 1<<62 {
		r = r.less(room{v.Cur, "ulimit -v"})
	}
	// Version 2 of cgroups, then version 1, as a container sees its own.
	for _, at := range [][2]string{
		{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
		{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"},
	} {
		if most := number(at[0]); most > 0 && most < 1<<62 {
			r = r.less(room{max(most, number(at[1])) - number(at[1]), "the cgroup"})
		}
	}
	return r
}

// meminfo returns a line of /proc/meminfo in bytes, or 0.
func meminfo(text, key string) uint64 {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == key {
			kb, _ := strconv.ParseUint(f[1], 10, 54)
			return kb << 10
		}
	}
	return 0
}

// number returns the number in a file, or 0.
func number(path string) uint64 {
	b, _ := os.ReadFile(path)
	n, _ := strconv.ParseUint(string(bytes.TrimSpace(b)), 10, 64)
	return n
}
