package raft

import (
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"

	pb "go.etcd.io/raft/v3/raftpb"
)

// every returns how many ticks lie between n times that count grows.
func every(t *testing.T, n int, count func() uint64, tick func()) (gaps []int) {
	t.Helper()
	for len(gaps) < n {
		gap := 0
		for before := count(); count() == before; tick() {
			if gap++; gap > 1000 {
				t.Fatalf("after %v ticks it is tried no more", gaps)
			}
		}
		gaps = append(gaps, gap)
	}
	return gaps
}

func beat(g *Group, env *protocol.Env, from protocol.NodeID, term uint64) {
	g.Receive(env, from, appendMessage(nil, &pb.Message{Type: pb.MsgHeartbeat.Enum(), Term: new(term)}))
}

func TestCampaignsInVainHavePausesThatGrowAndALeaderBeginsThemAnew(t *testing.T) {
	g, env, _ := lone()
	const first = 2 // of the second of three members, if all answers are benign
	want := []int{first, 2 * first, 4 * first, 4 * first, 4 * first}
	for leaders := range 3 {
		if got := every(t, len(want), func() uint64 { return g.stats.Ballots }, func() { g.Timeout(env, tagTick) }); !slices.Equal(got, want) {
			t.Errorf("after %d leaders campaigns come after %v ticks, want %v", leaders, got, want)
		}
		beat(g, env, 1, g.node.BasicStatus().GetTerm()+1)
		for range forgetAfter {
			g.Timeout(env, tagTick)
		}
	}
}

func TestProposalsInVainHavePausesThatGrowAndADeliveryOrAnotherLeaderBeginsThemAnew(t *testing.T) {
	g, env, _ := lone()
	leader, term := protocol.NodeID(1), uint64(3)
	beat(g, env, leader, term)
	g.Broadcast(env, []byte("one"))
	g.Broadcast(env, []byte("two"))
	for _, anew := range []struct {
		what string
		do   func()
	}{
		{"they are proposed", func() {}},
		{"a delivery", func() { g.deliver(env, g.outbox[:1]) }},
		{"another leader", func() {
			leader, term = 3, 4
			beat(g, env, leader, term)
		}},
	} {
		anew.do()
		want := []int{repeatAfter, 2 * repeatAfter, 4 * repeatAfter, 4 * repeatAfter, 4 * repeatAfter}
		got := every(t, len(want), func() uint64 { return g.stats.Repeated }, func() {
			beat(g, env, leader, term)
			g.Timeout(env, tagTick)
		})
		if !slices.Equal(got, want) {
			t.Errorf("after %s proposals are repeated after %v ticks, want %v", anew.what, got, want)
		}
	}
}

// other enters the view, so that the incarnation of lone may leave it, as it has in left.
var (
	other = item{message: abcast.Message{ID: abcast.MsgID{Node: 1, Incarnation: 1}}, in: true}
	left  = item{message: abcast.Message{ID: abcast.MsgID{Node: 2, Incarnation: 7}}}
)

// own is an entry of the incarnation of lone: a message, or with seq 0 that it enters the view.
func own(seq uint64) item {
	id := abcast.MsgID{Node: 2, Incarnation: 7, Seq: seq}
	return item{message: abcast.Message{ID: id, Payload: []byte("say")}, in: seq == 0}
}

func TestAPauseInWhichNothingIsUndeliveredIsNoTry(t *testing.T) {
	for what, before := range map[string]func(g *Group, env *protocol.Env){
		"a delivery": func(g *Group, env *protocol.Env) {
			g.take(env, own(0))
			g.Broadcast(env, []byte("one"))
			g.take(env, own(1))
		},
		"it enters the view, which it asked a former leader for": func(g *Group, env *protocol.Env) {
			g.take(env, other)
			g.take(env, own(0))
			beat(g, env, 3, 4)
			g.take(env, left)
			g.take(env, own(0))
		},
	} {
		g, env, _ := lone()
		beat(g, env, 1, 3)
		before(g, env)
		lead, _ := g.Leader()
		tick := func() {
			beat(g, env, lead, g.Term())
			g.Timeout(env, tagTick)
		}
		for range 4 * repeatAfter {
			tick()
		}
		g.Broadcast(env, []byte("two"))
		got := every(t, 2, func() uint64 { return g.stats.Repeated }, tick)
		if want := []int{repeatAfter, 2 * repeatAfter}; !slices.Equal(got, want) {
			t.Errorf("after %s, and a long pause, a message is proposed again after %v ticks, want %v", what, got, want)
		}
	}
}

func TestOnlyAnUndeliveredMessageMissesTheView(t *testing.T) {
	for missed, want := range map[uint64]int{1: 0, 2: 1} {
		g, env, _ := lone()
		beat(g, env, 1, 3)
		g.take(env, other)
		g.take(env, own(0))
		g.Broadcast(env, []byte("one"))
		g.Broadcast(env, []byte("two"))
		g.take(env, own(1))
		g.take(env, left)
		g.settle(env) // and asks to enter
		env.Enter(2, 7, 0, nil)
		g.take(env, own(missed))
		g.take(env, own(0))
		g.settle(env)
		got := 0
		for _, e := range env.Effects() {
			if e.Op == protocol.OpSend && e.Kind == KindPropose {
				got++
			}
		}
		if got != want {
			t.Errorf("1 is delivered and 2 is not, %d is in the log before the view: there are %d proposals at once, want %d", missed, got, want)
		}
	}
}

func TestRemovalsInVainHavePausesThatGrowAndTheMembersMessageBeginsThemAnew(t *testing.T) {
	g, env, _ := lone()
	beat(g, env, 3, 3) // so that a later message is not that of another leader
	g.history.view[3] = 9
	for life := range 2 {
		want := []int{removeAfter, removeAfter, 2 * removeAfter, 4 * removeAfter, 8 * removeAfter, 16 * removeAfter, 16 * removeAfter}
		if got := every(t, len(want), func() uint64 { return g.stats.Excluded }, func() { g.remove(env) }); !slices.Equal(got, want) {
			t.Errorf("after %d messages the removal of a silent member is proposed after %v ticks, want %v", life, got, want)
		}
		beat(g, env, 3, 3)
	}
}

func TestWhatIsLeftOfAFormerTermIsNoSignOfLifeOfTheLeader(t *testing.T) {
	for what, late := range map[string]func(g *Group, env *protocol.Env){
		"its heartbeat of a former term": func(g *Group, env *protocol.Env) { beat(g, env, 1, 3) },
		"its request for a vote": func(g *Group, env *protocol.Env) {
			g.Receive(env, 1, appendMessage(nil, &pb.Message{Type: pb.MsgVote.Enum(), Term: new(uint64(4)), Index: new(uint64(9)), LogTerm: new(uint64(3))}))
		},
	} {
		g, env, _ := lone()
		beat(g, env, 1, 3)
		for range forgetAfter { // so that it may vote again
			g.Timeout(env, tagTick)
		}
		late(g, env)
		beat(g, env, 1, 4)
		for range forgetAfter {
			late(g, env)
			g.Timeout(env, tagTick)
		}
		if lead, known := g.Leader(); known {
			t.Errorf("after %d ticks in which nothing but %s came node 2 takes node %v for the leader", forgetAfter, what, lead)
		}
	}
}

func TestWhatDeliverBroadcastsAtStartWaitsUntilAllIsRestored(t *testing.T) {
	s := samples()
	hard := &pb.HardState{Term: new(uint64(3)), Vote: new(uint64(2)), Commit: new(uint64(10))}
	again := item{message: abcast.Message{ID: msgID(1, 2), Payload: []byte("pears")}}
	rec := appendRecord(nil, &readyRecord{hard: hard, snap: s["raft.snap in 3 of 9.3: 3 items"].Snapshot, entries: []*pb.Entry{entry(10, 3, again.append(nil))}})
	var got []string
	var g *Group
	g = New(Config{
		Members:  []protocol.NodeID{1, 2, 3},
		Datagram: (*protocol.Env).Send,
		Tick:     time.Second,
		Deliver: func(env *protocol.Env, _ uint64, m abcast.Message) {
			got = append(got, string(m.Payload))
			g.Broadcast(env, m.Payload)
		},
	})
	g.Restore(rec)
	env := &protocol.Env{}
	env.Enter(2, 7, 0, nil)
	g.Start(env)
	if want := []string{"apples", "pears"}; !slices.Equal(got, want) || len(g.outbox) != len(want) {
		t.Errorf("delivers %q and has %d messages to broadcast, want %q, and each of them", got, len(g.outbox), want)
	}
}
