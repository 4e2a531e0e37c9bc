package traitor

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/source"

	"pgregory.net/rapid"
)

// told answers questions by their kind: the next of a list, then the last again;
// 0 if there is none.
type told map[string][]uint64

func (s told) Choose(k protocol.Key, n uint64) uint64 {
	list := s[k.Kind.String()]
	if len(list) == 0 {
		return 0
	}
	if len(list) > 1 {
		s[k.Kind.String()] = list[1:]
	}
	return min(list[0], n-1)
}

func (s told) Chance(k protocol.Key, _ protocol.Ratio) bool { return s.Choose(k, 2) == 1 }

// lies is a fault that hits every message of node 0.
func lies(t fault.Trait) fault.Fault {
	return fault.Fault{Op: fault.Byzantine, Trait: t, Rate: protocol.Ratio{Num: 1, Den: 1}}
}

// sendsOf runs steps of a node that does in the i-th what the i-th function says, and
// gives the sends of the last as "to kind body".
func sendsOf(n *Node, src protocol.Source, at protocol.Time, do ...func(env *protocol.Env)) []string {
	i := 0
	n.node = script{timeout: func(env *protocol.Env, _ uint64) { do[i](env) }}
	var env protocol.Env
	for i = range do {
		env.Enter(0, 1, at, src)
		n.Timeout(&env, 0)
	}
	var sends []string
	for _, f := range env.Effects() {
		if f.Op == protocol.OpSend {
			sends = append(sends, fmt.Sprintf("%v %v %s", f.To, f.Kind, f.Body))
		}
	}
	return sends
}

// script is a node made of functions; nil ones do nothing.
type script struct {
	receive func(env *protocol.Env, from protocol.NodeID, msg []byte)
	timeout func(env *protocol.Env, tag uint64)
}

func (s script) Start(*protocol.Env) {}

func (s script) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if s.receive != nil {
		s.receive(env, from, msg)
	}
}

func (s script) Timeout(env *protocol.Env, tag uint64) {
	if s.timeout != nil {
		s.timeout(env, tag)
	}
}

var kindT = protocol.KindOf("t")

var kindU = protocol.KindOf("u")

func sends(to protocol.NodeID, kind protocol.Kind, body string) func(*protocol.Env) {
	return func(env *protocol.Env) { env.Send(to, kind, []byte(body)) }
}

func both(all ...func(*protocol.Env)) func(*protocol.Env) {
	return func(env *protocol.Env) {
		for _, f := range all {
			f(env)
		}
	}
}

func expectSends(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestAnEquivocatorSaysWhatItSaidToOthersLast(t *testing.T) {
	expectSends(t, sendsOf(New(nil, lies(fault.Equivocate)), nil, 0,
		sends(1, kindT, "old"), sends(2, kindU, "other kind"), sends(2, kindT, "newer"), sends(3, kindT, "to him"), sends(4, kindT, "now"),
		sends(3, kindT, "now")), "3 t newer") // not what he heard, nor what is the same
	expectSends(t, sendsOf(New(nil, lies(fault.Equivocate)), nil, 0,
		both(sends(1, kindT, "a"), sends(2, kindT, "b"), sends(3, kindT, "c"))), "1 t a", "2 t a", "3 t b")
	expectSends(t, sendsOf(New(nil, lies(fault.Equivocate)), nil, 0,
		both(sends(1, kindT, "a"), sends(2, kindT, "a"), sends(1, kindT, "b"))), "1 t a", "2 t a", "1 t a") // said to 2 too
}

func TestAWithholderSendsNothingAndDoesTheRest(t *testing.T) {
	n := New(nil, lies(fault.Withhold))
	all := both(sends(1, kindT, "a"), func(env *protocol.Env) { env.Persist([]byte("p")); env.Sync(); env.SetTimer(5, 6) },
		sends(2, kindT, "b"), func(env *protocol.Env) { env.Output(kindT, []byte("o")); env.CancelTimer(7); env.Discard(8) }, sends(0, kindT, "self"))
	n.node = script{timeout: func(env *protocol.Env, _ uint64) { all(env) }}
	var env protocol.Env
	env.Observe(true)
	env.Enter(0, 1, 0, nil)
	n.Timeout(&env, 0)
	var got []string
	for _, f := range env.Effects() {
		got = append(got, fmt.Sprintf("%v %d %v %s", f.Op, f.Tag, f.After, f.Body))
	}
	want := []string{"persist 0 0s p", "sync 0 0s ", "set-timer 6 5ns ", "output 0 0s o", "cancel-timer 7 0s ", "discard 8 0s ", "send 0 0s self"}
	if !slices.Equal(got, want) {
		t.Errorf("did %q, want %q", got, want)
	}
	if notes := env.Notes(); len(notes) != 2 || notes[0].Text != "withholds t to 1" || notes[1] != (protocol.Note{Before: 3, Kind: byzLie, Text: "withholds t to 2"}) {
		t.Errorf("noted %+v, want that 2 messages are withheld", notes)
	}
}

func TestAReplayerSendsWhatItSentOrHeard(t *testing.T) {
	for which, want := range []string{"second", "first", "heard last", "heard first"} {
		n := New(nil, lies(fault.Replay))
		var env protocol.Env
		n.node = script{}
		for _, msg := range []string{"heard first", "now", "heard last"} {
			env.Enter(0, 1, 0, nil)
			n.Receive(&env, 9, []byte(msg))
		}
		env.Enter(0, 1, 0, nil)
		n.Receive(&env, protocol.Outside, []byte("an input, which nobody sent"))
		got := sendsOf(n, told{"byz.which": {0, 0, uint64(which)}}, 0,
			sends(1, kindT, "first"), sends(2, kindT, "second"), sends(3, kindU, "other kind"), sends(3, kindT, "now"))
		expectSends(t, got, "3 t "+want)
	}
	expectSends(t, sendsOf(New(nil, lies(fault.Replay)), nil, 0, sends(1, kindT, "first")), "1 t first")
}

func TestAnAltererChangesOneToFourBytes(t *testing.T) {
	for _, test := range []struct {
		src        told
		body, want string
	}{
		{nil, "\x00\x00\x00\x00\x00", "\x01\x00\x00\x00\x00"},
		{told{"byz.place": {4}, "byz.bits": {9}}, "\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x0a"},
		{told{"byz.count": {3}, "byz.place": {3}, "byz.bits": {0, 1, 2, 254}}, "\x00\x00\x00\x00\x00", "\x03\xff\x00\x01\x02"},
		{told{"byz.count": {3}}, "\x00\x00", "\x01\x01"},
		{nil, "", ""},
	} {
		expectSends(t, sendsOf(New(nil, lies(fault.Alter)), test.src, 0, sends(1, kindT, test.body)), "1 t "+test.want)
	}
	rapid.Check(t, func(t *rapid.T) {
		honest := rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "body")
		seed := source.Seed(rapid.Uint64().Draw(t, "seed"))
		n := New(nil, lies(fault.Alter))
		got := strings.TrimPrefix(sendsOf(n, seed, 0, func(env *protocol.Env) { env.Send(1, kindT, honest) })[0], "1 t ")
		changed := 0
		for i := range honest {
			if got[i] != honest[i] {
				changed++
			}
		}
		if len(got) != len(honest) || changed < 1 || changed > 4 {
			t.Fatalf("%x became %x: %d bytes changed, want 1 to 4", honest, got, changed)
		}
	})
}

func TestAForgerMakesUpPartOrAll(t *testing.T) {
	honest := "0123456789abcdef"
	forged := func(form, word uint64) string {
		src := told{"byz.form": {form}, "byz.made": {word}}
		return strings.TrimPrefix(sendsOf(New(nil, lies(fault.Forge)), src, 0, sends(1, kindT, honest))[0], "1 t ")
	}
	for word := range uint64(9) {
		if b := forged(0, word); len(b) != 16 || b[0] != '0' || b[1:] == honest[1:] || b == forged(0, word+1) {
			t.Errorf("form 0, word %d: got %q, want the first byte and 15 made up", word, b)
		}
		if b := forged(1, word); len(b) != 20-int(word%8) || strings.HasPrefix(b, honest[:4]) {
			t.Errorf("form 1, word %d: got %q, want %d bytes made up", word, b, 20-word%8)
		}
		if b := forged(2, word); len(b) != 16 || b[:4] == honest[:4] || b[4:] != honest[4:] {
			t.Errorf("form 2, word %d: got %q, want 4 bytes made up and the rest", word, b)
		}
		if b := forged(3, word); b != honest[:word] {
			t.Errorf("form 3, word %d: got %q, want %q", word, b, honest[:word])
		}
	}
	for form := range uint64(4) { // an empty message has nothing to keep
		got := sendsOf(New(nil, lies(fault.Forge)), told{"byz.form": {form}}, 0, sends(1, kindT, ""))
		if len(got) != 1 || form == 1 && len(got[0]) < len("1 t .") {
			t.Errorf("form %d of an empty message: %q", form, got)
		}
	}
}

func TestATraitorLiesWhileItsFaultIsThere(t *testing.T) {
	f := lies(fault.Withhold)
	f.At, f.For = 10, 5
	open := f
	open.For = 0
	elsewhere := lies(fault.Withhold)
	elsewhere.Node = 1
	for _, test := range []struct {
		at     protocol.Time
		faults []fault.Fault
		lies   bool
	}{
		{9, []fault.Fault{f}, false}, {10, []fault.Fault{f}, true}, {14, []fault.Fault{f}, true}, {15, []fault.Fault{f}, false},
		{9, []fault.Fault{open}, false}, {protocol.MaxTime, []fault.Fault{open}, true},
		{10, []fault.Fault{elsewhere, {Op: fault.Crash}}, false}, {10, nil, false},
		{12, []fault.Fault{f, {Op: fault.Heal, At: 13}}, true}, {13, []fault.Fault{f, {Op: fault.Heal, At: 13}}, false}, {13, []fault.Fault{{Op: fault.Heal, At: 13}, open}, false},
		{5, []fault.Fault{{Op: fault.Heal, At: 5}, open}, false}, {10, []fault.Fault{{Op: fault.Heal, At: 5}, open}, false},
	} {
		got := sendsOf(New(nil, test.faults...), nil, test.at, sends(1, kindT, "x"))
		if lied := len(got) == 0; lied != test.lies {
			t.Errorf("at %d, with %v: lied %v, want %v", test.at, test.faults, lied, test.lies)
		}
	}
}

func TestOfSeveralTraitsTheFirstCountsAndAllAreAsked(t *testing.T) {
	half := func(t fault.Trait) fault.Fault {
		f := lies(t)
		f.Rate = protocol.Percent(50)
		return f
	}
	src := told{"byz.withhold": {0, 1}, "byz.alter": {1, 1, 0}}
	got := sendsOf(New(nil, half(fault.Withhold), half(fault.Alter)), src, 0,
		both(sends(1, kindT, "a"), sends(2, kindT, "a"), sends(3, kindT, "a")))
	expectSends(t, got, "1 t `")
	got = sendsOf(New(nil, half(fault.Withhold), half(fault.Alter)), told{"byz.withhold": {1, 0}, "byz.alter": {1, 0, 1}}, 0,
		both(sends(1, kindT, "a"), sends(2, kindT, "a"), sends(3, kindT, "a")))
	expectSends(t, got, "2 t a", "3 t `")
}

func TestATraitorRemembersSixteenOfAKind(t *testing.T) {
	n := New(nil, lies(fault.Replay))
	n.node = script{receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) { env.Send(1, kindT, msg) }}
	var env protocol.Env
	for i := range 1000 {
		env.Enter(0, 1, 0, nil)
		n.Receive(&env, 1, fmt.Appendf(nil, "%d", i))
	}
	if len(n.said) != 1 || n.said[0].len() != 16 || n.heard.len() != 16 {
		t.Errorf("remembers %d kinds, %d said and %d heard; want 1, 16, 16", len(n.said), n.said[0].len(), n.heard.len())
	}
	if got := string(n.said[0].last(15).body); got != "984" {
		t.Errorf("the oldest is %s, want 984", got)
	}
}

func TestATraitorShowsTheNodeInside(t *testing.T) {
	inner := &script{}
	n := New(inner)
	if Honest(n) != protocol.Node(inner) || Honest(inner) != protocol.Node(inner) {
		t.Error("Honest returns another node")
	}
	if got := n.Describe([]byte("x")); string(got) != "x" {
		t.Errorf("a node that does not describe itself is described: %q", got)
	}
	if got := New(describer{}).Describe([]byte("x")); string(got) != "xstate" {
		t.Errorf("got %q, want xstate", got)
	}
}

type describer struct{ script }

func (describer) Describe(b []byte) []byte { return append(b, "state"...) }

func TestOnlyNodesThatFaultsNameAreWrapped(t *testing.T) {
	make := func(id protocol.NodeID) protocol.Node {
		if id == 2 {
			return nil
		}
		return new(script)
	}
	f := lies(fault.Withhold)
	last := f
	last.Node = 2
	wrapped := Wrap(make, []fault.Fault{{Op: fault.Crash, Node: 1}, f, last}, []Acts{2: {}})
	for id, want := range []bool{true, false, false} {
		n := wrapped(protocol.NodeID(id))
		if _, is := n.(*Node); is != want || (n == nil) != (id == 2) {
			t.Errorf("node %d is a %T", id, n)
		}
	}
}

func TestAnUnknownTraitPanics(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); got != "traitor: node 3 has trait 6, want 1 to 5" {
			t.Errorf("panics with %q", got)
		}
	}()
	New(script{}, fault.Fault{Op: fault.Byzantine, Node: 3, Trait: fault.Alter + 1})
}
