package judge

import (
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/link"
	"dessim/sim"
	"dessim/sim/fault"
)

var (
	kindTry  = protocol.KindOf("try")
	kindDone = protocol.KindOf("done")
)

// trying returns a judge of a node that tries again after 10, 20, 40, 40 ... ms.
func trying(faults ...fault.Fault) *Retries {
	least, most := growing(10*time.Millisecond, 2, 1)
	return NewRetries([]Retry{{
		Name: "a test", Least: least, Most: most, Tries: []protocol.Kind{kindTry}, Ends: kindDone,
		Key:    func(*sim.Event) (uint64, bool) { return 0, true },
		Answer: func(*sim.Event) (uint64, bool) { return 0, true },
	}}, 1, time.Millisecond, faults, nil)
}

func at(ms int) protocol.Time { return protocol.Time(ms) * protocol.Time(time.Millisecond) }

func tryAt(r *Retries, ms ...int) {
	for _, ms := range ms {
		r.observe(&sim.Event{What: sim.Sent, Kind: kindTry, At: at(ms)})
	}
}

func TestRetriesAreJudgedByTheirPausesUntilTheyEnd(t *testing.T) {
	end := func(r *Retries, ms int) { r.observe(&sim.Event{What: sim.Ended, At: at(ms)}) }
	for _, c := range []struct {
		what string
		do   func(r *Retries)
		want string
	}{
		{"pauses that double", func(r *Retries) { tryAt(r, 0, 10, 30, 75); end(r, 120) }, ""},
		{"a pause too long", func(r *Retries) { tryAt(r, 0, 10, 37) }, "27ms"},
		{"a pause too short", func(r *Retries) { tryAt(r, 0, 10, 29) }, "at least 20ms"},
		{"nothing after the last", func(r *Retries) { tryAt(r, 0, 10); end(r, 40) }, "30ms"},
		{"the end of it", func(r *Retries) {
			tryAt(r, 0, 10)
			r.observe(&sim.Event{What: sim.Output, Kind: kindDone, At: at(20)})
			end(r, 90)
		}, ""},
		{"an answer", func(r *Retries) {
			tryAt(r, 0, 10)
			r.observe(&sim.Event{What: sim.Received, At: at(20)})
			end(r, 90)
		}, ""},
		{"an answer that does not count", func(r *Retries) {
			tryAt(r, 0, 10)
			r.observe(&sim.Event{What: sim.Received, At: at(20)})
			tryAt(r, 30)
			end(r, 90)
		}, "60ms"},
		{"a crash", func(r *Retries) { tryAt(r, 0); r.observe(&sim.Event{What: sim.Crashed, At: at(5)}); end(r, 90) }, ""},
	} {
		r := trying()
		c.do(r)
		if r.err == nil && c.want != "" || r.err != nil && (c.want == "" || !strings.Contains(r.err.Error(), c.want)) {
			t.Errorf("%s: it is judged %v, want %q", c.what, r.err, c.want)
		}
	}
}

// A participant gets a body by its own decision. No message brings it, and no record keeps it
// unless its node survives crashes.
func TestWhatANodeGetsByItselfEndsWhatIsJudged(t *testing.T) {
	kindGain := protocol.KindOf("gain")
	for _, c := range []struct {
		what string
		kind protocol.Kind
		ms   int
		has  bool
		want string
	}{
		{"what it lacked", kindGain, 20, true, ""},
		{"something else", kindGain, 20, false, "80ms"},
		{"what it lacked, late", kindGain, 40, true, "30ms"},
		{"another output", kindTry, 20, true, "80ms"},
	} {
		r := trying()
		row := &r.rows[0]
		row.Gains, row.Has = kindGain, func(protocol.NodeID, uint64) bool { return c.has }
		r.Timely()
		tryAt(r, 0, 10)
		r.observe(&sim.Event{What: sim.Output, Kind: c.kind, At: at(c.ms)})
		r.observe(&sim.Event{What: sim.Ended, At: at(90)})
		if r.err == nil && c.want != "" || r.err != nil && (c.want == "" || !strings.Contains(r.err.Error(), c.want)) {
			t.Errorf("%s: it is judged %v, want %q", c.what, r.err, c.want)
		}
	}
}

// The second of two messages waits in the link for the first, however long. It is handed up after
// tries that did not know of it, and nobody sees that.
func TestAnAnswerThatMayWaitInTheLinkEndsWhatIsJudged(t *testing.T) {
	var env protocol.Env
	env.Enter(1, 1, 0, protocol.Benign{})
	l := link.New(link.Config{Retry: time.Second, Window: 8, FIFO: true, Deliver: func(*protocol.Env, protocol.NodeID, []byte) {}})
	l.Send(&env, 0, kindTry, []byte("first"))
	l.Send(&env, 0, kindTry, []byte("second"))
	var frames [][]byte
	for _, x := range env.Effects() {
		if x.Op == protocol.OpSend {
			frames = append(frames, x.Body)
		}
	}
	for i, want := range []string{"60ms", ""} {
		r := trying()
		tryAt(r, 0, 10)
		r.observe(&sim.Event{What: sim.Received, At: at(20), Peer: 1, Body: frames[i]})
		tryAt(r, 30)
		r.observe(&sim.Event{What: sim.Ended, At: at(90)})
		if r.err == nil && want != "" || r.err != nil && (want == "" || !strings.Contains(r.err.Error(), want)) {
			t.Errorf("frame %d of 2: it is judged %v, want %q", i+1, r.err, want)
		}
	}
}

func TestNothingIsLateWhileANodeIsHindered(t *testing.T) {
	r := trying(fault.Fault{ID: 1, Op: fault.Pause}, fault.Fault{ID: 2, Op: fault.LateTimer, By: 30 * time.Millisecond})
	turn := func(id uint64, what sim.What, ms int) { r.observe(&sim.Event{What: what, Tag: id, At: at(ms)}) }
	tryAt(r, 0)
	turn(1, sim.Injected, 5)
	turn(2, sim.Injected, 20)
	turn(1, sim.Lifted, 60)
	tryAt(r, 75)
	turn(2, sim.Lifted, 80)
	tryAt(r, 130)
	if r.err != nil {
		t.Error(r.err)
	}
	tryAt(r, 185)
	if r.err == nil {
		t.Error("a try is 55ms late long after all faults, and nothing is wrong")
	}
}

// A reply to the last try begins the pauses anew; one to an earlier try, and what comes of an
// earlier incarnation, does not.
func TestAReplyBeginsThePausesAnew(t *testing.T) {
	for _, c := range []struct {
		reply Replied
		heard bool
		want  int
	}{
		{Replied{Number: 3, Over: true}, true, 1},
		{Replied{Number: 3}, true, 2},
		{Replied{Number: 2, Over: true}, true, 4},
		{Replied{Number: 3, Over: true}, false, 4},
		{Replied{Key: 1, Number: 3, Over: true}, true, 4},
	} {
		r := trying()
		r.rows[0].Number = func(*sim.Event) uint64 { return 4 }
		r.rows[0].Reply = func(*sim.Event) (Replied, bool) { return c.reply, true }
		n := &r.nodes[0]
		n.open = []open{{number: 3, tries: 3}}
		r.replied(n, &sim.Event{}, c.heard)
		if x := &n.open[0]; x.replied != (c.reply.Key == 0 && c.reply.Number == 3) {
			t.Errorf("after %+v there is a reply: %v", c.reply, x.replied)
		}
		r.again(n, &n.open[0], &sim.Event{})
		if got := n.open[0].tries; got != c.want {
			t.Errorf("after %+v, heard %v, there are %d tries, want %d", c.reply, c.heard, got, c.want)
		}
	}
}
