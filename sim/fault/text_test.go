package fault

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

// drawSet draws nodes of 0 to nodes-1, ascending; nil, for all, if it may.
func drawSet(t *rapid.T, nodes int, all bool) []protocol.NodeID {
	if all && rapid.IntRange(0, 3).Draw(t, "all") == 3 {
		return nil
	}
	set := rapid.SliceOfNDistinct(rapid.Uint32Range(0, uint32(nodes-1)), 1, nodes, rapid.ID).Draw(t, "set")
	slices.Sort(set)
	ids := make([]protocol.NodeID, len(set))
	for i, id := range set {
		ids[i] = protocol.NodeID(id)
	}
	return ids
}

// drawFault draws a valid fault of any operation in a run of that many nodes, at
// least 4, until then.
func drawFault(t *rapid.T, nodes int, until protocol.Time) Fault {
	span := func(least int64, name string) time.Duration {
		return time.Duration(rapid.Int64Range(least, int64(MaxSpan)).Draw(t, name))
	}
	r := rules[rapid.IntRange(0, len(rules)-1).Draw(t, "op")]
	f := Fault{Op: r.op, At: protocol.Time(rapid.Int64Range(0, int64(until)).Draw(t, "at"))}
	switch r.head {
	case headNode:
		f.Node = protocol.NodeID(rapid.IntRange(0, nodes-1).Draw(t, "node"))
	case headSet:
		f.Groups = [][]protocol.NodeID{drawSet(t, nodes, true)}
		for id := protocol.NodeID(0); f.Groups[0] != nil && len(f.Groups[0]) < 4; id++ {
			if i, found := slices.BinarySearch(f.Groups[0], id); !found {
				f.Groups[0] = slices.Insert(f.Groups[0], i, id)
			}
		}
	case headPair:
		from := drawSet(t, nodes, true)
		to := rapid.Custom(func(t *rapid.T) []protocol.NodeID { return drawSet(t, nodes, true) }).
			Filter(func(to []protocol.NodeID) bool { return len(from) != 1 || !slices.Equal(from, to) }) // no link leads from a node to itself
		f.Groups = [][]protocol.NodeID{from, to.Draw(t, "to")}
	case headParts:
		f.Groups = make([][]protocol.NodeID, rapid.IntRange(2, 4).Draw(t, "sides"))
		for id := range protocol.NodeID(nodes) {
			side := int(id)
			if side >= len(f.Groups) {
				side = rapid.IntRange(0, len(f.Groups)-1).Draw(t, "side")
			}
			f.Groups[side] = append(f.Groups[side], id)
		}
	}
	for c := clause(1); c < clauseEnd; c <<= 1 {
		must := r.must&c != 0
		if !must && (r.may&c == 0 || rapid.Bool().Draw(t, "left out")) {
			continue
		}
		switch c {
		case clauseTrait:
			f.Trait = Trait(rapid.IntRange(1, int(Alter)).Draw(t, "trait"))
		case clauseRate:
			f.Rate.Den = rapid.OneOf(rapid.SampledFrom([]uint32{100, 1000, 1e9}), rapid.Uint32Range(1, 1<<32-1)).Draw(t, "den")
			f.Rate.Num = rapid.Uint32Range(1, f.Rate.Den).Draw(t, "num")
		case clauseBy:
			f.By = span(1, "by")
		case clauseSigned:
			f.By = span(1, "by")
			if rapid.Bool().Draw(t, "back") {
				f.By = -f.By
			}
		case clausePPM:
			f.PPM = rapid.Int32Range(1, MaxDrift).Draw(t, "ppm")
			if rapid.Bool().Draw(t, "slow") {
				f.PPM = -f.PPM
			}
		case clauseOnly:
			f.Only = protocol.KindOf(rapid.StringMatching(`[a-z0-9._-]{1,12}`).Draw(t, "only"))
		case clauseAfter, clauseOn, clauseOnOf:
			drawAnchor(t, &f, c, nodes)
		case clauseFor:
			f.For = span(1, "for")
		case clauseEvery:
			f.Every = span(1, "every")
		case clauseDisk:
			f.Disk = Survival(rapid.IntRange(1, int(KeepAny)).Draw(t, "disk"))
		}
	}
	return f
}

func drawAnchor(t *rapid.T, f *Fault, c clause, nodes int) {
	if c == clauseAfter && rapid.Bool().Draw(t, "effects") {
		f.After = rapid.IntRange(1, 1<<31-1).Draw(t, "after")
		return
	}
	f.On.Op = rapid.SampledFrom(anchorOps[:]).Draw(t, "effect")
	f.On.N = rapid.Uint64Range(1, 1<<64-1).Draw(t, "which")
	if hasKind(f.On.Op) && rapid.Bool().Draw(t, "has kind") {
		f.On.Kind = protocol.KindOf(rapid.StringMatching(`[a-z0-9._-]{1,12}`).Draw(t, "kind"))
	}
	if f.On.Other = c == clauseOnOf || rapid.Bool().Draw(t, "other"); f.On.Other {
		f.On.Of = protocol.NodeID(rapid.IntRange(0, nodes-1).Draw(t, "of"))
	}
}

func TestFaultsAreReadAsTheyArePrinted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := rapid.IntRange(4, 12).Draw(t, "nodes")
		f := drawFault(t, nodes, protocol.MaxTime)
		if err := f.Validate(nodes, protocol.MaxTime); err != nil {
			t.Fatal(err)
		}
		got, err := parseOne(f.String())
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Fatalf("%q is read as %+v, %v; want %+v", f.String(), got, err, f)
		}
	})
}

func TestFaultFilesAreReadAsTheyAreFormatted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.Uint64Range(0, 1<<62-1), 0, 5, rapid.ID).Draw(t, "ids")
		inOrder := rapid.Bool().Draw(t, "in order")
		var faults []Fault
		for i, id := range ids {
			f := drawFault(t, 5, 1000)
			if f.ID = id; inOrder {
				f.ID = uint64(i) + 1
			}
			faults = append(faults, f)
		}
		text := Format(faults)
		got, err := Parse(text)
		if err != nil || !reflect.DeepEqual(got, faults) {
			t.Fatalf("read as %+v, %v; want %+v:\n%s", got, err, faults, text)
		}
		if inOrder && strings.Contains(text, ":") || len(ids) > 0 && faults[0].ID != 1 && !strings.Contains(text, ":") {
			t.Fatalf("want identities only if they are not 1, 2, ...:\n%s", text)
		}
	})
}

func TestEveryOperationIsInTheGrammarWithAnExample(t *testing.T) {
	var ops []Op
	for _, form := range Grammar() {
		ops = append(ops, form.Op)
		f, err := parseOne(form.Example)
		if err != nil || f.Op != form.Op || f.String() != form.Example {
			t.Errorf("%s: example %q is read as %q, %v", form.Form, form.Example, f, err)
		}
		if err := f.Validate(6, protocol.Time(time.Minute)); err != nil {
			t.Error(err)
		}
		if word := strings.Fields(form.Form)[0]; word != form.Op.String() || form.Meaning == "" {
			t.Errorf("%v: form %q, meaning %q", form.Op, form.Form, form.Meaning)
		}
	}
	for op := Crash; op <= Heal; op++ {
		if i := slices.Index(ops, op); i != int(op-Crash) {
			t.Errorf("%v is number %d of the grammar, want %d", op, i, op-Crash)
		}
	}
}

func TestFormsAreMadeFromTheGrammar(t *testing.T) {
	for op, want := range map[Op]string{
		Crash:     "crash N [at T] [after K effects|after OP [KIND] #K [of N]] [for D] [torn|scattered|any]",
		Pause:     "pause N [at T] [after OP [KIND] #K [of N]] for D",
		Partition: "partition SET|SET[|SET...] [only KIND] [at T] [after OP [KIND] #K of N] [for D] [every D]",
		Mute:      "mute N [only KIND] [at T] [after OP [KIND] #K [of N]] [for D] [every D]",
		Jump:      "jump N by D at T",
		Full:      "full N [at T] [after OP [KIND] #K [of N]] [for D]",
		Order:     "order N [at T] [after OP [KIND] #K [of N]] [for D]",
		Yield:     "yield N R% [at T] [after OP [KIND] #K [of N]] [for D]",
		Stall:     "stall N R% by D [at T] [after OP [KIND] #K [of N]] [for D]",
		Drift:     "drift N by PPMppm [at T] [after OP [KIND] #K [of N]] [for D]",
		Byzantine: "byzantine N equivocates|forges|replays|withholds|alters R% [at T] [for D]",
		Heal:      "heal at T",
	} {
		if got := ruleOf(op).form(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestFaultsHaveAText(t *testing.T) {
	ms := protocol.Time(time.Millisecond)
	for _, test := range []struct {
		f    Fault
		want string
	}{
		{Fault{Op: Crash, Node: 2, At: 1000 * ms}, "crash 2 at 1s"},
		{Fault{Op: Crash, Node: 2}, "crash 2 at 0s"},
		{Fault{Op: Crash, Node: 2, At: 1000 * ms, After: 3, For: time.Minute}, "crash 2 at 1s after 3 effects for 1m0s"},
		{Fault{Op: Crash, Node: 2, After: 1}, "crash 2 after 1 effect"},
		{Fault{Op: Crash, Node: 2, On: Anchor{Op: protocol.OpSend, Kind: protocol.KindOf("prepare"), N: 3}, Disk: KeepScattered}, "crash 2 after send prepare #3 scattered"},
		{Fault{Op: Crash, Node: 2, On: Anchor{Op: protocol.OpSync, N: 3}, Disk: KeepAny}, "crash 2 after sync #3 any"},
		{Fault{Op: Cut, Groups: [][]protocol.NodeID{{0}, {1}}, On: Anchor{Op: protocol.OpSend, Kind: protocol.KindOf("stable"), N: 3, Other: true, Of: 2}, For: time.Second}, "cut 0>1 after send stable #3 of 2 for 1s"},
		{Fault{Op: Pause, Node: 1, At: 1, On: Anchor{Op: protocol.OpSync, N: 1}, For: time.Second}, "pause 1 at 1ns after sync #1 for 1s"},
		{Fault{Op: Crash, Node: 2, On: Anchor{Op: protocol.OpSync, N: 3, Other: true}, For: time.Millisecond}, "crash 2 after sync #3 of 0 for 1ms"},
		{Fault{Op: Crash, Node: 2, At: ms, On: Anchor{Op: protocol.OpSetTimer, N: 1}}, "crash 2 at 1ms after set-timer #1"},
		{Fault{Op: Restart, Node: 1, At: 5}, "restart 1 at 5ns"},
		{Fault{Op: Heal, At: Never}, "heal at never"},
		{Fault{Op: Restart, Node: 1, At: 1500}, "restart 1 at 1.5us"},
		{Fault{Op: Cut, Groups: [][]protocol.NodeID{nil, {0, 1, 3, 4, 5, 9}}, At: ms, For: time.Second, Every: time.Millisecond}, "cut *>0,1,3-5,9 at 1ms for 1s every 1ms"},
		{Fault{Op: Lose, Groups: [][]protocol.NodeID{{0}, nil}, Rate: protocol.Ratio{Num: 1, Den: 3}}, "lose 0>* 1/3 at 0s"},
		{Fault{Op: Slow, Groups: [][]protocol.NodeID{{0}, nil}, By: time.Second, Only: protocol.KindOf("flood"), At: 5}, "slow 0>* by 1s only flood at 5ns"},
		{Fault{Op: Byzantine, Node: 3, Trait: Forge, Rate: protocol.Ratio{Num: 125, Den: 10000}}, "byzantine 3 forges 1.25%"},
		{Fault{Op: Deaf, Node: 3, At: ms, For: time.Second}, "deaf 3 at 1ms for 1s"},
		{Fault{Op: Mute, Node: 3, Every: time.Second}, "mute 3 at 0s every 1s"},
		{Fault{Op: Full, Node: 1, At: ms, For: time.Second}, "full 1 at 1ms for 1s"},
		{Fault{Op: Full, On: Anchor{Op: protocol.OpFlush, N: 2}}, "full 0 after flush #2"},
		{Fault{Op: Order, Node: 1, At: ms, For: time.Second}, "order 1 at 1ms for 1s"},
		{Fault{Op: Order, On: Anchor{Op: protocol.OpPersist, N: 2}}, "order 0 after persist #2"},
		{Fault{Op: Yield, Node: 1, Rate: protocol.Percent(5), At: ms}, "yield 1 5% at 1ms"},
		{Fault{Op: Stall, Node: 1, Rate: protocol.Percent(5), By: 3 * time.Millisecond, At: ms}, "stall 1 5% by 3ms at 1ms"},
		{Fault{Op: Jump, By: -50 * time.Millisecond}, "jump 0 by -50ms at 0s"},
		// Invalid ones have some text, too.
		{Fault{Node: 1}, "fault(0) 1"},
		{Fault{Op: Cut}, "cut  at 0s"},
		{Fault{Op: Byzantine, Trait: 9, Disk: 8}, "byzantine 0 trait(9) 0% survival(8)"},
		{Fault{Op: Pause, Disk: KeepTorn}, "pause 0 at 0s for 0s torn"},
	} {
		if got := test.f.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestClausesComeInAnyOrder(t *testing.T) {
	for text, want := range map[string]string{
		"crash 2 torn for 1s after 3 effects at 30ms": "crash 2 at 30ms after 3 effects for 1s torn",
		"crash 2 after 1 effects":                     "crash 2 after 1 effect",
		"crash 2 after send#3 # not the 2nd":          "crash 2 after send #3",
		"slow 0>1 for 1s at 1ms by 0.5s":              "slow 0>1 by 500ms at 1ms for 1s",
		"byzantine 1 for 1m at 1h 1/4 alters":         "byzantine 1 alters 1/4 at 1h0m0s for 1m0s",
		"lose 0>1 after send #3 of 2 only flood 5%":   "lose 0>1 5% only flood after send #3 of 2",
		"lose 0>1 at 0 0.1":                           "lose 0>1 10% at 0s",
		"lose 3,1,2,1 > 0 , 5 at 0s 100%":             "lose 1-3>0,5 100% at 0s",
		"partition 4-2,0|1 at 1s":                     "",
		"partition 0-1|2-4 | *\tat 1s\r\n":            "partition 0,1|2-4|* at 1s",
		"\n  jump 07 by +2s at 1us;":                  "jump 7 by 2s at 1us",
		"drift 1 by -5ppm at 1µs":                     "drift 1 by -5ppm at 1us",
	} {
		if f, err := parseOne(text); err == nil && f.String() != want || err != nil && want != "" {
			t.Errorf("%q is read as %q, %v; want %q", text, f, err, want)
		}
	}
}

func TestFaultErrorsSayWhereAndWhatWouldBeRight(t *testing.T) {
	all := "want a fault: crash, restart, pause, failsync, slowsync, latetimer, order, yield, stall, full, rot, partition, cut, ring, deaf, mute, clog, slow, lose, copy, late, echo, corrupt, jump, drift, byzantine, heal"
	crash := "crash N [at T] [after K effects|after OP [KIND] #K [of N]] [for D] [torn|scattered|any]"
	for _, test := range []struct{ text, want string }{
		{"chrash 2 at 30ms", `1, column 1: found "chrash"; did you mean crash?`},
		{"reboot 2", `1, column 1: found "reboot", ` + all},
		{" é 2", `1, column 2: found "\u00e9", ` + all},
		{"é; crash", `1, column 1: found "\u00e9", ` + all},
		{"heal at 1s; crash 2 at 30ms\n\n# nobody\nheal at 1s # é\n  crash é at 30ms", `5, column 9: found "\u00e9", want a node's number from 0 to 16777215, as in: ` + crash},
		{"crash", "1, column 6: found the end of the fault, want a node's number from 0 to 16777215, as in: " + crash},
		{"crash 99999999 at 1s", `1, column 7: found "99999999", want a node's number from 0 to 16777215, as in: ` + crash},
		{"crash 2", "1, column 8: found the end of the fault, want at T, as in: " + crash},
		{"pause 2 at 1s; heal at 1s", "1, column 14: found the end of the fault, want for D, as in: pause N [at T] [after OP [KIND] #K [of N]] for D"},
		{"crash 2 at", "1, column 11: found the end of the fault, want a time with its unit, such as 30ms or 1.5s, of at most 2400h0m0s"},
		{"crash 2 at 30", `1, column 12: found "30", want a time with its unit, such as 30ms or 1.5s, of at most 2400h0m0s`},
		{"crash 2 at -30ms", `1, column 12: found "-30ms", want a time with its unit, such as 30ms or 1.5s, of at most 2400h0m0s`},
		{"crash 2 att 30ms", `1, column 9: found "att"; did you mean at?`},
		{"crash 2 at 30ms tron", `1, column 17: found "tron"; did you mean torn?`},
		{"crash 2 at 30ms 10%", `1, column 17: found "10%", want ` + crash},
		{"crash 2 at 30ms at 40ms", `1, column 17: found "at", want each clause once, as in: ` + crash},
		{"crash 1 at never", `1, column 12: found "never", want a time with its unit, such as 30ms or 1.5s, of at most 2400h0m0s`},
		{"heal at 1s for 1s", `1, column 12: found "for", want heal at T`},
		{"crash 2 after 0 effects", `1, column 15: found "0", want 1 effect or more`},
		{"crash 2 after 3 efects", `1, column 17: found "efects", want 3 effects`},
		{"crash 2 after", "1, column 14: found the end of the fault, want a number of effects, or one of send, persist, sync, output, set-timer, flush"},
		{"crash 2 after persit #1", `1, column 15: found "persit"; did you mean persist?`},
		{"crash 2 after persist x #1", `1, column 23: found "x", want which one, such as #1`},
		{"crash 2 after send PREPARE #1", `1, column 20: found "PREPARE", want a kind of characters a-z, 0-9, '-', '.' and '_'`},
		{"crash 2 after send prepare", "1, column 27: found the end of the fault, want which one, such as #1"},
		{"crash 2 after send #1 of", "1, column 25: found the end of the fault, want the number of the node whose effect it is"},
		{"crash 2 after send #1 of all", `1, column 26: found "all", want the number of the node whose effect it is`},
		{"crash 2 after 1 effect of 3", `1, column 24: found "of", want crash N [at T] [after K effects|after OP [KIND] #K [of N]] [for D] [torn|scattered|any]`},
		{"cut 0>1 after send #1 for 1s", `1, column 23: found "for", want "of" and the number of the node whose effect it is`},
		{"pause 1 after 3 effects for 1s", `1, column 15: found "3", want one of send, persist, sync, output, set-timer, flush`},
		{"byzantine 1 forges 5% after send #1", `1, column 23: found "after"; did you mean alters?`},
		{"crash 2 after send #0", `1, column 20: found "#0", want which one, such as #1`},
		{"cut 0,1 at 1s", `1, column 5: found "0,1", want nodes such as 0,1,5 or 0-4 or *, as in: cut SET>SET [only KIND] [at T] [after OP [KIND] #K of N] [for D] [every D]`},
		{"cut 0>1>2 at 1s", `1, column 5: found "0>1>2", want nodes such as 0,1,5 or 0-4 or *, as in: cut SET>SET [only KIND] [at T] [after OP [KIND] #K of N] [for D] [every D]`},
		{"cut 0>x at 1s", `1, column 5: found "0>x", want nodes such as 0,1,5 or 0-4 or * for "x"`},
		{"cut 0>4-2 at 1s", `1, column 5: found "0>4-2", want nodes such as 0,1,5 or 0-4 or * for "4-2"`},
		{"cut 0-16777215>1 at 1s", `1, column 5: found "0-16777215>1", want nodes such as 0,1,5 or 0-4 or * for "0-16777215"`},
		{"partition 0 at 1s", `1, column 11: found "0", want nodes such as 0,1,5 or 0-4 or *, as in: partition SET|SET[|SET...] [only KIND] [at T] [after OP [KIND] #K of N] [for D] [every D]`},
		{"deaf 0>1 at 1s", `1, column 6: found "0>1", want a node's number from 0 to 16777215, as in: deaf N [only KIND] [at T] [after OP [KIND] #K [of N]] [for D] [every D]`},
		{"lose 0>1 101% at 1s", `1, column 10: found "101%", want a share such as 10%, 0.5% or 1/3`},
		{"lose 0>1 at 1s", "1, column 15: found the end of the fault, want R%, as in: lose SET>SET R% [only KIND] [at T] [after OP [KIND] #K of N] [for D]"},
		{"lose 0>1 5% onyl flood at 1s", `1, column 13: found "onyl"; did you mean only?`},
		{"cut 0>1 only Flood at 1s", `1, column 14: found "Flood", want a kind of characters a-z, 0-9, '-', '.' and '_'`},
		{"drift 1 by 200 at 0s", `1, column 12: found "200", want parts per million such as 200ppm or -50ppm`},
		{"jump 1 by 200 at 0s", `1, column 11: found "200", want a duration such as 50ms or -2s`},
		{"order 1 10% at 0s", `1, column 9: found "10%", want order N [at T] [after OP [KIND] #K [of N]] [for D]`},
		{"full 1 by 5s at 0s", `1, column 8: found "by", want full N [at T] [after OP [KIND] #K [of N]] [for D]`},
		{"yield 1 at 0s", "1, column 14: found the end of the fault, want R%, as in: yield N R% [at T] [after OP [KIND] #K [of N]] [for D]"},
		{"byzantine 1 lies 5%", `1, column 13: found "lies", want byzantine N equivocates|forges|replays|withholds|alters R% [at T] [for D]`},
		{"byzantine 1 forge 5%", `1, column 13: found "forge"; did you mean forges?`},
		{"crash 2 at 30ms: 7", `1, column 16: found ":", want ` + crash},
		{"x: crash 2 at 30ms", `1, column 1: found "x", want an identity from 0 to 2^62 - 1`},
		{"4611686018427387904: heal at 1s", `1, column 1: found "4611686018427387904", want an identity from 0 to 2^62 - 1`},
		{"2: heal at 1s\nheal at 1s", `2, column 1: found "heal", want an identity other than 2, which line 1 has`},
		{"7:", "1, column 3: found the end of the fault, " + all},
		{strings.Repeat("x", 50), `1, column 1: found "` + strings.Repeat("x", 40) + `"..., ` + all},
	} {
		_, err := Parse(test.text)
		var bad *SyntaxError
		if !errors.As(err, &bad) || err.Error() != "line "+test.want {
			t.Errorf("%q:\ngot  %v\nwant line %s", test.text, err, test.want)
		}
	}
}

func TestParseFaultReadsOne(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "line 1, column 1: found the end of the fault, want a fault: ",
		"# only a comment":       "line 1, column 1: found the end of the fault, want a fault: ",
		"heal at 1s; heal at 2s": `line 1, column 13: found "heal", want one fault alone`,
		"7: heal at 1s":          `line 1, column 1: found "7", want a fault: `,
	} {
		if _, err := parseOne(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestIdentitiesStayWhenALineIsRemoved(t *testing.T) {
	faults, err := Parse("crash 0 at 1s\nrestart 0 at 2s; crash 1 at 3s # and\n\nheal at 4s")
	if err != nil {
		t.Fatal(err)
	}
	text := Format(slices.Delete(faults, 1, 2))
	if want := "1: crash 0 at 1s\n3: crash 1 at 3s\n4: heal at 4s\n"; text != want {
		t.Fatalf("got %q, want %q", text, want)
	}
	_, text, _ = strings.Cut(text, "\n")
	faults, err = Parse(text)
	if err != nil || len(faults) != 2 || faults[0].ID != 3 || faults[1].ID != 4 {
		t.Errorf("got %+v, %v; want the identities 3 and 4", faults, err)
	}
}

// What is read, whatever its form, is printed in a form that is read as the same.
func FuzzParseFaults(f *testing.F) {
	for _, form := range Grammar() {
		f.Add(form.Example)
	}
	f.Add("3: crash 2 after send #1 # why\n\ncut 1,0-9 > * at 1us;heal at 0")
	f.Add("lose *>* 1/3 at 0s\nlose *>* 0.1 at .5h\ncopy 0>0 0/7 at 1ns")
	f.Fuzz(func(t *testing.T, text string) {
		faults, err := Parse(text)
		var bad *SyntaxError
		if err != nil {
			if !errors.As(err, &bad) || bad.Line < 1 || bad.Column < 1 || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q: got %q, want one line of a SyntaxError with its place", text, err)
			}
			return
		}
		printed := Format(faults)
		again, err := Parse(printed)
		if err != nil || !reflect.DeepEqual(again, faults) {
			t.Fatalf("%q is printed as %q and that read as %+v, %v; want %+v", text, printed, again, err, faults)
		}
		if twice := Format(again); twice != printed {
			t.Fatalf("%q is printed as %q and then as %q", text, printed, twice)
		}
	})
}

func TestAnInvalidFaultIsRefusedWithItsTextAndTheRightForm(t *testing.T) {
	two := [][]protocol.NodeID{{0}, {1}}
	for _, test := range []struct {
		f    Fault
		want string
	}{
		{Fault{Op: Heal + 1}, "fault 0 has operation 28, want 1 to 27"},
		{Fault{Op: Pause}, "fault 0 (pause 0 at 0s for 0s) lasts 0s, want 1ns to 24h0m0s"},
		{Fault{Op: Pause, For: 1, At: 101}, "fault 0 (pause 0 at 101ns for 1ns) begins at 101ns, want 0s to 100ns"},
		{Fault{Op: Pause, For: 1, Node: 5}, "fault 0 (pause 5 at 0s for 1ns) hits node 5, want 0 to 4"},
		{Fault{Op: Pause, For: 1, Every: 1}, `fault 0 (pause 0 at 0s for 1ns every 1ns) has "every 1ns", want pause N [at T] [after OP [KIND] #K [of N]] for D`},
		{Fault{Op: Pause, For: 1, Groups: two}, "fault 0 (pause 0 at 0s for 1ns) has the groups 0|1, want pause N [at T] [after OP [KIND] #K [of N]] for D"},
		{Fault{Op: Heal, Node: 1}, "fault 0 (heal at 0s) has node 1, want heal at T"},
		{Fault{Op: Cut, Groups: two, Node: 1}, "fault 0 (cut 0>1 at 0s) has node 1, want cut SET>SET [only KIND] [at T] [after OP [KIND] #K of N] [for D] [every D]"},
		{Fault{Op: Cut, Groups: two[:1]}, "fault 0 (cut 0 at 0s) has 1 set, want SET>SET"},
		{Fault{Op: Deaf, Groups: two}, "fault 0 (deaf 0 at 0s) has the groups 0|1, want deaf N [only KIND] [at T] [after OP [KIND] #K [of N]] [for D] [every D]"},
		{Fault{Op: Mute, Node: 5}, "fault 0 (mute 5 at 0s) hits node 5, want 0 to 4"},
		{Fault{Op: Ring, Groups: two}, "fault 0 (ring 0|1 at 0s) has 2 sets, want SET"},
		{Fault{Op: Ring, Groups: [][]protocol.NodeID{{0, 1, 2}}}, "fault 0 (ring 0-2 at 0s) has 3 nodes, want at least 4, since each hears two"},
		{Fault{Op: Partition, Groups: two[:1]}, "fault 0 (partition 0 at 0s) has 1 set, want SET|SET[|SET...]"},
		{Fault{Op: Partition, Groups: [][]protocol.NodeID{{0, 1}, {1, 2}}}, "fault 0 (partition 0,1|1,2 at 0s) has node 1 on two sides, want it on only one"},
		{Fault{Op: Partition, Groups: [][]protocol.NodeID{{0, 1}, nil}}, "fault 0 (partition 0,1|* at 0s) has all nodes on one side, want some on each"},
		{Fault{Op: Cut, Groups: [][]protocol.NodeID{{0, 1}, {}}}, "fault 0 (cut 0,1> at 0s) has an empty set of nodes, want at least one node, or nil for all"},
		{Fault{Op: Cut, Groups: [][]protocol.NodeID{{1, 0}, {2}}}, "fault 0 (cut 1,0>2 at 0s) names node 0 after 1, want ascending order"},
		{Fault{Op: Cut, Groups: [][]protocol.NodeID{{1, 5}, {2}}}, "fault 0 (cut 1,5>2 at 0s) names node 5, want 0 to 4"},
		{Fault{Op: Slow, Groups: [][]protocol.NodeID{{2}, {2}}, By: 1}, "fault 0 (slow 2>2 by 1ns at 0s) is for node 2 to itself, want two nodes: what a node sends to itself crosses no link"},
		{Fault{Op: Slow, Groups: two}, "fault 0 (slow 0>1 by 0s at 0s) is by 0s, want 1ns to 24h0m0s"},
		{Fault{Op: Slow, Groups: two, By: 1, For: MaxSpan + 1}, "fault 0 (slow 0>1 by 1ns at 0s for 24h0m0.000000001s) lasts 24h0m0.000000001s, want 0s to 24h0m0s"},
		{Fault{Op: Cut, Groups: two, Every: -1}, "fault 0 (cut 0>1 at 0s every -1ns) comes and goes every -1ns, want 0s to 24h0m0s"},
		{Fault{Op: Jump}, "fault 0 (jump 0 by 0s at 0s) is by 0s, want -24h0m0s to 24h0m0s, and not 0"},
		{Fault{Op: Drift, PPM: MaxDrift + 1}, "fault 0 (drift 0 by 200001ppm at 0s) is by 200001ppm, want -200000 to 200000, and not 0"},
		{Fault{Op: Lose, Groups: two, Rate: protocol.Ratio{Den: 3}}, "fault 0 (lose 0>1 0/3 at 0s) hits 0 of 3, want a share of more than 0 and at most all"},
		{Fault{Op: Yield}, "fault 0 (yield 0 0% at 0s) hits 0 of 0, want a share of more than 0 and at most all"},
		{Fault{Op: Order, Rate: protocol.Percent(1)}, `fault 0 (order 0 1% at 0s) has "1%", want order N [at T] [after OP [KIND] #K [of N]] [for D]`},
		{Fault{Op: Byzantine, Rate: protocol.Percent(1)}, "fault 0 (byzantine 0 trait(0) 1%) has trait 0, want equivocates, forges, replays, withholds, alters"},
		{Fault{Op: Crash, Disk: 4}, "fault 0 (crash 0 at 0s survival(4)) has survival 4, want 0 to 3"},
		{Fault{Op: Crash, After: 1, On: Anchor{Op: protocol.OpSync, N: 1}}, "fault 0 (crash 0 after sync #1) comes after 1 effects and after sync #1, use one or the other"},
		{Fault{Op: Crash, On: Anchor{Op: protocol.OpDiscard, N: 1}}, "fault 0 (crash 0 after discard #1) comes after discard #1, want send, persist, sync, output, set-timer, flush"},
		{Fault{Op: Cut, Groups: two, On: Anchor{Op: protocol.OpSync, N: 1}}, "fault 0 (cut 0>1 after sync #1) waits for an effect, but names no node; want one"},
		{Fault{Op: Pause, After: 1, For: 1}, `fault 0 (pause 0 after 1 effect for 1ns) has "after 1 effect", want pause N [at T] [after OP [KIND] #K [of N]] for D`},
		{Fault{Op: Jump, By: 1, On: Anchor{Op: protocol.OpSync, N: 1}}, `fault 0 (jump 0 by 1ns at 0s after sync #1) has "after sync #1", want jump N by D at T`},
		{Fault{Op: Crash, On: Anchor{Op: protocol.OpSync, N: 1, Other: true, Of: 9}}, "fault 0 (crash 0 after sync #1 of 9) waits for node 9, want 0 to 4"},
		{Fault{Op: Crash, On: Anchor{Op: protocol.OpSync, N: 1, Of: 1}}, "fault 0 (crash 0 after sync #1) comes after an effect of its own node, but names node 1; want 0"},
		{Fault{Op: Crash, On: Anchor{Op: protocol.OpSync}}, "fault 0 (crash 0 after sync #0) comes after sync #0, want #1 or more"},
		{Fault{Op: Crash, On: Anchor{Op: protocol.OpSync, Kind: protocol.KindOf("t"), N: 1}}, "fault 0 (crash 0 after sync t #1) comes after sync t #1, want no kind: sync has none"},
	} {
		if err := test.f.Validate(5, 100); err == nil || err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}

func TestFaultsThatAreAtOddsAreRefused(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"heal at 9s; heal at 9s", "fault 2 (heal at 9s) is another heal besides heal at 9s, want only one"},
		{"heal at 8s; crash 1 at 8s", "fault 2 (crash 1 at 8s) begins at or after the heal, want before 8s"},
		{"crash 1 at 7s; pause 0 at 8.5s for 1s; heal at 8s", "fault 2 (pause 0 at 8.5s for 1s) begins at or after the heal, want before 8s"},
		{"pause 1 at 2s for 1s; pause 1 at 1s for 1.1s", "fault 1 (pause 1 at 2s for 1s) begins in the pause pause 1 at 1s for 1.1s, want at 2.1s or later"},
		{"pause 1 at 2s for 1s; pause 1 at 3s for 1s; pause 2 at 3s for 1s", ""},
		{"crash 1 at 1s for 2s; pause 1 at 2.9s for 1s", "fault 2 (pause 1 at 2.9s for 1s) begins while its node is down from crash 1 at 1s for 2s, want another time"},
		{"crash 1 at 1s; pause 1 at 9s for 1s", "fault 2 (pause 1 at 9s for 1s) begins while its node is down from crash 1 at 1s, want another time"},
		{"crash 1 at 1s for 2s; pause 1 at 3s for 1s; pause 0 at 2s for 1s", ""},
		{"crash 1 at 1s; restart 1 at 2s; pause 1 at 2s for 1s", ""},
		{"crash 1 at 1s after 1 effect; pause 1 at 2s for 1s", ""},
		{"crash 1 at 1s after sync #1; pause 1 at 2s for 1s", ""},
		{"failsync 1 at 1s; crash 1 at 2s; pause 1 at 3s for 1s", ""},
		{"crash 0 at 1s; restart 0 at 1s; restart 1 at 1s; crash 1 at 1s", ""},
		{"1: crash 1 at 1s\n1: heal at 2s", "an identity other than"},
	} {
		faults, err := Parse(test.text)
		if err == nil {
			err = Validate(faults, 3, protocol.Time(10*time.Second), nil)
		}
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s:\ngot  %v\nwant %s", test.text, err, test.want)
		}
	}
}

// A node that starts later is not down from a crash before.
func TestACrashBeforeTheStartExcludesNoPause(t *testing.T) {
	faults := []Fault{{ID: 1, Op: Crash, At: 10}, {ID: 2, Op: Pause, At: 30, For: 1}}
	if err := Validate(faults, 3, 100, nil); err == nil {
		t.Error("a pause after a crash is accepted")
	}
	if err := Validate(faults, 3, 100, []protocol.Time{20, 0, 0}); err != nil {
		t.Error(err)
	}
}

// The slow twin looks at every nanosecond of every two pauses.
func TestPausesOfOneNodeNeverOverlap(t *testing.T) {
	refused := 0
	property := func(t *rapid.T) {
		var faults []Fault
		busy := make(map[string]bool)
		overlap := false
		for i := range rapid.IntRange(0, 6).Draw(t, "pauses") {
			f := Fault{ID: uint64(i), Op: Pause, Node: protocol.NodeID(rapid.IntRange(0, 2).Draw(t, "node")),
				At: protocol.Time(rapid.IntRange(0, 30).Draw(t, "at")), For: time.Duration(rapid.IntRange(1, 5).Draw(t, "for"))}
			for at := f.At; at < f.End(); at++ {
				place := fmt.Sprint(f.Node, at)
				overlap = overlap || busy[place]
				busy[place] = true
			}
			faults = append(faults, f)
		}
		if err := Validate(faults, 3, 100, nil); (err != nil) != overlap {
			t.Fatalf("got %v, want an error: %v, for\n%s", err, overlap, Format(faults))
		}
		if overlap {
			refused++
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 40, property)
	if refused == 0 {
		t.Error("vacuous: nothing overlapped")
	}
}

func TestRatiosAreReadExactly(t *testing.T) {
	for text, want := range map[string]protocol.Ratio{
		"0%": {}, "0.000%": {}, "10%": {Num: 10, Den: 100}, "0.5%": {Num: 5, Den: 1000}, "100%": {Num: 100, Den: 100}, "1": {Num: 100, Den: 100},
		"0.1": {Num: 10, Den: 100}, "0.12345678": {Num: 12345678, Den: 100000000}, "1/3": {Num: 1, Den: 3}, "2/4": {Num: 2, Den: 4},
		"1.50%": {Num: 15, Den: 1000}, "4294967295/4294967295": {Num: 1<<32 - 1, Den: 1<<32 - 1},
	} {
		if got, ok := ParseRatio(text); !ok || got != want {
			t.Errorf("%q is read as %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "%", "101%", "1.1", ".5%", "5.%", "-1%", "+1%", "1e2%", "0.000000001%", "4/3", "1/", "/3", "1/2/3", "1/4294967296", "5 %"} {
		if got, ok := ParseRatio(text); ok {
			t.Errorf("%q is read as %v, want it refused", text, got)
		}
	}
}

// parseOne reads one fault, without an identity. It does not validate.
func parseOne(text string) (Fault, error) {
	all := cutLines(text)
	if len(all) == 0 {
		return Fault{}, &SyntaxError{Line: 1, Column: 1, Want: wantWord()}
	}
	if len(all) > 1 {
		t := all[1][0]
		return Fault{}, t.wrong("one fault alone")
	}
	return parseTokens(all[0])
}
