package protocol

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
}

// mustPanic demands that f panics with words that contain part.
func mustPanic(t tb, part string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		v := recover()
		if v == nil {
			t.Errorf("no panic, want one with %q", part)
		} else if !strings.Contains(fmt.Sprint(v), part) {
			t.Errorf("panic %q, want one with %q", v, part)
		}
	}()
	f()
}

func TestNodesAreNumbersAndTheOutside(t *testing.T) {
	for id, want := range map[NodeID]string{0: "0", 7: "7", Outside - 1: "4294967294", Outside: "outside"} {
		if got := id.String(); got != want {
			t.Errorf("NodeID(%d) prints %q, want %q", uint32(id), got, want)
		}
	}
}

func TestTimesAddAndSubtract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := Time(rapid.Int64Range(0, int64(MaxTime)).Draw(t, "a"))
		b := Time(rapid.Int64Range(0, int64(MaxTime)).Draw(t, "b"))
		if got := a.Add(b.Sub(a)); got != b {
			t.Fatalf("%v + (%v - %v) = %v", a, b, a, got)
		}
	})
	if got := Time(1500 * time.Microsecond).String(); got != "1.5ms" {
		t.Errorf("1.5 ms prints %q", got)
	}
}

func TestTimesThatLeaveTheirRangePanic(t *testing.T) {
	for _, x := range []struct {
		t Time
		d time.Duration
	}{
		{0, -1},
		{MaxTime, 1},
		{MaxTime, 1<<63 - 1},
		{1, 1<<63 - 1},
		{0, -1 << 63},
		{MaxTime, -1 << 63},
		{-1, 0},
		{MaxTime + 1, 0},
		{-1 << 63, -1 << 63}, // sums to 0
		{-1 << 63, -1},
		{-1<<63 + 5, -10},
		{1<<63 - 1, 1},
	} {
		mustPanic(t, "leaves the range", func() { x.t.Add(x.d) })
	}
	if MaxTime.Add(0) != MaxTime || Time(0).Add(time.Duration(MaxTime)) != MaxTime || MaxTime.Add(-time.Duration(MaxTime)) != 0 {
		t.Error("the ends of the range cannot be reached")
	}
	if MaxTime >= 1<<53 {
		t.Errorf("MaxTime is %d, want less than 2^53", MaxTime)
	}
}

func TestRatiosKnowTheirEnds(t *testing.T) {
	for _, x := range []struct {
		r                  Ratio
		valid, never, sure bool
	}{
		{Ratio{}, true, true, false},
		{Ratio{0, 5}, true, true, false},
		{Ratio{1, 5}, true, false, false},
		{Ratio{5, 5}, true, false, true},
		{Ratio{6, 5}, false, false, true},
		{Ratio{1, 0}, false, false, true},
		{Ratio{1<<32 - 1, 1<<32 - 1}, true, false, true},
		{Percent(0), true, true, false},
		{Percent(37), true, false, false},
		{Percent(100), true, false, true},
		{Percent(101), false, false, true},
	} {
		if x.r.Valid() != x.valid || x.r.Never() != x.never || x.r.Sure() != x.sure {
			t.Errorf("%v: valid %v never %v sure %v, want %v %v %v", x.r, x.r.Valid(), x.r.Never(), x.r.Sure(), x.valid, x.never, x.sure)
		}
	}
}

func TestSimBookInvertsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := NodeID(rapid.Uint32Range(0, 1<<24-1).Draw(t, "id"))
		if got, ok := (SimBook{}).Node(SimBook{}.Endpoint(id)); !ok || got != id {
			t.Fatalf("node %v comes back as %v, %v", id, got, ok)
		}
		var e Endpoint
		copy(e[:], rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "endpoint"))
		if rapid.Bool().Draw(t, "ours") {
			e[0], e[4], e[5] = 10, 6881>>8, 6881&255
		}
		if id, ok := (SimBook{}).Node(e); ok && (SimBook{}).Endpoint(id) != e {
			t.Fatalf("%v is node %v, whose endpoint is %v", e, id, SimBook{}.Endpoint(id))
		} else if ours := e[0] == 10 && int(e[4])<<8+int(e[5]) == 6881; ok != ours {
			t.Fatalf("%v belongs to somebody: %v, want %v", e, ok, ours)
		}
	})
	if e := (SimBook{}).Endpoint(0x010203); e != (Endpoint{10, 1, 2, 3, 0x1a, 0xe1}) || e.String() != "10.1.2.3:6881" {
		t.Errorf("node 0x010203 is at %v", e)
	}
	mustPanic(t, "not 16777216", func() { SimBook{}.Endpoint(1 << 24) })
	mustPanic(t, "not outside", func() { SimBook{}.Endpoint(Outside) })
}

func TestTagsSplitIntoWhatTheyWereMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Component(rapid.Byte().Draw(t, "component"))
		n := rapid.Uint64Range(0, 1<<48-1).Draw(t, "n")
		if gotC, gotN := SplitTag(c.Tag(n)); gotC != c || gotN != n {
			t.Fatalf("tag of %d and %#x splits into %d and %#x", c, n, gotC, gotN)
		}
		tag := rapid.Uint64().Draw(t, "tag")
		switch gotC, gotN := SplitTag(tag); {
		case tag>>56 != 0 && (gotC != 0 || gotN != tag):
			t.Fatalf("foreign tag %#x splits into %d and %#x", tag, gotC, gotN)
		case tag>>56 == 0 && gotC.Tag(gotN) != tag:
			t.Fatalf("tag %#x splits into %d and %#x", tag, gotC, gotN)
		}
	})
	if c, n := SplitTag(Gossip.Tag(Periodic | 1)); c != Gossip || n != Periodic|1 {
		t.Errorf("a periodic tag splits into %d and %#x", c, n)
	}
	mustPanic(t, "component's bits", func() { Link.Tag(1 << 48) })
}

func TestSortedKeysSorts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.MapOf(rapid.Int(), rapid.Bool()).Draw(t, "m")
		keys := SortedKeys(m)
		if !slices.IsSorted(keys) || len(keys) != len(m) {
			t.Fatalf("keys %v of %v", keys, m)
		}
		for _, k := range keys {
			if _, ok := m[k]; !ok {
				t.Fatalf("%d is no key of %v", k, m)
			}
		}
	})
	if keys := SortedKeys(map[string]int(nil)); len(keys) != 0 {
		t.Errorf("the nil map has keys %v", keys)
	}
}
