package twopc

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/backoff"
	"dessim/protocol/seal"
)

// A Manager is the two-phase commit of one node. The host hands it the records that
// carry its component byte (Restore), calls Start, then hands it the messages and
// timers that carry it.
type Manager struct {
	cfg      Config
	open     []*tx          // not ended, by ascending ID
	timers   map[uint64]*tx // finds the owner of a tag; never ranged over
	reserved map[string]ID  // finds the holder of a key; never ranged over
	past     past
	lastTag  uint64
	settled  []ID // commits that end with the next forced write, see force
	restored bool // some record survived
	records  int  // on disk, of this component, with Config.Discard
	stats    Stats
	buf      []byte // of messages and records
}

// tx is a transaction that has not ended at this node.
type tx struct {
	id           ID
	coordinator  protocol.NodeID
	participants []protocol.NodeID // ascending
	payload      []byte
	status       Status
	keys         [][]byte // reserved by this node's vote
	endorsement  []byte   // of this node's vote
	endorsements []Endorsement
	waiting      []protocol.NodeID // whose vote or acknowledgement is missing
	decided      bool              // restored: a commit of which the host may not know
	asks         int
	tag          uint64
	wait         time.Duration // of the timer last set
	tries        int           // pauses since the first, for backoff
}

// New makes the Manager of a fresh incarnation. It panics if cfg is not valid.
func New(cfg Config) *Manager {
	cfg.check()
	return &Manager{
		cfg:      cfg,
		timers:   make(map[uint64]*tx),
		reserved: make(map[string]ID),
		past:     past{limit: cfg.Remember},
	}
}

// Receive consumes a message that begins with protocol.TwoPC.
func (m *Manager) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	v, ok := decodeMessage(msg)
	if !ok {
		m.stats.Malformed++
		return
	}
	if from == env.ID() || from == protocol.Outside {
		m.stats.Stray++
		return
	}
	switch v.kind {
	case msgPrepare:
		m.receivePrepare(env, from, v)
	case msgVote:
		m.receiveVote(env, from, v)
	case msgDecision:
		m.receiveDecision(env, from, v)
	case msgAck:
		m.receiveAck(env, from, v)
	case msgAsk:
		m.receiveAsk(env, from, v)
	case msgAnswer:
		m.receiveAnswer(env, from, v)
	}
	m.tidy(env)
}

// Timeout consumes a timer of component protocol.TwoPC.
func (m *Manager) Timeout(env *protocol.Env, tag uint64) {
	t := m.timers[tag]
	if t == nil {
		return
	}
	switch t.status {
	case Collecting:
		m.abort(env, t)
	case Committing:
		m.sendDecision(env, t.waiting, t.id, true, t.endorsements)
		m.pause(env, t, CommitAgain)
	case InDoubt:
		m.ask(env, t)
	case Refused:
		m.forceAbort(env, t)
	default:
		panic(fmt.Sprintf("twopc: node %d: timer of %v, which is %v", env.ID(), t.id, t.status))
	}
	m.tidy(env)
}

// Status returns the state of id at this node.
func (m *Manager) Status(id ID) Status {
	if t := m.find(id); t != nil {
		return t.status
	}
	switch o, ok := m.past.find(id); {
	case !ok:
		return Unknown
	case o.commit:
		return Committed
	}
	return Aborted
}

// Forgot reports whether id may have ended here without being remembered: see
// Config.Remember.
func (m *Manager) Forgot(id ID) bool { return m.find(id) == nil && m.past.forgotten(id) }

// Reservations returns the number of keys held here.
func (m *Manager) Reservations() int { return len(m.reserved) }

// Holder returns the transaction for which a key is reserved here.
func (m *Manager) Holder(key []byte) (id ID, ok bool) {
	id, ok = m.reserved[string(key)]
	return id, ok
}

// Open returns the number of transactions that have not ended here, including commits
// that still lack acknowledgements.
func (m *Manager) Open() int { return len(m.open) }

// Stats returns the counters of this incarnation.
func (m *Manager) Stats() Stats { return m.stats }

func (m *Manager) search(id ID) (int, bool) {
	return slices.BinarySearchFunc(m.open, id, func(t *tx, id ID) int { return t.id.Compare(id) })
}

func (m *Manager) find(id ID) *tx {
	if i, ok := m.search(id); ok {
		return m.open[i]
	}
	return nil
}

// enter makes t open.
func (m *Manager) enter(t *tx) {
	i, found := m.search(t.id)
	if found {
		panic(fmt.Sprintf("twopc: %v is open already", t.id))
	}
	m.open = slices.Insert(m.open, i, t)
}

// close makes t no longer open and releases its keys.
func (m *Manager) close(t *tx) {
	i, found := m.search(t.id)
	if !found {
		panic(fmt.Sprintf("twopc: %v, %v, ends but is not open", t.id, t.status))
	}
	m.open = slices.Delete(m.open, i, i+1)
	m.release(t)
}

// leave ends t: it is no longer open, reserves nothing, and is remembered.
func (m *Manager) leave(env *protocol.Env, t *tx, commit bool) {
	m.close(t)
	if t.tag != 0 {
		env.CancelTimer(t.tag)
		delete(m.timers, t.tag)
		t.tag = 0
	}
	m.past.add(outcome{t.id, commit, t.endorsements})
}

// setTimer sets t's timer, replacing the one before.
func (m *Manager) setTimer(env *protocol.Env, t *tx, after time.Duration) {
	if t.tag == 0 {
		m.lastTag++
		t.tag = protocol.TwoPC.Tag(m.lastTag)
		m.timers[t.tag] = t
	}
	t.wait = after
	env.SetTimer(after, t.tag)
}

// pause sets t's timer for the next repetition.
func (m *Manager) pause(env *protocol.Env, t *tx, r backoff.Rule) {
	t.tries = r.Next(t.tries)
	m.setTimer(env, t, r.Pause(env, m.cfg.AskAfter, t.tries))
}

// judge returns this node's vote on t. If it is yes, the keys are reserved.
func (m *Manager) judge(env *protocol.Env, t *tx) bool {
	keys, endorsement, ok := m.cfg.Inspect(env, t.id, t.payload)
	if !ok {
		env.Note(KindVote, t.id, "no: refused by inspection")
		return false
	}
	for _, k := range keys {
		if holder, taken := m.reserved[string(k)]; taken {
			m.stats.Conflicts++
			env.Note(KindVote, t.id, "no: a key is reserved by", holder)
			return false
		}
	}
	if m.cfg.Abort != nil && env.Chance(KindAbort, m.cfg.Abort(t.id)) {
		m.stats.Random++
		env.Note(KindVote, t.id, "no: at random")
		return false
	}
	t.endorsement = bytes.Clone(endorsement)
	t.keys = cloneKeys(keys)
	m.reserve(t)
	return true
}

// cloneKeys returns keys in ascending order, each once.
func cloneKeys(keys [][]byte) [][]byte {
	var own [][]byte
	for _, k := range keys {
		own = append(own, bytes.Clone(k))
	}
	slices.SortFunc(own, bytes.Compare)
	return slices.CompactFunc(own, bytes.Equal)
}

func (m *Manager) reserve(t *tx) {
	for _, k := range t.keys {
		m.reserved[string(k)] = t.id
	}
}

// release gives up the keys that t holds. A restart finds two holders of one key if a crash
// lost the record that the first had aborted; then it stays with the second.
func (m *Manager) release(t *tx) {
	for _, k := range t.keys {
		if m.reserved[string(k)] == t.id {
			delete(m.reserved, string(k))
		}
	}
}

// holds reports whether t has all of its keys.
func (m *Manager) holds(t *tx) bool {
	return !slices.ContainsFunc(t.keys, func(k []byte) bool { return m.reserved[string(k)] != t.id })
}

// report counts a decision and hands it to the host. The Manager must be consistent
// by then: the host may call Begin.
func (m *Manager) report(env *protocol.Env, t *tx, commit bool) {
	d := Decision{ID: t.id, Commit: commit, Payload: t.payload, Coordinator: t.coordinator, Mine: t.coordinator == env.ID()}
	if commit {
		d.Endorsements = t.endorsements
	}
	m.cfg.Decided(env, d)
}

// send encodes v into the shared buffer, so v must not alias that.
func (m *Manager) send(env *protocol.Env, to protocol.NodeID, v message) {
	m.buf = v.append(m.buf[:0])
	m.cfg.Send(env, to, v.kind.name(), m.buf)
}

func (m *Manager) sendDecision(env *protocol.Env, to []protocol.NodeID, id ID, commit bool, e []Endorsement) {
	m.buf = message{kind: msgDecision, id: id, yes: commit, endorsements: e}.append(m.buf[:0])
	for _, p := range to {
		m.cfg.Send(env, p, KindDecision, m.buf)
	}
}

func (m *Manager) persist(env *protocol.Env, r record) {
	m.buf = seal.Append(r.append(m.buf[:0]))
	env.Persist(m.buf)
	m.records++
}

// force makes r survive before anything follows. What the host persisted in Decided
// for earlier commits survives with it; so these end now. An end record written at
// once could survive without what the host persisted before it, and Decided would
// never be called again; and a sync for its sake would cost each commit a forced
// write. Until then a restart reports and sends once more, which does no harm.
func (m *Manager) force(env *protocol.Env, r record) {
	m.persist(env, r)
	env.Sync()
	for _, id := range m.settled {
		m.persist(env, record{kind: recEnd, id: id})
	}
	m.settled = m.settled[:0]
}

func (m *Manager) output(env *protocol.Env, kind protocol.Kind, r Record) {
	m.buf = r.append(m.buf[:0], kind)
	env.Output(kind, m.buf)
}

func (m *Manager) outputVote(env *protocol.Env, t *tx, yes bool) {
	r := Record{ID: t.id, Coordinator: t.coordinator, Yes: yes}
	if yes {
		r.Keys = t.keys
	}
	m.output(env, KindVoted, r)
}

func (m *Manager) outputDecision(env *protocol.Env, t *tx, commit bool) {
	m.output(env, KindDecided, Record{ID: t.id, Coordinator: t.coordinator, Yes: commit})
}

// without returns nodes but for id, as a new slice.
func without(nodes []protocol.NodeID, id protocol.NodeID) []protocol.NodeID {
	others := make([]protocol.NodeID, 0, len(nodes))
	for _, n := range nodes {
		if n != id {
			others = append(others, n)
		}
	}
	return others
}

func has(nodes []protocol.NodeID, id protocol.NodeID) bool {
	_, ok := slices.BinarySearch(nodes, id)
	return ok
}

// strike removes id from nodes, which ascend; ok is false if it was not there.
func strike(nodes []protocol.NodeID, id protocol.NodeID) (rest []protocol.NodeID, ok bool) {
	i, ok := slices.BinarySearch(nodes, id)
	if !ok {
		return nodes, false
	}
	return slices.Delete(nodes, i, i+1), true
}

// endorse adds node's endorsement in its place.
func (t *tx) endorse(node protocol.NodeID, b []byte) {
	i, found := slices.BinarySearchFunc(t.endorsements, node, func(e Endorsement, n protocol.NodeID) int {
		return cmp.Compare(e.Node, n)
	})
	if found {
		panic(fmt.Sprintf("twopc: node %v endorses %v twice", node, t.id))
	}
	t.endorsements = slices.Insert(t.endorsements, i, Endorsement{node, b})
}

// endorsedByAll reports whether e has one of each participant, as every commit
// does.
func (t *tx) endorsedByAll(e []Endorsement) bool {
	return slices.EqualFunc(e, t.participants, func(e Endorsement, n protocol.NodeID) bool { return e.Node == n })
}

func cloneEndorsements(e []Endorsement) []Endorsement {
	own := slices.Clone(e)
	for i := range own {
		own[i].Bytes = bytes.Clone(own[i].Bytes)
	}
	return own
}
