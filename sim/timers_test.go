package sim

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"

	"pgregory.net/rapid"
)

func TestTimerTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var fast timers
		slow := make(map[uint64]uint32)
		// Few tags, so that they are found again; near each other, so that homes
		// wrap around the small table.
		tag := rapid.Uint64Range(0, rapid.SampledFrom([]uint64{3, 12, 60}).Draw(t, "tags"))
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				x := tag.Draw(t, "tag")
				if _, ok := slow[x]; !ok {
					slow[x] = rapid.Uint32().Draw(t, "slot")
					fast.add(x, slow[x])
				}
			},
			"remove": func(t *rapid.T) {
				x := tag.Draw(t, "tag")
				if i := fast.find(x); i >= 0 {
					fast.remove(i)
					delete(slow, x)
				}
			},
			"": func(t *rapid.T) {
				if fast.n != len(slow) {
					t.Fatalf("table holds %d, map %d", fast.n, len(slow))
				}
				for x := range uint64(64) {
					i := fast.find(x)
					slot, ok := slow[x]
					if ok != (i >= 0) || ok && (fast.slots[i].tag != x || fast.slots[i].slot != slot) {
						t.Fatalf("tag %d: table says place %d of %+v, map %d %v", x, i, fast.slots, slot, ok)
					}
				}
			},
		})
	})
}

// timerOp is an order to a node to set or cancel a timer, as the body of an input.
type timerOp struct {
	at, after int
	tag       uint64
	crash     bool // instead, of a node that comes back at once
}

func (o timerOp) body() string {
	b := binary.BigEndian.AppendUint64(nil, uint64(o.after))
	return string(binary.BigEndian.AppendUint64(b, o.tag))
}

// slowTimers finds what fires, from a map of tag to the order that set it.
func slowTimers(ops []timerOp, until int) (fired []string) {
	set := make(map[uint64]int)
	for now := range until + 1 {
		for _, o := range ops {
			if o.at == now && o.crash {
				clear(set)
			}
		}
		for i, o := range ops {
			switch {
			case o.at != now || o.crash:
			case o.after == 0:
				delete(set, o.tag)
			default:
				set[o.tag] = i
			}
		}
		for i, o := range ops {
			if j, ok := set[o.tag]; ok && j == i && o.at+o.after == now {
				delete(set, o.tag)
				fired = append(fired, fmt.Sprintf("%d: %d", now, o.tag))
			}
		}
	}
	return fired
}

func TestTimersAreAMapOfTagToTime(t *testing.T) {
	some := 0 // timers fired
	property := func(t *rapid.T) {
		const until = 200
		op := rapid.Custom(func(t *rapid.T) timerOp {
			return timerOp{
				at:    rapid.IntRange(2, 100).Draw(t, "at"),
				after: rapid.IntRange(0, 30).Draw(t, "after, 0 to cancel"),
				tag:   rapid.Uint64Range(0, 5).Draw(t, "tag"),
				crash: rapid.IntRange(0, 9).Draw(t, "crash") == 9,
			}
		})
		ops := rapid.SliceOfN(op, 0, 60).Draw(t, "ops")
		slices.SortStableFunc(ops, func(a, b timerOp) int { return a.at - b.at })
		plan := Plan{Nodes: 1, Until: until, Node: scripts(script{receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) {
			after, tag := binary.BigEndian.Uint64(msg), binary.BigEndian.Uint64(msg[8:])
			if after == 0 {
				env.CancelTimer(tag)
			} else {
				env.SetTimer(time.Duration(after), tag)
			}
		}})}
		for i, o := range ops {
			if o.crash {
				plan.Faults = append(plan.Faults,
					fault.Fault{ID: uint64(2 * i), Op: fault.Crash, At: protocol.Time(o.at)},
					fault.Fault{ID: uint64(2*i + 1), Op: fault.Restart, At: protocol.Time(o.at)})
			} else {
				plan.Inputs = append(plan.Inputs, input(uint64(i), protocol.Time(o.at), 0, o.body()))
			}
		}
		_, c := run(t, plan, nil)
		var got []string
		for _, e := range c.events {
			if e.What == Fired {
				got = append(got, fmt.Sprintf("%d: %d", e.At, e.Tag))
			}
		}
		want := slowTimers(ops, until)
		if !slices.Equal(got, want) {
			t.Fatalf("fired %v, want %v", got, want)
		}
		some += len(got)
	}
	rapid.Check(t, property)
	fixed.Check(t, 60, property)
	if some == 0 {
		t.Error("vacuous: no timer ever fired")
	}
}

// A long timer near the end of time is no overflow; it just never fires.
func TestTimersBeyondTheEndNeverFire(t *testing.T) {
	plan := Plan{Nodes: 1, Until: protocol.MaxTime, Node: scripts(script{receive: func(env *protocol.Env, _ protocol.NodeID, _ []byte) {
		env.SetTimer(1, 1)
		env.SetTimer(2, 2)
		env.SetTimer(1<<63-1, 3)
	}})}
	plan.Inputs = []Input{input(1, protocol.MaxTime-1, 0, "")}
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Crash, At: protocol.MaxTime, For: time.Hour}}
	r, _ := run(t, plan, nil)
	if r.Fired != 0 || r.Crashes != 1 || r.Reason != TimeUp || r.End != protocol.MaxTime {
		t.Errorf("got %+v; want the crash, which comes before the timer, and the end of time", r)
	}
	plan.Faults = nil
	if r, _ = run(t, plan, nil); r.Fired != 1 || r.Reason != TimeUp {
		t.Errorf("%d timers fired, run ended by %v; want 1, end of time", r.Fired, r.Reason)
	}
}
