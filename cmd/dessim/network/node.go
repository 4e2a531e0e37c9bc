package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"dessim/cmd/dessim/cmdline"
	"dessim/protocol"
	"dessim/protocol/live"
	"dessim/protocol/live/disk"
	"dessim/protocol/peer"
	"dessim/sim/cluster/memory"
	"dessim/sim/source"
)

// nodeCommand returns the command node. Tests have a fate for its messages: see udp.Config.
func nodeCommand(fate fate) cmdline.Command {
	return cmdline.Command{
		Name:  "node",
		Usage: "runs one node of a ledger network over UDP, until SIGTERM",
		Text:  "dessim node -dir DIR [flags]",
		Flags: []cmdline.Flag{
			{Name: "dir", Sample: "DIR", Usage: "the node's folder: its key, its records, a copy of the genesis; made if there is none"},
			{Name: "listen", Sample: "127.0.0.1:7000", Usage: "where it receives datagrams; without it, at its address in the genesis"},
			{Name: "genesis", Sample: "FILE", Usage: "what the members share, made by dessim genesis; needed at the first start"},
			{Name: "order", Sample: "isis", Usage: "how transfers are ordered: " + strings.Join(orders(), ", ") + "; the same at all nodes, for ever"},
			{Name: "bootstrap", Sample: "HOST:PORT", Usage: "the member through which it joins; without it, the first other one"},
			{Name: "ctl", Sample: "127.0.0.1:7000", Usage: "where dessim ctl reaches it, by TCP; without it, at the port of -listen on loopback"},
			{Name: "metrics", Sample: "127.0.0.1:9000", Usage: "serve metrics for Prometheus at /metrics, and pprof at /debug/pprof/"},
			{Name: "logs", Sample: "DIR", Usage: "append a log to DIR/<id>.txt"},
			{Name: "record", Sample: "DIR", Usage: "append what happens to DIR/node-N.rec and DIR/client-N.rec, with the node's secret beside them; the node hears only members then"},
			{Name: "id", Usage: "make the key if there is none, print the node's line for genesis -members, and end"},
			{Name: "allow-remote-peers", Usage: "-listen may be other than loopback"},
			{Name: "allow-remote-ctl", Usage: "-ctl may be other than loopback: whoever has the secret can move the node's money"},
			{Name: "allow-remote-metrics", Usage: "-metrics may be other than loopback: anyone there can read them, and profile the node"},
		},
		Do: func(ctx context.Context, c *cmdline.Call) error { return runNode(ctx, c, fate) },
	}
}

// settings are what a node is started with: the flags, by name.
type settings struct {
	text     func(flag string) (text string, given bool)
	on       func(flag string) bool
	out      io.Writer         // a line for each incarnation
	complain func(line string) // of what does not end the node
	fate     fate              // of messages; may be nil
	lap      time.Duration     // what an incarnation lives at most; 0 is what its clock allows
}

// node is a running node with its client.
type node struct {
	*home
	settings
	book    book
	first   protocol.NodeID
	socket  *socket
	pair    *memory.Network // of the node and its client
	desk    *desk
	metrics *metrics
	logs    *logs
	tapes   *tapes

	mu   sync.Mutex
	life *life
}

// life is an incarnation of the node, and of its client.
type life struct {
	clock        clock
	node, client *live.Host
}

func runNode(ctx context.Context, c *cmdline.Call, fate fate) error {
	if len(c.Args) > 0 {
		return cmdline.Refuse("unexpected argument %s; want only flags and their values", cmdline.Quote(c.Args[0]))
	}
	dir, given := c.Text("dir")
	if !given || dir == "" {
		return cmdline.Refuse("no folder; want -dir with that of the node, such as -dir n0")
	}
	if c.On("id") {
		return printID(c, dir)
	}
	n, err := openNode(settings{text: c.Text, on: c.On, out: c.Out, complain: c.Complain, fate: fate})
	if err != nil {
		return err
	}
	err = n.run(ctx)
	if last := n.close(); err == nil && last != nil {
		err = cmdline.Fail(cmdline.CodeIO, "stopped, but %v", last)
	}
	return err
}

// printID prints the line that genesis -members wants of this node.
func printID(c *cmdline.Call, dir string) error {
	listen, given := c.Text("listen")
	if !given {
		return cmdline.Refuse("-id wants -listen with the address at which others reach the node")
	}
	at, err := parseAddress(listen)
	if err != nil {
		return cmdline.Refuse("-listen %v", err)
	}
	key, err := publicKey(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "%v %x\n", at, key)
	return nil
}

// openNode opens all that a node needs, or none of it.
func openNode(s settings) (*node, error) {
	n := &node{settings: s, pair: memory.NewNetwork()}
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func (n *node) open() (err error) {
	order, given := n.text("order")
	if !given {
		order = orders()[0]
	}
	if err := parseOrder(order); err != nil {
		return err
	}
	dir, _ := n.text("dir")
	genesis, _ := n.text("genesis")
	if n.home, err = openHome(dir, genesis, order); err != nil {
		return err
	}
	strangers := mostStrangers
	if _, recorded := n.text("record"); recorded {
		strangers = 0
	}
	if n.book, err = newBook(n.genesis, strangers); err != nil {
		return err
	}
	if n.first, err = n.bootstrap(); err != nil {
		return err
	}
	listen, err := n.address("listen", n.self().at.String(), "allow-remote-peers")
	if err != nil {
		return err
	}
	if n.socket, err = listenUDP(listen, n.genesis.network(order), n.book, n.fate); err != nil {
		return err
	}
	if err := n.openDesk(listen); err != nil {
		return err
	}
	if err := n.openMetrics(); err != nil {
		return err
	}
	if n.logs, err = openLogs(&n.settings, n.home); err != nil {
		return err
	}
	if n.tapes, err = openTapes(&n.settings, n.home, n.first); err != nil {
		return err
	}
	return nil
}

// address reads the flag of an address to listen at. Anywhere else than on loopback needs the
// flag that allows it.
func (n *node) address(flag, unless, allow string) (string, error) {
	text, given := n.text(flag)
	if !given {
		text = unless
	}
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		return "", cmdline.Refuse("%s %s: want IP:PORT, such as 127.0.0.1:7000", flag, cmdline.Quote(text))
	}
	if !at.Addr().IsLoopback() && !n.on(allow) {
		return "", cmdline.Refuse("%s %v is not on loopback, so others can reach it; want an address such as 127.0.0.1:7000, or -%s", flag, at, allow)
	}
	return text, nil
}

// bootstrap returns the member through which the node joins.
func (n *node) bootstrap() (protocol.NodeID, error) {
	text, given := n.text("bootstrap")
	if !given {
		if n.id == 0 {
			return 1, nil
		}
		return 0, nil
	}
	at, err := parseAddress(text)
	if err != nil {
		return 0, cmdline.Refuse("-bootstrap %v", err)
	}
	for i := range n.genesis.members {
		if id := protocol.NodeID(i); n.genesis.members[i].at == at && id != n.id {
			return id, nil
		}
	}
	return 0, cmdline.Refuse("bootstrap %v is no other member of the genesis; want one of them, such as %v", at, n.genesis.members[(n.id+1)%leastMembers].at)
}

// reason returns what is wrong, without the operation and the address.
func reason(err error) string {
	var op *net.OpError
	var system *os.SyscallError
	var path *fs.PathError
	switch {
	case errors.As(err, &system):
		return system.Err.Error()
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.As(err, &path):
		return path.Err.Error()
	}
	return err.Error()
}

func (n *node) close() error {
	var errs []error
	if n.desk != nil {
		errs = append(errs, n.desk.close())
	}
	if n.metrics != nil {
		errs = append(errs, n.metrics.close())
	}
	if n.socket != nil {
		errs = append(errs, n.socket.close())
	}
	if n.logs != nil {
		errs = append(errs, n.logs.close())
	}
	if n.tapes != nil {
		errs = append(errs, n.tapes.close())
	}
	if n.home != nil {
		errs = append(errs, n.home.close())
	}
	return errors.Join(errs...)
}

// run runs the node until ctx is done: one incarnation, and another if that one's clock comes
// to its end.
func (n *node) run(ctx context.Context) error {
	defer disk.Processors(2)() // its own, and its client's
	for laps := 0; ; laps++ {
		l, err := n.begin()
		if err != nil && laps > 0 {
			return cmdline.Fail(cmdline.CodeIO, "node %v takes part no more: %v", n.id, err)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(n.out, "node %v of %d, incarnation %d, %v: receives at %v, ctl at %v\n",
			n.id, len(n.genesis.members), l.node.Incarnation(), n.self().owner(), n.socket.at, n.desk.at())
		end, again := n.follow(ctx, l)
		if !again {
			return end
		}
		if err := errors.Join(n.disk.Crash(), n.client.Crash()); err != nil {
			return cmdline.Fail(cmdline.CodeIO, "node %v takes part no more: %v", n.id, err)
		}
	}
}

// begin begins an incarnation.
func (n *node) begin() (*life, error) {
	c := newClock(n.genesis.made, time.Now())
	c, note := n.tapes.follow(c)
	if note != "" {
		n.complain(note)
	}
	l := &life{clock: c}
	n.desk.begin()
	n.mu.Lock()
	defer n.mu.Unlock()
	client, err := live.Open(n.config(l, n.genesis.client(n.id), n.makeClient, n.client, n.connectClient))
	if err != nil {
		return nil, err
	}
	l.client = client
	if l.node, err = live.Open(n.config(l, n.id, n.home.node(n.book, n.first), n.disk, n.connect)); err != nil {
		client.Stop()
		return nil, err
	}
	n.life = l
	return l, nil
}

func (n *node) config(l *life, id protocol.NodeID, made func() protocol.Node, d *disk.Disk, connect func(uint32, func(live.Arrival)) (live.Network, error)) live.Config {
	return live.Config{
		ID: id, Make: made, Disk: d, Connect: connect, Clock: l.clock.now,
		Source: source.Seed(rand.Uint64()), // jitter, above all: no two nodes may try again in step
		Tape:   n.tapes.of(id == n.id),
		Watch: func(e *live.Event) {
			n.logs.watch(id, e)
			n.metrics.watch(id == n.id, e)
			n.desk.watch(e)
		},
	}
}

// port is the network of the node: UDP, but for its own client.
type port struct {
	client     protocol.NodeID
	near, away live.Network
}

func (n *node) connect(inc uint32, arrive func(live.Arrival)) (live.Network, error) {
	near, err := n.pair.Connect(n.id, inc, arrive)
	if err != nil {
		return nil, err
	}
	away, err := n.socket.connect(inc, arrive)
	return &port{n.genesis.client(n.id), near, away}, err
}

func (n *node) connectClient(inc uint32, arrive func(live.Arrival)) (live.Network, error) {
	return n.pair.Connect(n.genesis.client(n.id), inc, arrive)
}

func (p *port) Send(to protocol.NodeID, seq uint64, msg []byte) {
	if to == p.client {
		p.near.Send(to, seq, msg)
	} else {
		p.away.Send(to, seq, msg)
	}
}

func (p *port) Close() error { return errors.Join(p.away.Close(), p.near.Close()) }

// follow waits until an incarnation is to end, and ends it. It reports whether another follows.
func (n *node) follow(ctx context.Context, l *life) (err error, again bool) {
	left := l.clock.left()
	if n.lap > 0 {
		left = n.lap
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-l.node.Done():
	case <-l.client.Done():
	case <-timer.C:
		again = true
	}
	for _, h := range []*live.Host{l.node, l.client} {
		if end := h.Stop(); end.Reason == live.Panicked || end.Reason == live.Failed {
			again = false
			err = errors.Join(err, n.ended(end))
		}
	}
	return err, again
}

// ended says why a node no longer takes part.
func (n *node) ended(end *live.Ending) error {
	if end.Reason == live.Panicked {
		n.logs.stack(n.id, end)
		return cmdline.Fail(cmdline.CodeRefused, "node %v %v; it is not started again: the bug would be met again", n.id, end)
	}
	return cmdline.Fail(cmdline.CodeIO, "node %v takes part no more: %v; what it promised is kept, so start it again when that is mended", n.id, end.Err)
}

// current returns the incarnation that runs, or nil.
func (n *node) current() *life {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.life
}

// look calls f with the node, between two steps.
func (l *life) look(f func(p *peer.Node)) bool {
	return l.node.Do(func(n protocol.Node) { f(n.(*peer.Node)) })
}
