package udp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dessim/protocol"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// arrival is a message that came, with a copy of its body.
type arrival struct {
	from        protocol.NodeID
	incarnation uint32
	seq         uint64
	body        string
}

// inbox keeps the arrivals at a node.
type inbox struct {
	mu  sync.Mutex
	all []arrival
}

func (in *inbox) receive(from protocol.NodeID, incarnation uint32, seq uint64, body []byte) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.all = append(in.all, arrival{from, incarnation, seq, string(body)})
}

func (in *inbox) have() []arrival {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.all)
}

// node is a node of a test: a Network and what came.
type node struct {
	*Network
	inbox
	conn *net.UDPConn
}

func (n *node) addr() netip.AddrPort { return n.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func listen(t testing.TB, address string) *net.UDPConn {
	t.Helper()
	conn, err := Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// network opens as many members on loopback, with room for 16 strangers; change may be
// nil.
func network(t testing.TB, members int, change func(id int, c *Config)) []*node {
	t.Helper()
	var nodes []*node
	var addrs []netip.AddrPort
	for range members {
		n := &node{conn: listen(t, "127.0.0.1:0")}
		nodes, addrs = append(nodes, n), append(addrs, n.addr())
	}
	for i, n := range nodes {
		book, err := NewBook(addrs, 16)
		if err != nil {
			t.Fatal(err)
		}
		c := Config{Conn: n.conn, Book: book, Network: thisNetwork, Incarnation: 1, Limits: DefaultLimits(members), Receive: n.receive}
		if change != nil {
			change(i, &c)
		}
		if n.Network, err = Open(c); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = n.Close() })
	}
	return nodes
}

// eventually waits until a condition holds. It calls again in between, since datagrams
// may be lost, even on loopback.
func eventually(t testing.TB, what string, holds func() bool, again func()) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v: not yet %s", patience, what)
		}
		again()
	}
}

func TestMessagesOfAllLengthsArriveWhole(t *testing.T) {
	nodes := network(t, 2, nil)
	for i, size := range []int{0, 1, fragmentLen - 1, fragmentLen, fragmentLen + 1, 10 * fragmentLen, 300_001, 1 << 20} {
		want := arrival{from: 1, incarnation: 1, seq: uint64(i + 1), body: string(message(i, size))}
		eventually(t, fmt.Sprintf("a message of %d bytes has arrived", size),
			func() bool { return slices.Contains(nodes[0].have(), want) },
			func() { nodes[1].Send(0, want.seq, []byte(want.body)) })
	}
	if s := nodes[0].Stats(); s.Malformed+s.Corrupt+s.Contradictory+s.Unknown != 0 {
		t.Errorf("good messages were counted as bad: %+v", s)
	}
}

func TestMessagesThatCannotBeSentAreCounted(t *testing.T) {
	nodes := network(t, 2, func(_ int, c *Config) { c.Limits.Message = 5000 })
	n := nodes[0]
	n.Send(1, 1, make([]byte, 5001))
	n.Send(99, 1, []byte("nobody is there"))
	stranger, _ := n.cfg.Book.Meet(at("127.0.0.1:9"))
	n.Send(stranger, 1, []byte("no bencoded dictionary"))
	n.Send(stranger, 1, nil)
	n.Send(stranger, 1, append([]byte{raw}, make([]byte, maxDatagram)...))
	six, _ := n.cfg.Book.Meet(at("[2001:db8::1]:9")) // the socket is an IPv4 one
	n.Send(six, 1, []byte("de"))
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	n.Send(1, 1, []byte("too late"))
	s := n.Stats()
	got := Stats{TooLong: s.TooLong, Unroutable: s.Unroutable, SendFailed: s.SendFailed, SentToClosed: s.SentToClosed, SentMessages: s.SentMessages}
	if want := (Stats{TooLong: 2, Unroutable: 3, SendFailed: 1, SentToClosed: 1}); got != want {
		t.Errorf("counted\n%+v, want\n%+v", got, want)
	}
}

// Bencoded dictionaries come and go as they are, between a member and anyone.
func TestStrangersSpeakRawDatagrams(t *testing.T) {
	n := network(t, 1, nil)[0]
	stranger := listen(t, "127.0.0.1:0")
	defer stranger.Close()
	want := arrival{from: 1, body: "d1:y1:qe"}
	eventually(t, "a stranger's query has arrived",
		func() bool { return slices.Contains(n.have(), want) },
		func() { _, _ = stranger.WriteToUDPAddrPort([]byte(want.body), n.addr()) })
	buf := make([]byte, 100)
	if err := stranger.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n.Send(1, 1, []byte("d1:y1:re"))
	size, from, err := stranger.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:size]) != "d1:y1:re" || from != n.addr() {
		t.Errorf("the stranger received %q from %v, %v", buf[:size], from, err)
	}
}

// Each datagram that no member could have sent is counted by what is wrong with it, and
// the sender is told by the source address, whatever a datagram says.
func TestBadDatagramsAreCountedByReason(t *testing.T) {
	nodes := network(t, 2, func(id int, c *Config) { c.Limits.Strangers = Rate{Datagrams: 1, Bytes: 1000} })
	stranger := listen(t, "127.0.0.1:0")
	defer stranger.Close()
	good := frame{network: thisNetwork, incarnation: 1, seq: 1, count: 1, body: []byte("hello")}
	b := good.append(nil)
	other := good
	other.network++
	long := good
	long.count, long.body = maxFragments, make([]byte, fragmentLen)
	first := long
	first.count = 3
	unlike := first
	unlike.body = bytes.Repeat([]byte{1}, fragmentLen)
	for _, c := range []struct {
		what  string
		conn  *net.UDPConn
		b     []byte
		count func(s *Stats) uint64
	}{
		{"a member's frame, sent by a stranger", stranger, b, func(s *Stats) uint64 { return s.Unknown }},
		{"a frame of another network", nodes[1].conn, other.append(nil), func(s *Stats) uint64 { return s.OtherNetwork }},
		{"half a frame", nodes[1].conn, b[:20], func(s *Stats) uint64 { return s.Malformed }},
		{"nothing", nodes[1].conn, nil, func(s *Stats) uint64 { return s.Malformed }},
		{"a damaged frame", nodes[1].conn, append(bytes.Clone(b), 1), func(s *Stats) uint64 { return s.Corrupt }},
		{"a part of a message that is too long", nodes[1].conn, long.append(nil), func(s *Stats) uint64 { return s.Malformed }},
		{"a datagram that is too long", nodes[1].conn, make([]byte, maxDatagram+1), func(s *Stats) uint64 { return s.Oversized }},
		{"a raw datagram too many", stranger, []byte("d1:y1:qe"), func(s *Stats) uint64 { return s.Strangers }},
	} {
		before := nodes[0].Stats()
		eventually(t, c.what+" is counted", func() bool { s := nodes[0].Stats(); return c.count(&s) > c.count(&before) },
			func() { _, _ = c.conn.WriteToUDPAddrPort(c.b, nodes[0].addr()) })
	}
	eventually(t, "contradictory fragments are counted", func() bool { return nodes[0].Stats().Contradictory > 0 }, func() {
		_, _ = nodes[1].conn.WriteToUDPAddrPort(first.append(nil), nodes[0].addr())
		_, _ = nodes[1].conn.WriteToUDPAddrPort(unlike.append(nil), nodes[0].addr())
	})
	for _, a := range nodes[0].have() {
		if a.from != 2 || a.body != "d1:y1:qe" {
			t.Errorf("a bad datagram was accepted as %+v", a)
		}
	}
}

func TestAMemberThatSendsTooMuchIsCutOffAndOthersAreNot(t *testing.T) {
	nodes := network(t, 3, func(_ int, c *Config) { c.Limits.Member = Rate{Datagrams: 50, Bytes: 1 << 20} })
	seq := uint64(0)
	eventually(t, "a member's excess is counted", func() bool { return nodes[0].Stats().Excess > 0 }, func() {
		for range 100 {
			seq++
			nodes[1].Send(0, seq, []byte("a"))
		}
	})
	want := arrival{2, 1, 1, "b"}
	eventually(t, "the other member's message has arrived", func() bool { return slices.Contains(nodes[0].have(), want) },
		func() { nodes[2].Send(0, 1, []byte("b")) })
}

// A member that begins messages and never ends them takes the room of its own messages
// alone; strangers take none.
func TestNobodyTakesTheMemoryOfAnotherMember(t *testing.T) {
	const longest = 100 * fragmentLen
	n := network(t, 3, func(_ int, c *Config) {
		c.Limits.Message, c.Limits.Reassembly = longest, 3*2*longest
	})[0]
	if err := n.Close(); err != nil { // so that its goroutine has ended, and this one may take its place
		t.Fatal(err)
	}
	members := n.cfg.Book.members
	whole := split(1, 1, message(1, longest))
	for i, f := range whole {
		for j := range 10 {
			begun := whole[j]
			begun.seq = uint64(10*i + j + 1)
			b := begun.append(nil)
			n.accept(members[1], b)
			n.accept(at("127.0.0.1:9"), b)
		}
		n.accept(members[2], f.append(nil))
		reserved := 0
		for _, m := range n.members {
			reserved += m.parts.bytes
		}
		if most := n.cfg.Limits.Reassembly; reserved > most {
			t.Fatalf("parts of messages have %d bytes, want at most %d", reserved, most)
		}
	}
	if s := n.Stats(); s.Delivered != 1 || s.Incomplete == 0 || s.Unknown != uint64(10*len(whole)) {
		t.Errorf("a whole message among many in part is counted as %+v", s)
	}
}

// A message whose rest never comes is dropped, though no other datagram comes either.
func TestAnIncompleteMessageIsDroppedInSilence(t *testing.T) {
	nodes := network(t, 2, nil)
	part := split(1, 1, message(1, 3*fragmentLen))[1]
	sent := false
	eventually(t, "the incomplete message is counted", func() bool { return nodes[0].Stats().Incomplete == 1 }, func() {
		if !sent || nodes[0].Stats().ReceivedDatagrams == 0 {
			_, _ = nodes[1].conn.WriteToUDPAddrPort(part.append(nil), nodes[0].addr())
			sent = true
		}
	})
}

func TestFateDecidesWhatLeaves(t *testing.T) {
	fates := map[string][]Leaving{
		"lost":     nil,
		"as it is": {{0, []byte("as it is")}},
		"twice":    {{0, []byte("twice")}, {time.Millisecond, []byte("twice, late")}},
		"damaged":  {{0, []byte("dXmaged")}},
		"longer":   {{0, make([]byte, 5001)}},
	}
	nodes := network(t, 2, func(_ int, c *Config) {
		c.Limits.Message = 5000
		c.Fate = func(to protocol.NodeID, _ uint64, msg []byte) []Leaving {
			if to != 0 {
				t.Errorf("the fate of a message to node %v was asked, want 0", to)
			}
			return fates[string(msg)]
		}
	})
	for _, msg := range []string{"lost", "longer"} {
		nodes[1].Send(0, 1, []byte(msg))
	}
	if s := nodes[1].Stats(); s.Lost != 1 || s.TooLong != 1 || s.SentMessages != 0 {
		t.Errorf("a lost and a lengthened message are counted as %+v", s)
	}
	for sent, want := range map[string][]string{"as it is": {"as it is"}, "twice": {"twice", "twice, late"}, "damaged": {"dXmaged"}} {
		eventually(t, fmt.Sprintf("%q has arrived as %q", sent, want), func() bool {
			for _, body := range want {
				if !slices.Contains(nodes[0].have(), arrival{1, 1, 1, body}) {
					return false
				}
			}
			return true
		}, func() { nodes[1].Send(0, 1, []byte(sent)) })
	}
}

// Nothing leaves after Close, not even what Fate holds back, and nothing is received.
func TestNothingHappensAfterClose(t *testing.T) {
	nodes := network(t, 2, func(_ int, c *Config) {
		c.Fate = func(_ protocol.NodeID, seq uint64, msg []byte) []Leaving {
			return []Leaving{{time.Duration(seq) * time.Millisecond, msg}}
		}
	})
	for seq := range uint64(50) {
		nodes[1].Send(0, 1+seq, []byte("late"))
	}
	if err := nodes[1].Close(); err != nil {
		t.Error(err)
	}
	after := nodes[1].Stats().SentMessages
	eventually(t, "all that was held back is dropped", func() bool {
		s := nodes[1].Stats()
		return s.SentMessages+s.SentToClosed == 50
	}, func() {})
	if got := nodes[1].Stats().SentMessages; got != after {
		t.Errorf("%d messages left after Close", got-after)
	}
	if err := nodes[1].Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
	conn := listen(t, nodes[1].addr().String())
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// A node crashes and comes back at the same address: its next incarnation is heard.
func TestANodeComesBackAtItsAddress(t *testing.T) {
	nodes := network(t, 2, nil)
	at := nodes[1].addr()
	for incarnation := uint32(1); incarnation <= 3; incarnation++ {
		want := arrival{1, incarnation, 1, "hello"}
		eventually(t, "the next incarnation is heard", func() bool { return slices.Contains(nodes[0].have(), want) },
			func() { nodes[1].Send(0, 1, []byte("hello")) })
		if err := nodes[1].Close(); err != nil {
			t.Fatal(err)
		}
		c := nodes[1].cfg
		c.Conn = listen(t, at.String())
		c.Incarnation++
		n, err := Open(c)
		if err != nil {
			t.Fatal(err)
		}
		nodes[1].Network = n
	}
}

func TestMembersMayHaveIPv6Addresses(t *testing.T) {
	conn, err := Listen("[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6 loopback: ", err)
	}
	a, b := &node{conn: conn}, &node{conn: listen(t, "[::1]:0")}
	for _, n := range []*node{a, b} {
		book, err := NewBook([]netip.AddrPort{a.addr(), b.addr()}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n.Network, err = Open(Config{Conn: n.conn, Book: book, Incarnation: 1, Limits: DefaultLimits(2), Receive: n.receive}); err != nil {
			t.Fatal(err)
		}
		defer n.Close()
	}
	want := arrival{1, 1, 1, "six"}
	eventually(t, "a message over IPv6 has arrived", func() bool { return slices.Contains(a.have(), want) },
		func() { b.Send(0, 1, []byte("six")) })
}

func TestWhatCannotBeOpenedIsToldInOneLine(t *testing.T) {
	conn := listen(t, "127.0.0.1:0")
	defer conn.Close()
	book, err := NewBook([]netip.AddrPort{at("127.0.0.1:7000")}, 0)
	if err != nil {
		t.Fatal(err)
	}
	open := func(change func(c *Config)) error {
		c := Config{Conn: conn, Book: book, Incarnation: 1, Limits: DefaultLimits(1), Receive: new(inbox).receive}
		change(&c)
		_, err := Open(c)
		return err
	}
	hear := func(address string) error {
		_, err := Listen(address)
		return err
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{hear(conn.LocalAddr().String()), "cannot listen at " + conn.LocalAddr().String() + ": the port is taken"},
		{hear("nonsense"), `cannot listen at "nonsense": want HOST:PORT`},
		{hear("127.0.0.1:99999"), `cannot listen at "127.0.0.1:99999": want HOST:PORT`},
		{hear(":7000"), `cannot listen at ":7000": want HOST:PORT`},
		{hear("192.0.2.1:0"), "cannot listen at 192.0.2.1:0: "},
		{open(func(c *Config) { c.Conn = nil }), "no Conn"},
		{open(func(c *Config) { c.Book = nil }), "no Book"},
		{open(func(c *Config) { c.Receive = nil }), "no Receive"},
		{open(func(c *Config) { c.Limits.Message = 0 }), "Limits.Message is 0, want 1 to"},
		{open(func(c *Config) { c.Limits.Reassembly = 1 << 20 }), "is 1048576, want 1048800 to"},
		{open(func(c *Config) { c.Limits.Member.Bytes = 100 }), "Limits.Member.Bytes is 100, want 1232 to"},
		{open(func(c *Config) { c.Limits.Strangers.Datagrams = -1 }), "Limits.Strangers.Datagrams is -1, want 0 to"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) || strings.Contains(c.err.Error(), "\n") {
			t.Errorf("error %q, want one line with %q", c.err, c.want)
		}
	}
}

func TestSendingAllocatesNothing(t *testing.T) {
	n := network(t, 2, func(_ int, c *Config) { c.Limits.Member = Rate{Datagrams: 1, Bytes: frameLen} })[0] // the receiver drops them
	msg := message(1, 3*fragmentLen)
	if allocs := testing.AllocsPerRun(100, func() { n.Send(1, 1, msg) }); allocs != 0 {
		t.Errorf("sending a message of three fragments allocates %v times", allocs)
	}
}

func TestAcceptingAllocatesNothing(t *testing.T) {
	n := network(t, 2, func(_ int, c *Config) {
		c.Receive = func(protocol.NodeID, uint32, uint64, []byte) {}
		c.Limits.Strangers = Rate{Datagrams: 1, Bytes: 1}
	})[0]
	if err := n.Close(); err != nil { // so that its goroutine has ended, and this one may take its place
		t.Fatal(err)
	}
	member, other := n.cfg.Book.members[1], at("127.0.0.1:9")
	f := frame{network: thisNetwork, incarnation: 1, seq: 1, count: 1, body: []byte("hello")}
	good := f.append(nil)
	rubbish := []byte("d1:y1:qe")
	bad := bytes.Clone(good)
	binary.BigEndian.PutUint64(bad[4:], 0)
	if allocs := testing.AllocsPerRun(100, func() {
		n.accept(member, good)
		n.accept(member, bad)
		n.accept(other, good)
		n.accept(other, rubbish)
	}); allocs != 0 {
		t.Errorf("accepting or refusing datagrams allocates %v times", allocs)
	}
}
