package twopc_test

import (
	"fmt"
	"slices"

	"dessim/protocol"
	. "dessim/protocol/twopc"
)

// place is a transaction at a node.
type place struct {
	id   ID
	node protocol.NodeID
}

// one is the transaction of most runs.
var one = ID{Client: 100, Transfer: 1, Attempt: 1}

// nodes returns those from first to last.
func nodes(first, last int) (ids []protocol.NodeID) {
	for i := first; i <= last; i++ {
		ids = append(ids, protocol.NodeID(i))
	}
	return ids
}

// This is the judge of the tests in protocol/twopc, which see the machine from inside: a
// package's inner tests and those outside it cannot share code.

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
