package scenarios_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/protocol/twopc"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/source"
)

// spy is a Source and an observer that notes what parameters show in.
type spy struct {
	protocol.Source
	delays uint64 // questions of the network how long a message takes
	aborts uint64 // votes that are no at random
	raft   bool   // there were messages of Raft
	least  protocol.Time
	sent   map[[3]uint64]protocol.Time // by sender, receiver and the sender's count

	contacts int               // in an answer of Kademlia, at most
	began    map[string]uint64 // the step in which a node's lookup of a target began
	asked    map[string]int    // the queries that it sent then
}

func (s *spy) Choose(k protocol.Key, n uint64) uint64 {
	if k.Kind == protocol.KindOf("net.delay") {
		s.delays++
	}
	return s.Source.Choose(k, n)
}

func (s *spy) Watch() sim.What { return sim.Sent | sim.Received | sim.Noted }

func (s *spy) Observe(e *sim.Event) {
	switch {
	case e.What == sim.Noted:
		if e.Kind == twopc.KindVote && strings.HasSuffix(e.Text, "no: at random") {
			s.aborts++
		}
	case e.What == sim.Sent:
		s.raft = s.raft || strings.HasPrefix(e.Kind.String(), "raft.")
		s.sent[[3]uint64{uint64(e.Node), uint64(e.Peer), e.Seq}] = e.At
		s.kademlia(e)
	case e.Peer != protocol.Outside:
		s.least = min(s.least, e.At-s.sent[[3]uint64{uint64(e.Peer), uint64(e.Node), e.Seq}])
	}
}

// kademlia notes what a message says of k and alpha.
func (s *spy) kademlia(e *sim.Event) {
	switch e.Kind {
	case kademlia.KindAnswer:
		if _, list, ok := strings.Cut(kademlia.Text(e.Body), ": "); ok {
			list, _, _ = strings.Cut(list, ", ")
			more := 0
			fmt.Sscanf(list, "%s and %d more", new(string), &more)
			s.contacts = max(s.contacts, 1+strings.Count(list, ",")+more)
		}
	case kademlia.KindFindNode, kademlia.KindGet:
		target, _, _ := strings.Cut(kademlia.Text(e.Body), ", ")
		lookup := fmt.Sprint(e.Node, target)
		if s.began[lookup] == 0 {
			s.began[lookup] = e.Step
		}
		if s.began[lookup] == e.Step {
			s.asked[lookup]++
		}
	}
}

// measures are, by parameter, values at its ends or near them, and what says that a run under
// a value does not do what the value says.
var measures = map[string]struct {
	values []string
	differ func(value string, s *scenario.Scenario, p *scenario.Params, r *scenario.Report, seen *spy) bool
}{
	"nodes": {[]string{"4", "9"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, r *scenario.Report, _ *spy) bool {
		return fmt.Sprint(len(r.Nodes)) != value
	}},
	"txs": {[]string{"0", "1", "40"}, func(value string, s *scenario.Scenario, p *scenario.Params, _ *scenario.Report, _ *spy) bool {
		return fmt.Sprint(len(s.World(1, *p).Inputs)) != value
	}},
	"order": {[]string{"isis", "lamport", "sequencer", "raft"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, _ *scenario.Report, seen *spy) bool {
		return seen.raft != (value == "raft")
	}},
	"k": {[]string{"4", "8"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, _ *scenario.Report, seen *spy) bool {
		return fmt.Sprint(seen.contacts) != value
	}},
	"alpha": {[]string{"1", "4"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, _ *scenario.Report, seen *spy) bool {
		return fmt.Sprint(slices.Max(slices.Collect(maps.Values(seen.asked)))) != value
	}},
	"sessions": {[]string{"drawn", "none"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, r *scenario.Report, _ *spy) bool {
		return slices.ContainsFunc(r.Faults, func(f fault.Fault) bool { return f.Op == fault.Crash }) != (value == "drawn")
	}},
	"abort": {[]string{"0%", "90%"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, _ *scenario.Report, seen *spy) bool {
		return (seen.aborts == 0) != (value == "0%")
	}},
	"delay": {[]string{"1us", "20ms"}, func(_ string, _ *scenario.Scenario, p *scenario.Params, _ *scenario.Report, seen *spy) bool {
		return seen.least < protocol.Time(p.Delay) || seen.least > 2*protocol.Time(p.Delay)+protocol.Time(time.Millisecond)
	}},
	"jitter": {[]string{"0s", "20ms"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, _ *scenario.Report, seen *spy) bool {
		return (seen.delays == 0) != (value == "0s")
	}},
	"loss": {[]string{"0%", "40%"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, r *scenario.Report, _ *spy) bool {
		return (r.Sim.Lost == 0) != (value == "0%")
	}},
	"copy": {[]string{"0%", "100%"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, r *scenario.Report, _ *spy) bool {
		return (r.Sim.Copied == 0) != (value == "0%")
	}},
	"events": {[]string{"50", "62"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, r *scenario.Report, _ *spy) bool {
		return fmt.Sprint(r.Sim.Events) != value
	}},
	"until": {[]string{"2150ms", "25m", "2h"}, func(_ string, _ *scenario.Scenario, p *scenario.Params, r *scenario.Report, _ *spy) bool {
		return r.Sim.End > protocol.Time(p.Until)
	}},
	"faults": {[]string{"none", "pause"}, func(value string, s *scenario.Scenario, _ *scenario.Params, r *scenario.Report, _ *spy) bool {
		return slices.ContainsFunc(r.Faults, func(f fault.Fault) bool { return f.Op == fault.Pause }) != (value == "pause")
	}},
	"shadow": {[]string{"off", "every"}, func(value string, s *scenario.Scenario, p *scenario.Params, r *scenario.Report, _ *spy) bool {
		return value == "off" && r.Sim.Shadows > 0
	}},
	"timing": {}, // it goes with the recordings of a live run: see TestALiveRunIsMadeAgainInVirtualTime
	"fault": {[]string{"pause 1 at 500ms for 1s", "crash 0 at 1s for 1s"}, func(value string, _ *scenario.Scenario, _ *scenario.Params, r *scenario.Report, _ *spy) bool {
		return !slices.ContainsFunc(r.Faults, func(f fault.Fault) bool { return f.String() == value })
	}},
}

// What a person asks for holds. A parameter that is added needs a measure here.
func TestARunDoesWhatItsParametersSay(t *testing.T) {
	for _, s := range scenarios.All() {
		for _, x := range s.Params() {
			m, known := measures[x.Name]
			if !known {
				t.Errorf("scenario %s: nothing measures parameter %s", s.Name, x.Name)
			}
			for _, value := range m.values {
				if x.Name == "until" && value == map[bool]string{true: "2150ms", false: "2h"}[s.Name == "churn"] {
					continue // before the first input of churn; and others have nothing to do for so long
				}
				p := s.Defaults
				if s.Param("faults") != nil && x.Name != "fault" {
					set(t, s, &p, "faults", "none")
				}
				if s.Name != "churn" {
					p.Until = min(p.Until, 2*time.Minute)
				}
				switch least, _ := s.NodeRange(); x.Name {
				case "nodes":
				case "k", "alpha":
					set(t, s, &p, "nodes", "20")
				default:
					set(t, s, &p, "nodes", fmt.Sprint(max(least, 4)))
				}
				if s.Param("txs") != nil {
					set(t, s, &p, "txs", "3")
				}
				set(t, s, &p, x.Name, value)
				if err := s.Validate(&p); err != nil {
					t.Errorf("scenario %s: %v", s.Name, err)
					continue
				}
				seen := &spy{Source: source.Seed(1), least: protocol.MaxTime, sent: make(map[[3]uint64]protocol.Time),
					began: make(map[string]uint64), asked: make(map[string]int)}
				r, _ := s.Execute(1, p, seen, scenario.Options{Observers: []sim.Observer{seen}})
				if r.Verdict == scenario.Failed || m.differ(value, s, &p, &r, seen) {
					t.Errorf("the run does not do as -%s %s says: %v", x.Name, value, &scenario.Subject{Scenario: s, Seed: 1, Params: p})
				}
			}
		}
	}
}
