package conformance

import (
	"encoding/json"
	"fmt"
	"time"

	"dessim/protocol"
)

// act is what an Act does.
type act string

const (
	send    act = "send"
	set     act = "set"
	cancel  act = "cancel"
	persist act = "persist"
	syncing act = "sync"
	discard act = "discard"
	output  act = "output"
	note    act = "note"  // no effect
	ask     act = "ask"   // no effect
	boom    act = "panic" // no effect
)

// An Act is a thing that a node of a Play does in a step. Steps are told what to do by the
// messages and timers that they consume.
type Act struct {
	Do    act
	ID    int             `json:",omitempty"` // of a message
	To    protocol.NodeID `json:",omitempty"`
	Tag   uint64          `json:",omitempty"` // of a timer; the index of a discard
	After time.Duration   `json:",omitempty"`
	Text  string          `json:",omitempty"` // of a record, output or note
	Then  []Act           `json:",omitempty"` // what the message or timer leads to
	body  string          // of a message that the model expects
}

func (a *Act) effect() bool { return a.Do != note && a.Do != ask && a.Do != boom }

// what is the sort of an event.
type what uint8

const (
	started what = iota + 1
	received
	fired
	outputs
	down
)

// event is something that happened.
type event struct {
	what    what
	node    protocol.NodeID
	inc     uint32
	now     protocol.Time
	jumped  time.Duration // by which now is ahead of the steady clock
	name    uint64
	from    protocol.NodeID
	tag     uint64
	body    string
	acts    []Act
	records []stored
}

// stored is a record as a Start finds it.
type stored struct {
	index uint64
	body  string
}

// String writes the event for reports.
func (e *event) String() string {
	head := fmt.Sprintf("%v node %v.%d", e.now, e.node, e.inc)
	switch e.what {
	case started:
		return fmt.Sprintf("%s starts with %v", head, e.records)
	case received:
		return fmt.Sprintf("%s receives from %v: %s", head, e.from, e.body)
	case fired:
		acts, _ := json.Marshal(e.acts)
		return fmt.Sprintf("%s timer %d fires: %s", head, e.tag, acts)
	case outputs:
		return fmt.Sprintf("  node %v outputs %s", e.node, e.body)
	}
	return fmt.Sprintf("  node %v is down %s", e.node, e.body)
}

// node does what it is told.
type node struct {
	p      *Play
	id     protocol.NodeID
	begun  bool
	inc    uint32
	sent   int
	timers map[uint64][]Act
}

// Start implements protocol.Node.
func (n *node) Start(env *protocol.Env) {
	if n.begun {
		n.p.flaw("2: node %v is started twice", n.id)
	}
	n.begun, n.inc, n.timers = true, env.Incarnation(), make(map[uint64][]Act)
	read := func() (all []stored) {
		for i, rec := range env.Records() {
			all = append(all, stored{i, string(rec)})
		}
		return all
	}
	e := event{what: started, acts: n.p.boot, records: read()}
	if again := read(); fmt.Sprint(again) != fmt.Sprint(e.records) {
		n.p.flaw("23: node %v reads its records twice: %v and %v", n.id, e.records, again)
	}
	n.step(env, &e)
}

// Receive implements protocol.Node.
func (n *node) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	e := event{what: received, from: from, body: string(msg)}
	var m message
	if err := json.Unmarshal(msg, &m); err != nil {
		n.p.flaw("17: node %v receives %q from %v, which nobody sent", n.id, msg, from)
		return
	}
	e.acts = m.Acts
	n.step(env, &e)
	if string(msg) != e.body {
		n.p.flaw("21: message %q becomes %q while node %v consumes it", e.body, msg, n.id)
	}
}

// Timeout implements protocol.Node.
func (n *node) Timeout(env *protocol.Env, tag uint64) {
	acts := n.timers[tag]
	delete(n.timers, tag)
	n.step(env, &event{what: fired, tag: tag, acts: acts})
}

// step notes the step, and does what it is told.
func (n *node) step(env *protocol.Env, e *event) {
	e.node, e.inc, e.now, e.name = n.id, env.Incarnation(), env.Now(), env.StepName()
	e.jumped = e.now.Sub(env.Steady())
	if env.ID() != n.id || e.inc != n.inc || !n.begun {
		n.p.flaw("2: incarnation %d of node %v has a step as incarnation %d of node %v", n.inc, n.id, e.inc, env.ID())
	}
	n.enter(*e)
	for i := range e.acts {
		n.do(env, &e.acts[i])
	}
	if env.Now() != e.now {
		n.p.flaw("27: the time of node %v goes from %v to %v within a step", n.id, e.now, env.Now())
	}
	n.p.mu.Lock()
	n.p.busy[n.id] = false
	n.p.mu.Unlock()
}

// enter notes that a step begins.
func (n *node) enter(e event) {
	p := n.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[n.id] {
		p.flaws = append(p.flaws, fmt.Sprintf("3: node %v has two steps at once", n.id))
	}
	p.busy[n.id] = true
	p.log = append(p.log, e)
}

func (n *node) do(env *protocol.Env, a *Act) {
	switch a.Do {
	case send:
		n.sent++
		env.Send(a.To, 0, message{a.ID, n.inc, n.sent, a.Then}.bytes())
	case set:
		n.timers[a.Tag] = a.Then
		env.SetTimer(a.After, a.Tag)
	case cancel:
		delete(n.timers, a.Tag)
		env.CancelTimer(a.Tag)
	case persist:
		env.Persist([]byte(a.Text))
	case syncing:
		env.Sync()
	case discard:
		env.Discard(a.Tag)
	case output:
		env.Output(0, []byte(a.Text))
	case note:
		env.Note(0, a.Text)
	case ask:
		env.Choose(Questions, 1<<32)
	case boom:
		panic(a.Text)
	default:
		panic(fmt.Sprintf("conformance: a node is told to %q", a.Do))
	}
}

// source answers questions, and notes which were asked: no two have one name.
type source struct{ p *Play }

func (s source) Choose(k protocol.Key, n uint64) uint64 {
	s.p.mu.Lock()
	again := s.p.asked[k]
	s.p.asked[k] = true
	s.p.mu.Unlock()
	if again && s.p.named {
		s.p.flaw("6: node %v asks question %v twice", k.A, k)
	}
	if uint64(k.A) >= uint64(s.p.Nodes) {
		s.p.flaw("5: question %v is not of a node", k)
	}
	return protocol.Hash2(k.N, uint64(k.A)) % n
}

func (s source) Chance(protocol.Key, protocol.Ratio) bool { return false }
