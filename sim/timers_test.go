package sim

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"

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

// slowTimers tells what fires, from a map of tag to time.
func slowTimers(ops []timerOp, until int) (fired []string) {
	set := make(map[uint64]int)
	for now := range until + 1 {
		var due []int // the ops that set what is due, since that is the order
		for tag, i := range set {
			if ops[i].at+ops[i].after == now {
				due = append(due, i)
				delete(set, tag)
			}
		}
		crashed := false
		for i := range ops {
			if ops[i].at == now && ops[i].crash {
				crashed = true
				clear(set)
			}
		}
		// Faults come first, then inputs, then what nodes scheduled.
		for i, o := range ops {
			if o.at == now && !o.crash {
				due = slices.DeleteFunc(due, func(j int) bool { return ops[j].tag == o.tag })
				delete(set, o.tag)
				if o.after > 0 {
					set[o.tag] = i
				}
			}
		}
		slices.Sort(due)
		for _, i := range due {
			if !crashed {
				fired = append(fired, fmt.Sprintf("%d: %d", now, ops[i].tag))
			}
		}
	}
	return fired
}

func TestTimersAreAMapOfTagToTime(t *testing.T) {
	some := 0
	rapid.Check(t, func(t *rapid.T) {
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
					Fault{ID: uint64(2 * i), Op: Crash, At: protocol.Time(o.at)},
					Fault{ID: uint64(2*i + 1), Op: Restart, At: protocol.Time(o.at)})
			} else {
				plan.Inputs = append(plan.Inputs, input(uint64(i), protocol.Time(o.at), 0, o.body()))
			}
		}
		_, c := run(t.(testingTB).TB(), plan, nil)
		_ = c
	})
	_ = some
}
