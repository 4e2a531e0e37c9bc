package web

import (
	"encoding/json"
	"fmt"

	"example.com/web/store"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/check/linear"
)

// seen reads an output of a client.
func seen(e *sim.Event) (a asked, returned bool) {
	if err := json.Unmarshal(e.Body, &a); err != nil {
		panic(err)
	}
	return a, e.Kind == kindGets
}

// kept requires that a write which was acknowledged before an operation began is not newer than the
// answer to that operation, by the numbers that the leader gives to writes.
func kept() *check.Check {
	type call struct {
		client protocol.NodeID
		op     uint64
	}
	newest := map[string]store.Entry{} // acknowledged, by key
	before := map[call]store.Entry{}   // the newest, when an operation began
	return check.Always("an acknowledged write is kept", sim.Output, func(e *sim.Event) (bool, error) {
		a, returned := seen(e)
		c := call{e.Node, a.Op}
		if !returned {
			before[c] = newest[a.Key]
			return false, nil
		}
		if was := before[c]; a.Answer.Version < was.Version {
			return true, fmt.Errorf("%s was acknowledged as write %d of %s; then write %d is its latest", was.Value, was.Version, a.Key, a.Answer.Version)
		}
		if a.Value != "" && a.Answer.Version > newest[a.Key].Version {
			newest[a.Key] = a.Answer
		}
		return true, nil
	})
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
		if a, returned := seen(e); returned {
			h.Return(e, a.Op, a.Answer.Value)
		} else {
			h.Call(e, a.Op, a.request)
		}
	})
}

// answered requires that when the faults are over, operations are answered again.
func answered(until protocol.Time) *check.Check {
	return check.Answered("after the faults, operations are answered", calm, until, kindAsks, kindGets)
}
