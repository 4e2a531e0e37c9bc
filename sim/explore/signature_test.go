package explore_test

import (
	"errors"
	"testing"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
)

func signature(detail string) string {
	o := explore.Outcome{Verdict: check.Violation, Checks: []check.Result{{Name: "c", Verdict: check.Violation, Detail: detail}}}
	return o.Signature()
}

func TestFailuresThatDifferInValuesAloneAreOneGroup(t *testing.T) {
	for want, details := range map[string][]string{
		"c: keys # are missing":                            {"keys 1, 2 and 3 are missing", "keys 7 are missing", "keys 4, 5, and 6 are missing", "keys 1 2 3 are missing"},
		"c: record # is #, which nobody appended":          {`record 3 is "record 5+12, and more", which nobody appended`, `record 77 is "x", which nobody appended`, `record 0 is "a \"quoted\" 1", which nobody appended`},
		"c: key # was acknowledged as # and reads as #":    {`key "a" was acknowledged as "x1" and reads as ""`, "key 5 was acknowledged as 3 and reads as 0"},
		"c: # of # jobs ended (#)":                         {"0 of 1 jobs ended (deadbeefcafe)", "3 of 9 jobs ended (77)"},
		`c: file "current" is gone`:                        {`file "current" is gone`},
		`c: file "manifest" is gone`:                       {`file "manifest" is gone`},
		`c: an open quote " stays, with # and other words`: {`an open quote " stays, with 12 and other words`},
	} {
		for _, detail := range details {
			if got := signature(detail); got != want {
				t.Errorf("%s: signature %q, want %q", detail, got, want)
			}
		}
	}
}

// An ordinary program that returns an error has no place in its code. What came to it just then
// makes no other failure of it.
func TestProgramsThatReturnOneErrorAreOneGroupWhateverTheyWereDoing(t *testing.T) {
	fails := func(p *sim.Panic) string {
		o := explore.Outcome{Verdict: check.Violation, Panic: p, Checks: []check.Result{explore.PanicResult(p)}}
		return o.Signature()
	}
	value := errors.New("the program returned: open db: page 12 is bad")
	const want = explore.Panicked + ": the program returned: open db: page # is bad"
	for _, m := range []sim.Moment{{Node: 1, Step: 3}, {Node: 2, Step: 9}, {Node: protocol.Outside}} {
		if got := fails(&sim.Panic{Moment: m, Value: value}); got != want {
			t.Errorf("%+v: signature %q, want %q", m, got, want)
		}
	}
	if got := fails(&sim.Panic{Value: errors.New("the program returned: no leader")}); got == want {
		t.Error("another error is in the same group")
	}
}
