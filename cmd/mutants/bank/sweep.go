package bank

import (
	"fmt"
	"strings"

	"dessim/scenarios"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/source"
)

// Settings are what finds planted bugs: few nodes and transfers, so that a run
// takes some milliseconds, with and without loss, in every order, and the crashes
// in each of them too. Lookups take more nodes than they return. Whoever sweeps
// does not know where the bug is, so seeds take turns.
func Settings() string {
	// Partitions that come and go, out of step, so that views follow each other.
	const flaps = " -fault 'partition 0|1-4 at 3s for 8s every 700ms; partition 0-2|3-4 at 3s for 8s every 1100ms'"
	return strings.Join([]string{
		"-scenario concurrent -nodes 4 -txs 6",
		"-scenario concurrent -nodes 4 -txs 6 -loss 10% -copy 10%",
		"-scenario concurrent -nodes 4 -txs 6 -order lamport",
		"-scenario concurrent -nodes 4 -txs 6 -order lamport -loss 10% -copy 10%",
		"-scenario concurrent -nodes 4 -txs 6 -order sequencer",
		"-scenario concurrent -nodes 4 -txs 6 -order sequencer -loss 10% -copy 10%",
		"-scenario verify -nodes 4 -txs 2",
		"-scenario doublespend -nodes 4 -txs 2",
		"-scenario doublespend -nodes 4 -txs 2 -loss 10% -copy 10%",
		"-scenario commit -nodes 4 -txs 2",
		"-scenario broadcast -nodes 4 -txs 2",
		"-scenario broadcast -nodes 5 -txs 4 -loss 40%",
		"-scenario bootstrap -nodes 20",
		"-scenario crash -nodes 4 -txs 6",
		"-scenario crash -nodes 4 -txs 12",
		"-scenario crash -nodes 4 -txs 6 -faults swarm",
		"-scenario crash -nodes 5 -txs 12 -faults swarm" + flaps,
		"-scenario crash -nodes 5 -txs 12 -order sequencer" + flaps,
		"-scenario crash -nodes 5 -txs 12 -faults crash,restart,disk,partition,lose",
		"-scenario crash -nodes 4 -txs 12 -faults crash,restart,disk -order lamport",
		"-scenario crash -nodes 4 -txs 12 -faults crash,restart,disk -order sequencer",
		"-scenario crash -nodes 4 -txs 6 -order lamport -faults swarm",
		"-scenario crash -nodes 4 -txs 6 -order sequencer -faults swarm",
		"-scenario failover -nodes 3 -txs 20 -faults swarm",
		"-scenario failover -nodes 3 -txs 20 -faults swarm -order lamport",
		"-scenario failover -nodes 3 -txs 20 -faults swarm -order sequencer",
		"-scenario failover -nodes 3 -txs 6 -faults swarm -order raft",
		"-scenario failover -nodes 3 -txs 20 -faults swarm -order raft",
		"-scenario blackout -nodes 3 -txs 12",
		"-scenario blackout -nodes 5 -txs 20 -order sequencer",
		"-scenario blackout -nodes 3 -txs 20 -faults swarm -order raft",
		"-scenario chaos -nodes 4 -txs 12 -order raft",
		"-scenario kv",
		"-scenario kv -order raft -faults swarm",
		"-scenario partition -nodes 5 -txs 12 -order raft",
		"-scenario churn -nodes 30 -txs 60",
		"-scenario churn -nodes 60 -txs 200",
	}, "\n")
}

// Subject is one run, but for who answers: what the flags of dessim run say.
type Subject struct {
	Scenario *scenarios.Scenario
	Seed     uint64
	Params   scenarios.Params
}

// ParseSubjects reads runs that are given as flags, a line each. The seed is 0 where
// there is no -seed.
func ParseSubjects(text string) (all []Subject, err error) {
	for flags := range strings.SplitSeq(text, "\n") {
		s, err := parseSubject(flags)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// values reads flags by name. A value goes on to the next word that looks like a flag,
// and may stand in single quotes, as in a shell.
func values(flags string) (map[string]string, error) {
	all := make(map[string]string)
	name := ""
	for _, word := range strings.Fields(flags) {
		switch {
		case len(word) > 1 && word[0] == '-' && 'a' <= word[1] && word[1] <= 'z':
			name = word
			if _, twice := all[name]; twice {
				return nil, fmt.Errorf("%q: flag %s stands twice", flags, name)
			}
			all[name] = ""
		case name == "":
			return nil, fmt.Errorf("%q: want flags, and not %q", flags, word)
		default:
			all[name] = strings.TrimPrefix(all[name]+" "+word, " ")
		}
	}
	for name, value := range all {
		if value == "" {
			return nil, fmt.Errorf("%q: flag %s has no value", flags, name)
		}
		all[name] = strings.Trim(value, "'")
	}
	return all, nil
}

func parseSubject(flags string) (s Subject, err error) {
	values, err := values(flags)
	if err != nil {
		return s, err
	}
	take := func(name string) string {
		value := values[name]
		delete(values, name)
		return value
	}
	name := take("-scenario")
	if s.Scenario = scenarios.Find(name); s.Scenario == nil {
		return s, fmt.Errorf("%q: no scenario %q", flags, name)
	}
	if text := take("-seed"); text != "" {
		if s.Seed, err = source.ParseSeed(text); err != nil {
			return s, fmt.Errorf("%q: %w", flags, err)
		}
	}
	s.Params = s.Scenario.Defaults
	for _, x := range s.Scenario.Params() {
		if text := take("-" + x.Name); text != "" {
			if err := x.Set(&s.Params, text); err != nil {
				return s, fmt.Errorf("%q: %w", flags, err)
			}
		}
	}
	if len(values) > 0 {
		return s, fmt.Errorf("%q: scenario %s does not have all of these flags", flags, name)
	}
	return s, s.Scenario.Validate(&s.Params)
}

// String gives the flags that repeat the run: what differs from the defaults.
func (s Subject) String() string {
	flags := fmt.Sprintf("-seed %d -scenario %s", s.Seed, s.Scenario.Name)
	for _, x := range s.Scenario.Params() {
		if text := x.Get(&s.Params); text != x.Get(&s.Scenario.Defaults) {
			if strings.Contains(text, " ") {
				text = "'" + text + "'"
			}
			flags += " -" + x.Name + " " + text
		}
	}
	return flags
}

// World gives the run to package explore.
func (s Subject) World() *explore.World { return s.Scenario.World(s.Seed, s.Params) }

// Failure is the first run of a sweep that failed.
type Failure struct {
	Subject
	Checks []string // what failed, the first to fail first
}

// Result is what a sweep came to.
type Result struct {
	Seeds        int      // that were run
	Inconclusive int      // of them
	Failure      *Failure // or nil
}

// Sweep runs seeds from the first on, each with one of the runs in turn, until
// one fails: a check is violated, or a node panics.
func Sweep(runs []Subject, first uint64, seeds int) (r Result) {
	for r.Seeds < seeds {
		s := runs[r.Seeds%len(runs)]
		s.Seed = first + uint64(r.Seeds)
		r.Seeds++
		o, _ := s.World().Seed(s.Seed, nil, false)
		switch {
		case o.Failed():
			r.Failure = &Failure{s, failed(&o)}
			return r
		case o.Verdict != check.Pass:
			r.Inconclusive++
		}
	}
	return r
}

func failed(o *explore.Outcome) []string {
	names := []string{o.Check()}
	for _, c := range o.Checks {
		if c.Verdict == check.Violation && c.Name != names[0] {
			names = append(names, c.Name)
		}
	}
	return names
}
