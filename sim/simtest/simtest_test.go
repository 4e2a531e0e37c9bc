package simtest_test

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"dessim/protocol"
	"dessim/sim/simtest"
	"dessim/sim/source"

	"pgregory.net/rapid"
)

// TestRapidSourcesPassTheCommonTable: the rest of the table is in source.
func TestRapidSourcesPassTheCommonTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for name, src := range map[string]protocol.Source{"Rapid": simtest.Rapid(t), "Sparse": simtest.Sparse(t)} {
			if err := simtest.TestSource(src); err != nil {
				t.Fatalf("%s:\n%v", name, err)
			}
		}
	})
}

type liar struct{ protocol.Benign }

func (liar) Choose(_ protocol.Key, n uint64) uint64 { return n }

type moody struct {
	protocol.Benign
	n *uint64
}

func (m moody) Choose(_ protocol.Key, n uint64) uint64 { *m.n++; return *m.n % n }

func TestTestSourceFindsBadSources(t *testing.T) {
	if err := simtest.TestSource(liar{}); err == nil || !strings.Contains(err.Error(), "want at most") {
		t.Errorf("answers out of range: %v", err)
	}
	if err := simtest.TestSource(moody{n: new(uint64)}); err == nil || !strings.Contains(err.Error(), "but asked again") {
		t.Errorf("answers that count: %v", err)
	}
}

func key(n int) protocol.Key {
	return protocol.Key{Kind: protocol.KindOf("net.loss"), A: 1, B: 2, N: uint64(n)}
}

func TestRapidIsBenignBeyondItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := simtest.Rapid(t)
		for i := range simtest.Limit + 100 {
			if a := src.Choose(key(i), 1<<60); i >= simtest.Limit && a != 0 {
				t.Fatalf("question %d is answered %d, want 0", i, a)
			}
		}
	})
}

// A failing stands in for the testing.T of a test that is to fail.
type failing struct {
	rapid.TB
	text strings.Builder
	bad  bool
}

func (f *failing) Helper()                         {}
func (f *failing) Name() string                    { return "planted" }
func (f *failing) Failed() bool                    { return f.bad }
func (f *failing) FailNow()                        { f.bad = true; runtime.Goexit() }
func (f *failing) Fail()                           { f.bad = true }
func (f *failing) Log(args ...any)                 { fmt.Fprintln(&f.text, args...) }
func (f *failing) Logf(format string, args ...any) { fmt.Fprintf(&f.text, format+"\n", args...) }
func (f *failing) Errorf(format string, args ...any) {
	f.bad = true
	f.Logf(format, args...)
}

// shrunk returns the misfortunes of the last failing run of prop, which is the
// smallest one that rapid found, and what rapid printed. With a fixed seed, and time
// to shrink until nothing gets smaller, which takes seconds, both are always the same.
func shrunk(t *testing.T, rapidSource func(*rapid.T) protocol.Source, prop func(protocol.Source) bool) ([]source.Answer, string) {
	t.Helper()
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.seed": "1", "rapid.checks": "1000", "rapid.shrinktime": "1h"} {
		f := flag.Lookup(name)
		old := f.Value.String()
		if err := f.Value.Set(value); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Value.Set(old) }()
	}
	var least []source.Answer
	f := new(failing)
	done := make(chan struct{})
	go func() {
		defer close(done)
		rapid.Check(f, func(t *rapid.T) {
			r := &source.Recorder{Source: rapidSource(t)}
			if !prop(r) {
				least = r.Answers()
				t.Fatalf("planted")
			}
		})
	}()
	<-done
	if !f.bad {
		t.Fatalf("rapid found no failure:\n%s", f.text.String())
	}
	return least, f.text.String()
}

func TestRapidShrinksToTheOneMisfortune(t *testing.T) {
	least, text := shrunk(t, simtest.Rapid, func(src protocol.Source) bool {
		ok := true
		for i := range 40 {
			if src.Choose(key(i), 1000) >= 17 && i == 23 {
				ok = false
			}
			src.Chance(key(1000+i), protocol.Percent(1))
		}
		return ok
	})
	if len(least) != 1 || least[0].Key != key(23) || least[0].Value != 17 {
		t.Errorf("left %v, want question 23 answered 17 alone; rapid said:\n%s", least, text)
	}
}

func TestRapidShrinksToTheTwoLossesThatMatter(t *testing.T) {
	least, text := shrunk(t, simtest.Rapid, func(src protocol.Source) bool {
		lost := 0
		for i := range 40 {
			if src.Chance(key(i), protocol.Percent(1)) && (i == 20 || i == 37) {
				lost++
			}
		}
		return lost < 2
	})
	if len(least) != 2 || least[0].Key != key(20) || least[1].Key != key(37) {
		t.Errorf("left %v, want losses 20 and 37; rapid said:\n%s", least, text)
	}
}

// TestSparseShrinksALargeRunToAFewMisfortunes plants a failure of two losses and
// a delay in a run of 4,000 questions.
func TestSparseShrinksALargeRunToAFewMisfortunes(t *testing.T) {
	least, text := shrunk(t, simtest.Sparse, func(src protocol.Source) bool {
		bad := 0
		for i := range 2000 {
			lost := src.Chance(key(i), protocol.Percent(1))
			late := src.Choose(key(2000+i), 1000) >= 200
			if lost && (i == 20 || i == 1777) || late && i == 500 {
				bad++
			}
		}
		return bad < 3
	})
	if len(least) > 4000/10 {
		t.Errorf("%d misfortunes left of 4000 questions, want at most a tenth; rapid said:\n%s", len(least), text)
	}
	if !strings.Contains(text, "sparse: 1 in ") {
		t.Errorf("rapid's output does not tell the misfortunes:\n%s", text)
	}
}

// One loss, which any run of enough misfortune meets, is enough to fail.
func TestSparseShrinksToOneGroup(t *testing.T) {
	least, text := shrunk(t, simtest.Sparse, func(src protocol.Source) bool {
		ok := true
		for i := range 2000 {
			if src.Chance(key(i), protocol.Percent(1)) && i == 1321 {
				ok = false
			}
		}
		return ok
	})
	if len(least) > 2000/64*2 {
		t.Errorf("%d misfortunes left, want one group's share; rapid said:\n%s", len(least), text)
	}
}

func TestSparsePrintsItsRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counts := 0
		src := simtest.Sparse(t)
		for i := range 2000 {
			if src.Choose(key(i), 1000) != 0 {
				counts++
			}
		}
		text := fmt.Sprint(src)
		if text == "sparse: all benign" && counts != 0 || strings.HasPrefix(text, "sparse: 1 in 1,") && counts < 2000/3 {
			t.Errorf("%s: %d of 2000 questions are not benign", text, counts)
		}
	})
}
