package bank

import (
	"strings"

	"dessim/scenarios"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
)

// Settings returns the runs that find planted bugs: few nodes and transfers, so that a run
// takes milliseconds, with and without loss, in every order, and with crashes in each.
// Lookups need more nodes than they return. A sweep does not know where the bug is, so
// seeds take turns.
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
		"-scenario doublespend -nodes 5 -txs 2 -loss 10% -copy 10%",
		"-scenario doublespend -nodes 5 -txs 2 -faults crash,restart,disk,lose,copy",
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
		"-scenario bootstrap -nodes 10 -until 5m -fault 'partition 0-4|5-9 at 1s for 40s'",
		"-scenario partition -txs 100 -faults none -fault 'partition 0-2|3,4 at 3s for 60s'",
		"-scenario churn -sessions none -nodes 18 -txs 40 -fault 'partition 0-8|9-17 at 25m for 1h'",
		"-scenario churn -sessions none -nodes 18 -txs 40 -until 14h -fault 'partition 0-8|9-17 at 25m for 1h; partition 0-8|9-17 at 3h for 1h'",
		"-scenario churn -sessions none -nodes 18 -txs 60 -faults slow",
	}, "\n")
}

// ParseSubjects reads runs as flags, one a line. The seed is 0 without -seed.
func ParseSubjects(text string) (all []scenario.Subject, err error) {
	for flags := range strings.SplitSeq(text, "\n") {
		s, err := scenario.ParseSubject(scenarios.All(), flags)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Failure is the first run of a sweep that failed.
type Failure struct {
	scenario.Subject
	Checks []string // what failed, the first to fail first
}

// Result is the result of a sweep.
type Result struct {
	Seeds        int      // number of runs
	Inconclusive int      // of them
	Failure      *Failure // or nil
}

// Sweep runs seeds from the first on, each with one of the runs in turn, until
// one fails: a check is violated, or a node panics.
func Sweep(runs []scenario.Subject, first uint64, seeds int) (r Result) {
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
