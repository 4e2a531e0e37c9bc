//go:build linux && (amd64 || arm64)

package host

import (
	"fmt"
	"syscall"
	"unsafe"
)

// statOut is the word of an argument that is a struct stat, whose size depends on the machine.
var statOut = fmt.Sprint("o:", unsafe.Sizeof(syscall.Stat_t{}))

// fileCalls are served on descriptors.
var fileCalls = []call{
	served("close", "n", (*files).callClose),
	served("close_range", "n n n", (*files).callCloseRange),
	served("dup", "n", (*files).callDup),
	served("dup2", "n n", (*files).callDup2),
	served("dup3", "n n n", (*files).callDup3),
	served("fcntl", "n n n", (*files).fcntl),
	served("read", "n o3 n", (*files).callRead),
	served("readv", "n s3 n", (*files).callRead),
	served("pread64", "n o3 n n", (*files).callPread),
	served("preadv", "n s3 n n n", (*files).callPread),
	served("preadv2", "n s3 n n n n", (*files).callPreadv2),
	served("write", "n i3 n", (*files).callWrite),
	served("writev", "n g3 n", (*files).callWrite),
	served("pwrite64", "n i3 n n", (*files).callPwrite),
	served("pwritev", "n g3 n n n", (*files).callPwrite),
	served("pwritev2", "n g3 n n n n", (*files).callPwritev2),
	served("lseek", "n n n", (*files).callLseek),
	served("ftruncate", "n n", (*files).callFtruncate),
	served("fallocate", "n n n n", (*files).callFallocate),
	served("fsync", "n", (*files).callFsync),
	served("fdatasync", "n", (*files).callFdatasync),
	served("sync", "", (*files).callSync),
	served("syncfs", "n", (*files).callSyncfs),
	served("flock", "n n", (*files).callFlock),
	served("fstat", "n "+statOut, (*files).callFstat),
	served("fstatfs", "n o:120", (*files).callFstatfs),
	served("fchmod", "n n", (*files).callFchmod),
	served("fchown", "n n n", (*files).callFchown),
	served("fchdir", "n", (*files).callFchdir),
	served("getdents64", "n o3 n", (*files).callGetdents64),
	served("mmap", "n n n n n n", (*files).callMmap),
	served("munmap", "n n", (*files).callMunmap),
	served("mprotect", "n n n", (*files).callMprotect),
	served("sync_file_range", "", nothing), // it makes nothing safe
	served("fadvise64", "", nothing),
	served("readahead", "", nothing),
	served("madvise", "", nothing),
	served("msync", "", nothing),
	served("mlock", "", nothing),
	served("mlock2", "", nothing),
	served("munlock", "", nothing),
	refused("ioctl", syscall.ENOTTY),
	refused("copy_file_range", syscall.ENOSYS),
	refused("sendfile", syscall.EINVAL),
	refused("splice", syscall.EINVAL),
	refused("fgetxattr", syscall.EOPNOTSUPP),
	refused("fsetxattr", syscall.EOPNOTSUPP),
	refused("flistxattr", syscall.EOPNOTSUPP),
}

// pathCalls are served on paths.
var pathCalls = []call{
	served("open", "t n n", (*files).callOpen),
	served("creat", "t n", (*files).callCreat),
	served("openat", "n t n n", (*files).callOpenat),
	served("openat2", "n t i4 n", (*files).callOpenat2),
	served("stat", "t "+statOut, (*files).callStat),
	served("lstat", "t "+statOut, (*files).callLstat),
	served("newfstatat", "n t "+statOut+" n", (*files).callFstatat),
	served("statx", "n t n n o:256", (*files).callStatx),
	served("access", "t n", (*files).callAccess),
	served("faccessat", "n t n", (*files).callFaccessat),
	served("faccessat2", "n t n n", (*files).callFaccessat2),
	served("chmod", "t n", (*files).callChmod),
	served("fchmodat", "n t n", (*files).callFchmodat),
	served("fchmodat2", "n t n n", (*files).callFchmodat2),
	served("chown", "t n n", (*files).callChown),
	served("lchown", "t n n", (*files).callLchown),
	served("fchownat", "n t n n n", (*files).callFchownat),
	served("utimensat", "n t i:32 n", (*files).callUtimensat),
	served("truncate", "t n", (*files).callTruncate),
	served("statfs", "t o:120", (*files).callStatfs),
	served("mkdir", "t n", (*files).callMkdir),
	served("mkdirat", "n t n", (*files).callMkdirat),
	served("rmdir", "t", (*files).callRmdir),
	served("unlink", "t", (*files).callUnlink),
	served("unlinkat", "n t n", (*files).callUnlinkat),
	served("rename", "t t", (*files).callRename),
	served("renameat", "n t n t", (*files).callRenameat),
	served("renameat2", "n t n t n", (*files).callRenameat2),
	served("link", "t t", (*files).callLink),
	served("linkat", "n t n t n", (*files).callLinkat),
	served("symlink", "t t", (*files).callSymlink),
	served("symlinkat", "t n t", (*files).callSymlinkat),
	served("readlink", "t o3 n", (*files).callReadlink),
	served("readlinkat", "n t o4 n", (*files).callReadlinkat),
	served("getcwd", "o2 n", (*files).callGetcwd),
	served("chdir", "t", (*files).callChdir),
	served("umask", "n", (*files).callUmask),
	refused("getxattr", syscall.EOPNOTSUPP),
	refused("setxattr", syscall.EOPNOTSUPP),
	refused("listxattr", syscall.EOPNOTSUPP),
	refused("lgetxattr", syscall.EOPNOTSUPP),
	refused("lsetxattr", syscall.EOPNOTSUPP),
	refused("llistxattr", syscall.EOPNOTSUPP),
}

// socketCalls are served on sockets.
var socketCalls = []call{
	served("recvfrom", "n o3 n n o@6 x:4", (*files).callRecvfrom),
	served("recvmsg", "n r n", (*files).callRecvmsg),
	served("recvmmsg", "n r3 n n n", (*files).callRecvmmsg),
	served("sendto", "n i3 n n i6 n", (*files).callSendto),
	served("sendmsg", "n m n", (*files).callSendmsg),
	served("sendmmsg", "n m3 n n", (*files).callSendmmsg),
	served("getsockname", "n o@3 x:4", (*files).callGetsockname),
	served("getpeername", "n o@3 x:4", (*files).callGetpeername),
	served("getsockopt", "n n n o@5 x:4", (*files).callGetsockopt),
	served("setsockopt", "n n n i5 n", (*files).callSetsockopt),
	served("shutdown", "n n", (*files).callShutdown),
}

// otherCalls are not for files.
var otherCalls = []call{
	served("getpid", "", number(1)),
	served("gettid", "", number(1)),
	served("getppid", "", number(0)),
	served("getuid", "", number(0)),
	served("geteuid", "", number(0)),
	served("getgid", "", number(0)),
	served("getegid", "", number(0)),
	served("getpgrp", "", number(1)),
	served("getpgid", "n", number(1)),
	served("sched_yield", "", nothing),
	served("uname", "o:390", (*files).callUname),
	served("getrandom", "o2 n n", (*files).callGetrandom),
	served("clock_gettime", "n o:16", (*files).callClockGettime),
	served("prlimit64", "n n i:16 o:16", (*files).callPrlimit64),
	served("getrlimit", "n o:16", (*files).callGetrlimit),
}
