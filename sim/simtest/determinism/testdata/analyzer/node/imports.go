package node

import (
	_ "context"     // want `import of context`
	_ "crypto/rand" // want `import of crypto/rand: it cannot be replayed`
	_ "crypto/sha256"
	_ "errors"
	_ "hash/maphash" // want `import of hash/maphash`
	_ "log"          // want `import of log`
	_ "log/slog"     // want `import of log/slog`
	_ "math/bits"
	_ "math/rand"    // want `import of math/rand: its answers have no names`
	_ "math/rand/v2" // want `import of math/rand/v2`
	_ "net"          // want `import of net: sockets`
	_ "net/netip"
	_ "net/textproto" // want `import of net/textproto`
	_ "net/url"
	_ "os"            // want `import of os`
	_ "os/exec"       // want `import of os/exec`
	_ "runtime"       // want `import of runtime`
	_ "runtime/debug" // want `import of runtime/debug`
	_ "sync"          // want `import of sync`
	_ "sync/atomic"   // want `import of sync/atomic`
	_ "syscall"       // want `import of syscall`
	_ "testing"       // want `import of testing`
	_ "unsafe"        // want `import of unsafe`
)
