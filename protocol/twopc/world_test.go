package twopc

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
)

// The world of these tests: a network and disks that interpret Effects one by
// one, so that a node can crash between any two of them, and a judge that sees
// outputs alone. It has no link delays: a message is delivered when it is chosen.

type letter struct {
	from, to protocol.NodeID
	body     []byte
	depth    int // message delays since the last input or timer
}

type alarm struct {
	node protocol.NodeID
	tag  uint64
	at   protocol.Time
}

type diskRecord struct {
	body   []byte
	synced bool
}

// host is a node: its inputs are the letters of the payload, each spent once.
type host struct {
	id    protocol.NodeID
	up    bool
	inc   uint32
	disk  []diskRecord
	m     *Manager
	spent map[string]ID // volatile; its disk records begin with protocol.Peer
	told  map[ID]int    // in this incarnation
	w     *world
}

type world struct {
	hosts   []*host
	mail    []letter // sent and not delivered
	old     []letter // delivered: the network may copy them
	alarms  []alarm
	now     protocol.Time
	env     protocol.Env
	judge   *judge
	refuse  map[protocol.NodeID]bool // who votes no
	sent    map[protocol.Kind]int
	syncs   int
	depth   int // the greatest so far
	steps   int
	crashes map[int]crash // by number of step
	left    []int         // effects of each step
	limit   int           // Config.Remember
	random  protocol.Source
	abort   func(ID) protocol.Ratio
}

// crash says: after that many effects, and what survives.
type crash struct {
	after int
	keep  survival
}

// survival says which of the records that were not synced survive a crash: the
// i-th whole if bit i is set, else the half of it if bit 8+i is set.
type survival uint16

const (
	nothing    survival = 0
	everything survival = 0xff
)

func newWorld(n int) *world {
	w := &world{judge: newJudge(), refuse: map[protocol.NodeID]bool{}, sent: map[protocol.Kind]int{}, crashes: map[int]crash{}, limit: 8}
	for i := range n {
		w.hosts = append(w.hosts, &host{id: protocol.NodeID(i), w: w})
	}
	return w
}

func (w *world) startAll() {
	for _, h := range w.hosts {
		if !h.up {
			w.start(h)
		}
	}
}

func (h *host) config() Config {
	return Config{
		Send:        (*protocol.Env).Send,
		VoteTimeout: time.Second,
		AskAfter:    2 * time.Second,
		Remember:    h.w.limit,
		Abort:       h.w.abort,
		Inspect: func(env *protocol.Env, id ID, payload []byte) (keys [][]byte, endorsement []byte, ok bool) {
			for _, c := range payload {
				if _, spent := h.spent[string(c)]; spent {
					return nil, nil, false
				}
				keys = append(keys, []byte{c})
			}
			return keys, fmt.Appendf(nil, "%v by %v", id, env.ID()), !h.w.refuse[h.id]
		},
		Decided: func(env *protocol.Env, d Decision) {
			h.told[d.ID]++
			if h.told[d.ID] > 1 {
				h.w.judge.fail("node %v is told %d times of %v in one incarnation", h.id, h.told[d.ID], d.ID)
			}
			h.w.judge.told(h.id, d)
			if !slices.ContainsFunc(d.Endorsements, func(e Endorsement) bool { return e.Node == h.id }) {
				return // aborted, or only its coordinator
			}
			for _, c := range d.Payload {
				if by, spent := h.spent[string(c)]; spent && by != d.ID {
					h.w.judge.fail("node %v: %v and %v both spend %c", h.id, by, d.ID, c)
				}
				h.spent[string(c)] = d.ID
				env.Persist(appendID([]byte{byte(protocol.Peer), c}, d.ID))
			}
		},
	}
}

func (w *world) start(h *host) {
	h.up = true
	h.inc++
	h.spent, h.told = map[string]ID{}, map[ID]int{}
	h.m = New(h.config())
	w.step(h, 0, func(env *protocol.Env) {
		for _, r := range h.disk {
			if r.body[0] == byte(protocol.TwoPC) {
				h.m.Restore(r.body)
			} else if id, ok := DecodeOutput(KindDecided, append(append([]byte{'l'}, r.body[2:]...), "i0ei1ee"...)); ok {
				h.spent[string(r.body[1])] = id.ID
			}
		}
		h.m.Start(env)
	})
}

// step runs f as one step of h and applies its effects, or some of them.
func (w *world) step(h *host, depth int, f func(env *protocol.Env)) {
	w.env.Enter(h.id, h.inc, w.now, w.random)
	w.env.Name(uint64(w.steps))
	f(&w.env)
	w.judge.holders(h)
	c, crashes := w.crashes[w.steps]
	w.steps++
	w.left = append(w.left, len(w.env.Effects()))
	for i, e := range w.env.Effects() {
		if crashes && i == c.after {
			break
		}
		w.apply(h, depth, e)
	}
	if crashes {
		w.crash(h, c.keep)
	}
}

func (w *world) apply(h *host, depth int, e protocol.Effect) {
	switch e.Op {
	case protocol.OpSend:
		if e.Body[0] != byte(protocol.TwoPC) || e.To == h.id {
			w.judge.fail("node %v sends %q to %v", h.id, e.Body, e.To)
		}
		w.sent[e.Kind]++
		w.depth = max(w.depth, depth+1)
		w.mail = append(w.mail, letter{h.id, e.To, bytes.Clone(e.Body), depth + 1})
	case protocol.OpSetTimer:
		w.cancel(h.id, e.Tag)
		w.alarms = append(w.alarms, alarm{h.id, e.Tag, w.now.Add(e.After)})
	case protocol.OpCancelTimer:
		w.cancel(h.id, e.Tag)
	case protocol.OpPersist:
		h.disk = append(h.disk, diskRecord{body: bytes.Clone(e.Body)})
	case protocol.OpSync:
		w.syncs++
		for i := range h.disk {
			h.disk[i].synced = true
		}
	case protocol.OpOutput:
		w.judge.output(h.id, e.Kind, e.Body)
	}
}

func (w *world) cancel(id protocol.NodeID, tag uint64) {
	w.alarms = slices.DeleteFunc(w.alarms, func(a alarm) bool { return a.node == id && a.tag == tag })
}

// crash keeps what was synced, and of the rest what keep says.
func (w *world) crash(h *host, keep survival) {
	h.up = false
	w.judge.crashed(h.id)
	w.alarms = slices.DeleteFunc(w.alarms, func(a alarm) bool { return a.node == h.id })
	var disk []diskRecord
	for _, r := range h.disk {
		switch {
		case r.synced:
			disk = append(disk, r)
			continue
		case keep&1 != 0:
			disk = append(disk, r)
		case keep>>8&1 != 0:
			disk = append(disk, diskRecord{body: r.body[:len(r.body)/2]})
		}
		keep = keep >> 1 &^ 0x80
	}
	h.disk = disk
}

func (w *world) begin(coordinator int, id ID, payload string, participants ...protocol.NodeID) (err error) {
	h := w.hosts[coordinator]
	if !h.up {
		return fmt.Errorf("node %d is down", coordinator)
	}
	w.step(h, 0, func(env *protocol.Env) { err = h.m.Begin(env, id, []byte(payload), participants) })
	return err
}

// deliver hands over letter i, lost if its receiver is down.
func (w *world) deliver(i int) {
	l := w.mail[i]
	w.mail = slices.Delete(w.mail, i, i+1)
	w.old = append(w.old, l)
	w.hand(l)
}

func (w *world) hand(l letter) {
	h := w.hosts[l.to]
	if !h.up {
		return
	}
	w.step(h, l.depth, func(env *protocol.Env) {
		msg := bytes.Clone(l.body)
		h.m.Receive(env, l.from, msg)
		clear(msg) // it was borrowed
	})
}

// ring fires alarm i.
func (w *world) ring(i int) {
	a := w.alarms[i]
	w.alarms = slices.Delete(w.alarms, i, i+1)
	w.now = max(w.now, a.at)
	h := w.hosts[a.node]
	w.step(h, 0, func(env *protocol.Env) { h.m.Timeout(env, a.tag) })
}

// settle delivers in order, and rings the next alarm when no mail is left, up to
// so many times. It reports whether nothing is left.
func (w *world) settle(alarms int) bool {
	for {
		for len(w.mail) > 0 {
			w.deliver(0)
		}
		if len(w.alarms) == 0 {
			return true
		}
		if alarms == 0 {
			return false
		}
		alarms--
		first := 0
		for i, a := range w.alarms {
			if a.at < w.alarms[first].at {
				first = i
			}
		}
		w.ring(first)
	}
}

// heal repairs everything and lets the run end; then it judges liveness.
func (w *world) heal() {
	w.crashes = nil
	w.startAll()
	if !w.settle(400) {
		w.judge.fail("AC5: still busy after 400 timers:\n%s", w.describe())
	}
	for _, h := range w.hosts {
		if h.m.Open() != 0 || h.m.InDoubt() != 0 || h.m.Reservations() != 0 {
			w.judge.fail("AC5: node %v ends with\n%s", h.id, h.m.Describe(nil))
		}
	}
	w.judge.end()
	// What was decided is durable at the hosts: crash all, look again.
	for _, h := range w.hosts {
		w.crash(h, 0)
		w.start(h)
	}
	w.settle(400)
	w.judge.spent(w)
}

func (w *world) describe() string {
	var b strings.Builder
	for _, h := range w.hosts {
		if h.up {
			fmt.Fprintf(&b, "node %v: %s", h.id, h.m.Describe(nil))
		}
	}
	return b.String()
}

// judge sees outputs and crashes, and the decisions that hosts are told.
type judge struct {
	err      error
	members  map[ID][]protocol.NodeID
	votes    map[place]bool
	noes     map[ID]bool
	decided  map[place]bool
	verdict  map[ID]bool
	payload  map[ID]string
	began    map[ID]protocol.NodeID // and has not crashed since
	holds    map[protocol.NodeID]map[string]ID
	commits  int
	aborts   int
	verdicts []ID // in order of the first decision
}

func newJudge() *judge {
	return &judge{members: map[ID][]protocol.NodeID{}, votes: map[place]bool{}, noes: map[ID]bool{}, decided: map[place]bool{}, verdict: map[ID]bool{},
		payload: map[ID]string{}, began: map[ID]protocol.NodeID{}, holds: map[protocol.NodeID]map[string]ID{}}
}

func (j *judge) fail(format string, args ...any) {
	if j.err == nil {
		j.err = fmt.Errorf(format, args...)
	}
}

func (j *judge) crashed(node protocol.NodeID) {
	for id, n := range j.began {
		if n == node {
			delete(j.began, id)
		}
	}
}

func (j *judge) output(node protocol.NodeID, kind protocol.Kind, rec []byte) {
	r, ok := DecodeOutput(kind, rec)
	if !ok {
		j.fail("node %v: output %v %q does not decode", node, kind, rec)
		return
	}
	at := place{r.ID, node}
	switch kind {
	case KindBegun:
		j.members[r.ID] = r.Participants
		j.began[r.ID] = node
	case KindVoted:
		if j.votes[at] && !r.Yes {
			j.fail("node %v votes yes and then no on %v", node, r.ID)
		}
		if !r.Yes {
			j.noes[r.ID] = true
		}
		j.votes[at] = r.Yes
		j.reserve(at, r)
	case KindDecided:
		j.decide(at, r.Yes)
	}
}

func (j *judge) reserve(at place, r Record) {
	if _, done := j.decided[at]; done || !r.Yes {
		return
	}
	if j.holds[at.node] == nil {
		j.holds[at.node] = map[string]ID{}
	}
	for _, k := range r.Keys {
		if other, taken := j.holds[at.node][string(k)]; taken && other != at.id {
			j.fail("node %v votes yes on %v and %v, which share %q", at.node, other, at.id, k)
		}
		j.holds[at.node][string(k)] = at.id
	}
}

// holders looks into the Manager: who holds a key is undecided here.
func (j *judge) holders(h *host) {
	doubts := 0
	for _, t := range h.m.open {
		if t.status == InDoubt {
			doubts++
		}
	}
	if doubts != h.m.InDoubt() {
		j.fail("node %v says that %d are in doubt, %d are", h.id, h.m.InDoubt(), doubts)
	}
	for k, id := range h.m.reserved {
		if s := h.m.Status(id); s != InDoubt && s != Collecting {
			j.fail("node %v: %q is reserved by %v, which is %v", h.id, k, id, s)
		}
	}
}

func (j *judge) decide(at place, commit bool) {
	if was, ok := j.decided[at]; ok && was != commit {
		j.fail("AC2: node %v reverses its decision on %v: commit=%v, then %v", at.node, at.id, was, commit)
	}
	if was, ok := j.verdict[at.id]; ok && was != commit {
		j.fail("AC1: node %v decides commit=%v on %v, others %v", at.node, commit, at.id, was)
	}
	if _, ok := j.verdict[at.id]; !ok {
		j.verdicts = append(j.verdicts, at.id)
		if commit {
			j.commits++
		} else {
			j.aborts++
		}
	}
	j.decided[at], j.verdict[at.id] = commit, commit
	if commit && j.noes[at.id] {
		j.fail("AC3: %v commits at %v in spite of a no", at.id, at.node)
	}
	if commit {
		for _, n := range j.members[at.id] {
			if !j.votes[place{at.id, n}] {
				j.fail("AC3: %v commits at %v without the yes of %v", at.id, at.node, n)
			}
		}
	}
	for k, id := range j.holds[at.node] {
		if id == at.id {
			delete(j.holds[at.node], k)
		}
	}
}

// told checks what a host is told; its step may yet be cut off by a crash.
func (j *judge) told(node protocol.NodeID, d Decision) {
	if was, ok := j.verdict[d.ID]; ok && was != d.Commit {
		j.fail("node %v is told commit=%v of %v, others decided %v", node, d.Commit, d.ID, was)
	}
	if d.Mine != (d.Coordinator == node) {
		j.fail("node %v is told that %v of %v is its own: %v", node, d.ID, d.Coordinator, d.Mine)
	}
	if !d.Commit {
		return
	}
	j.payload[d.ID] = string(d.Payload)
	var nodes []protocol.NodeID
	for _, e := range d.Endorsements {
		nodes = append(nodes, e.Node)
		if want := fmt.Sprintf("%v by %v", d.ID, e.Node); string(e.Bytes) != want {
			j.fail("node %v is told of endorsement %q, want %q", node, e.Bytes, want)
		}
	}
	// Within the step of Begin the output that names the members is yet to be seen.
	if members, seen := j.members[d.ID]; seen && !slices.Equal(nodes, members) {
		j.fail("node %v is told that %v endorse %v, want %v", node, nodes, d.ID, j.members[d.ID])
	}
}

// end judges AC5.
func (j *judge) end() {
	for at, yes := range j.votes {
		if _, ok := j.decided[at]; yes && !ok {
			j.fail("AC5: node %v voted yes on %v and never decides", at.node, at.id)
		}
	}
	for id, node := range j.began {
		if _, ok := j.decided[place{id, node}]; !ok {
			j.fail("AC5: node %v began %v and never decides", node, id)
		}
	}
}

func (j *judge) spent(w *world) {
	for at, commit := range j.decided {
		if !commit || !slices.Contains(j.members[at.id], at.node) {
			continue
		}
		for _, c := range j.payload[at.id] {
			if by := w.hosts[at.node].spent[string(c)]; by != at.id {
				j.fail("node %v: %v committed, but its input %c is spent by %v", at.node, at.id, c, by)
			}
		}
	}
}

func (w *world) check(t testing.TB) {
	t.Helper()
	if w.judge.err != nil {
		t.Fatalf("%v\n%s", w.judge.err, w.describe())
	}
}
