package link

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/protocol/bencode"
	"dessim/protocol/internal/steps"
	"dessim/protocol/seal"
)

func config() Config {
	return Config{Retry: 100 * time.Millisecond, Window: 64, Deliver: func(*protocol.Env, protocol.NodeID, []byte) {}}
}

// TestMessagesBetweenLastIncarnationsAreDeliveredOnce plays an adversarial network
// with restarts, then a reliable one, and compares the account with the promise.
func TestMessagesBetweenLastIncarnationsAreDeliveredOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := config()
		cfg.FIFO = rapid.Bool().Draw(t, "fifo")
		cfg.Window = rapid.SampledFrom([]int{1, 2, 7, 64}).Draw(t, "window")
		restarts := rapid.Bool().Draw(t, "restarts")
		w := newWorld(rapid.IntRange(2, 3).Draw(t, "nodes"), cfg)
		actions := map[string]func(*rapid.T){
			"send": func(t *rapid.T) {
				from := rapid.IntRange(0, len(w.nodes)-1).Draw(t, "from")
				to := (from + rapid.IntRange(1, len(w.nodes)-1).Draw(t, "to")) % len(w.nodes)
				for range rapid.IntRange(1, 5).Draw(t, "burst") {
					w.send(from, to)
				}
			},
			"arrive": func(t *rapid.T) { w.some(t, w.Deliver) },
			"copy":   func(t *rapid.T) { w.some(t, func(i int) { w.Hand(w.InFlight[i]) }) },
			"damage": func(t *rapid.T) { w.some(t, func(i int) { w.damage(t, i); w.Deliver(i) }) },
			"lose":   func(t *rapid.T) { w.some(t, w.Lose) },
			"fire":   func(*rapid.T) { w.FireNext() },
			"wait":   func(t *rapid.T) { w.Now += protocol.Time(rapid.IntRange(1, 1e8).Draw(t, "ns")) },
			"": func(t *rapid.T) {
				if len(w.faults) > 0 {
					t.Fatal(strings.Join(w.faults, "\n"))
				}
			},
		}
		if restarts {
			actions["restart"] = func(t *rapid.T) { w.Restart(protocol.NodeID(rapid.IntRange(0, len(w.nodes)-1).Draw(t, "node"))) }
		}
		t.Repeat(actions)
		if !w.calm() {
			t.Fatal("the network does not come to rest")
		}
		w.judge(t)
	})
}

func (w *world) some(t *rapid.T, f func(int)) {
	if n := len(w.InFlight); n > 0 {
		f(rapid.IntRange(0, n-1).Draw(t, "flight"))
	}
}

// damage changes a byte of flight i.
func (w *world) damage(t *rapid.T, i int) {
	b := w.InFlight[i].Body
	at := rapid.IntRange(0, len(b)-1).Draw(t, "byte")
	b[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
	w.damaged++
}

// judge compares the account with the promise, at rest.
func (w *world) judge(t *rapid.T) {
	for n, s := range w.account {
		to := w.nodes[s.to]
		last := w.nodes[s.from].inc == s.fromInc && to.inc == s.toInc
		addressed := s.known == to.inc || s.known == 0 && to.inc == 1
		if last && addressed && !slices.Contains(s.got, to.inc) {
			t.Fatalf("message %d, %+v, was not delivered", n, s)
		}
	}
	for _, h := range w.nodes {
		for _, p := range w.nodes {
			if k := h.link.Pending(p.id); k != 0 {
				t.Fatalf("node %d holds %d messages to %d at rest", h.id, k, p.id)
			}
		}
		if s := h.link.Stats(); s.Malformed != 0 {
			t.Fatalf("node %d counts %d malformed frames of honest nodes", h.id, s.Malformed)
		}
		w.corrupt += h.link.Stats().Corrupt
	}
	if w.corrupt != w.damaged {
		t.Fatalf("%d frames were damaged, %d counted", w.damaged, w.corrupt)
	}
	if len(w.faults) > 0 {
		t.Fatal(strings.Join(w.faults, "\n"))
	}
}

func TestQuietNetworkCostsOneFrameAndOneAcknowledgementAMessage(t *testing.T) {
	w := newWorld(2, config())
	for range 5 {
		w.send(0, 1)
		w.calm()
	}
	if w.Sent[kindTest] != 5 || w.Sent[KindAck] != 5 || w.Sent[KindResend] != 0 {
		t.Errorf("5 messages cost %v", w.Sent)
	}
	want := Stats{Sent: 5}
	if got := w.nodes[0].link.Stats(); got != want {
		t.Errorf("sender counts %+v, want %+v", got, want)
	}
	want = Stats{Acks: 5, Delivered: 5}
	if got := w.nodes[1].link.Stats(); got != want {
		t.Errorf("receiver counts %+v, want %+v", got, want)
	}
}

func TestAcknowledgementRidesOnTheAnswer(t *testing.T) {
	w := newWorld(2, config())
	w.nodes[1].reply = true
	h := w.nodes[0]
	w.Step(h.id, func(env *protocol.Env) { h.link.Send(env, 1, kindTest, []byte("question")) })
	w.calm()
	if w.Sent[kindTest] != 2 || w.Sent[KindAck] != 1 {
		t.Errorf("question and answer cost %v, want 2 messages and the answer's acknowledgement", w.Sent)
	}
}

func TestTimerIsOffWhenNothingIsUnacknowledged(t *testing.T) {
	w := newWorld(2, config())
	w.send(0, 1)
	w.send(0, 1)
	if n := len(w.Timers); n != 1 {
		t.Fatalf("%d timers for 2 messages to one node, want 1", n)
	}
	w.Settle(0)
	if n := len(w.Timers); n != 0 {
		t.Errorf("%d timers when all is acknowledged", n)
	}
}

func TestWindowBoundsWhatIsUnacknowledged(t *testing.T) {
	cfg := config()
	cfg.Window = 3
	w := newWorld(2, cfg)
	for range 10 {
		w.send(0, 1)
	}
	if len(w.InFlight) != 3 || w.nodes[0].link.Pending(1) != 10 {
		t.Fatalf("%d frames under way and %d pending, want 3 and 10", len(w.InFlight), w.nodes[0].link.Pending(1))
	}
	w.calm()
	if w.Sent[kindTest] != 10 || w.Sent[KindResend] != 0 {
		t.Errorf("10 messages cost %v", w.Sent)
	}
}

// TestLateFrameToAnUnknownIncarnationSuppressesNothing is the danger that the package
// comment describes.
func TestLateFrameToAnUnknownIncarnationSuppressesNothing(t *testing.T) {
	w := newWorld(2, config())
	w.send(0, 1)
	late := w.InFlight[0]
	w.calm()
	w.Restart(1)
	w.send(0, 1) // to the former life: lost, but the sender learns
	w.calm()
	if got := w.nodes[0].link.Known(1); got != 2 || w.nodes[0].resets != 1 {
		t.Fatalf("the sender knows incarnation %d after %d resets, want 2 and 1", got, w.nodes[0].resets)
	}
	w.Hand(late)
	w.send(0, 1)
	w.calm()
	if got := w.account[2].got; !slices.Equal(got, []uint32{2}) {
		t.Errorf("the message to the new incarnation was delivered to incarnations %v, want [2]", got)
	}
	if len(w.faults) > 0 {
		t.Error(w.faults)
	}
}

func TestResendsToASilentNodeDecrease(t *testing.T) {
	w := newWorld(2, config())
	for range 8 {
		w.send(0, 1)
	}
	var burst []int
	for range 6 {
		w.InFlight = nil
		w.FireNext()
		burst = append(burst, len(w.InFlight))
	}
	if want := []int{8, 4, 2, 1, 1, 1}; !slices.Equal(burst, want) {
		t.Errorf("resends %v, want %v", burst, want)
	}
	if want := protocol.Time((1 + 2 + 4 + 8 + 8 + 8) * 100 * time.Millisecond); w.Now != want {
		t.Errorf("sixth resend at %v, want %v", w.Now, want)
	}
}

func TestAnAcknowledgementOfAnythingOrARestartBeginsThePausesAnew(t *testing.T) {
	w := newWorld(2, config())
	gaps := func(n int) (gaps []time.Duration) {
		for range n {
			w.InFlight = nil
			before := w.Now
			w.FireNext()
			gaps = append(gaps, w.Now.Sub(before)/(100*time.Millisecond))
		}
		return gaps
	}
	w.send(0, 1)
	w.send(0, 1)
	want := []time.Duration{1, 2, 4, 8, 8, 8}
	for _, anew := range []struct {
		what string
		do   func()
	}{
		{"a message is sent", func() {}},
		{"the first of two is acknowledged", func() {
			w.Deliver(0)
			w.Deliver(len(w.InFlight) - 1)
		}},
		{"the other node restarts", func() {
			w.Restart(1)
			w.send(1, 0)
			w.Deliver(len(w.InFlight) - 1)
			w.InFlight = nil
			w.Timers = slices.DeleteFunc(w.Timers, func(t steps.Timer) bool { return t.Node == 1 })
			w.send(0, 1)
		}},
	} {
		anew.do()
		if got := gaps(len(want)); !slices.Equal(got, want) {
			t.Errorf("after %s resends come after %v, want %v tenths of a second", anew.what, got, want)
		}
	}
}

func TestClockThatGoesBackDoesNotStopResends(t *testing.T) {
	var env protocol.Env
	l := New(config())
	env.Enter(0, 1, protocol.Time(time.Hour), nil)
	l.Send(&env, 1, kindTest, []byte("m"))
	env.Enter(0, 1, 0, nil)
	l.Timeout(&env, protocol.Link.Tag(1))
	if e := env.Effects(); len(e) != 2 || e[0].Kind != KindResend || e[1].After != 200*time.Millisecond {
		t.Errorf("effects %+v, want a resend and a timer after 200ms", e)
	}
}

func TestForgedAcknowledgementIsRefused(t *testing.T) {
	for name, forged := range map[string]frame{
		"of what was never sent":                 {src: 1, dst: 1, ack: 2},
		"to an unknown incarnation":              {src: 1, data: true, ack: 1, low: 1, seq: 1},
		"to an unknown incarnation, selective":   {src: 1, data: true, sack: 1, low: 1, seq: 1},
		"to an unknown incarnation, of nothing":  {src: 1},
		"to an unknown incarnation, and no data": {src: 1, ack: 1},
	} {
		w := newWorld(2, config())
		w.send(0, 1)
		h := w.nodes[0]
		w.Hand(steps.Message{From: 1, To: 0, Body: seal.Append(forged.append(nil))})
		if h.link.Stats().Malformed != 1 || h.link.Pending(1) != 1 {
			t.Errorf("an acknowledgement %s: %+v, %d pending", name, h.link.Stats(), h.link.Pending(1))
		}
	}
}

func TestTheLeastAndTheGreatestConfigsAreTaken(t *testing.T) {
	for _, retry := range []time.Duration{1, Again.MostFirst()} {
		for _, window := range []int{1, MaxWindow} {
			c := config()
			c.Retry, c.Window = retry, window
			New(c)
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	for name, f := range map[string]func(){
		"Retry is 0s":    func() { New(Config{}) },
		"Window is 0":    func() { c := config(); c.Window = 0; New(c) },
		"Window is 4097": func() { c := config(); c.Window = MaxWindow + 1; New(c) },
		"no Deliver":     func() { c := config(); c.Deliver = nil; New(c) },
	} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, name) {
					t.Errorf("panic %q, want %q in it", s, name)
				}
			}()
			f()
		}()
	}
}

// TestQueueIsASlice compares with the obvious twin.
func TestQueueIsASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var ref []byte
		first := uint64(1)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				b := rapid.Byte().Draw(t, "b")
				q.push(message{body: []byte{b}})
				ref = append(ref, b)
			},
			"pop": func(t *rapid.T) {
				if len(ref) > 0 {
					q.pop()
					ref, first = ref[1:], first+1
				}
			},
			"": func(t *rapid.T) {
				if q.len() != len(ref) || q.number(0) != first {
					t.Fatalf("length %d from %d, want %d from %d", q.len(), q.number(0), len(ref), first)
				}
				for i, b := range ref {
					if q.at(i).body[0] != b {
						t.Fatalf("item %d is %d, want %d", i, q.at(i).body[0], b)
					}
				}
			},
		})
	})
}

func TestWarmLinkAllocatesNothing(t *testing.T) {
	var ea, eb protocol.Env
	a, b := New(config()), New(config())
	msg := []byte("a message of some length")
	exchange := func() {
		ea.Enter(0, 1, 0, nil)
		a.Send(&ea, 1, kindTest, msg)
		eb.Enter(1, 1, 0, nil)
		b.Receive(&eb, 0, ea.Effects()[0].Body)
		ea.Enter(0, 1, 0, nil)
		a.Receive(&ea, 1, eb.Effects()[0].Body)
	}
	exchange()
	if n := testing.AllocsPerRun(1000, exchange); n != 0 {
		t.Errorf("a message and its acknowledgement allocate %v times, want 0", n)
	}
}

// However often the other end restarts, and however much was sent: what is settled is
// forgotten.
func TestALinkForgetsWhatIsSettled(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		cfg := config()
		cfg.FIFO = fifo
		w := newWorld(2, cfg)
		for round := range 40 {
			for range 500 {
				w.send(0, 1)
				w.send(1, 0)
			}
			if round%3 == 1 { // with all of it under way
				w.Restart(protocol.NodeID(round % 2))
			}
			for i := 0; i < len(w.InFlight); i += 7 {
				w.Lose(i)
			}
			if !w.calm() {
				t.Fatal("it does not end")
			}
			for _, h := range w.nodes {
				if len(h.link.peers) > 1 || len(h.link.spare) > maxSpare {
					t.Fatalf("node %d knows %d peers and keeps %d bodies, want 1 and at most %d", h.id, len(h.link.peers), len(h.link.spare), maxSpare)
				}
				for _, p := range h.link.peers {
					if p.out.len()+p.sent+len(p.ahead) > 0 || cap(p.out.items) > 256 || cap(p.ahead) > 2*MaxWindow {
						t.Fatalf("after round %d, node %d keeps %d messages in %d places, and %d early ones", round, h.id, p.out.len(), cap(p.out.items), len(p.ahead))
					}
				}
			}
		}
		if w.faults != nil {
			t.Error(w.faults[0])
		}
	}
}

func TestPayloadReturnsTheMessageOfDataFramesAlone(t *testing.T) {
	data := seal.Append((&frame{data: true, src: 1, low: 1, seq: 1, msg: []byte("m")}).append(nil))
	if msg, ok := Payload(data); !ok || string(msg) != "m" {
		t.Errorf("Payload returns %q, %v", msg, ok)
	}
	ack := seal.Append((&frame{src: 1, dst: 1, ack: 1}).append(nil))
	if _, ok := Payload(ack); ok {
		t.Error("an acknowledgement has a payload")
	}
	data[4] ^= 1
	if _, ok := Payload(data); ok {
		t.Error("a damaged frame has a payload")
	}
}

func FuzzFrame(f *testing.F) {
	f.Add((&frame{data: true, src: 1, low: 1, seq: 1, msg: []byte("m")}).append(nil))
	f.Add((&frame{data: true, src: 2, dst: 3, ack: 9, sack: 5, low: 4, seq: 7}).append(nil))
	f.Add((&frame{src: 1, dst: 1, ack: maxSeq, sack: 1<<64 - 1}).append(nil))
	f.Add([]byte("\x01li0ei1ei0ei0ei0ei2ei1e1:me"))
	f.Add([]byte("\x01li1ei1ei0ei0ei0ee"))
	f.Add(binary.BigEndian.AppendUint64([]byte{1}, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := decode(new(bencode.Reader), b)
		if ok && !bytes.Equal(v.append(nil), b) {
			t.Fatalf("%q decodes to %+v, which encodes to %q", b, v, v.append(nil))
		}
		var env protocol.Env
		l := New(config())
		env.Enter(0, 2, 0, nil)
		l.Send(&env, 1, kindTest, []byte("m"))
		l.Receive(&env, 1, seal.Append(bytes.Clone(b)))
		l.Receive(&env, 1, b)
		if l.stats.Malformed > 0 && l.stats.Delivered > 0 {
			t.Fatalf("%q is malformed and delivered", b)
		}
	})
}
