package fault

import (
	"fmt"
	"testing"
	"time"

	"dessim/protocol"
)

// severed lists the links of four nodes that the fault severs, as "0>1".
func severed(f Fault) (links []string) {
	for from := range protocol.NodeID(4) {
		for to := range protocol.NodeID(4) {
			if f.Severs(from, to, 4) {
				links = append(links, fmt.Sprintf("%v>%v", from, to))
			}
		}
	}
	return links
}

func TestWhichLinksAFaultSevers(t *testing.T) {
	for text, want := range map[string]string{
		"partition 0|1,2 at 0s": "[0>1 0>2 1>0 2>0]",
		"cut 0,1>1 at 0s":       "[0>1]",
		"ring * at 0s":          "[0>2 1>3 2>0 3>1]",
		"deaf 1 at 0s":          "[0>1 2>1 3>1]",
		"mute 1 at 0s for 1s":   "[1>0 1>2 1>3]",
		"clog 0>* at 0s for 1s": "[0>1 0>2 0>3]",
		"slow *>* by 1s at 0s":  "[]",
		"copy *>* 100% at 0s":   "[]",
		"lose 0>1 99% at 0s":    "[]",
		"lose 0>1 100% at 0s":   "[0>1]",
		"corrupt 0>1 1/1 at 0s": "[0>1]",
		"pause 1 at 0s for 1s":  "[]",
		"heal at 0s":            "[]",
	} {
		f, err := parseOne(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(severed(f)); got != want {
			t.Errorf("%s severs %s, want %s", text, got, want)
		}
	}
}

func TestSomeFaultsOfLinksHitANode(t *testing.T) {
	for _, form := range Grammar() {
		f, err := parseOne(form.Example)
		if err != nil {
			t.Fatal(err)
		}
		one := f.Op == Deaf || f.Op == Mute
		if f.Op.OfLinks() && (f.Op.OfNode() != one || !f.Op.Lasts() || !f.On.Other && f.Site() != f.Node) {
			t.Errorf("%v: hits a node: %v, lasts: %v, at node %v", f, f.Op.OfNode(), f.Op.Lasts(), f.Site())
		}
	}
	faults, err := Parse("deaf 1 at 0s; mute 4 at 1s")
	if err != nil {
		t.Fatal(err)
	}
	if got := Within(faults, 4); len(got) != 1 || got[0].Op != Deaf {
		t.Errorf("within four nodes there are %v, want deaf 1 alone", got)
	}
	if w := WindowOf(&faults[0], protocol.Time(time.Second)); w.Until != protocol.Time(time.Second) {
		t.Errorf("%v lasts until %v, want the heal at 1s", faults[0], w.Until)
	}
}
