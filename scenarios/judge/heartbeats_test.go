package judge

import (
	"fmt"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/sim"
)

// conversing is node 1 of two, which hears node 0 and follows it.
type conversing struct {
	*ballots
	wants uint64 // the frame of node 0's that it wants next
}

func converse() *conversing {
	c := &conversing{ballots: newBallots(1, 2, 1)}
	c.hears0(false)
	c.begun = true
	return c
}

// hears0 takes a heartbeat of node 0.
func (c *conversing) hears0(asks bool) {
	c.receive(0, abcast.KindHeartbeat, &abcast.Datagram{Incarnation: 1, Heartbeat: true, Beat: c.ticks, Hears: 3, Follows: 0, Able: true, Asks: asks})
}

// says sends node 0 what node 1 should say, perhaps as a question.
func (c *conversing) says(asks bool) error {
	d := c.now
	d.Asks, d.Next = asks, c.wants
	return sent(c.ballots, 0, abcast.KindHeartbeat, &d)
}

// works lets it work in a view from the first tick on, and want a frame now.
func (c *conversing) works(frame uint64) {
	c.promised, c.adopted, c.view, c.normal, c.wants = 2, 2, 2, true, frame
	copy(c.members, []uint32{1, 1})
}

// passes lets ticks pass, in which node 0 is silent and node 1 speaks at some. It returns what is
// wrong with the first tick that is judged so.
func (c *conversing) passes(ticks string) error {
	for i, does := range ticks {
		c.fires(func(int) uint64 { return c.wants })
		var err error
		if does != '.' {
			err = c.says(does == '?')
		}
		if late := c.step(); err == nil {
			err = late
		}
		if err != nil {
			return fmt.Errorf("tick %d: %w", i+1, err)
		}
	}
	return nil
}

func TestAHeartbeatComesWithWhatIsNewAndElseAtEachThirdTick(t *testing.T) {
	for _, c := range []struct {
		what, ticks string
		then        func(c *conversing)
		more, want  string
	}{
		{"the first tick says whom it hears", "x..", nil, "", ""},
		{"the first tick is silent", ".", nil, "", "tick 1: about views it sends heartbeats to nodes []"},
		{"a promise is told", "x", func(c *conversing) { c.promised = 2 }, "x", ""},
		{"a promise is not told", "x", func(c *conversing) { c.promised = 2 }, ".", "tick 1: about views"},
		{"a frame is acknowledged", "x", func(c *conversing) { c.works(0) }, "x", ""},
		{"a frame is not acknowledged", "x", func(c *conversing) { c.works(1); c.spoken[0].d = c.saying() }, ".", "tick 1: about views"},
		{"a frame is acknowledged before", "x", func(c *conversing) { c.works(0); c.spoken[0].d = c.saying() }, ".", ""},
		{"it beats at each tick", "xx", nil, "", "tick 2: about views"},
		{"it is owed", "x", func(c *conversing) { c.spoken[0].owed = true }, "x.", ""},
		{"what is owed is not paid", "x", func(c *conversing) { c.spoken[0].owed = true }, ".", "tick 1: about views"},
		{"silence is asked about", "x..??", nil, "", ""},
		{"silence is not asked about", "x..x", nil, "", "says whether it is to be answered: false"},
		{"it asks too seldom", "x..?.", nil, "", "tick 5: about views"},
		{"it asks without need", "?", nil, "", "says whether it is to be answered: true"},
		{"a silent node is suspected, and beaten at each third tick", "x..??", nil, "?..?", ""},
		{"a suspected node is asked at each tick", "x..??", nil, "??", "tick 2: about views"},
		{"a third tick is left out", "x..", func(c *conversing) { c.hears0(false) }, ".", "tick 1: about views"},
		{"each third tick", "x..", func(c *conversing) { c.hears0(false) }, "x..?", ""},
	} {
		n := converse()
		err := n.passes(c.ticks)
		if c.then != nil {
			c.then(n)
		}
		if err == nil {
			err = n.passes(c.more)
		}
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: judged %v, want %q", c.what, err, c.want)
		}
	}
}

func TestAQuestionIsAnsweredAtOnceAndWithTheNextNumber(t *testing.T) {
	for _, c := range []struct {
		what, want string
		answers    []uint64 // the number of each, beside that of the tick
	}{
		{"an answer", "", []uint64{1}},
		{"none", "sends heartbeats to nodes []", nil},
		{"one with an old number", "heartbeat 1,", []uint64{0}},
	} {
		n := converse()
		if err := n.passes("x"); err != nil {
			t.Fatal(err)
		}
		n.hears0(true)
		var err error
		for _, more := range c.answers {
			d := n.now
			d.Beat = 1 + more
			err = sent(n.ballots, 0, abcast.KindHeartbeat, &d)
		}
		if late := n.step(); err == nil {
			err = late
		}
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: judged %v, want %q", c.what, err, c.want)
		}
	}
	n := converse()
	if err := n.passes("x"); err != nil {
		t.Fatal(err)
	}
	n.hears0(false)
	if err := n.step(); err != nil {
		t.Errorf("what is no question is not answered: %v", err)
	}
}

func TestWhatANodeWouldNotSendIfItKnewIsOwedAHeartbeat(t *testing.T) {
	frame := func(view, seq uint64) *abcast.Datagram {
		return &abcast.Datagram{Incarnation: 1, Frame: true, View: view, Seq: seq, Promised: view}
	}
	for _, c := range []struct {
		what  string
		kind  protocol.Kind
		d     *abcast.Datagram
		owed  bool
		waits bool // for view 5, in no view
	}{
		{"a new frame", abcast.KindStable, frame(3, 2), false, false},
		{"a frame that outran another", abcast.KindStable, frame(3, 7), false, false},
		{"a frame again", abcast.KindStable, frame(3, 1), true, false},
		{"a frame of an old view", abcast.KindStable, frame(1, 0), true, false},
		{"a frame of a view to come", abcast.KindStable, frame(7, 0), true, false},
		{"a frame of the view that is promised", abcast.KindStable, frame(5, 0), false, true},
		{"a question for a lower view", abcast.KindViewPrepare, &abcast.Datagram{Incarnation: 1, Promised: 1}, true, false},
		{"the view again", abcast.KindNewView, &abcast.Datagram{Incarnation: 1, Promised: 3, Members: []abcast.Member{{Node: 0, Incarnation: 1}, {Node: 1, Incarnation: 1}}}, true, false},
	} {
		end := newChannelEnd(2)
		end.ballots = newBallots(0, 2, 1)
		end.begun, end.ballots.promised, end.promised, end.adopted, end.view, end.normal = true, 3, 3, 3, 3, true
		end.members[0], end.members[1] = 1, 1
		if c.waits {
			end.ballots.promised, end.promised, end.normal = 5, 5, false
		}
		p := end.peers[1]
		p.view, p.next = 3, 2
		end.take(p, &sim.Event{Peer: 1, Kind: c.kind}, c.d)
		if end.spoken[1].owed != c.owed {
			t.Errorf("%s: owed a heartbeat %v, want %v", c.what, !c.owed, c.owed)
		}
	}
}
