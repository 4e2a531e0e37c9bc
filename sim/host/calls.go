//go:build linux && (amd64 || arm64)

package host

import (
	"strconv"
	"strings"
	"syscall"
)

// callArgs are the arguments of a system call, and the memory that the pointers among them point to,
// which is nil for a pointer that is 0.
type callArgs struct {
	a        [6]uintptr
	b        [6][]byte
	messages []message
}

// int returns an argument that is an int: it has 32 bits.
func (c *callArgs) int(i int) int { return int(int32(c.a[i])) }

// long returns an argument that has 64 bits.
func (c *callArgs) long(i int) int64 { return int64(c.a[i]) }

// text returns an argument that is text.
func (c *callArgs) text(i int) string { return string(c.b[i]) }

// argKinds are what an argument can be, by the first letter of its word in served. The overlay's
// file syscall/dessim.go knows them by their places: a number, text, memory that is read, written, or
// both, a list of buffers that are read, one of buffers that are written, messages that are sent, and
// ones that are received.
const argKinds = "ntioxgsmr"

// call is a system call that is served.
type call struct {
	name  string
	kinds [6]uint8
	sizes [6]int32
	serve func(f *files, c *callArgs) (uintptr, syscall.Errno)
}

// served makes a call. args has a word for each argument: "n" is a number, "t" text; "o3" is memory
// that is written, of the size that argument 3 says, counted from 1; "o@3" is of the size that argument 3
// points to; "o:16" is 16 bytes. "m3" is so many messages, each with room for its length; "m" is one without.
func served(name, args string, serve func(f *files, c *callArgs) (uintptr, syscall.Errno)) call {
	c := call{name: name, serve: serve}
	for i, word := range strings.Fields(args) {
		c.kinds[i] = uint8(strings.Index(argKinds, word[:1]))
		if fixed, ok := strings.CutPrefix(word[1:], ":"); ok {
			n, _ := strconv.Atoi(fixed)
			c.sizes[i] = int32(n)
		} else if pointed, ok := strings.CutPrefix(word[1:], "@"); ok {
			n, _ := strconv.Atoi(pointed)
			c.sizes[i] = int32(-n - 6)
		} else if n, err := strconv.Atoi(word[1:]); err == nil {
			c.sizes[i] = int32(-n)
		}
	}
	return c
}

// refused makes a call that fails without a note, since its callers can do without it.
func refused(name string, err syscall.Errno) call {
	return served(name, "", func(*files, *callArgs) (uintptr, syscall.Errno) { return 0, err })
}

// nothing serves a call without an effect that a program could see.
func nothing(*files, *callArgs) (uintptr, syscall.Errno) { return 0, 0 }

// callNumbers has the numbers of calls by their names, and callNames the names by their numbers.
var callNumbers, callNames = func() (map[string]uintptr, []string) {
	numbers := make(map[string]uintptr)
	var names []string
	add := func(first int, text string) {
		for i, name := range strings.Fields(text) {
			for len(names) <= first+i {
				names = append(names, "")
			}
			if name != "-" {
				names[first+i], numbers[name] = name, uintptr(first+i)
			}
		}
	}
	add(0, oldCallNames)
	add(firstNewCall, newCallNames)
	return numbers, names
}()

// firstNewCall is the first number from which on calls have the same numbers on all machines.
const firstNewCall = 424

// newCallNames are the names of system calls from firstNewCall on.
const newCallNames = `
pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig fsmount
fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2 mount_setattr
quotactl_fd landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret process_mrelease
futex_waitv set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue
statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat
listxattrat removexattrat open_tree_attr file_getattr file_setattr listns rseq_slice_yield
`

// calls are the calls that are served, by their numbers on this machine.
var calls = func() []*call {
	all := make([]*call, len(callNames))
	for _, group := range [][]call{fileCalls, pathCalls, socketCalls, otherCalls} {
		for _, c := range group {
			if n, ok := callNumbers[c.name]; ok {
				all[n] = &c
			}
		}
	}
	return all
}()

// fcntlLock is fcntl for a command whose argument is a lock, and not a number.
var fcntlLock = served("fcntl", "n n x:32", (*files).fcntl)

// callOf returns the call of a number, or nil.
func callOf(number uintptr, a [6]uintptr) *call {
	if number >= uintptr(len(calls)) || calls[number] == nil {
		return nil
	}
	c := calls[number]
	if c.name == "fcntl" && isLock(int(int32(a[1]))) {
		return &fcntlLock
	}
	return c
}

// Args returns what the arguments of a system call point to, for package syscall.
func (l *life) Args(number uintptr, a [6]uintptr) (kinds [6]uint8, sizes [6]int32) {
	if c := callOf(number, a); c != nil {
		return c.kinds, c.sizes
	}
	return kinds, sizes
}

// Call serves a system call, for package syscall.
func (l *life) Call(number uintptr, a [6]uintptr, memory [6][]byte, messages []message) (result, errno uintptr) {
	f := l.files
	defer f.unlock(f.lock())
	c := callOf(number, a)
	if c == nil {
		f.noteOnce("a simulated node does not serve " + callName(number))
		return 0, uintptr(refusal(callName(number)))
	}
	r, err := c.serve(f, &callArgs{a, memory, messages})
	return r, uintptr(err)
}

// callName returns the name of a system call.
func callName(number uintptr) string {
	if number < uintptr(len(callNames)) && callNames[number] != "" {
		return callNames[number]
	}
	return "system call " + strconv.Itoa(int(number))
}

// refusal returns the error of a call that is not served.
func refusal(name string) syscall.Errno {
	switch name {
	case "kill", "tkill", "tgkill", "clone", "clone3", "fork", "vfork", "execve", "execveat", "ptrace", "mount", "chroot",
		"socket", "socketpair", "mknod", "mknodat", "reboot", "sethostname", "setuid", "setgid":
		return syscall.EPERM
	}
	return syscall.ENOSYS
}
