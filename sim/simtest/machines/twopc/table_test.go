package twopc_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	. "dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/fault"
)

// points returns a crash after each number of effects of each step of that node in
// the run r from that time on. A crash cannot name the second of two steps at one
// time; without an earlier crash that must not happen.
func (r *run) points(t testing.TB, node protocol.NodeID, from protocol.Time, down time.Duration) (faults []fault.Fault) {
	last := protocol.Time(-1)
	for _, s := range r.steps[node] {
		if s.at == last {
			if len(r.faults) == 0 {
				t.Fatalf("%v: node %v has two steps at %v", r.course, node, s.at)
			}
			continue
		}
		last = s.at
		for k := 0; k <= s.effects && s.at >= from; k++ {
			faults = append(faults, fault.Fault{Op: fault.Crash, Node: node, At: s.at, After: k, For: down})
		}
	}
	return faults
}

// row names the line of the table that the first crash of node is in.
func (r *run) row(node protocol.NodeID) string {
	d := r.deeds[node]
	if node != 0 {
		switch {
		case d.acked:
			return participantDone
		case d.commitOnDisk:
			return participantDecided
		case d.voted && d.yesOnDisk:
			return participantVoted
		case d.yesOnDisk:
			return participantPrepared
		case d.voted:
			return participantRefused
		}
		return participantBefore
	}
	switch {
	case d.aborted:
		return coordinatorAborted
	case d.commitOnDisk && d.acks == 2:
		return coordinatorAcked
	case d.commitOnDisk && d.decisions > 0:
		return coordinatorTold
	case d.commitOnDisk:
		return coordinatorCommitted
	case d.prepares > 0:
		return coordinatorAsked
	}
	return coordinatorBefore
}

// The rows of the table. A star marks a forced record.
const (
	coordinatorBefore    = "coordinator before any prepare"
	coordinatorAsked     = "coordinator after some prepares, before a decision record"
	coordinatorCommitted = "coordinator after its *commit record, before sending"
	coordinatorTold      = "coordinator after commit to some"
	coordinatorAcked     = "coordinator after all acks, before the end record"
	coordinatorAborted   = "coordinator after an abort decision"
	participantBefore    = "participant before voting"
	participantRefused   = "participant after no"
	participantPrepared  = "participant after its *prepared record, before its vote leaves"
	participantVoted     = "participant after yes"
	participantDecided   = "participant after its *decision record, before its ack"
	participantDone      = "participant after its ack"
)

// outcomes are what the table demands of a run whose node crashed in that row, over
// what is demanded of every run.
var outcomes = []struct {
	row  string
	want func(t *testing.T, r *run, node protocol.NodeID, down time.Duration)
}{
	{coordinatorBefore, func(t *testing.T, r *run, _ protocol.NodeID, _ time.Duration) {
		for i := 1; i < 3; i++ {
			if n := len(r.steps[i]); n != 1 {
				t.Errorf("%v: node %d has %d steps, want its start alone: nobody waits", r.course, i, n)
			}
		}
		if len(r.judge.votes) != 0 {
			t.Errorf("%v: votes %v, want none", r.course, r.judge.votes)
		}
	}},
	{coordinatorAsked, func(t *testing.T, r *run, _ protocol.NodeID, down time.Duration) {
		if r.committed() {
			t.Errorf("%v: it commits", r.course)
		}
		if down != long || len(r.refuse) > 0 {
			return
		}
		alone := r.deeds[0].prepares == 2 // else one never voted, so that they can abort together
		for i := protocol.NodeID(1); i < 3; i++ {
			at, ok := r.decided[place{one, i}]
			if !ok || (at > r.restarted[0]) != alone {
				t.Errorf("%v: after %d prepares node %v decides at %v (%v), the coordinator is back at %v",
					r.course, r.deeds[0].prepares, i, at, ok, r.restarted[0])
			}
			// The link tries once more, learns of the crash, and the question is asked again.
			if latest := r.restarted[0].Add(8*retry + 4*delay(0, i)); at > latest {
				t.Errorf("%v: node %v decides at %v, the coordinator is back at %v", r.course, i, at, r.restarted[0])
			}
		}
	}},
	{coordinatorCommitted, func(t *testing.T, r *run, _ protocol.NodeID, _ time.Duration) {
		if !r.committed() {
			t.Errorf("%v: it aborts", r.course)
		}
		blocked(t, r)
	}},
	{coordinatorTold, func(t *testing.T, r *run, _ protocol.NodeID, down time.Duration) {
		for i := protocol.NodeID(1); i < 3; i++ {
			if at := r.decided[place{one, i}]; !r.committed() || down == long && at > r.restarted[0] {
				t.Errorf("%v: commit %v, node %v decides at %v, want before the coordinator is back at %v", r.course, r.committed(), i, at, r.restarted[0])
			}
		}
	}},
	{coordinatorAcked, func(t *testing.T, r *run, _ protocol.NodeID, _ time.Duration) {
		if !r.committed() || r.sent[0][2][KindDecision] != 2 || r.told != [3]int{2, 1, 1} {
			t.Errorf("%v: commit %v, %d decisions sent again, hosts told %v times; want 2 and each participant's once",
				r.course, r.committed(), r.sent[0][2][KindDecision], r.told)
		}
	}},
	{coordinatorAborted, func(t *testing.T, r *run, _ protocol.NodeID, down time.Duration) {
		if r.committed() {
			t.Errorf("%v: it commits", r.course)
		}
		untold := r.deeds[0].decisions == 0 // node 1, which voted yes, asks: before long node 2, which refused
		if untold && down == shortly && r.nodes[0].m.Stats().Presumed == 0 {
			t.Errorf("%v: node 1 was not told, and the coordinator presumed nothing", r.course)
		}
	}},
	{participantBefore, func(t *testing.T, r *run, _ protocol.NodeID, down time.Duration) {
		// One that is back in time may get the PREPARE once more, and vote yes.
		if down == long && r.committed() {
			t.Errorf("%v: it commits", r.course)
		}
	}},
	{participantRefused, neverCommits},
	{participantPrepared, func(t *testing.T, r *run, node protocol.NodeID, down time.Duration) {
		neverCommits(t, r, node, down)
		if i := slices.IndexFunc(r.ended, func(d Doubt) bool { return d.Node == node }); i < 0 || r.ended[i].To < r.restarted[node] {
			t.Errorf("%v: doubts %+v, want one of node %v that ends after it is back", r.course, r.ended, node)
		}
	}},
	{participantVoted, func(t *testing.T, r *run, node protocol.NodeID, _ time.Duration) {
		if r.committed() == (len(r.refuse) > 0) || r.sent[node][2][KindAsk] == 0 {
			t.Errorf("%v: commit %v; back from the crash node %v asks %d times", r.course, r.committed(), node, r.sent[node][2][KindAsk])
		}
	}},
	{participantDecided, func(t *testing.T, r *run, node protocol.NodeID, _ time.Duration) {
		if !r.committed() || r.sent[node][2][KindAck] == 0 || r.sent[node][2][KindAsk] != 0 {
			t.Errorf("%v: commit %v; back from the crash node %v acknowledges %d times and asks %d times",
				r.course, r.committed(), node, r.sent[node][2][KindAck], r.sent[node][2][KindAsk])
		}
	}},
	{participantDone, func(t *testing.T, r *run, node protocol.NodeID, _ time.Duration) {
		if !r.committed() {
			t.Errorf("%v: it aborts", r.course)
		}
	}},
}

func neverCommits(t *testing.T, r *run, _ protocol.NodeID, _ time.Duration) {
	if r.committed() {
		t.Errorf("%v: it commits", r.course)
	}
}

// blocked demands that each participant is in doubt from its yes until the decision
// comes from the coordinator that is back: what comes before the crash, the time
// that it is down, and one delay.
func blocked(t *testing.T, r *run) {
	if len(r.ended) != 2 {
		t.Errorf("%v: %d doubts, want 2", r.course, len(r.ended))
	}
	down := r.course.faults[0].For
	for _, d := range r.ended {
		back := r.restarted[0] + protocol.Time(delay(0, d.Node))
		voted := beginAt + protocol.Time(delay(0, d.Node)) // when the PREPARE came
		if d.From != voted || d.To != back || r.restarted[0] != r.crashed[0].Add(down) {
			t.Errorf("%v: node %v is in doubt from %v to %v, want %v to %v", r.course, d.Node, d.From, d.To, voted, back)
		}
	}
	// By hand: the last vote travels, the coordinator is down, its decision travels.
	if got, want := r.doubts.Longest(), 2*delay(0, 2)+down; r.doubts.Ended() != 2 || got.To.Sub(got.From) != want {
		t.Errorf("%v: of %d doubts the longest is %+v, want 2 and %v", r.course, r.doubts.Ended(), got, want)
	}
}

// TestCrashTable runs a transfer with a crash after every effect of every step of
// every node, for a short and a long time, and asks of each run what the row of the
// table demands that its crash is in.
func TestCrashTable(t *testing.T) {
	type point struct {
		r    *run
		node protocol.NodeID
		down time.Duration
	}
	rows := map[string][]point{}
	for _, c := range []course{{}, {pure: true}, {refuse: nodes(2, 2)}, {pure: true, refuse: nodes(2, 2)}} {
		quiet := c.run(t)
		quiet.check(t)
		if quiet.committed() != (len(c.refuse) == 0) {
			t.Fatalf("%v: commit %v", quiet.course, quiet.committed())
		}
		for node := range protocol.NodeID(3) {
			for _, down := range []time.Duration{shortly, long} {
				for _, f := range quiet.points(t, node, beginAt, down) {
					c.faults = []fault.Fault{f}
					r := c.run(t)
					rows[r.row(node)] = append(rows[r.row(node)], point{r, node, down})
				}
			}
		}
	}
	for _, o := range outcomes {
		t.Run(o.row, func(t *testing.T) {
			for _, p := range rows[o.row] {
				p.r.check(t)
				o.want(t, p.r, p.node, p.down)
			}
			t.Logf("%d runs", len(rows[o.row]))
			if len(rows[o.row]) == 0 {
				t.Error("vacuous: no crash is in this row")
			}
		})
	}
	t.Run("coordinator after all acks, before the end record, and the participants forgot", forgotten)
	t.Run("lost, copied, reordered prepare, vote, decision, ack, inquiry", unruly)
	t.Run("partition between an in-doubt participant and all that know", partitioned)
	t.Run("all fail", allFail)
}

// forgotten lets another transaction make the participants forget the first, which
// the coordinator sends again: they acknowledge it again.
func forgotten(t *testing.T) {
	c := course{pure: true, txs: 2}
	quiet := c.run(t)
	last := quiet.steps[0][len(quiet.steps[0])-1].at
	c.faults = []fault.Fault{{Op: fault.Crash, Node: 0, At: last.Add(time.Second), For: shortly}}
	r := c.run(t)
	r.check(t)
	for i := 1; i < 3; i++ {
		if m := r.nodes[i].m; m.Status(one) != Unknown {
			t.Fatalf("node %d has not forgotten: %v", i, m.Status(one))
		}
	}
	// The end of the first was written after the second's forced record, and lost.
	if n := r.sent[0][2][KindDecision]; n != 4 || r.told != [3]int{4, 2, 2} {
		t.Errorf("%d decisions are sent again, hosts told %v times, want 4 and each participant's once", n, r.told)
	}
}

// unruly lets a network lose, copy and reorder everything, with links and without.
func unruly(t *testing.T) {
	commits, aborts, doubts := 0, 0, 0
	var longest time.Duration
	for seed := range uint64(200) {
		c := course{pure: seed&1 != 0, raw: seed&2 != 0, txs: 5, remember: int(seed % 7), discard: seed&8 != 0, seed: seed,
			link: &sim.Link{Delay: time.Millisecond, Jitter: 150 * time.Millisecond, Loss: protocol.Percent(20), Copy: protocol.Percent(20)}}
		if seed&4 != 0 {
			c.refuse = nodes(2, 2)
		}
		r := c.run(t)
		r.check(t)
		commits, aborts, doubts = commits+r.judge.commits, aborts+r.judge.aborts, doubts+r.doubts.Ended()
		d := r.doubts.Longest()
		longest = max(longest, d.To.Sub(d.From))
	}
	t.Logf("%d commits, %d aborts, %d doubts, the longest of %v", commits, aborts, doubts, longest)
	if commits == 0 || aborts == 0 || longest < askAfter {
		t.Error("vacuous")
	}
}

// partitioned cuts node 2 off after its yes: it blocks, never guesses, and decides
// when the partition heals.
func partitioned(t *testing.T) {
	for _, refuse := range [][]protocol.NodeID{nil, nodes(1, 1)} {
		for _, raw := range []bool{false, true} {
			heals := beginAt.Add(time.Minute)
			c := course{refuse: refuse, raw: raw, cut: func(at protocol.Time, from, to protocol.NodeID) bool {
				return (from == 2 || to == 2) && at > beginAt.Add(2*delay(0, 2)) && at < heals // its vote got through
			}}
			r := c.run(t)
			r.check(t)
			if len(r.ended) == 0 || r.committed() != (refuse == nil) {
				t.Fatalf("%v: commit %v, %d doubts", r.course, r.committed(), len(r.ended))
			}
			d := r.ended[len(r.ended)-1]
			if d.Node != 2 || d.To < heals || d.To > heals.Add(2*AskAgain.Longest(askAfter)) {
				t.Errorf("%v: doubts %+v, want the last at node 2 until soon after %v", r.course, r.ended, heals)
			}
			if r.decided[place{one, 1}] > heals {
				t.Errorf("%v: node 1 decides at %v, want before the partition heals", r.course, r.decided[place{one, 1}])
			}
			if n := r.sent[2][1][KindAsk]; n < 10 {
				t.Errorf("%v: node 2 asks %d times", r.course, n)
			}
		}
	}
}

// allFail crashes one node after each number of effects of each step and the others
// at once; they return in each order.
func allFail(t *testing.T) {
	runs, commits := 0, 0
	for _, c := range []course{{}, {pure: true}} {
		quiet := c.run(t)
		for node := range protocol.NodeID(3) {
			for _, f := range quiet.points(t, node, beginAt, time.Second) {
				for order := range 6 {
					c.faults = []fault.Fault{f}
					for i := range protocol.NodeID(3) {
						down := time.Second + time.Duration([...]string{"012", "021", "102", "120", "201", "210"}[order][i]-'0')*700*time.Millisecond
						if i == node {
							c.faults[0].For = down
						} else {
							c.faults = append(c.faults, fault.Fault{Op: fault.Crash, Node: i, At: f.At + 1, For: down})
						}
					}
					r := c.run(t)
					r.check(t)
					runs, commits = runs+1, commits+r.judge.commits
					if r.end.Crashes != 3 {
						t.Fatalf("%v: %d crashes, want 3", r.course, r.end.Crashes)
					}
				}
			}
		}
	}
	t.Logf("%d runs, %d commits", runs, commits)
	if commits == 0 || commits == runs {
		t.Error("vacuous")
	}
}

// TestEveryPairOfCrashes crashes two nodes, either first, after every effect of
// every step that the first crash leaves.
func TestEveryPairOfCrashes(t *testing.T) {
	runs, commits, judged := 0, 0, 0
	var longest Doubt
	for _, c := range []course{{}, {pure: true}} {
		quiet := c.run(t)
		for _, pair := range [][2]protocol.NodeID{{0, 1}, {1, 0}, {0, 2}, {2, 0}, {1, 2}, {2, 1}} {
			for _, first := range quiet.points(t, pair[0], beginAt, 400*time.Millisecond) {
				c.faults = []fault.Fault{first}
				once := c.run(t)
				for _, second := range once.points(t, pair[1], first.At, 400*time.Millisecond) {
					c.faults = []fault.Fault{first, second}
					r := c.run(t)
					r.check(t)
					runs, commits, judged = runs+1, commits+r.judge.commits, judged+r.forced.judged
					if d := r.doubts.Longest(); d.To-d.From > longest.To-longest.From {
						longest = d
					}
				}
			}
		}
	}
	t.Logf("%d runs, %d commits, %d messages that needed a record; the longest doubt is %v", runs, commits, judged, fmt.Sprint(longest.To.Sub(longest.From)))
	if commits == 0 || commits == runs || judged == 0 {
		t.Error("vacuous")
	}
}
