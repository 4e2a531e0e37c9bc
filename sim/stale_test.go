package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// most answers each question with its greatest answer.
type most struct{}

func (most) Choose(_ protocol.Key, n uint64) uint64       { return n - 1 }
func (most) Chance(_ protocol.Key, p protocol.Ratio) bool { return !p.Never() }

func mustFaults(t tb, text string) []fault.Fault {
	t.Helper()
	faults, err := fault.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

// The original comes as ever, and the copy up to the given time later.
func TestALateCopyOutlivesWhatComesMeanwhile(t *testing.T) {
	for text, want := range map[string]string{
		"late 0>1 100% by 30ns at 20ns for 5ns":                         "10+5 20+5 30+5 40+5 20+35",
		"late 0>1 100% by 2ns at 20ns for 5ns":                          "10+5 20+5 20+7 30+5 40+5",
		"late 0>1 100% only other by 30ns at 20ns":                      all4,
		"late 0>2 100% by 30ns at 20ns":                                 all4,
		"late 0>1 100% by 30ns at 20ns for 5ns; deaf 1 at 20ns for 5ns": "10+5 30+5 40+5",
	} {
		plan := bells(3, 4, mustFaults(t, text)...)
		plan.Link.FIFO = true
		if _, c := run(t, plan, most{}); heard(c, 1, 0) != want {
			t.Errorf("%s: 1 hears from 0 %q, want %q", text, heard(c, 1, 0), want)
		}
	}
}

func TestALateCopyIsALittleLateAsOftenAsMuch(t *testing.T) {
	s := &Sim{nodes: make([]node, 2)}
	m := message{Effect: &protocol.Effect{To: 1}}
	l := &Link{Delay: time.Millisecond}
	counts := make(map[int]int) // by the number of decimal digits of milliseconds
	const each = 4000
	for i := range uint64(each) {
		s.src = answer(i)
		f := acting{Window: &fault.Window{Fault: &fault.Fault{ID: 1}}}
		late := s.lateness(&s.nodes[0], l, f, &m, i)
		if late < protocol.Time(l.Delay) || late > protocol.Time(fault.LateBy) {
			t.Fatalf("late by %v", late)
		}
		counts[len(fmt.Sprint(int64(late)/int64(time.Millisecond)))]++
	}
	for digits := 1; digits <= 5; digits++ {
		if n := counts[digits]; n < each/8 || n > each/4 {
			t.Errorf("%d of %d copies are late by %d digits of milliseconds, want about a fifth: %v", n, each, digits, counts)
		}
	}
}

// answer answers every choice among n with a share of n.
type answer uint64

func (a answer) Choose(_ protocol.Key, n uint64) uint64       { return uint64(a) * 7919 % n }
func (a answer) Chance(_ protocol.Key, p protocol.Ratio) bool { return false }

// What came before comes again when the fault begins, and when a node at an end restarts.
func TestAnEchoRepeatsWhatHasPassed(t *testing.T) {
	for text, want := range map[string]string{
		"echo 0>1 100% at 32ns for 5ns":                                                         "10+5 20+5 30+5 10+27 20+17 30+7 40+5",
		"echo 0>1 100% only other at 32ns for 5ns":                                              all4,
		"echo *>1 100% after send #2 of 2":                                                      "10+5 10+6 20+5 30+5 40+5",
		"echo 0>1 100% at 5ns for 25ns; crash 1 at 26ns for 1ns; lose 0>1 100% at 10ns for 1ns": "20+5 20+12 30+5 40+5",
		"echo 0>1 100% at 22ns for 5ns; cut 0>1 at 22ns for 5ns":                                all4,
	} {
		_, c := run(t, bells(3, 4, mustFaults(t, text)...), most{})
		got := strings.Fields(heard(c, 1, 0))
		if w := strings.Fields(want); !slices.Equal(got, w) {
			t.Errorf("%s: 1 hears from 0 %q, want %q", text, got, w)
		}
	}
}

// A repeated message keeps the bytes that were sent, and an Echo remembers a few of each kind.
func TestAnEchoRemembersTheLastOfEachKind(t *testing.T) {
	_, c := run(t, bells(2, 30, mustFaults(t, "echo 0>1 100% at 302ns for 1ns")...), most{})
	got := strings.Fields(heard(c, 1, 0))
	if n := len(got) - 30; n != fault.EchoMemory {
		t.Fatalf("%d messages come again, want %d: %q", n, fault.EchoMemory, got)
	}
	for i, again := range got[30:] {
		sent := 10 * (30 - fault.EchoMemory + 1 + i)
		if want := fmt.Sprintf("%d+%d", sent, 307-sent); again != want {
			t.Errorf("%s comes again, want %s", again, want)
		}
	}
}

func TestALateTimerFiresLaterThanSet(t *testing.T) {
	for text, want := range map[string]string{
		"latetimer 0 100% by 3ns at 10ns for 15ns":                               "10+5 23+5 36+5 46+5", // those set at 10 and 23
		"latetimer 1 100% by 3ns at 10ns for 15ns":                               all4,
		"latetimer 0 100% by 3ns at 10ns for 15ns; drift 0 by 100000ppm at 60ns": "10+5 23+5 36+5 46+5",
	} {
		_, c := run(t, bells(2, 4, mustFaults(t, text)...), most{})
		if got := heard(c, 1, 0); got != want {
			t.Errorf("%s: 1 hears from 0 %q, want %q", text, got, want)
		}
	}
}

// A run without such a fault is asked nothing more, and benign answers leave one with it as it
// is without.
func TestBenignAnswersMakeNothingStale(t *testing.T) {
	plain, _ := run(t, bells(3, 4), nil)
	r, c := run(t, bells(3, 4, mustFaults(t, "late *>* 50% at 0s; echo *>* 50% at 25ns; latetimer 0 50% by 9ns at 0s")...), nil)
	if r.Received != plain.Received || r.Copied != 0 || heard(c, 1, 0) != all4 {
		t.Errorf("received %d, want %d; copied %d, want none", r.Received, plain.Received, r.Copied)
	}
}
