// Package host makes a node of an ordinary Go program: code with goroutines, channels, locks,
// timers and sockets that was written without a simulator in mind, and the libraries that it uses.
//
//	plan.Node = func(id protocol.NodeID) protocol.Node {
//		return host.New(func(ctx context.Context, h *host.Host) error {
//			return server.Serve(ctx, h.Name())
//		}, host.Options{Salt: b.Seed})
//	}
//	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: checks}
//
// A run of such nodes is as exact as any other: the same seed makes the same run, to the bit, and
// crashes, partitions, torn disks and clock faults hit programs as they hit state machines.
// Replay files, shrinking, reports and checks work without changes.
//
// # Building
//
// The standard library decides much by chance: which goroutine runs next, the order of a map, the
// winner of a select. So programs are built with changes to it, an overlay that "dessim go test",
// "dessim go build" and so on write and pass to the go command. The toolchain is the installed one,
// unmodified. A program that was built without the overlay refuses to run: see Unable. Package
// overlay has the changes, each with its reason.
//
// # What a program sees
//
//   - One life of a node is one call of its Program. A life ends when the call returns, and at a
//     crash, which ends all goroutines where they stand, without deferred calls. A panic, an
//     os.Exit and an error are violations, unless Options says otherwise. So are a memory fault, a
//     stack overflow and the unlock of an unlocked lock, which no recover stops. A panic does not end
//     the life while a deferred call waits; the note go.panics reports it.
//   - Time is the node's clock. It stands still while goroutines run, and moves on when all of them
//     wait. time.Now follows the jumps of the clock; its monotonic reading, timers and deadlines
//     do not.
//   - Goroutines run one at a time, each until it waits, in the order in which they became ready.
//     Under the faults order, yield and stall, answers of the run decide which goroutine is next, and
//     which one lets others go first, or stands still for a time, before it operates on a channel or
//     lock. Traces and stories name a goroutine by the line of its go statement, and by three digits
//     that distinguish it from others of that line.
//   - Orders and yields find conflicts within one step, and each message, input and timer is a step of
//     its own. Stalls find conflicts between steps, such as a request that writes what it has read
//     after a later request did: a stall lasts as long as a message or a timeout does.
//   - math/rand, crypto/rand, select and the order of maps follow from Options.Salt, the node, its
//     incarnation, one answer (go.rand), the step and the goroutine. Nothing that happens in another
//     step changes them, so a search may remove it.
//   - net, net/http, crypto/tls and what is built on them use the links of the run: node 3 is the
//     host n3. See below.
//   - Each line that the program writes to standard output and error, also by log or log/slog, becomes
//     a note of the node; the builtin println writes to the real one. The machine is the same
//     everywhere: 4 processors, process 1 of root, UTC.
//   - Files are those of the node: see below. Processes and signals are refused.
//   - sync.Pool keeps nothing. Finalizers and cleanups never run. Weak pointers never let go.
//
// # Network
//
// Node 3 is the host n3, with the address of protocol.SimBook; localhost and 127.0.0.1 are the node
// itself. Ports belong to a life. There is no IPv6, no multicast and no other host: a lookup of any
// other name fails as if DNS did not know it.
//
//   - A UDP datagram is one message, of kind udp. A datagram for which its socket has no room is dropped.
//   - TCP has a handshake, retransmission, flow control, half-close, resets and keep-alive, with
//     the constants of Linux: see limits.go. Its messages have the kinds tcp.syn, tcp.data, tcp.ack,
//     tcp.fin and tcp.rst, so faults can select them: "lose 0>* 100% only tcp.ack". There is
//     no congestion control, since links have no limit on their rate.
//   - A restarted node answers the connections of its last life with resets. A node that is down, or
//     cut off, answers nothing: dials and writes end by their deadlines, or when TCP gives up.
//   - Damaged segments are dropped, as checksums demand.
//   - Deadlines are exact. A socket has the usual options of Linux, and remembers them. Keep-alive, linger
//     and UDP's SO_RCVBUF have their effect, and others have none. Options that would change the packets,
//     such as UDP_SEGMENT, do not exist.
//   - RawConn, and golang.org/x/net through it, use a descriptor of the node. System calls that send and
//     receive on it never wait, and return no control messages. Control messages that are sent set the
//     source address, or have no effect, or are refused. A second descriptor of a socket, poll and accept
//     are refused, and the Control functions of net.Dialer and net.ListenConfig are not called.
//
// Text describes messages for traces.
//
// # Files
//
// A node has a file system of its own. It begins with / and an empty /tmp, or with
// Options.Disk.Image. There is no /dev, /proc or /etc, and no way to the files of the machine. Package
// os uses it, and so does everything that makes system calls by packages syscall and
// golang.org/x/sys/unix, including databases.
//
//   - A crash undoes what was not synced, as package volume says and Options.Disk.Model demands. The
//     records of a run are operations on files: faults tear them and choose which ones survive, and
//     stories describe them.
//   - fsync, fdatasync, sync and writes with O_SYNC wait for the disk of the plan; other goroutines go
//     on. A sync that fails returns EIO, once for each open file, and the data is clean from then on,
//     as on Linux.
//   - Under the fault full, and beyond Options.Disk.Capacity, an operation that needs room returns ENOSPC.
//   - A mapping is the file's own memory, for reading. A write to it is not stopped, and does not reach
//     the disk. Bytes beyond the end of the file read as 0. Writable mappings are private, or refused
//     with ENODEV.
//   - Locks by flock, and by fcntl for open files, are between the goroutines of a node. Locks by fcntl
//     for processes never wait, since a node is one process. The program is root.
//   - O_DIRECT, O_TMPFILE, openat2's limits on paths, inotify, epoll, io_uring and others are refused,
//     and the note disk names them. os.Pipe is refused without a note. sync_file_range and the calls
//     that give advice do nothing. Access times are not kept.
//   - unix.SyscallNoError, which golang.org/x/sys/unix uses for Umask and Sync, reaches the machine.
//   - A program has files, or records by the Host, not both.
//
// # What cannot be exact
//
//   - A map of more than 8 entries whose keys are pointers, channels or interfaces of them is
//     ranged over in an order that may follow from addresses. The first such range of a life is
//     a note, go.inexact.
//   - Package variables, os.Args and the environment belong to the process: the nodes of a run
//     share them, and a life finds them as the last life left them, with the locks that it held.
//     "dessim vet -programs -libs" lists the variables that change. The code that calls the program
//     may reset one by go:linkname, as sim/simtest/testdata/pebble does. Runs do not share them: see
//     below.
//   - Random numbers that packages draw before main, in init functions and package variables, are the
//     same in all processes and for all nodes. The clock and the system calls that they use there are
//     the machine's: quic-go, for one, asks for the release of the kernel. If the run depends on it, a
//     sweep reports the first event that differs, but all processes of one machine may agree.
//   - Goroutines that packages start before main belong to no node. New names them on standard
//     error, once. A node that shares a channel or a lock with one follows the machine's clock.
//   - Memory accesses are not interleaved: a goroutine gives its turn away at operations on channels
//     and locks only. Under -race, data races are reported all the same.
//   - A goroutine that spins until time passes, or until another goroutine acts, without an operation
//     on a channel or lock, never ends its step. The run is abandoned, with the step and the line. With
//     such operations, the goroutine lets others go on after 4,096 of them. When all goroutines of a
//     node have made 16,384 in one step, virtual time passes: 1ms, then four times as long each time,
//     up to 1s. The note go.busy reports it.
//   - runtime.MemStats, cgo and addresses in stack traces are those of the machine.
//
// # Once a process
//
// A library that fills a cache, or has a sync.Once, makes the first run of a process differ from
// those that follow: under the fault yield, one more lock is enough. So with scenario.EachRun, sweep,
// shrink and explore give each run a process of its own, and run, replay, explain and diff report
// such a run. A sweep makes each run that fails, and one in 256 of the others, a second time, in
// another process with another GOMAXPROCS: if they differ, it ends and names the place.
//
// Some runs share a process with earlier ones, and may differ: those of stats, compare and mutate; the
// second run of replay -until with a time, and of diff for a seed; and those behind the pages of
// shrink, and behind the details on the page of a long run, which say so if they differ. The runs of a
// go test share its process, too. But package simtest reports a failure as it is in a process of its
// own, and says so if the run passes there.
//
// Digests may change with the Go release, as the order of goroutines in the standard library may.
//
// # Reading the code
//
// Start with life.go: a life is a bubble, and a driver that runs it step by step. bubble.go declares
// the functions that the overlay adds to the runtime, turns.go chooses among goroutines, and exit.go
// ends a life. Sockets begin in net.go; conn.go is TCP as a state machine, and segment.go its messages.
// System calls begin in calls.go and calltable.go, and end in package volume.
package host
