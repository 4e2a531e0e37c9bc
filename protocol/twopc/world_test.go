package twopc

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/internal/steps"
)

// Most runs are small, and so is the heap that they are collected in: less often takes a fifth
// of the CPU away.
func init() { debug.SetGCPercent(400) }

// host is a node: its inputs are the letters of the payload, each spent once.
type host struct {
	*Manager
	id    protocol.NodeID
	spent map[string]ID // volatile; its disk records begin with protocol.Peer
	told  map[ID]int    // in this incarnation
	w     *world
}

// A world is a set of hosts and a judge that sees outputs alone.
type world struct {
	*steps.World
	hosts  []*host
	judge  *judge
	refuse map[protocol.NodeID]bool // who votes no
	did    []protocol.Effect        // in the last step
	syncs  int

	discards int // effects
	depth    int // the greatest so far
	limit    int // Config.Remember
	abort    func(ID) protocol.Ratio
	rest     int // Config.Discard.Records, 0 for no Discard, or eager
}

// eager makes nodes discard records in each step.
const eager = 1 << 30

func newWorld(n int) *world {
	w := &world{judge: newJudge(), refuse: map[protocol.NodeID]bool{}, limit: 8}
	for i := range n {
		w.hosts = append(w.hosts, &host{id: protocol.NodeID(i), w: w})
	}
	w.World = steps.New(n, func(id protocol.NodeID) protocol.Node {
		h := w.hosts[id]
		w.judge.crashed(id)
		h.spent, h.told = map[string]ID{}, map[ID]int{}
		h.Manager = New(h.config())
		return h
	})
	w.Observe = w.observe
	return w
}

// Start gives the host and its Manager what the disk kept.
func (h *host) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		if rec[0] == byte(protocol.TwoPC) {
			h.Restore(rec)
		} else if r, ok := DecodeOutput(KindDecided, append(append([]byte{'l'}, rec[2:]...), "i0ei1ee"...)); ok {
			h.spent[string(rec[1])] = r.ID
		}
	}
	h.Manager.Start(env)
}

func (h *host) config() Config {
	c := h.configure()
	if h.w.rest > 0 {
		c.Discard = &Discard{Records: h.w.rest, eager: h.w.rest == eager, Checkpoint: func(env *protocol.Env) {
			for _, letter := range protocol.SortedKeys(h.spent) {
				env.Persist(appendID([]byte{byte(protocol.Peer), letter[0]}, h.spent[letter]))
			}
		}}
	}
	return c
}

func (h *host) configure() Config {
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

// observe counts what a step did and shows it to the judge.
func (w *world) observe(id protocol.NodeID, effects []protocol.Effect) {
	w.did = effects
	w.judge.holders(w.hosts[id])
	for _, e := range effects {
		switch e.Op {
		case protocol.OpSend:
			if e.Body[0] != byte(protocol.TwoPC) || e.To == id {
				w.judge.fail("node %v sends %q to %v", id, e.Body, e.To)
			}
			w.depth = max(w.depth, w.Depth+1)
		case protocol.OpSync:
			w.syncs++
		case protocol.OpDiscard:
			w.discards++
		case protocol.OpOutput:
			w.judge.output(id, e.Kind, e.Body)
		}
	}
}

func (w *world) begin(coordinator int, id ID, payload string, participants ...protocol.NodeID) (err error) {
	h := w.hosts[coordinator]
	if !w.Nodes[coordinator].Up {
		return fmt.Errorf("node %d is down", coordinator)
	}
	w.Step(h.id, func(env *protocol.Env) { err = h.Begin(env, id, []byte(payload), participants) })
	return err
}

// heal repairs everything and lets the run end; then it judges liveness.
func (w *world) heal() {
	w.Crashes = nil
	w.StartAll()
	if !w.Settle(400) {
		w.judge.fail("AC5: still busy after 400 timers:\n%s", w.describe())
	}
	for _, h := range w.hosts {
		if h.Open() != 0 || h.InDoubt() != 0 || h.Reservations() != 0 {
			w.judge.fail("AC5: node %v ends with\n%s", h.id, h.Describe(nil))
		}
	}
	w.judge.end()
	// What was decided is durable at the hosts: crash all, look again.
	for _, h := range w.hosts {
		w.Restart(h.id)
	}
	w.Settle(400)
	w.judge.spent(w)
}

func (w *world) describe() string {
	var b strings.Builder
	for _, h := range w.hosts {
		if w.Nodes[h.id].Up {
			fmt.Fprintf(&b, "node %v: %s", h.id, h.Describe(nil))
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
	for k, id := range h.reserved {
		if s := h.Status(id); s != InDoubt && s != Collecting {
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
