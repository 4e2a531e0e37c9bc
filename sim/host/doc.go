// Package host makes a node of an ordinary Go program: code with goroutines, channels, locks,
// timers and sockets, written without a simulator in mind, and the libraries that it uses.
//
//	plan.Node = func(id protocol.NodeID) protocol.Node {
//		return host.New(func(ctx context.Context, h *host.Host) error {
//			return server.Serve(ctx, h.Name())
//		}, host.Options{Salt: b.Seed})
//	}
//	return &scenario.Run{Plan: plan, Isolation: scenario.EachRun, Unable: host.Unable(), Checks: checks}
//
// A run of such nodes is as exact as any: the same seed makes the same run, to the bit, and
// crashes, partitions, torn disks and clock faults happen to programs as to state machines.
// Replay files, shrinking, reports and checks need nothing special.
//
// # Building
//
// The standard library decides much by chance: which goroutine runs next, the order of a map, the
// winner of a select. So programs are built with changes to it, an overlay that
// "dessim go test", "dessim go build" and so on write and pass to the go command. The toolchain is
// the installed one, unmodified. Without the overlay, runs are refused: see Unable. Package overlay
// has the changes, each with its reason.
//
// # What a program sees
//
//   - One life of a node is one call of its Program. It is over when the call returns, and at a
//     crash, when all its goroutines end where they stand: no deferred call is made. A panic, an
//     os.Exit and an error are violations, unless Options says otherwise, and so are a fault of memory,
//     a stack that overflows, and the unlock of a lock that is open, which no recover stops. A panic
//     ends nothing while a deferred call waits: the note go.panics tells.
//   - Time is the node's clock. It stands still while goroutines run, and moves on when all
//     wait. time.Now follows the jumps of the clock; its monotonic reading, timers and deadlines
//     do not.
//   - Goroutines run one at a time, each until it waits, in the order in which they could. Under
//     the faults order, yield and stall, answers of the run decide which is next, and which lets
//     others go first, or stands still for a time, before it operates on a channel or lock. Traces
//     and stories say which goroutine it was, by where it was begun and three digits that tell it
//     from others begun there, and the line.
//   - Orders and yields find what is in conflict within one step, and each message, input and timer
//     is a step of its own. Stalls find what is in conflict between steps, such as a request that
//     writes what it has read after a later one: they last as long as a message or a timeout does.
//   - math/rand, crypto/rand, select, and the order of maps follow from Options.Salt, the node, its
//     incarnation and one answer, go.rand; and from the step and the goroutine. What happens in
//     other steps changes none of it, so a search may take that away.
//   - net, net/http, crypto/tls and what is built on them use the links of the run: node 3 is the
//     host n3. See below.
//   - What the program writes to standard output and error, by log or log/slog too, becomes
//     notes of the node; that of the builtin println does not. The machine is the same everywhere: 4
//     processors, process 1 of root, UTC.
//   - Files are those of the node: see below. Processes and signals are refused.
//   - sync.Pool keeps nothing; finalizers and cleanups never run.
//
// # Network
//
// Node 3 is the host n3, with the address of protocol.SimBook; localhost and 127.0.0.1 are the node
// itself. Ports belong to a life. There is neither IPv6, nor multicast, nor any other host: a lookup of
// another name fails as where DNS does not know it.
//
//   - A datagram of UDP is one message, of kind udp. What its socket has no room for is dropped.
//   - TCP has a handshake, retransmission, flow control, half-close, resets and keep-alive, with
//     constants as on Linux: see limits.go. Its messages are of the kinds tcp.syn, tcp.data, tcp.ack,
//     tcp.fin and tcp.rst, by which faults pick them: "lose 0>* 100% only tcp.ack". There is
//     no congestion control, since links have no limit on their rate.
//   - A restarted node answers the connections of its last life with resets. One that is down, or
//     cut off, answers nothing: dials and writes end by their deadlines, or by TCP's own patience.
//   - Damaged segments are dropped, as their checksums demand.
//   - Socket options succeed and do nothing, but for keep-alive and linger. Deadlines are exact.
//
// Text describes messages for traces.
//
// # Files
//
// A node has a file system of its own, which begins with / and an empty /tmp, or with
// Options.Disk.Image. There is no /dev, /proc or /etc. Nothing of the machine can be reached. Package os
// and whatever makes system calls by packages syscall and golang.org/x/sys/unix use it, databases too.
//
//   - A crash undoes what was not synced, as package volume says and Options.Disk.Model demands. The records
//     of a run are what programs did to their files: faults tear them and pick among them, stories tell them.
//   - fsync, fdatasync, sync and writes by O_SYNC wait for the disk of the plan. Others of the node go on.
//     One that fails gives EIO, once for each open file, and the data is clean from then on, as on Linux.
//   - Under the fault full, and beyond Options.Disk.Capacity, what needs room gives ENOSPC.
//   - A mapping is the file's own memory, for reading. To write to it stops no program, and
//     reaches no disk; what is read beyond the end of the file is 0. Writable ones are private, or refused
//     with ENODEV.
//   - Locks of flock, and of fcntl for open files, are between the goroutines of a node; those of fcntl for
//     processes never wait, since a node is one process. The program is root.
//   - O_DIRECT, O_TMPFILE, openat2's limits on paths, inotify, epoll, io_uring and others are refused, and
//     the note disk names them. So is os.Pipe, by its error alone. To sync a range or to advise does
//     nothing. Times of access are not kept.
//   - unix.SyscallNoError, which golang.org/x/sys/unix uses for Umask and Sync, reaches the machine.
//   - A program has files, or records by the Host, not both.
//
// # What cannot be exact
//
//   - A map of more than 8 entries whose keys are pointers, channels or interfaces of them is
//     ranged over in an order that may follow from addresses. The first such range of a life is
//     a note, go.inexact.
//   - Package variables, os.Args and the environment are those of the process: the nodes of a run
//     share them. "dessim vet -programs -libs" lists the variables that change. Runs do not: see below.
//   - What packages draw at random before main, in init functions and package variables, differs from
//     process to process: a sweep tells, with the first event that differs. A fork of the package mends it.
//   - Goroutines that packages start before main belong to no node; New names them on standard
//     error, once. A node that shares a channel or a lock with one follows the machine's clock.
//   - Memory is not interleaved: a goroutine gives its turn away at operations on channels and
//     locks only. Under -race, data races are reported all the same.
//   - A goroutine that spins for the time, or for another goroutine without an operation on a channel or
//     lock, never ends its step: the step is named, with the line. With such operations, it lets the
//     others go on after 4,096 of them.
//   - runtime.MemStats, weak pointers, cgo and addresses in stack traces are as on a machine.
//
// # Once a process
//
// A library that fills a cache, or has a sync.Once, makes the first run of a process another one than
// those that follow: under the fault yield, one more lock is enough. So with scenario.EachRun, each
// run is the first and last of its process in sweep, shrink and explore; and what run, replay, explain
// and diff say of a run is of such a one. A sweep makes those that fail, and one in 256, a second time in
// another process, with another GOMAXPROCS: a difference ends it with the place.
//
// Some runs are made in a process that has made others, and may differ: those of stats, compare
// and mutate; the second one of replay -until with a time, and of diff where it looks at a seed;
// those of the pages of shrink, and of the closer look that the page of a long run takes, which are told
// if they differ. The runs of a go test share its process, too; but package simtest tells a failure as
// it is in a process of its own, and says so if it is none there.
//
// Digests may change with the Go release, as the order of goroutines in the standard library may.
package host
