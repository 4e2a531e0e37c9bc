package conformance_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dessim/protocol"
	"dessim/protocol/live"
	"dessim/protocol/live/disk"
	"dessim/protocol/live/record"
	"dessim/protocol/live/udp"
	"dessim/sim/cluster"
	"dessim/sim/cluster/memory"
	"dessim/sim/simtest/conformance"
)

// hosts plays scripts by live.Hosts.
type hosts struct {
	connect func(id protocol.NodeID, incarnation uint32, arrive func(live.Arrival)) (live.Network, error)
	disk    func(id protocol.NodeID) (cluster.Disk, error)
	taped   bool          // by recordings
	grace   time.Duration // how long a message may travel unseen
	origin  time.Time
	places  []*place
}

// place is where the incarnations of a node live.
type place struct {
	id     protocol.NodeID
	p      *conformance.Play
	disk   cluster.Disk
	tape   *record.Writer
	host   *live.Host
	arrive func(live.Arrival)
	down   chan struct{} // closed when the incarnation is down and told

	crashIn  atomic.Int64 // effects of the step that begins next
	failSync atomic.Bool
	limit    int // effects of this step, or 0
	over     atomic.Bool
}

// Step implements live.Saboteur.
func (s *place) Step(protocol.Time) { s.limit = int(s.crashIn.Swap(0)) }

// Done implements live.Saboteur.
func (s *place) Done(_ protocol.Time, _ *protocol.Effect, i, n int) bool {
	return s.limit > 0 && i >= min(s.limit, n)
}

// Sync implements live.Saboteur.
func (s *place) Sync(protocol.Time) (time.Duration, bool) {
	return leastSync + time.Duration(rand.IntN(1_000_000)), s.failSync.Swap(false)
}

// Send implements live.Saboteur.
func (s *place) Send(n live.Network, _ protocol.Time, to protocol.NodeID, seq uint64, msg []byte) {
	n.Send(to, seq, msg)
}

// leastSync is how long a sync takes at least.
const leastSync = 100 * time.Microsecond

// Play implements conformance.Runtime.
func (r *hosts) Play(p *conformance.Play) (err error) {
	r.origin, p.Sync = time.Now(), leastSync
	for id := range protocol.NodeID(p.Nodes) {
		s := &place{id: id, p: p}
		if r.taped {
			s.tape = record.NewWriter(io.Discard, record.Header{Node: id})
		}
		if s.disk, err = r.disk(id); err != nil {
			return err
		}
		r.places = append(r.places, s)
	}
	for i := range p.Actions {
		a := &p.Actions[i]
		if a.Do == conformance.Wait {
			p.Await(i, r.grace)
		} else if err = r.act(r.places[a.Node], a); err != nil {
			break
		}
	}
	for _, s := range r.places {
		if s.host != nil {
			s.over.Store(true)
			s.host.Stop()
			<-s.down
		}
		err = errors.Join(err, s.disk.Close())
	}
	return err
}

func (r *hosts) act(s *place, a *conformance.Action) error {
	switch a.Do {
	case conformance.Start:
		return r.start(s)
	case conformance.CrashIn:
		s.crashIn.Store(int64(a.K))
	case conformance.FailSync:
		s.failSync.Store(true)
	case conformance.Forge:
		s.arrive(live.Arrival{From: a.From, Incarnation: 1, Seq: 1, Body: a.Body})
	}
	if s.host == nil {
		return nil
	}
	switch a.Do {
	case conformance.Input:
		s.host.Input(0, append([]byte(nil), a.Body...))
	case conformance.Crash:
		s.host.Crash()
		<-s.down
	case conformance.Stop:
		s.host.Stop()
		<-s.down
	}
	return nil
}

func (r *hosts) start(s *place) (err error) {
	if s.host != nil {
		select {
		case <-s.host.Done():
			<-s.down
		default:
			return fmt.Errorf("node %v is to start and is up", s.id)
		}
	}
	s.down = make(chan struct{})
	s.host, err = live.Open(live.Config{
		ID: s.id, Make: func() protocol.Node { return s.p.Make(s.id) }, Disk: s.disk, Source: s.p.Source(), Saboteur: s, Tape: s.tape,
		Clock: func() protocol.Time { return protocol.Time(time.Since(r.origin)) },
		Connect: func(inc uint32, arrive func(live.Arrival)) (live.Network, error) {
			s.arrive = arrive
			return r.connect(s.id, inc, arrive)
		},
		Watch: func(e *live.Event) {
			if e.What == live.Output {
				s.p.Output(s.id, e.Body)
			}
		},
	})
	if err != nil {
		return err
	}
	go func(h *live.Host, down chan struct{}) {
		end := h.Wait()
		if err := r.lie(s, end); err != nil {
			s.p.Down(s.id, err)
		}
		if !s.over.Load() {
			s.p.Down(s.id, end.Panic)
		}
		close(down)
	}(s.host, s.down)
	return nil
}

// lie makes the disk of a node ready for its next incarnation. A node that was stopped may be
// another process then.
func (r *hosts) lie(s *place, end *live.Ending) (err error) {
	switch {
	case end.Reason == live.Crashed:
		return s.disk.Crash()
	case end.Reason == live.Stopped && !s.over.Load():
		if err = s.disk.Close(); err == nil {
			s.disk, err = r.disk(s.id)
		}
	}
	return err
}

// inMemory returns hosts on a network and disks in memory.
func inMemory() *hosts {
	disks := make(map[protocol.NodeID]*memory.Disk)
	return &hosts{
		connect: memory.NewNetwork().Connect,
		grace:   5 * ms,
		disk: func(id protocol.NodeID) (cluster.Disk, error) {
			if disks[id] == nil {
				disks[id] = new(memory.Disk)
			}
			return disks[id], nil
		},
	}
}

func TestHostsInMemoryKeepTheContract(t *testing.T) {
	conformance.Run(t, func(testing.TB) conformance.Runtime {
		h := inMemory()
		h.taped = true
		return h
	})
}

// bubble plays scripts by hosts in the time of package synctest, which passes when all wait.
// So a timer that is early by 1 ns is seen to be.
type bubble struct{ t *testing.T }

// Play implements conformance.Runtime.
func (b bubble) Play(p *conformance.Play) (err error) {
	synctest.Test(b.t, func(*testing.T) { err = inMemory().Play(p) })
	return err
}

func TestHostsInABubbleKeepTheContract(t *testing.T) {
	conformance.Run(t, func(t testing.TB) conformance.Runtime { return bubble{t.(*testing.T)} })
}

// onFiles returns hosts on a network in memory and disks in files, whose crashes tear what was
// not synced.
func onFiles(t testing.TB) *hosts {
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	return &hosts{
		connect: memory.NewNetwork().Connect,
		grace:   5 * ms,
		taped:   true,
		disk: func(id protocol.NodeID) (cluster.Disk, error) {
			return disk.Open(filepath.Join(dir, id.String()), disk.Options{Segment: 500, Tear: func(n int) int { return rand.IntN(n + 1) }})
		},
	}
}

func TestHostsOnFilesKeepTheContract(t *testing.T) {
	conformance.Run(t, func(testing.TB) conformance.Runtime { return onFiles(t) })
}

// sockets connects nodes by UDP. A node has the same address in each of its incarnations.
type sockets struct {
	book  *udp.Book
	at    []netip.AddrPort
	first []*net.UDPConn // of the first incarnations, so that nobody else takes the ports
}

func newSockets(t testing.TB, nodes int) *sockets {
	s := new(sockets)
	for range nodes {
		conn, err := udp.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() }) // of nodes that were never started
		s.first = append(s.first, conn)
		s.at = append(s.at, conn.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	var err error
	if s.book, err = udp.NewBook(s.at, 4); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *sockets) connect(id protocol.NodeID, incarnation uint32, arrive func(live.Arrival)) (live.Network, error) {
	conn := s.first[id]
	if s.first[id] = nil; conn == nil {
		var err error
		if conn, err = udp.Listen(s.at[id].String()); err != nil {
			return nil, err
		}
	}
	return udp.Open(udp.Config{
		Conn: conn, Book: s.book, Network: 1, Incarnation: incarnation, Limits: udp.DefaultLimits(len(s.at)),
		Receive: func(from protocol.NodeID, incarnation uint32, seq uint64, body []byte) {
			arrive(live.Arrival{From: from, Incarnation: incarnation, Seq: seq, Body: append([]byte(nil), body...)})
		},
	})
}

func TestHostsOnSocketsAndFilesKeepTheContract(t *testing.T) {
	conformance.Run(t, func(testing.TB) conformance.Runtime {
		h := onFiles(t)
		h.connect, h.grace = newSockets(t, 3).connect, 20*ms
		return h
	})
}

// hasty is a node with a timer that is always due. It makes final what it receives.
type hasty struct{}

func (hasty) Start(env *protocol.Env)                                  { env.SetTimer(1, 0) }
func (hasty) Timeout(env *protocol.Env, _ uint64)                      { env.SetTimer(1, 0) }
func (hasty) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) { env.Output(0, msg) }

// alone returns a host of such a node, and what it makes final.
func alone(t *testing.T) (*live.Host, <-chan string) { return aloneWith(t, hasty{}) }

func aloneWith(t *testing.T, n protocol.Node) (*live.Host, <-chan string) {
	origin := time.Now()
	got := make(chan string, 1)
	h, err := live.Open(live.Config{
		Make: func() protocol.Node { return n }, Disk: new(memory.Disk), Clock: func() protocol.Time { return protocol.Time(time.Since(origin)) },
		Connect: func(inc uint32, arrive func(live.Arrival)) (live.Network, error) {
			return memory.NewNetwork().Connect(0, inc, arrive)
		},
		Watch: func(e *live.Event) {
			if e.What == live.Output {
				got <- string(e.Body)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, got
}

func TestTimersThatAreAlwaysDueDoNotKeepMessagesWaiting(t *testing.T) {
	h, got := alone(t)
	defer h.Stop()
	h.Input(1, []byte("input"))
	select {
	case text := <-got:
		if text != "input" {
			t.Errorf("the node takes up %q, want the input", text)
		}
	case <-time.After(time.Minute):
		t.Error("the node has not taken up its input")
	}
	if !h.Do(func(protocol.Node) {}) {
		t.Error("the host has ended")
	}
}

func TestAPauseEndsWithItsTimeOrItsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h, got := alone(t)
		h.Pause(protocol.Time(time.Second))
		h.Input(1, []byte("input"))
		if text := <-got; text != "input" || time.Since(began) != time.Second {
			t.Errorf("the node takes up %q after %v, want the input after 1s", text, time.Since(began))
		}
		h.Pause(protocol.Time(time.Hour))
		time.Sleep(time.Second)
		if h.Crash(); time.Since(began) > 3*time.Second {
			t.Errorf("a crash amid a pause ends it after %v", time.Since(began))
		}
	})
}

// filing is a node that has its record flushed, and says when it is told.
type filing struct{ hasty }

func (filing) Start(*protocol.Env) {}

func (filing) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	env.Persist(msg)
	env.Flush(0, []uint64{0})
	env.Flush(7, []uint64{0})
	env.Flush(8, nil)
}

func (filing) Flushed(env *protocol.Env, tag uint64, failed bool) {
	env.Output(protocol.KindOf("told"), fmt.Appendf(nil, "%d %v %v", tag, failed, env.Full()))
}

func TestAHostTellsItsNodeOfFlushesInTheirOrder(t *testing.T) {
	h, got := aloneWith(t, filing{})
	defer h.Stop()
	h.Input(1, []byte("input"))
	for _, want := range []string{"7 false false", "8 false false"} {
		select {
		case text := <-got:
			if text != want {
				t.Errorf("the node is told %q, want %q", text, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("the node is not told %q", want)
		}
	}
	if s := h.Stats(); s.Syncs != 3 {
		t.Errorf("%d syncs, want one for each flush", s.Syncs)
	}
}
