package nats

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

// kept requires that a number has one text for ever, which was asked for and has no other number. A read may
// be from a leader that is one no longer, and lack what came last; but not when the faults are long over.
func kept() *check.Check {
	asked := map[string]bool{}
	numbers := map[string]uint64{} // of texts that were acknowledged, or read
	texts := map[uint64]string{}
	known := map[uint64]map[uint64]string{} // when a read began
	one := func(n uint64, text string) error {
		switch was, place := texts[n], numbers[text]; {
		case !asked[text]:
			return fmt.Errorf("number %d is %q, which nobody wrote", n, text)
		case was != "" && was != text:
			return fmt.Errorf("number %d is %s, and was %s", n, text, was)
		case place != 0 && place != n:
			return fmt.Errorf("%s is number %d, and was %d", text, n, place)
		}
		texts[n], numbers[text] = text, n
		return nil
	}
	return check.Always("what is acknowledged stays in its place", sim.Output, func(e *sim.Event) (bool, error) {
		t := input(e)
		switch {
		case e.Kind == kindDoes:
			return true, one(t.Number, t.Text)
		case e.Kind == kindReads:
			for _, n := range protocol.SortedKeys(t.Texts) {
				if err := one(n, t.Texts[n]); err != nil {
					return true, err
				}
			}
			for _, n := range protocol.SortedKeys(known[t.Read]) {
				if t.Texts[n] == "" {
					return true, fmt.Errorf("number %d is gone, which was %s", n, texts[n])
				}
			}
			return true, nil
		case t.Text != "":
			asked[t.Text] = true
		case e.At > calm:
			known[t.Read] = maps.Clone(texts)
		}
		return false, nil
	})
}

// writes requires that when the faults are over, texts are stored if one is to be, and then read from each server.
func writes(until protocol.Time, servers int) *check.Check {
	asked, late, read := uint64(0), uint64(0), map[protocol.NodeID]bool{}
	return check.Eventually("after the faults, texts are stored and read", until, func() (uint64, error) {
		switch {
		case asked > 0 && late == 0:
			return 0, errors.New("none was stored")
		case len(read) < servers:
			return 0, fmt.Errorf("%d of %d servers were read from", len(read), servers)
		}
		return late, nil
	}).Seeing(sim.Output, func(e *sim.Event) {
		switch {
		case e.At <= calm:
		case e.Kind == kindReads:
			read[e.Node] = true
		case e.Kind == kindDoes:
			late++
		case input(e).Text != "":
			asked++
		}
	})
}

// input returns what an output says of an input.
func input(e *sim.Event) (t told) {
	if err := json.Unmarshal(e.Body, &t); err != nil {
		panic(err)
	}
	return t
}
