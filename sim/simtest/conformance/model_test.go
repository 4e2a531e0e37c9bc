package conformance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
)

// played is a history of a script that has a bit of everything: node 0 starts, does what its
// input says, crashes after the sync of another, starts again and takes up what it sends to
// itself; node 1 receives a message.
func played() (*Play, []event) {
	p := script(2, nil,
		start(0), start(1),
		input(0, say("a"), write("r"), force(), write("s"), say("b"), timer(ms, 1, say("t")), sendTo(1), sendTo(0)),
		wait(), crashIn(0, 2), input(0, write("u"), force(), say("never")), wait(), start(0), wait())
	step := func(at time.Duration, id protocol.NodeID, inc uint32, w what, from protocol.NodeID, body string, acts []Act) event {
		return event{what: w, node: id, inc: inc, now: protocol.Time(at), name: uint64(at), from: from, body: body, tag: 1, acts: acts}
	}
	first, second := &p.Actions[2], &p.Actions[5]
	sent := func(i int) string { return string(message{first.acts[i].ID, 1, i - 5, nil}.bytes()) }
	again := step(4*ms, 0, 2, started, 0, "", nil)
	again.records = []stored{{0, "r"}, {1, "s"}, {2, "u"}}
	return p, []event{
		step(1, 0, 1, started, 0, "", nil),
		step(1, 1, 1, started, 0, "", nil),
		step(2, 0, 1, received, protocol.Outside, string(first.Body), first.acts),
		{what: outputs, node: 0, body: "a"},
		{what: outputs, node: 0, body: "b"},
		step(3, 1, 1, received, 0, sent(6), nil),
		step(3, 0, 1, received, 0, sent(7), nil),
		step(2*ms, 0, 1, fired, 0, "", first.acts[5].Then),
		{what: outputs, node: 0, body: "t"},
		step(3*ms, 0, 1, received, protocol.Outside, string(second.Body), second.acts),
		{what: down, node: 0},
		again,
	}
}

// TestTheModelFindsWhatIsAmiss alters a history that is allowed, in ways that are not. Each
// breaks the obligation that it is named after.
func TestTheModelFindsWhatIsAmiss(t *testing.T) {
	p, log := played()
	if j := p.judge(log, len(p.Actions)); len(j.bad)+len(j.owed) > 0 || j.crossed != 1 {
		t.Fatalf("an allowed history is said to break %q and to owe %q", j.bad, j.owed)
	}
	for name, alter := range map[string]func(l []event) []event{
		"1: first":   func(l []event) []event { l[1].inc = 2; return l },
		"1: again":   func(l []event) []event { l[11].inc = 1; return l },
		"2: up":      func(l []event) []event { return slices.Delete(l, 10, 11) },
		"2: owed":    func(l []event) []event { return l[:1] },
		"3: output":  func(l []event) []event { l[4], l[6] = l[6], l[4]; return l },
		"9: order":   func(l []event) []event { l[3], l[4] = l[4], l[3]; return l },
		"9: twice":   func(l []event) []event { return slices.Insert(l, 5, l[4]) },
		"9: too far": func(l []event) []event { return slices.Insert(l, 10, event{what: outputs, body: "never"}) },
		"9: unsent":  func(l []event) []event { e := l[5]; return slices.Insert(slices.Delete(l, 5, 6), 2, e) },
		"11: early":  func(l []event) []event { l[7].now = protocol.Time(ms) + 1; return l },
		"11: owed":   func(l []event) []event { return l[:7] },
		"12: twice":  func(l []event) []event { e := l[7]; e.name++; return slices.Insert(l, 9, e) },
		"16: owed":   func(l []event) []event { return l[:8] },
		"19: twice":  func(l []event) []event { e := l[2]; e.now, e.name = l[6].now+1, 77; return slices.Insert(l, 7, e) },
		"19: forged": func(l []event) []event { l[5].from = protocol.Outside; return l },
		"19: owed":   func(l []event) []event { return l[:2] },
		"20: late": func(l []event) []event {
			e := l[9]
			e.inc, e.now = 2, 5*protocol.Time(ms)
			return append(slices.Delete(l, 9, 10), e)
		},
		"24: output":   func(l []event) []event { return slices.Insert(l, 11, event{what: outputs, body: "never"}) },
		"25: lost":     func(l []event) []event { l[11].records = l[11].records[:2]; return l },
		"25: moved":    func(l []event) []event { l[11].records[2].index = 3; return l },
		"25: changed":  func(l []event) []event { l[11].records[1].body = "x"; return l },
		"27: back":     func(l []event) []event { l[9].now = 1; return l },
		"27: jumped":   func(l []event) []event { l[9].jumped = 1; return l },
		"29: panicked": func(l []event) []event { l[10].body = "oops"; return l },
		"30: owed":     func(l []event) []event { return l[:6] },
		"30: twice":    func(l []event) []event { return slices.Insert(l, 7, l[6]) },
	} {
		p, log := played()
		number, what, _ := strings.Cut(name, " ")
		end := len(p.Actions)
		if what == "owed" {
			end = 3 // what is owed to a life that crashed later is owed no more
		}
		j := p.judge(alter(log), end)
		if !slices.ContainsFunc(append(j.bad, j.owed...), func(s string) bool { return strings.HasPrefix(s, number) }) {
			t.Errorf("%s: the model finds %q and owed %q", name, j.bad, j.owed)
		}
	}
}
