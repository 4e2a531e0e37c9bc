package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"time"

	"dessim/protocol"
)

// Config is the configuration of a Network.
type Config struct {
	Conn    *net.UDPConn // from Listen; the Network closes it
	Book    *Book        // knows all to whom messages go
	Network uint64       // the same at all members, and different for each network
	// Incarnation is that of the node, from 1.
	Incarnation uint32
	Limits      Limits

	// Receive consumes a message, in the one goroutine that reads. incarnation and seq
	// are the sender's, or 0 for a raw datagram. body is borrowed: it is valid until
	// Receive returns.
	Receive func(from protocol.NodeID, incarnation uint32, seq uint64, body []byte)

	// Fate, if there is one, injects faults of links: it says what leaves in place of a
	// message. nil is lost, two of them are copies, another body is corrupted. It is
	// called in Send. Its result is used before Send returns, and msg is borrowed.
	Fate func(to protocol.NodeID, seq uint64, msg []byte) []Leaving
}

// Leaving is a message that leaves some time after it was sent.
type Leaving struct {
	After time.Duration
	Body  []byte
}

// A Network carries the messages of one node.
type Network struct {
	cfg   Config
	began time.Time
	done  chan struct{} // closed when the reading goroutine has ended
	count counters

	mu      sync.Mutex // of what sends
	closed  bool
	out     []byte // scratch
	delayed int    // bytes that Fate holds back

	// Of the reading goroutine:
	members   []member
	share     int // bytes of the parts of one member
	strangers bucket
	sweep     time.Duration // when parts are looked through next; 0 if there are none
}

// member is what the reading goroutine keeps of a member.
type member struct {
	limit bucket
	parts parts
}

const (
	maxDatagram  = 2048     // bytes of a raw datagram; longer than any link's, so far
	maxDelayed   = 64 << 20 // bytes that Fate may hold back
	systemBuffer = 4 << 20  // bytes of each of the socket's buffers, if the system agrees
	burst        = 64       // fragments that leave at once: what the buffers of most systems hold
	betweenBurst = 500 * time.Microsecond

	manyFailures  = 100
	afterFailures = 10 * time.Millisecond
)

// Listen opens a socket at HOST:PORT. With port 0 the system chooses a free one. It is
// apart from Open, so that a Book can be made of the ports that were chosen.
func Listen(address string) (*net.UDPConn, error) {
	at, err := net.ResolveUDPAddr("udp", address)
	if err != nil || at.IP == nil {
		return nil, fmt.Errorf("udp: cannot listen at %q: want HOST:PORT, such as 127.0.0.1:7000", address)
	}
	conn, err := net.ListenUDP("udp", at)
	if taken(err) {
		return nil, fmt.Errorf("udp: cannot listen at %s: the port is taken; stop whoever has it, or choose another", address)
	}
	if err != nil {
		return nil, fmt.Errorf("udp: cannot listen at %s: %w", address, errors.Unwrap(err))
	}
	return conn, nil
}

// taken reports whether err says that a port is in use.
func taken(err error) bool {
	const windows = syscall.Errno(10048) // WSAEADDRINUSE, which package syscall does not have
	return errors.Is(err, syscall.EADDRINUSE) || runtime.GOOS == "windows" && errors.Is(err, windows)
}

// Open begins to receive. Config.Receive may be called before it returns.
func Open(cfg Config) (*Network, error) {
	switch {
	case cfg.Conn == nil:
		return nil, errors.New("udp: Config has no Conn")
	case cfg.Book == nil:
		return nil, errors.New("udp: Config has no Book")
	case cfg.Incarnation == 0:
		return nil, errors.New("udp: Config has no Incarnation")
	case cfg.Receive == nil:
		return nil, errors.New("udp: Config has no Receive")
	}
	members := cfg.Book.Members()
	if err := cfg.Limits.check(members); err != nil {
		return nil, err
	}
	n := &Network{
		cfg: cfg, began: time.Now(), done: make(chan struct{}), out: make([]byte, 0, frameLen),
		members: make([]member, members), share: cfg.Limits.Reassembly / max(1, members), strangers: newBucket(cfg.Limits.Strangers),
	}
	for i := range n.members {
		n.members[i].limit = newBucket(cfg.Limits.Member)
	}
	_ = cfg.Conn.SetReadBuffer(systemBuffer) // a smaller one loses more, and does no other harm
	_ = cfg.Conn.SetWriteBuffer(systemBuffer)
	go n.read()
	return n, nil
}

// Stats returns the counts so far.
func (n *Network) Stats() Stats { return n.count.stats() }

// Close ends the Network. When it returns, the reading goroutine has ended, and nothing
// is sent any more. Receive must not call it.
func (n *Network) Close() error {
	n.mu.Lock()
	closed := n.closed
	n.closed = true
	n.mu.Unlock()
	if closed {
		<-n.done
		return nil
	}
	err := n.cfg.Conn.Close()
	<-n.done
	return err
}

// now returns the time since Open.
func (n *Network) now() time.Duration { return time.Since(n.began) }

// addrOf returns the address of a node, and whether it is a member.
func (n *Network) addrOf(id protocol.NodeID) (a netip.AddrPort, isMember, ok bool) {
	a, ok = n.cfg.Book.AddrPort(id)
	return a, int64(id) < int64(len(n.members)), ok
}
