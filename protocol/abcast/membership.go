package abcast

import (
	"bytes"
	"fmt"
	"slices"

	"dessim/protocol"
	"dessim/protocol/bencode"
)

// The timeouts, in ticks. A duration of n ticks lasts n-1 to n, since what begins
// in the middle of a tick counts from its beginning. A tick is up to a quarter longer
// than the shortest: see NextTick.
const (
	suspectAfter = 6 // silence after which a node counts as dead: a heartbeat is lost, even of long ticks, and two questions have had no answer
	listenFirst  = 4 // from Start until a node may lead a ballot, unless it heard all nodes before
	graceAfter   = 2 // how long a ballot that has its majority waits for other live nodes
	repeatAfter  = 3 // from sending a frame to repeating it unacknowledged
)

// The timers. The tick's is periodic, so it keeps no run from ending.
var (
	tagTick  = protocol.ABCAST.Tag(protocol.Periodic | 1)
	tagMerge = protocol.ABCAST.Tag(2)
)

// A membership is a node's part in a group with Views: one durable log, the view
// that the node is in, and the ballot that it leads. Nodes are known by their place
// in the universe, Config.Members.
//
// A handler changes the state and leaves what follows from it (writing,
// syncing, reporting, delivering) to endStep, with which every step ends. So
// Deliver meets no half-done work, and a step syncs once however much it orders.
type membership struct {
	cfg   Config
	stats Stats
	self  int    // place of this node
	inc   uint32 // 0 before Start

	promised uint64 // durable: the highest view joined
	log      journal
	recorded uint32 // durable: the last incarnation that started

	normal  bool     // in view and working in it; then view == log.adopted == promised
	view    uint64   // the last one installed in this incarnation, or 0
	placed  uint64   // messages before it
	members []uint32 // by place: the node's incarnation in view, or 0
	stable  []int    // by place: length of log that the member reported in this view
	rule    rule     // of view; frozen while not normal: a promise reports what it holds
	chans   []channel
	ahead   []aheadFrame // of the view that this node promised and waits for
	outbox  []Message    // own and not yet delivered, as broadcast
	last    MsgID        // of the last broadcast

	ticks   uint64 // since Start, so that timeouts need no clock
	beats   uint64 // number of the next heartbeat: it grows at each tick and each answer
	spoken  []spoken
	peers   []peer
	hears   places  // the nodes alive at the last tick, this one among them
	fit     places  // whom this node could lead, or nil
	want    places  // of fit, those who are in its view or may come in
	follows int     // place of the node whose ballots this one waits for, or nobody
	blocked int     // ticks since a change is needed and some member follows another
	ballot  *ballot // that this node leads, or nil
	bases   []int   // by place: where the log begins that the member needs, if this node led the view
	opened  int     // length of the log that the view began with, if this node led it

	merging bool // the merge timer is set
	counted bool // no report came since commit was computed
	ending  bool // endStep is under way, so that Deliver may broadcast
	lens    []int
	seen    []byte // scratch for whom a heartbeat says that this node hears
	out     []byte // scratch for encoding
	body    []byte // scratch for a report
	sent    []byte // the body of the last frame
	in      datagramReader
}

// A peer is what is known of another node. A node's own is unused.
type peer struct {
	inc      uint32 // the highest incarnation heard of; 0 before
	heard    uint64 // tick at which that incarnation was last heard
	promised uint64 // at least
	adopted  uint64 // at least

	// Of that incarnation's last heartbeat.
	beat    uint64 // its number
	hears   places // whom it hears
	able    bool   // it could lead a view
	follows int    // place of the node that it follows, or nobody
	works   bool   // in a view

	dropped uint64 // the last tick at which it dropped out of the view
	pause   uint64 // ticks from then on until it may come back
}

func newMembership(cfg Config) *membership {
	n := len(cfg.Members)
	m := &membership{
		cfg:     cfg,
		members: make([]uint32, n),
		stable:  make([]int, n),
		chans:   make([]channel, n),
		peers:   make([]peer, n),
		spoken:  make([]spoken, n),
		lens:    make([]int, 0, n),
		hears:   newPlaces(n),
		follows: nobody,
	}
	for q := range m.peers {
		m.peers[q].hears, m.peers[q].follows = newPlaces(n), nobody
		m.spoken[q].hears, m.spoken[q].follows = newPlaces(n), nobody
	}
	m.log.seqs = map[Member]uint64{}
	return m
}

// majority is of the universe, not of a view: any two majorities share a node,
// whatever views there were between them. A majority of the last view would need
// fewer nodes, but a node that restarts cannot know which view was the last.
func (m *membership) majority() int { return len(m.peers)/2 + 1 }

// leader returns the place of the one node that may begin view v: so no two nodes
// choose one number.
func (m *membership) leader(v uint64) int { return int(v % uint64(len(m.peers))) }

func (m *membership) Start(env *protocol.Env) {
	m.self = m.cfg.place(env, m.started())
	if env.Incarnation() <= m.recorded {
		panic(fmt.Sprintf("abcast: node %v: incarnation %d starts, but its disk has incarnation %d", env.ID(), env.Incarnation(), m.recorded))
	}
	m.inc = env.Incarnation()
	m.last = MsgID{Node: env.ID(), Incarnation: m.inc}
	m.log.settle(&m.stats)
	m.persist(env, appendStart(m.out[:0], m.inc))
	env.Sync() // else the next incarnation might repeat this one's ids
	m.beatAll(env)
	env.SetTimer(m.cfg.Views.Tick, tagTick)
	m.endStep(env)
}

func (m *membership) started() bool { return m.inc != 0 }

func (m *membership) Broadcast(env *protocol.Env, payload []byte) MsgID {
	mustRun(env, m.started())
	m.last.Seq++
	m.stats.Broadcasts++
	msg := Message{ID: m.last, Payload: bytes.Clone(payload)}
	m.outbox = append(m.outbox, msg)
	if m.normal {
		m.rule.broadcast(env, msg)
	}
	m.endStep(env)
	return msg.ID
}

func (m *membership) Timeout(env *protocol.Env, tag uint64) {
	mustRun(env, m.started())
	switch tag {
	case tagTick:
		m.tick(env)
	case tagMerge:
		m.merging = false
		m.report(env)
	default:
		panic(fmt.Sprintf("abcast: node %v: timer %#x, but a group sets %#x and %#x", env.ID(), tag, tagTick, tagMerge))
	}
	m.endStep(env)
}

func (m *membership) tick(env *protocol.Env) {
	m.ticks++
	m.beats++
	m.detect()
	for q := range m.peers {
		if q == m.self {
			continue
		}
		if m.due(q) {
			m.beat(env, q)
		}
		if m.normal && m.members[q] != 0 {
			m.repeat(env, q)
			m.repeatNewView(env, q)
		}
	}
	m.consider(env)
	env.SetTimer(NextTick(env, m.cfg.Views.Tick), tagTick)
}

func (m *membership) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	mustRun(env, m.started())
	q, ok := m.place(from)
	if !ok || q == m.self {
		m.stats.Foreign++
		return
	}
	d, ok := m.in.decode(msg)
	if !ok {
		m.stats.Malformed++
		return
	}
	p := &m.peers[q]
	if d.inc > p.inc {
		p.inc = d.inc // what it promised and adopted is durable, so it still holds
		clear(p.hears)
		p.beat, p.able, p.follows, p.works = 0, false, nobody, false
	}
	if d.inc == p.inc {
		p.heard = m.ticks
	}
	switch d.op {
	case opHeartbeat:
		m.heartbeat(env, q, &d)
	case opPrepare:
		m.prepare(env, q, &d)
	case opPromise:
		m.promise(env, q, &d)
	case opNewView:
		m.newView(env, q, &d)
	case opFrame:
		m.frame(env, q, &d)
	}
	m.endStep(env)
}

// place returns a node's place in the universe.
func (m *membership) place(id protocol.NodeID) (int, bool) {
	return slices.BinarySearch(m.cfg.Members, id)
}

// head begins a datagram: component byte, list, type, and the sender's incarnation.
func (m *membership) head(op uint64) []byte {
	b := append(m.out[:0], byte(protocol.ABCAST), 'l')
	b = bencode.AppendUint(b, op)
	return bencode.AppendUint(b, uint64(m.inc))
}

// datagram sends b, which head began.
func (m *membership) datagram(env *protocol.Env, q int, kind protocol.Kind, b []byte) {
	m.out = b
	m.cfg.Views.Datagram(env, m.cfg.Members[q], kind, b)
}

// persist writes a record, which is m.out grown.
func (m *membership) persist(env *protocol.Env, rec []byte) {
	m.out = rec
	env.Persist(rec)
}

func (m *membership) Pending() int {
	n := m.log.waiting()
	if m.normal {
		return n + m.rule.pending()
	}
	for _, msg := range m.outbox {
		if !m.log.has(msg.ID) {
			n++
		}
	}
	return n
}

func (m *membership) Delivered() uint64 { return m.log.handed }

func (m *membership) Stats() Stats { return m.stats }

func (m *membership) View() (v View, normal bool) {
	if m.view == 0 {
		return View{}, false
	}
	v = View{Number: m.view, Members: m.current(), Place: m.placed}
	return v, m.normal
}

func (m *membership) current() []Member {
	var all []Member
	for q, inc := range m.members {
		if inc != 0 {
			all = append(all, Member{m.cfg.Members[q], inc})
		}
	}
	return all
}
