package network

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"dessim/cmd/dessim/cmdline"
	"dessim/protocol/live"
	"dessim/protocol/peer"
)

// A desk is where a node answers ctl. A connection carries one request, which is a line of
// JSON, and its replies, of which the last is the answer. A transfer has one before, with its
// id, and begins when ctl has answered with a line.
//
// What a stranger on the machine can do to it is bounded: requests are short, must come soon,
// and there are few at a time.
type desk struct {
	n      *node
	listen net.Listener
	secret [sha256.Size]byte // the hash of what requests carry
	path   string            // of the file with the address and the secret
	seats  chan struct{}     // one for each connection
	group  sync.WaitGroup
	closed chan struct{}

	mu      sync.Mutex
	issued  uint64                  // transfers of this incarnation of the client
	asked   map[uint64]uint64       // amounts of transfers under way, by id
	answers map[uint64]peer.Outcome // of those that ended
	waiting map[string]*wait
}

// wait is for something to end.
type wait struct {
	done   chan struct{}
	result any // once done is closed
}

// Bounds of what comes to a desk.
const (
	mostRequest = 1 << 13 // bytes
	mostSeats   = 64
	patience    = 10 * time.Second // until a request has come, and a reply has gone
	mostTimeout = 24 * time.Hour
)

// request is what ctl asks for.
type request struct {
	Secret  string
	Do      string
	Who     string        `json:",omitempty"` // balance: whose; transfer: to whom
	Witness string        `json:",omitempty"`
	Amount  uint64        `json:",omitempty"`
	ID      string        `json:",omitempty"` // of a transfer that was begun
	Text    string        `json:",omitempty"` // put: the value; get: the key
	Timeout time.Duration `json:",omitempty"`
}

// reply is what ctl gets. A last reply has facts, a table or an error.
type reply struct {
	ID    string     `json:",omitempty"`
	Error string     `json:",omitempty"`
	Code  int        `json:",omitempty"` // of the exit
	Facts []fact     `json:",omitempty"`
	Head  []string   `json:",omitempty"`
	Rows  [][]string `json:",omitempty"`
}

// fact is one thing to tell.
type fact struct {
	Name  string
	Value any
}

func (n *node) openDesk(listen string) error {
	udp := netip.MustParseAddrPort(listen)
	unless := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), udp.Port())
	if udp.Addr().IsLoopback() {
		unless = udp
	}
	at, err := n.address("ctl", unless.String(), "allow-remote-ctl")
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return cmdline.Refuse("ctl %s: %s; want an address of this machine that no other program uses", at, reason(err))
	}
	d := &desk{
		n: n, listen: l, path: filepath.Join(n.dir, ctlFile), seats: make(chan struct{}, mostSeats), closed: make(chan struct{}),
		answers: make(map[uint64]peer.Outcome), waiting: make(map[string]*wait),
	}
	n.desk = d
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	text := hex.EncodeToString(secret[:])
	d.secret = sha256.Sum256([]byte(text))
	if err := writeSecret(d.path, fmt.Appendf(nil, "%v\n%s\n", l.Addr(), text)); err != nil {
		return fmt.Errorf("folder %s: %w", n.dir, err)
	}
	d.group.Go(d.serve)
	return nil
}

func (d *desk) at() string { return d.listen.Addr().String() }

func (d *desk) close() error {
	close(d.closed)
	err := d.listen.Close()
	d.group.Wait()
	if gone := os.Remove(d.path); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// serve takes connections until the desk is closed.
func (d *desk) serve() {
	for {
		conn, err := d.listen.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // no file descriptors, for instance
			time.Sleep(50 * time.Millisecond)
			continue
		}
		select {
		case d.seats <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		d.group.Go(func() {
			v := &visit{desk: d, conn: conn, in: bufio.NewReader(io.LimitReader(conn, mostRequest))}
			v.serve()
			conn.Close()
			<-d.seats
		})
	}
}

// visit is one connection.
type visit struct {
	*desk
	conn net.Conn
	in   *bufio.Reader
}

func (v *visit) serve() {
	v.conn.SetDeadline(time.Now().Add(patience))
	line, err := v.in.ReadBytes('\n')
	if err != nil {
		return
	}
	var r request
	in := json.NewDecoder(bytes.NewReader(line))
	in.DisallowUnknownFields()
	if err := in.Decode(&r); err != nil {
		v.reply(refused(cmdlineRefused, "the request is not one of this version of ctl"))
		return
	}
	given := sha256.Sum256([]byte(r.Secret))
	if subtle.ConstantTimeCompare(given[:], v.secret[:]) != 1 {
		v.reply(refused(cmdlineRefused, "wrong secret; want that in the file %s of the node's folder", ctlFile))
		return
	}
	v.reply(v.answer(&r))
}

// cmdlineRefused is the exit code of a request that was refused before anything was done.
const cmdlineRefused = 2

func refused(code int, format string, args ...any) *reply {
	return &reply{Code: code, Error: fmt.Sprintf(format, args...)}
}

func (v *visit) reply(r *reply) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	v.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err = v.conn.Write(append(b, '\n'))
	return err
}

// answer does what a request asks for.
func (v *visit) answer(r *request) *reply {
	l := v.n.current()
	if l == nil {
		return refused(cmdline.CodeUnknown, "the node is not ready yet")
	}
	if r.Timeout <= 0 || r.Timeout > mostTimeout {
		return refused(cmdlineRefused, "timeout %v: want more than 0, and at most %v", r.Timeout, mostTimeout)
	}
	var out *reply
	do := func(f func(p *peer.Node) *reply) *reply {
		if !l.look(func(p *peer.Node) { out = f(p) }) {
			return refused(cmdline.CodeIO, "the node has ended")
		}
		return out
	}
	switch r.Do {
	case "status":
		return do(func(p *peer.Node) *reply { return v.n.status(p, l) })
	case "ledger":
		return do(v.n.ledger)
	case "balance":
		return do(func(p *peer.Node) *reply { return v.n.balance(p, r.Who) })
	case "peers":
		return do(v.n.peers)
	case "routing":
		return do(v.n.routing)
	case "put":
		return v.put(l, r)
	case "get":
		return v.get(l, r)
	case "transfer":
		return v.transfer(l, r)
	}
	return refused(cmdlineRefused, "ctl has no %q", r.Do)
}

// begin is told that an incarnation begins: no transfer is under way.
func (d *desk) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.issued, d.asked = 0, make(map[uint64]uint64)
}

// watch takes the outputs that someone may wait for.
func (d *desk) watch(e *live.Event) {
	if e.What != live.Output {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e.Kind {
	case peer.KindAnswered:
		if a, ok := peer.DecodeAnswer(e.Body); ok {
			d.answers[a.Transfer] = a.Outcome
			delete(d.asked, a.Transfer)
			d.wake("transfer "+transferText(a.Transfer), a.Outcome)
		}
	case peer.KindStored:
		if s, ok := peer.DecodeStored(e.Body); ok {
			d.wake("put "+s.Key.String(), s)
		}
	case peer.KindValue:
		if x, ok := peer.DecodeValue(e.Body); ok {
			x.Value = bytes.Clone(x.Value)
			d.wake("get "+x.Key.String(), x)
		}
	}
}

// wake ends the waiting for a name. The caller holds mu.
func (d *desk) wake(name string, result any) {
	if w := d.waiting[name]; w != nil {
		w.result = result
		close(w.done)
		delete(d.waiting, name)
	}
}

// await returns what is done when something of that name ends. The caller holds mu.
func (d *desk) await(name string) *wait {
	if d.waiting[name] == nil {
		d.waiting[name] = &wait{done: make(chan struct{})}
	}
	return d.waiting[name]
}

// until waits for w, or until the time of a request is over, ctl is gone, or the node ends.
func (v *visit) until(l *life, w *wait, r *request) bool {
	gone := make(chan struct{})
	v.conn.SetReadDeadline(time.Time{})
	v.group.Go(func() {
		v.in.ReadByte() // ctl sends no more: it is gone, or this visit is over
		close(gone)
	})
	timer := time.NewTimer(r.Timeout)
	defer timer.Stop()
	defer func() {
		v.conn.SetReadDeadline(time.Now())
		<-gone
	}()
	select {
	case <-w.done:
		return true
	case <-timer.C:
	case <-gone:
	case <-v.closed:
	case <-l.node.Done():
	}
	return false
}
