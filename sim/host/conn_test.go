package host

import (
	"bytes"
	"container/heap"
	"errors"
	"io"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A pair is two ends of a connection, the link between them, and two programs that write, read and
// close at some times. What each has written is remembered: it is what the other may read.
type pair struct {
	t       *rapid.T
	random  *rand.Rand
	faults  linkFaults
	now     int64
	pending pending
	ends    [2]*end
	events  int
}

type linkFaults struct {
	loss, copies, damage uint64 // in a thousand
	delay, jitter        time.Duration
	cutAt                int64 // from then on all is lost, if it is not 0
}

type end struct {
	conn     *conn
	toWrite  []byte
	written  int
	got      []byte
	eof      bool
	err      error
	due      int64
	pace     time.Duration // between what the program does
	asleep   bool          // the program can do nothing until its connection has done something
	readSize int
}

type happening struct {
	at    int64
	order int
	do    func()
}

type pending []happening

func (q pending) Len() int      { return len(q) }
func (q pending) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *pending) Push(x any)   { *q = append(*q, x.(happening)) }
func (q pending) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].order < q[j].order
}

func (q *pending) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

func (p *pair) after(d time.Duration, do func()) {
	p.events++
	heap.Push(&p.pending, happening{p.now + max(int64(d), 1), p.events, do})
}

func (p *pair) chance(thousandths uint64) bool { return p.random.Uint64N(1000) < thousandths }

// send puts a segment of end i on the link.
func (p *pair) send(i int, s *segment) {
	if s.what == segSyn {
		s.fromPort, s.toPort = 40000, 80
	}
	b := s.append(nil, 0, 1)
	n := 1
	switch f := &p.faults; {
	case p.chance(f.loss) || f.cutAt != 0 && p.now >= f.cutAt:
		n = 0
	case p.chance(f.copies):
		n = 2
	}
	for range n {
		b := bytes.Clone(b)
		if p.chance(p.faults.damage) {
			b[p.random.IntN(len(b))] ^= byte(1 + p.random.IntN(255))
		}
		p.after(p.faults.delay+time.Duration(p.random.Int64N(int64(p.faults.jitter)+1)), func() { p.arrive(1-i, b) })
	}
}

// arrive is what network does.
func (p *pair) arrive(i int, b []byte) {
	s, ok := parseSegment(b, 0, 1)
	if !ok {
		return
	}
	e := p.ends[i]
	switch {
	case s.what == segSyn && e.conn == nil:
		e.conn = answerConn(p.now, newConnID(1, 2), &s, func(s *segment) { p.send(i, s) })
		p.after(e.pace, func() { p.act(i) })
	case s.what == segSyn && e.conn.state == synReceived:
		e.conn.again()
	case s.what != segSyn && e.conn != nil:
		p.step(i, func(c *conn) { c.receive(&s) })
	}
}

// step has a connection do something, and sees to what is due next.
func (p *pair) step(i int, do func(*conn)) {
	c := p.ends[i].conn
	c.now = p.now
	do(c)
	c.acknowledge()
	if len(c.in) > maxWindow || len(c.out) > maxWindow {
		p.t.Fatalf("end %d holds %d bytes to read and %d to send, want at most %d", i, len(c.in), len(c.out), maxWindow)
	}
	if due := c.due(); due != p.ends[i].due {
		p.ends[i].due = due
		if due != 0 {
			p.after(time.Duration(due-p.now), func() { p.tick(i, due) })
		}
	}
	if e := p.ends[i]; e.asleep {
		e.asleep = false
		p.after(e.pace, func() { p.act(i) })
	}
}

// tick does what is due, if it still is.
func (p *pair) tick(i int, due int64) {
	if p.ends[i].due == due {
		p.ends[i].due = 0
		p.step(i, (*conn).tick)
	}
}

// act is a program: it writes what there is room for, and reads a little. Once it can do neither,
// it sleeps, as a program does that waits. So events count what the connection does, however
// long its retransmissions wait.
func (p *pair) act(i int) {
	e, other := p.ends[i], p.ends[1-i]
	moved := false
	p.step(i, func(c *conn) {
		if c.state < established {
			return
		}
		if rest := e.toWrite[e.written:]; len(rest) > 0 {
			n, err := c.write(rest[:min(len(rest), 1+p.random.IntN(100_000))])
			e.written += n
			e.note(err)
			moved = n > 0
		} else if !c.shut && c.state == established {
			c.shutdown()
			moved = true
		}
		b := make([]byte, e.readSize)
		n, err := c.read(b)
		e.got = append(e.got, b[:n]...)
		e.note(err)
		moved = moved || n > 0
	})
	if len(e.got) > other.written || !bytes.Equal(e.got, other.toWrite[:len(e.got)]) {
		p.t.Fatalf("end %d has read %d bytes that are not the first of the %d that end %d wrote", i, len(e.got), other.written, 1-i)
	}
	switch {
	case e.over():
	case moved:
		p.after(e.pace, func() { p.act(i) })
	default:
		e.asleep = true
	}
}

func (e *end) note(err error) {
	switch {
	case err == io.EOF:
		e.eof = true
	case e.err == nil:
		e.err = err
	}
}

// over reports whether the program has nothing more to learn.
func (e *end) over() bool {
	return e.err != nil || e.eof && e.conn.shut && (e.conn.finished() || e.conn.state == dead)
}

// run runs until nothing is left to happen, or the first end is over, if that is enough.
func (p *pair) run(enough bool) {
	e := p.ends[0]
	e.conn = dialConn(0, newConnID(1, 1), func(s *segment) { p.send(0, s) })
	p.step(0, func(*conn) {})
	p.after(e.pace, func() { p.act(0) })
	for len(p.pending) > 0 && !(enough && e.over()) {
		if p.events > 300_000 {
			p.t.Fatalf("no end after %d events, at %v", p.events, time.Duration(p.now))
		}
		h := heap.Pop(&p.pending).(happening)
		p.now = h.at
		h.do()
	}
}

func newPair(t *rapid.T) *pair {
	p := &pair{t: t, random: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "randomness"), 0))}
	p.faults = linkFaults{
		loss:   rapid.Uint64Range(0, 300).Draw(t, "loss in 1000"),
		copies: rapid.Uint64Range(0, 300).Draw(t, "copies in 1000"),
		damage: rapid.Uint64Range(0, 100).Draw(t, "damage in 1000"),
		delay:  time.Duration(rapid.Int64Range(1, 1e9).Draw(t, "delay")),
		jitter: time.Duration(rapid.Int64Range(0, 2e9).Draw(t, "jitter")),
	}
	for i := range p.ends {
		e := &end{
			toWrite:  make([]byte, rapid.IntRange(0, 300_000).Draw(t, "bytes to write")),
			pace:     time.Duration(rapid.Int64Range(1e6, 1e9).Draw(t, "pace")),
			readSize: rapid.IntRange(1000, 100_000).Draw(t, "bytes of a read"),
		}
		for j := range e.toWrite {
			e.toWrite[j] = byte(p.random.Uint32())
		}
		p.ends[i] = e
	}
	return p
}

func TestWhatIsWrittenArrivesInOrderAndOnceOrAnErrorIsReported(t *testing.T) {
	whole := 0
	rapid.Check(t, func(t *rapid.T) {
		p := newPair(t)
		p.run(false)
		for i, e := range p.ends {
			other := p.ends[1-i]
			switch {
			case e.err == nil && e.eof && len(e.got) == len(other.toWrite):
				whole++
			case p.faults.loss == 0 && p.faults.damage == 0:
				t.Fatalf("end %d has read %d of %d bytes, end of stream %v, error %v; want all, since nothing is lost", i, len(e.got), len(other.toWrite), e.eof, e.err)
			case e.err == nil && other.err == nil:
				t.Fatalf("end %d has read %d of %d bytes, end of stream %v, and no error was reported", i, len(e.got), len(other.toWrite), e.eof)
			}
		}
	})
	if whole == 0 {
		t.Error("vacuous: no stream arrived whole")
	}
}

func TestAWriterGivesUpOnAPeerThatIsCutOffForEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPair(t)
		p.ends[0].toWrite = make([]byte, 200_000) // more than fits anywhere
		p.ends[1].readSize = 1
		p.ends[0].pace, p.ends[1].pace = time.Second, time.Second
		p.faults.cutAt = rapid.Int64Range(1, 10e9).Draw(t, "cut at")
		p.run(true)
		if e := p.ends[0]; !errors.Is(e.err, syscall.ETIMEDOUT) {
			t.Fatalf("the writer got the error %v, want %v", e.err, syscall.ETIMEDOUT)
		}
		// 1,850 s: if the round-trip time makes the least timeout two seconds
		if most := 60*time.Second + 16*maxRTO; time.Duration(p.now) > most {
			t.Fatalf("it took %v, want at most %v", time.Duration(p.now), most)
		}
	})
}

func TestADialToNobodyGivesUpAfter127Seconds(t *testing.T) {
	syns := 0
	c := dialConn(0, 1, func(*segment) { syns++ })
	for c.state == synSent {
		c.now = c.due()
		c.tick()
	}
	if c.err != syscall.ETIMEDOUT || c.now != int64(127*time.Second) || syns != 7 {
		t.Errorf("%d SYNs, and %v after %v; want 7 and %v after 127 s", syns, c.err, time.Duration(c.now), syscall.ETIMEDOUT)
	}
}

// connected returns both ends of a connection, and what they send, which is to be delivered by hand.
func connected(t *testing.T) (a, b *conn, fromA, fromB *[]segment) {
	t.Helper()
	fromA, fromB = new([]segment), new([]segment)
	collect := func(into *[]segment) func(*segment) {
		return func(s *segment) {
			kept := *s
			kept.data = bytes.Clone(s.data)
			*into = append(*into, kept)
		}
	}
	a = dialConn(0, 1, collect(fromA))
	b = answerConn(0, 2, &(*fromA)[0], collect(fromB))
	a.receive(&(*fromB)[0])
	a.acknowledge()
	b.receive(&(*fromA)[1])
	*fromA, *fromB = nil, nil
	if a.state != established || b.state != established {
		t.Fatalf("the ends have states %v and %v after the handshake", a.state, b.state)
	}
	return a, b, fromA, fromB
}

func TestAFullWindowStopsTheSenderUntilTheReaderMakesRoom(t *testing.T) {
	a, b, fromA, fromB := connected(t)
	for range 2 {
		if n, err := a.write(make([]byte, maxWindow)); n != maxWindow || err != nil {
			t.Fatalf("writing returned %d, %v", n, err)
		}
		for _, s := range *fromA {
			b.receive(&s)
		}
		*fromA = nil
		b.acknowledge()
		a.receive(&(*fromB)[len(*fromB)-1])
	}
	if n, err := a.write([]byte{1}); n != 0 || err != nil || len(*fromA) != 0 {
		t.Fatalf("with a full window, %d bytes were taken and %d segments sent, %v; want none", n, len(*fromA), err)
	}
	a.now = a.due() // a probe, whose answer still says that the window is closed
	a.tick()
	if len(*fromA) != 1 || (*fromA)[0].what != segProbe {
		t.Fatalf("%+v was sent into a closed window, want a probe", *fromA)
	}
	*fromB = nil
	b.receive(&(*fromA)[0])
	b.acknowledge()
	if (*fromB)[0].window != 0 {
		t.Fatalf("the answer to a probe opens %d bytes, want 0", (*fromB)[0].window)
	}
	*fromA, *fromB = nil, nil
	b.read(make([]byte, 100))
	b.acknowledge()
	if len(*fromB) != 0 {
		t.Fatalf("a hundred bytes of room are told, want silence until there is room for a segment")
	}
	b.read(make([]byte, maxWindow))
	b.acknowledge()
	a.receive(&(*fromB)[0])
	if len(*fromA) != 4 {
		t.Fatalf("%d segments follow an open window, want 4", len(*fromA))
	}
}

func TestThreeEqualAcknowledgementsCauseARetransmission(t *testing.T) {
	a, b, fromA, fromB := connected(t)
	for range 4 {
		a.write(make([]byte, 10))
	}
	lost := (*fromA)[0]
	for _, s := range (*fromA)[1:] {
		b.receive(&s)
		b.acknowledge()
	}
	*fromA = nil
	for _, s := range *fromB {
		a.receive(&s)
	}
	if len(*fromA) != 1 || (*fromA)[0].seq != lost.seq {
		t.Fatalf("%+v was sent again, want what follows offset %d", *fromA, lost.seq)
	}
	b.receive(&(*fromA)[0])
	if b.rcv != 40 {
		t.Errorf("%d bytes are there, want 40", b.rcv)
	}
}

func TestClosingWithUnreadDataResetsThePeer(t *testing.T) {
	a, b, fromA, fromB := connected(t)
	a.write([]byte("unread"))
	b.receive(&(*fromA)[0])
	b.close(false)
	a.receive(&(*fromB)[0])
	if _, err := a.read(make([]byte, 1)); err != syscall.ECONNRESET {
		t.Errorf("reading returns %v, want %v", err, syscall.ECONNRESET)
	}
	if _, err := a.write([]byte{1}); err != syscall.EPIPE {
		t.Errorf("writing then returns %v, want %v", err, syscall.EPIPE)
	}
}

func TestASilentPeerIsGivenUpAfterItsProbes(t *testing.T) {
	a, _, fromA, _ := connected(t)
	a.keep = keepAlive{on: true, idle: 15 * time.Second, interval: 15 * time.Second, count: 9}
	for a.state == established {
		a.now = a.due()
		a.tick()
	}
	if n := len(*fromA); n != 10 || a.err != syscall.ETIMEDOUT || a.now != int64(150*time.Second) {
		t.Errorf("%d segments, and %v after %v; want nine probes and a reset, and %v after 150 s", n, a.err, time.Duration(a.now), syscall.ETIMEDOUT)
	}
}

func TestAClosedWindowIsProbedForEver(t *testing.T) {
	a, b, fromA, fromB := connected(t)
	for range 2 { // more than the window
		a.write(make([]byte, maxWindow))
		for _, s := range *fromA {
			b.receive(&s)
		}
		*fromA = nil
		b.acknowledge()
		a.receive(&(*fromB)[len(*fromB)-1])
	}
	for i := range 100 {
		*fromB = nil
		a.now = a.due()
		a.tick()
		b.receive(&(*fromA)[i])
		b.acknowledge()
		a.receive(&(*fromB)[0])
		if a.state != established {
			t.Fatalf("the sender gave up after %d probes, all answered: %v", i+1, a.err)
		}
	}
	if wait := time.Duration(a.due() - a.now); wait != maxRTO {
		t.Errorf("the next probe is due in %v, want %v", wait, maxRTO)
	}
}

func TestAPeerThatIgnoresTheWindowFillsNothing(t *testing.T) {
	_, b, _, _ := connected(t)
	for at := uint64(1); at < 10*maxWindow; at += 1000 { // offset 0 stays missing
		b.receive(&segment{what: segData, to: 2, seq: at, data: make([]byte, 2000)})
	}
	n := 0
	for _, h := range b.held {
		n += len(h.b)
	}
	if n != maxWindow-1 {
		t.Errorf("%d bytes are held, want %d", n, maxWindow-1)
	}
}

func TestARetransmissionIsNotTimed(t *testing.T) {
	a, b, fromA, fromB := connected(t)
	a.measure(int64(time.Millisecond))
	a.write([]byte("late"))
	a.now = a.due()
	a.tick()
	before := a.srtt
	b.receive(&(*fromA)[1])
	b.acknowledge()
	a.receive(&(*fromB)[0])
	if a.una != 4 || a.srtt != before {
		t.Errorf("the round-trip time is %v once %d bytes are acknowledged, want %v", time.Duration(a.srtt), a.una, time.Duration(before))
	}
}

func TestALostEndOfTheHandshakeIsSentAgain(t *testing.T) {
	var fromA, fromB []segment
	a := dialConn(0, 1, func(s *segment) { fromA = append(fromA, *s) })
	b := answerConn(0, 2, &fromA[0], func(s *segment) { fromB = append(fromB, *s) })
	a.receive(&fromB[0])
	a.acknowledge() // lost
	b.now = b.due()
	b.tick()
	a.receive(&fromB[1])
	a.acknowledge()
	if len(fromA) != 3 {
		t.Fatalf("the dialing end sent %+v, want a SYN and two acknowledgements", fromA)
	}
	b.receive(&fromA[2])
	if b.state != established {
		t.Errorf("the answering end is in state %v, want %v", b.state, established)
	}
}
