package grpckv

import (
	"encoding/json"
	"fmt"

	"example.com/grpckv/kv"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/check/linear"
)

func read[T any](e *sim.Event) (v T) {
	if err := json.Unmarshal(e.Body, &v); err != nil {
		panic(err)
	}
	return v
}

// register is what one key should do.
var register = linear.Model[string, request, string]{
	Step: func(state string, in request, out *string) (string, bool) {
		if in.Value != "" {
			state = in.Value
		}
		return state, out == nil || *out == state
	},
	Part: func(in request) string { return "key " + in.Key },
	Text: func(in request, out *string) string {
		switch {
		case in.Value != "":
			return "put " + in.Value
		case out == nil:
			return "get"
		}
		return "get: " + *out
	},
}

// linearizable requires that one order explains all answers.
func linearizable() *check.Check {
	h := linear.NewHistory(register)
	return h.Linearizable("what clients saw is linearizable").Seeing(sim.Output, func(e *sim.Event) {
		switch e.Kind {
		case kindAsks:
			a := read[asked](e)
			h.Call(e, a.Op, a.request)
		case kindGets:
			a := read[asked](e)
			h.Return(e, a.Op, a.Answer.Value)
		}
	})
}

// sameOrder requires that streams have the same writes in the same order, without a gap.
func sameOrder() *check.Check {
	place := func(e *sim.Event) (check.Position, bool) {
		if e.Kind != kindSees {
			return check.Position{}, false
		}
		w := read[kv.Entry](e)
		return check.Position{Index: w.Version - 1, Item: w.ID + " " + w.Key + "=" + w.Value, Whole: true}, true
	}
	return check.SameOrder("streams have the same writes in the same order", sim.Output, place, func(item string) string { return item })
}

// once requires that a request which a client repeats is carried out once, by what streams have.
func once() *check.Check {
	versions := map[string]uint64{} // by request
	return check.Always("no write is carried out twice", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kindSees {
			return false, nil
		}
		w := read[kv.Entry](e)
		if v, ok := versions[w.ID]; ok && v != w.Version {
			return true, fmt.Errorf("%s, %s=%s, is write %d and write %d", w.ID, w.Key, w.Value, v, w.Version)
		}
		versions[w.ID] = w.Version
		return true, nil
	})
}

// seen requires that what is acknowledged reaches the stream of every client.
func seen(clients int, until protocol.Time) *check.Check {
	acknowledged := map[string]bool{}
	streams := make([]map[string]bool, 1+clients) // by node
	for i := range streams {
		streams[i] = map[string]bool{}
	}
	return check.Eventually("each acknowledged write reaches each client", until, func() (n uint64, missing error) {
		for _, id := range protocol.SortedKeys(acknowledged) {
			for client := 1; client <= clients; client++ {
				if !streams[client][id] {
					return n, fmt.Errorf("client %d has not seen %s, which was acknowledged", client, id)
				}
				n++
			}
		}
		return n, nil
	}).Seeing(sim.Output, func(e *sim.Event) {
		switch e.Kind {
		case kindSees:
			streams[e.Node][read[kv.Entry](e).ID] = true
		case kindGets:
			if a := read[asked](e); a.Value != "" {
				acknowledged[a.Answer.ID] = true
			}
		}
	})
}

// answered requires that when the faults are over, operations are answered again.
func answered(until protocol.Time) *check.Check {
	return check.Answered("after the faults, operations are answered", calm, until, kindAsks, kindGets)
}
