package abcast

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"

	"github.com/google/go-cmp/cmp"
)

var three = []Member{{0, 1}, {1, 1}, {2, 1}}

// underViews returns member id of the nodes 0 to 2 with Views, started with what is
// on its disk, and what it delivers as text.
func underViews(o Order, id protocol.NodeID, inc uint32, merge time.Duration, disk ...[]byte) (g *membership, env *protocol.Env, got *[]string) {
	got = new([]string)
	g = New(Config{
		Members: []protocol.NodeID{0, 1, 2},
		Order:   o,
		Deliver: func(_ *protocol.Env, index uint64, m Message) {
			*got = append(*got, fmt.Sprintf("%d %v %s", index, m.ID, m.Payload))
		},
		Views: &Views{
			Datagram: (*protocol.Env).Send,
			Tick:     time.Second,
			Merge:    merge,
			Changed: func(_ *protocol.Env, v View) {
				*got = append(*got, fmt.Sprintf("view %d %v at %d", v.Number, v.Members, v.Place))
			},
		},
	}).(*membership)
	for _, rec := range disk {
		g.Restore(rec)
	}
	env = new(protocol.Env)
	env.Enter(id, inc, 0, nil)
	g.Start(env)
	return g, env, got
}

// newViewOf returns the datagram by which the leader, in incarnation inc, begins
// view v.
func newViewOf(v uint64, inc uint32, base int, members []Member, messages ...Message) []byte {
	var entries []logEntry
	for _, m := range messages {
		entries = append(entries, logEntry{m: m})
	}
	return appendNewView(headed(opNewView, inc), v, base, append(entries, logEntry{view: v, members: members}))
}

func framed(inc uint32, view, seq uint64, body []byte) []byte {
	return appendFrame(headed(opFrame, inc), view, seq, body)
}

// inView returns member id fresh (state 0), having promised view 12 (1), or in view
// 12 of all (2), which node 0 leads.
func inView(o Order, id protocol.NodeID, state int) (*membership, *protocol.Env) {
	g, env, _ := underViews(o, id, 1, 0)
	if state > 0 {
		g.Receive(env, 0, appendPrepare(headed(opPrepare, 1), 12, 0))
	}
	if state > 1 {
		g.Receive(env, 0, newViewOf(12, 1, 0, three))
	}
	env.Enter(id, 1, 0, nil)
	return g, env
}

func message(node protocol.NodeID, seq uint64) Message {
	return Message{MsgID{node, 1, seq}, []byte("m")}
}

// A report says nothing in another view: there the same length may be of another
// log.
func TestReportsOfAnotherViewDoNotCount(t *testing.T) {
	for _, late := range []bool{false, true} {
		g, env, got := underViews(ISIS, 1, 1, 0)
		g.Receive(env, 0, newViewOf(3, 1, 0, three))
		report := framed(1, 3, 0, appendStable(nil, 9))
		if !late {
			g.Receive(env, 0, report) // of view 3, whose log was longer there
		} else {
			g.Receive(env, 0, framed(1, 3, 0, appendStable(nil, 1)))
		}
		g.Receive(env, 0, newViewOf(6, 1, 1, three, message(2, 1), message(2, 2), message(2, 3)))
		if late {
			g.Receive(env, 0, report)
		}
		if d := cmp.Diff([]string{"view 3 [0/1 1/1 2/1] at 0"}, *got); d != "" || g.log.commit != 1 {
			t.Errorf("late %v: %d of 5 entries are stable, want 1; delivered (-want +got):\n%s", late, g.log.commit, d)
		}
		g.Receive(env, 0, framed(1, 6, 0, appendStable(nil, 5)))
		if len(*got) != 5 {
			t.Errorf("late %v: %q delivered after the report of view 6", late, *got)
		}
	}
}

func TestReportsOfAnotherIncarnationDoNotCount(t *testing.T) {
	g, env := inView(ISIS, 1, 2)
	g.Receive(env, 0, framed(2, 12, 0, appendStable(nil, 1)))
	if s := g.Stats(); g.log.commit != 0 || s.Foreign != 1 {
		t.Errorf("%d entries stable, stats %+v", g.log.commit, s)
	}
	g.Receive(env, 2, framed(1, 12, 0, appendStable(nil, 1)))
	if g.log.commit != 1 {
		t.Errorf("%d entries stable by a member's report, want 1", g.log.commit)
	}
}

func TestPreparingAgainFreezesNoMemberOfTheView(t *testing.T) {
	g, env := inView(ISIS, 1, 2)
	g.Receive(env, 0, appendPrepare(headed(opPrepare, 1), 12, 0))
	if _, normal := g.View(); !normal || len(env.Effects()) != 0 {
		t.Errorf("works: %v, effects %v", normal, env.Effects())
	}
}

func TestAPromiseIsRepeatedToTheSameBallotAndToNoLowerOne(t *testing.T) {
	g, env := inView(ISIS, 1, 1)
	g.Receive(env, 0, appendPrepare(headed(opPrepare, 1), 12, 0))
	g.Receive(env, 2, appendPrepare(headed(opPrepare, 1), 11, 0))
	g.Receive(env, 2, newViewOf(11, 1, 0, three))
	want := []protocol.Effect{{Op: protocol.OpSend, To: 0, Kind: KindViewPromise,
		Body: appendReport(appendPromise(headed(opPromise, 1), 12, 0, 0, 0), nil, nil)}}
	if d := cmp.Diff(want, env.Effects()); d != "" {
		t.Errorf("effects (-want +got):\n%s", d)
	}
}

// ops returns what a step did, for tests of its order.
func ops(env *protocol.Env) []string {
	var all []string
	for _, e := range env.Effects() {
		switch e.Op {
		case protocol.OpSend, protocol.OpOutput:
			all = append(all, e.Kind.String())
		default:
			all = append(all, e.Op.String())
		}
	}
	return all
}

// fill has member 1 receive three messages of node 0 in one step: the first frame
// comes last.
func fill(g *membership, env *protocol.Env) {
	for _, seq := range []uint64{1, 2, 3, 4, 5, 0} {
		body := appendSequencerData(nil, message(0, 1+seq/2))
		if seq%2 == 1 {
			body = appendSequencerOrder(nil, MsgID{0, 1, 1 + seq/2}, 1+seq/2)
		}
		g.Receive(env, 0, framed(1, 12, seq, body))
	}
}

func TestAStepSyncsAndReportsOnceHoweverMuchItOrders(t *testing.T) {
	g, env := inView(Sequencer, 1, 2)
	fill(g, env)
	want := []string{"persist", "persist", "persist", "sync", "stable", "stable"}
	if d := cmp.Diff(want, ops(env)); d != "" {
		t.Errorf("effects (-want +got):\n%s", d)
	}
}

func TestReportsMerge(t *testing.T) {
	g, env, _ := underViews(Sequencer, 1, 1, time.Millisecond)
	g.Receive(env, 0, newViewOf(12, 1, 0, three))
	env.Enter(1, 1, 0, nil)
	fill(g, env)
	g.Receive(env, 0, framed(1, 12, 6, appendSequencerData(nil, message(0, 4))))
	g.Receive(env, 0, framed(1, 12, 7, appendSequencerOrder(nil, MsgID{0, 1, 4}, 4)))
	want := []string{"persist", "persist", "persist", "set-timer", "persist"}
	if d := cmp.Diff(want, ops(env)); d != "" {
		t.Errorf("effects (-want +got):\n%s", d)
	}
	env.Enter(1, 1, 0, nil)
	g.Timeout(env, tagMerge)
	if d := cmp.Diff([]string{"sync", "stable", "stable"}, ops(env)); d != "" {
		t.Errorf("effects when the time to merge is over (-want +got):\n%s", d)
	}
}

// A step syncs before it sends what depends on its records, and a view is adopted by
// one record.
func TestSyncPrecedesWhatDependsOnIt(t *testing.T) {
	g, env, _ := underViews(ISIS, 1, 1, 0)
	if d := cmp.Diff([]string{"persist", "sync", "heartbeat", "heartbeat", "set-timer"}, ops(env)); d != "" {
		t.Errorf("Start (-want +got):\n%s", d)
	}
	env.Enter(1, 1, 0, nil)
	g.Receive(env, 0, appendPrepare(headed(opPrepare, 1), 12, 0))
	g.Receive(env, 0, newViewOf(12, 1, 0, three))
	if d := cmp.Diff([]string{"persist", "sync", "view.promise", "persist", "sync", "stable", "stable"}, ops(env)); d != "" {
		t.Errorf("a ballot at a member (-want +got):\n%s", d)
	}
	g, env, _ = underViews(ISIS, 0, 1, 0)
	env.Enter(0, 1, 0, nil)
	for _, id := range []protocol.NodeID{1, 2} {
		g.Receive(env, id, appendHeartbeat(headed(opHeartbeat, 1), 0, 0, false, 0, sight{1, []byte{7}, true, int(id), false}))
	}
	g.Timeout(env, tagTick)
	g.Receive(env, 1, appendReport(appendPromise(headed(opPromise, 1), 3, 0, 0, 0), nil, nil))
	g.Receive(env, 2, appendReport(appendPromise(headed(opPromise, 1), 3, 0, 0, 0), nil, nil))
	want := []string{"heartbeat", "heartbeat", "persist", "sync", "view.prepare", "view.prepare", "set-timer",
		"persist", "sync", "view.new", "view.new", "stable", "stable"}
	if d := cmp.Diff(want, ops(env)); d != "" {
		t.Errorf("a ballot at its leader (-want +got):\n%s", d)
	}
}

func TestFramesThatOutranTheNewViewAreTakenWithIt(t *testing.T) {
	g, env := inView(ISIS, 1, 1)
	g.Receive(env, 2, framed(1, 12, 0, appendStable(nil, 1)))
	g.Receive(env, 2, framed(1, 13, 0, appendStable(nil, 1))) // of a view that this node did not promise
	if s := g.Stats(); s.Stray != 1 || g.chans[2].next != 0 {
		t.Errorf("stats %+v, next %d before the view", s, g.chans[2].next)
	}
	g.Receive(env, 0, newViewOf(12, 1, 0, three))
	if g.chans[2].next != 1 || g.log.commit != 1 {
		t.Errorf("next %d, %d entries stable, want 1 and 1", g.chans[2].next, g.log.commit)
	}
}

func TestAMemberStopsWhenAMajorityGoesOnWithoutIt(t *testing.T) {
	g, env := inView(Sequencer, 1, 2)
	g.Receive(env, 0, appendHeartbeat(headed(opHeartbeat, 1), 15, 15, true, 0, sight{follows: nobody}))
	env.Enter(1, 1, 0, nil)
	fill(g, env)
	if _, normal := g.View(); normal || len(env.Effects()) != 0 || g.Stats().Excluded != 1 {
		t.Errorf("works: %v, effects %v, stats %+v", normal, ops(env), g.Stats())
	}
}

// The disks of one node: whole, torn, and with gaps where nothing was synced.
func TestRestoreFoldsWhatACrashLeft(t *testing.T) {
	view := logEntry{view: 12, members: three}
	one, two := logEntry{m: message(0, 1)}, logEntry{m: message(0, 2)}
	begin := [][]byte{appendStart(nil, 1), appendPromised(nil, 12), appendAdopt(nil, 12, 0, []logEntry{view})}
	viewed := "view 12 [0/1 1/1 2/1] at 0"
	for _, c := range []struct {
		name   string
		disk   [][]byte
		want   []string
		length int
		stats  Stats
	}{
		{"whole", [][]byte{appendAppended(nil, 1, &one), appendAppended(nil, 2, &two), appendCommit(nil, 3)}, []string{viewed, "0 0/1/1 m", "1 0/1/2 m"}, 3, Stats{}},
		{"no hint", [][]byte{appendAppended(nil, 1, &one), appendAppended(nil, 2, &two)}, nil, 3, Stats{}},
		{"torn", [][]byte{appendAppended(nil, 1, &one), appendCommit(nil, 2), appendAppended(nil, 2, &two)[:9]}, []string{viewed, "0 0/1/1 m"}, 2, Stats{Torn: 1}},
		{"gap", [][]byte{appendAppended(nil, 2, &two), appendCommit(nil, 1)}, []string{viewed}, 1, Stats{Gaps: 1}},
		{"hint beyond a gap", [][]byte{appendAppended(nil, 1, &one), appendCommit(nil, 3)}, []string{viewed, "0 0/1/1 m"}, 2, Stats{Clamped: 1}},
	} {
		g, env, got := underViews(ISIS, 1, 2, 0, slices.Concat(begin, c.disk)...)
		if d := cmp.Diff(c.want, *got); d != "" {
			t.Errorf("%s: delivered (-want +got):\n%s", c.name, d)
		}
		if s := g.Stats(); s != c.stats || len(g.log.entries) != c.length {
			t.Errorf("%s: stats %+v, want %+v; %d entries, want %d", c.name, s, c.stats, len(g.log.entries), c.length)
		}
		if _, normal := g.View(); normal || g.promised != 12 || g.log.adopted != 12 {
			t.Errorf("%s: works %v, promised %d, adopted %d", c.name, normal, g.promised, g.log.adopted)
		}
		env.Enter(1, 2, 0, nil)
		g.Receive(env, 0, appendPrepare(headed(opPrepare, 1), 15, 1))
		rest := append([]logEntry{view, one, two}[1:c.length:c.length], nil...)
		report := appendReport(appendPromise(headed(opPromise, 2), 15, 12, g.log.commit, c.length), rest, nil)
		if e := env.Effects(); !slices.Equal(e[len(e)-1].Body, report) {
			t.Errorf("%s: promises %q, want %q", c.name, e[len(e)-1].Body, report)
		}
	}
}

func TestANewViewCutsWhatNoMajorityHad(t *testing.T) {
	g, env, got := underViews(ISIS, 1, 2, 0, appendStart(nil, 1), appendAdopt(nil, 12, 0, []logEntry{{view: 12, members: three}}),
		appendAppended(nil, 1, &logEntry{m: message(1, 1)}), appendAppended(nil, 2, &logEntry{m: message(1, 2)}))
	members := []Member{{0, 1}, {1, 2}}
	g.Receive(env, 0, newViewOf(15, 1, 1, members, message(1, 1), message(2, 1)))
	g.Receive(env, 0, framed(1, 15, 0, appendStable(nil, 4)))
	want := []string{"view 12 [0/1 1/1 2/1] at 0", "0 1/1/1 m", "1 2/1/1 m", "view 15 [0/1 1/2] at 2"}
	if d := cmp.Diff(want, *got); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
	if s := g.Stats(); s.Cut != 1 || s.Learned != 2 {
		t.Errorf("stats %+v, want 1 entry cut and 2 learned", s)
	}
	if v, normal := g.View(); !normal || cmp.Diff(View{15, members, 2}, v) != "" {
		t.Errorf("in view %v: %v", v, normal)
	}
}

func TestFlushPlacesByStampAndKeepsEachOriginsOrder(t *testing.T) {
	h := func(node protocol.NodeID, seq, number uint64, agreed bool) held {
		return held{MsgID{node, 1, seq}, true, nil, agreed, stamp{number, node}}
	}
	gone := h(2, 2, 1, true)
	gone.here = false
	m := newMembership(Config{Members: []protocol.NodeID{0, 1, 2}})
	m.log.extend([]logEntry{{m: message(0, 1)}})
	b := &ballot{promises: []*promise{
		{adopted: 5, tail: []held{h(0, 1, 1, true), h(0, 2, 9, false), h(0, 3, 4, true), h(1, 1, 6, false)}},
		{adopted: 5, tail: []held{h(0, 2, 7, false), h(0, 3, 8, false), h(1, 1, 5, true), gone}},
		{adopted: 4, tail: []held{h(2, 1, 1, true)}},
	}}
	var got []MsgID
	for _, e := range m.flush(b, 5) {
		got = append(got, e.m.ID)
	}
	// 0/1/3 is agreed at 4, 1/1/1 at 5, and 0/1/2 was proposed 9 at most. 0/1/1 is in
	// the log, the message of 2/1/2 is lost, and the node that reports 2/1/1 is behind.
	if d := cmp.Diff([]MsgID{{0, 1, 2}, {1, 1, 1}, {0, 1, 3}}, got); d != "" {
		t.Errorf("flushed (-want +got):\n%s", d)
	}
}

func TestViewsRefuseWhatNoMemberWouldSend(t *testing.T) {
	two := []Member{{0, 1}, {1, 1}}
	for _, c := range []struct {
		name string
		from protocol.NodeID
		msg  []byte
		want Stats
	}{
		{"a rule's bare message", 0, wire(appendPropose(nil, MsgID{1, 1, 1}, 2)), Stats{Malformed: 1}},
		{"incarnation 0", 0, appendPrepare(headed(opPrepare, 0), 15, 0), Stats{Malformed: 1}},
		{"adopted above promised", 0, appendHeartbeat(headed(opHeartbeat, 1), 3, 6, false, 0, sight{}), Stats{Malformed: 1}},
		{"works in a view before its promise", 0, appendHeartbeat(headed(opHeartbeat, 1), 6, 3, true, 0, sight{}), Stats{Malformed: 1}},
		{"hears more nodes than there are", 0, appendHeartbeat(headed(opHeartbeat, 1), 6, 3, false, 0, sight{hears: []byte{8}}), Stats{Malformed: 1}},
		{"follows a node that is none", 0, appendHeartbeat(headed(opHeartbeat, 1), 6, 3, false, 0, sight{follows: 3}), Stats{Malformed: 1}},
		{"hears nobody in many bytes", 0, appendHeartbeat(headed(opHeartbeat, 1), 6, 3, false, 0, sight{hears: []byte{1, 0}}), Stats{Malformed: 1}},
		{"a frame of no rule", 0, framed(1, 12, 0, []byte("li9ei1ee")), Stats{Malformed: 1}},
		{"a new view without its entry", 0, appendNewView(headed(opNewView, 1), 15, 0, []logEntry{{view: 12, members: three}}), Stats{Malformed: 1}},
		{"a new view beyond the log", 0, newViewOf(15, 1, 2, three), Stats{Malformed: 1}},
		{"no node of the group", 3, appendPrepare(headed(opPrepare, 1), 15, 0), Stats{Foreign: 1}},
		{"from oneself", 1, appendPrepare(headed(opPrepare, 1), 16, 0), Stats{Foreign: 1}},
		{"a ballot of another leader", 2, appendPrepare(headed(opPrepare, 1), 15, 0), Stats{Foreign: 1}},
		{"a view of another leader", 2, newViewOf(15, 1, 0, three), Stats{Foreign: 1}},
		{"a view of a minority", 0, newViewOf(15, 1, 0, two[1:]), Stats{Foreign: 1}},
		{"a view with strangers", 0, newViewOf(15, 1, 0, []Member{{0, 1}, {1, 1}, {7, 1}}), Stats{Foreign: 1}},
		{"a view of another incarnation", 0, newViewOf(15, 1, 0, []Member{{0, 1}, {1, 2}}), Stats{Stray: 1}},
		{"a view again", 0, newViewOf(12, 1, 0, three), Stats{Stray: 1}},
		{"a promise to no ballot", 0, appendReport(appendPromise(headed(opPromise, 1), 13, 12, 0, 1), []logEntry{{view: 12, members: three}}, nil), Stats{Stray: 1}},
	} {
		g, env := inView(ISIS, 1, 2)
		before := g.Stats()
		g.Receive(env, c.from, c.msg)
		s := g.Stats()
		s.Malformed, s.Foreign, s.Stray = s.Malformed-before.Malformed, s.Foreign-before.Foreign, s.Stray-before.Stray
		s.Installed, s.Learned = 0, 0
		if _, normal := g.View(); s != c.want || !normal || len(env.Effects()) != 0 {
			t.Errorf("%s: stats %+v, want %+v; works %v, effects %v", c.name, s, c.want, normal, ops(env))
		}
	}
}

func TestMistakesUnderViewsPanic(t *testing.T) {
	good := func() Config {
		return Config{Members: []protocol.NodeID{0}, Order: ISIS, Deliver: func(*protocol.Env, uint64, Message) {},
			Views: &Views{Datagram: (*protocol.Env).Send, Tick: 1}}
	}
	with := func(change func(*Views)) func() {
		return func() {
			c := good()
			change(c.Views)
			New(c)
		}
	}
	plain, _, _ := alone(ISIS, 1, 1)
	for want, f := range map[string]func(){
		"abcast: config has Views without Datagram":                                       with(func(v *Views) { v.Datagram = nil }),
		"abcast: config has a tick of 0s, want more than 0":                               with(func(v *Views) { v.Tick = 0 }),
		"abcast: config merges for -1ns, want at least 0":                                 with(func(v *Views) { v.Merge = -1 }),
		"abcast: a record is restored, but without Views a group keeps none":              func() { plain.Restore(appendStart(nil, 1)) },
		"abcast: node 1: incarnation 2 starts, but its disk has incarnation 2":            func() { underViews(ISIS, 1, 2, 0, appendStart(nil, 2)) },
		"abcast: node 1: started twice, want a new Orderer for each incarnation":          func() { g, env := inView(ISIS, 1, 0); g.Start(env) },
		"abcast: a record is restored after Start":                                        func() { g, _ := inView(ISIS, 1, 0); g.Restore(nil) },
		"abcast: node 1: timer 0x5, but a group sets 0x4800000000001 and 0x4000000000002": func() { g, env := inView(ISIS, 1, 0); g.Timeout(env, 5) },
	} {
		if got := panicOf(f); got != want {
			t.Errorf("panic %q, want %q", got, want)
		}
	}
}

func TestDatagramsHaveAText(t *testing.T) {
	id := MsgID{3, 2, 17}
	for want, msg := range map[string][]byte{
		"heartbeat 9, log of view 9, works, next 4, hears 0 2 9, able, follows 2, asks": datagramSeeds()[0],
		"heartbeat 9, log of view 7, waits, next 0, hears":                              datagramSeeds()[1],
		"view.prepare 9 from 3":                             datagramSeeds()[2],
		"view.promise 9, log of view 7, length 6, 3 stable": datagramSeeds()[3],
		"view.new 9 from 3 to 6: [0/1 3/2]":                 datagramSeeds()[5],
		"9.0 stable 5":                                      datagramSeeds()[6],
		"9.4 data 3/2/17 7061796c":                          framed(1, 9, 4, appendData(nil, Message{id, []byte("payload")})),
	} {
		if got := Text(msg); got != want {
			t.Errorf("%q has the text %q, want %q", msg, got, want)
		}
	}
	if got, ok := DataID(framed(1, 9, 4, appendData(nil, Message{ID: id}))); !ok || got != id {
		t.Errorf("DataID of a frame: %v, %v", got, ok)
	}
}

func TestDescribeShowsTheViewAndWhatIsKnownOfTheOthers(t *testing.T) {
	g, env := inView(Sequencer, 1, 2)
	fill(g, env)
	g.Receive(env, 2, framed(1, 12, 0, appendStable(nil, 2)))
	g.Broadcast(env, []byte("own"))
	want := `state: works
life: 1
life before: 0
view: 12 of [0/1 1/1 2/1] from message 0
promised: 12
delivered: 1
last broadcast: 1/1/1
log:
  of view: 12
  written: 4
  safe: 4
  stable: 2
  delivered: 2
  entries:
    0: view 12 of [0/1 1/1 2/1]
    1: 0/1/1 "m"
    2: 0/1/2 "m"
    3: 0/1/3 "m"
outbox:
  1/1/1: "own"
detector:
  ticks: 0
  heartbeats: 0
  hears: none
  able: no
  wants: none
  follows: nobody
  change blocked: 0 ticks
  merges reports: no
  reports counted: yes
  length when the view began: 0
nodes:
  0:
    reported: 0
    life: 1, heard at tick 0, alive yes
    promised: 0
    adopted: 12
    heartbeat: 0, hears none, able no, follows nobody, works no
    told: at tick 0, promised 0, adopted 0, works no, next 0, hears none, able no, follows nobody
    owed a heartbeat: no
    frames: 3 sent, next 6
    unacknowledged:
      0: stable 1, sent at tick 0
      1: stable 4, sent at tick 0
      2: data 1/1/1 6f776e, sent at tick 0
  1:
    reported: 4
  2:
    reported: 2
    life: 1, heard at tick 0, alive yes
    promised: 0
    adopted: 12
    heartbeat: 0, hears none, able no, follows nobody, works no
    told: at tick 0, promised 0, adopted 0, works no, next 0, hears none, able no, follows nobody
    owed a heartbeat: no
    frames: 3 sent, next 1
    unacknowledged:
      0: stable 1, sent at tick 0
      1: stable 4, sent at tick 0
      2: data 1/1/1 6f776e, sent at tick 0
sequencer:
  places are given by: 0
  last place: 3
  placed: none
  held back:
    1/1/1: no place, "own"
  ordered:
    0/1: 1-3
`
	if d := cmp.Diff(want, string(g.Describe(nil))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
