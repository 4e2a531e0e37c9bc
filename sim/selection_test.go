package sim

import (
	"math/bits"
	"slices"
	"testing"

	"dessim/protocol"

	"pgregory.net/rapid"
)

// selective is an observer with limits, which notes what it is shown.
type selective struct {
	want   What
	limits []Selection
	seen   []Event
}

func (s *selective) Watch() What          { return s.want }
func (s *selective) Selects() []Selection { return s.limits }
func (s *selective) Observe(e *Event) {
	s.seen = append(s.seen, Event{What: e.What, Body: e.Body, Tag: e.Tag, Kind: e.Kind, Node: e.Node})
}
func (s *selective) wants(e *Event) bool { return s.want&e.What != 0 && s.selects(e) }
func (s *selective) selects(e *Event) bool {
	limited := false
	for _, l := range s.limits {
		c, _ := protocol.SplitTag(e.Tag)
		switch {
		case l.Of&e.What&(ofMessages|ofTimers|Output) == 0:
			continue
		case l.Armed != nil && (int(e.Node) >= len(l.Armed) || !l.Armed[e.Node]):
		case l.Armed != nil && l.First == nil && e.What&(ofMessages|ofTimers) != 0:
			return true
		case e.What&ofMessages != 0 && len(e.Body) > 0 && slices.Contains(l.First, e.Body[0]),
			e.What&ofTimers != 0 && slices.Contains(l.First, byte(c)),
			e.What == Output && slices.Contains(l.Kinds, e.Kind):
			return true
		}
		limited = true
	}
	return !limited
}

func TestASelectiveObserverIsShownWhatItSelectsAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		what := rapid.Custom(func(t *rapid.T) What { return What(rapid.Uint32Range(0, uint32(Everything)).Draw(t, "what")) })
		kind := rapid.Map(rapid.IntRange(0, 4), func(k int) protocol.Kind { return protocol.Kind(k) })
		limit := rapid.Custom(func(t *rapid.T) Selection {
			return Selection{Of: what.Draw(t, "of"), First: rapid.SliceOfN(rapid.ByteRange(0, 5), 0, 4).Draw(t, "first"), Kinds: rapid.SliceOfN(kind, 0, 3).Draw(t, "kinds")}
		})
		var all []*selective
		var s Sim
		observers := []Observer{}
		for range rapid.IntRange(0, 4).Draw(t, "observers") {
			o := &selective{want: what.Draw(t, "watch"), limits: rapid.SliceOfN(limit, 0, 3).Draw(t, "limits")}
			armed := rapid.SliceOfN(rapid.Bool(), 2, 2).Draw(t, "armed")
			for i := range o.limits {
				if rapid.Bool().Draw(t, "arms") {
					o.limits[i].Armed = armed
				}
				if len(o.limits[i].First) == 0 {
					o.limits[i].First = nil
				}
			}
			all, observers = append(all, o), append(observers, o)
		}
		s.watchers.init(observers, nil)
		var events []Event
		for range 60 {
			body := rapid.SliceOfN(rapid.ByteRange(0, 6), 0, 2).Draw(t, "body")
			e := Event{What: 1 << rapid.IntRange(0, sorts-1).Draw(t, "sort"), Body: body, Kind: kind.Draw(t, "kind"), Node: protocol.NodeID(rapid.IntRange(0, 2).Draw(t, "node"))}
			if e.What&ofTimers != 0 {
				e.Tag = protocol.Component(rapid.ByteRange(0, 6).Draw(t, "component")).Tag(1)
			}
			events = append(events, e)
			s.show(&e)
		}
		for _, o := range all {
			var want []Event
			for i := range events {
				if e := &events[i]; o.wants(e) {
					want = append(want, *e)
				}
			}
			same := func(a, b Event) bool {
				return a.What == b.What && slices.Equal(a.Body, b.Body) && a.Tag == b.Tag && a.Kind == b.Kind && a.Node == b.Node
			}
			if !slices.EqualFunc(o.seen, want, same) {
				t.Fatalf("an observer of %b with %v is shown\n%v, want\n%v", o.want, o.limits, o.seen, want)
			}
		}
	})
}

func TestEverySortOfEventHasItsList(t *testing.T) {
	if n := bits.OnesCount32(uint32(Everything)); n != sorts {
		t.Errorf("%d sorts of events and room for %d", n, sorts)
	}
}
