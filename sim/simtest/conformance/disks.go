package conformance

import (
	"fmt"
	"testing"
)

// life is a life of a node: it does as told, and ends so.
func life(end Action, acts ...Act) []Action {
	if end.Do == Crash || end.Do == Stop {
		return []Action{start(end.Node), wait(), input(end.Node, acts...), wait(), end}
	}
	return []Action{start(end.Node), wait(), end, input(end.Node, acts...), wait()}
}

// claimsOfDisks are of records and discards.
func claimsOfDisks() []claim {
	var all []Action
	add := func(end Action, acts ...Act) { all = append(all, life(end, acts...)...) }
	for _, end := range []Action{crash(0), halt(1)} {
		add(end, write("a"), write("b"), force(), write("lost"))
		add(end, write("c"), force())
		add(end, write("lost"))
		add(end)
		add(end, drop(1), force(), write("d"), force())
		add(end, drop(2)) // revoked
		add(end, write("e"), force(), write("f"), force())
		add(end, drop(100), write("g"), force())
		add(end, write("h"), drop(100), force())
		add(end, write("i"), force())
		add(end)
	}
	var cuts []Action
	for k := 1; k <= 8; k++ {
		cuts = append(cuts, life(crashIn(0, k), write(fmt.Sprint("a", k)), write("b"), drop(uint64(k)), force(), write("c"), drop(2), force(), say("end"))...)
		cuts = append(cuts, life(failSync(0), write(fmt.Sprint("f", k)), drop(uint64(k)), force(), say("never"))...)
	}
	return []claim{
		{
			name: "13 15 25 records that were synced survive in order, with their numbers, and discards wait for a sync", nodes: 2, do: all,
			see: func(t *testing.T, p *Play) {
				n := 0
				for _, e := range p.history() {
					n += len(e.records)
				}
				if n < 20 {
					t.Errorf("%d records are read, want 20 or more\n%s", n, p.report())
				}
			},
		},
		{name: "9 14 15 a crash amid records, discards and syncs leaves what was synced", nodes: 1, do: append(cuts, start(0))},
	}
}

// claimsOfSyncs are of syncs, and of what follows them.
func claimsOfSyncs() []claim {
	return []claim{
		{
			name: "14 nothing that follows a sync happens if that fails", nodes: 2,
			do: append([]Action{start(1)}, append(actions(10, func(i int) []Action {
				return append(life(failSync(0), write("r"), sendTo(1, say("before")), force(), sendTo(1, say("after")), sendTo(0, say("after")),
					timer(1, 1, say("after")), say("after"), write("after"), force(), say("after")), wait())
			}), start(0))...),
			see: sees(),
		},
		{
			name: "14 24 a crash while the disk works is one before or after the sync", nodes: 1,
			do: append(actions(10, func(i int) []Action {
				return []Action{start(0), wait(), input(0, write("a"), force(), say("a"), write("b"), drop(uint64(i)), force(), say("b"), write("c"), force(), say("c")), crash(0)}
			}), start(0)),
		},
		{
			name: "16 an output is not handed on before its sync, and a Start can sync", nodes: 1,
			boot: []Act{write("start"), force(), say("up")},
			do: []Action{
				failSync(0), start(0), wait(), crashIn(0, 2), start(0), wait(), crashIn(0, 3), start(0), wait(), start(0),
			},
			see: sees("up", "up"),
		},
		{
			name: "22 bodies that effects share arrive, and are kept, as they were", nodes: 3,
			do: append([]Action{start(0), start(1), start(2)}, append(actions(10, func(i int) []Action {
				return []Action{input(0, write("same"), sendTo(1, say("same")), sendTo(2, say("same")), sendTo(1, say("same")), force(), say("same"), write("same"), sendTo(0, say("same")))}
			}), wait(), crash(0), start(0))...),
		},
	}
}
