package source_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/sim/simtest"
	"dessim/sim/source"
)

// A program asks questions of which the next depends on the answers so far.
type program struct {
	salt    uint64
	longest int
}

// next gives the question after those answers: a Chance if n is 0, none if ok is
// false. Few names are used, so that questions recur.
func (p program) next(answers []uint64) (k protocol.Key, n uint64, ok bool) {
	h := p.salt
	for _, a := range answers {
		h = protocol.Hash2(h, a)
	}
	if len(answers) == p.longest || h%7 == 0 {
		return k, 0, false
	}
	k = protocol.Key{Kind: protocol.KindOf("q"), N: h >> 8 % 16}
	if n = h >> 16 % 5; n == 1 {
		n = 0
	}
	return k, n, true
}

// run gives the answers of src.
func (p program) run(src protocol.Source) (answers []uint64) {
	for {
		k, n, ok := p.next(answers)
		switch {
		case !ok:
			return answers
		case n > 0:
			answers = append(answers, src.Choose(k, n))
		case src.Chance(k, protocol.Percent(10)):
			answers = append(answers, 1)
		default:
			answers = append(answers, 0)
		}
	}
}

type asked struct {
	key protocol.Key
	n   uint64
}

// every is the slow twin of Exhaust: it gives all runs of p by recursion.
func (p program) every(answers []uint64, given map[asked]uint64) (runs []string) {
	k, n, ok := p.next(answers)
	if !ok {
		return []string{fmt.Sprint(answers)}
	}
	q := asked{k, n}
	if v, ok := given[q]; ok {
		return p.every(append(slices.Clip(answers), v), given)
	}
	for v := range max(n, 2) {
		given[q] = v
		runs = append(runs, p.every(append(slices.Clip(answers), v), given)...)
	}
	delete(given, q)
	return runs
}

func drawProgram(t *rapid.T) program {
	return program{rapid.Uint64().Draw(t, "salt"), rapid.IntRange(0, 6).Draw(t, "longest")}
}

func TestExhaustGivesEveryRunOnceInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgram(t)
		want := p.every(nil, make(map[asked]uint64))
		e := new(source.Exhaust)
		for range 2 { // the second time as new
			var got []string
			for e.Next() {
				got = append(got, fmt.Sprint(p.run(e)))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("runs %v, want %v", got, want)
			}
		}
	})
}

// misfortunes counts the different questions that a run answers otherwise than
// benignly.
func (p program) misfortunes(answers []uint64) (n int) {
	bad := make(map[asked]bool)
	for i, v := range answers {
		k, among, _ := p.next(answers[:i])
		bad[asked{k, among}] = v != 0
	}
	for _, is := range bad {
		if is {
			n++
		}
	}
	return n
}

func TestABoundLeavesTheRunsWithThatFewMisfortunes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, most := drawProgram(t), rapid.IntRange(1, 4).Draw(t, "most")
		var want, got []string
		for e := new(source.Exhaust); e.Next(); {
			if answers := p.run(e); e.Spent() <= most {
				want = append(want, fmt.Sprint(answers))
			}
		}
		for e := (&source.Exhaust{Most: most}); e.Next(); {
			answers := p.run(e)
			got = append(got, fmt.Sprint(answers))
			if n := p.misfortunes(answers); n != e.Spent() {
				t.Fatalf("run %v has %d misfortunes, Spent says %d", answers, n, e.Spent())
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("runs %v, want %v", got, want)
		}
	})
}

func TestARunOfExhaustReplays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgram(t)
		for e := new(source.Exhaust); e.Next(); {
			want := p.run(e)
			if got := p.run(source.NewReplay(e.Answers())); !slices.Equal(got, want) {
				t.Fatalf("the replay answers %v, want %v", got, want)
			}
		}
	})
}

// A run that is given up where it is fresh takes with it exactly the runs that
// begin alike.
func TestGivingUpARunSkipsThoseThatBeginAlike(t *testing.T) {
	three := func(e *source.Exhaust, upTo int) (answers []uint64) {
		for i := range uint64(upTo) {
			answers = append(answers, e.Choose(protocol.Key{N: i}, 3))
		}
		return answers
	}
	var got []string
	for e := new(source.Exhaust); e.Next(); {
		begin := three(e, 2)
		if begin[1] == 1 && e.Fresh() {
			continue
		}
		got = append(got, fmt.Sprint(three(e, 3)))
	}
	if len(got) != 18 || slices.ContainsFunc(got, func(s string) bool { return s[3] == '1' }) {
		t.Errorf("runs %v, want all 18 in which the second answer is not 1", got)
	}
}

func TestValuesAreGivenInTheirOrder(t *testing.T) {
	e := &source.Exhaust{Values: source.Parts(2)}
	var got []uint64
	for e.Next() {
		got = append(got, e.Choose(protocol.Key{}, 1000))
	}
	if want := []uint64{0, 499, 999}; !slices.Equal(got, want) {
		t.Errorf("answers %v, want %v", got, want)
	}
}

func TestPartsBeginAtZeroEndAtTheGreatestAndGrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts, n := rapid.Uint64Range(1, 1<<16).Draw(t, "parts"), rapid.Uint64Min(2).Draw(t, "n")
		got := source.Parts(parts)(protocol.Key{}, n)
		if n <= parts {
			if got != nil {
				t.Fatalf("%v of %d, want all", got, n)
			}
			return
		}
		if len(got) != int(parts)+1 || got[0] != 0 || got[parts] != n-1 {
			t.Fatalf("%d values from %d to %d, want %d from 0 to %d", len(got), got[0], got[len(got)-1], parts+1, n-1)
		}
		for i := range got[1:] {
			if got[i] >= got[i+1] {
				t.Fatalf("values %d and %d are %d and %d, want them to grow", i, i+1, got[i], got[i+1])
			}
		}
	})
}

func TestARunThatIsNoFunctionOfItsAnswersIsNoticed(t *testing.T) {
	name := uint64(0)
	other := func(e *source.Exhaust) {
		name++
		e.Choose(protocol.Key{N: name}, 2)
		e.Choose(protocol.Key{N: 1}, 2)
	}
	fewer := func(e *source.Exhaust) {
		if name++; name == 1 {
			e.Choose(protocol.Key{N: 1}, 2)
			e.Choose(protocol.Key{N: 2}, 2)
		}
	}
	for _, run := range []func(*source.Exhaust){other, fewer} {
		name = 0
		func() {
			defer func() {
				if v := fmt.Sprint(recover()); !strings.Contains(v, "not a function of its answers") {
					t.Errorf("panic %q, want one about a function of answers", v)
				}
			}()
			for e := new(source.Exhaust); e.Next(); {
				run(e)
			}
		}()
	}
}

func TestExhaustAndBytesPassTheCommonTable(t *testing.T) {
	few := &source.Exhaust{Values: source.Parts(1)}
	for range 100 {
		few.Next()
		if err := simtest.TestSource(few); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"", "\x00", "some bytes", strings.Repeat("\xff\x80\x01", 1000)} {
		if err := simtest.TestSource(source.NewBytes([]byte(text))); err != nil {
			t.Errorf("bytes %.10q:\n%v", text, err)
		}
	}
}

// All runs of something with three questions, of which the second is not always
// asked.
func ExampleExhaust() {
	loss, delay := protocol.Key{Kind: protocol.KindOf("net.loss")}, protocol.Key{Kind: protocol.KindOf("net.delay")}
	for e := new(source.Exhaust); e.Next(); {
		if e.Chance(loss, protocol.Percent(1)) {
			fmt.Println("lost")
			continue
		}
		fmt.Println("late by", e.Choose(delay, 3))
	}
	// Output:
	// late by 0
	// late by 1
	// late by 2
	// lost
}
