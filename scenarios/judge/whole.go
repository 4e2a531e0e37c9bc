package judge

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/check"
)

// lookAgain is how often the tables are looked at, which is expensive in large networks.
const lookAgain = protocol.Time(10 * time.Minute)

// whole requires that some time after all failures have ended, the network is one: nodes that
// have been up for as long lead to each other by the contacts of those that are up.
func (j *Churn) whole() *check.Check {
	const name = "after the heal the network is one again"
	switch why := j.unjudged(); {
	case !j.c.Failures.Any:
		return check.Skip(name, "nothing heals")
	case why != "":
		return check.Skip(name, why)
	case j.c.Failures.Untimely:
		return check.Skip(name, untimely)
	}
	number := make(map[kademlia.ID]int, len(j.c.IDs))
	for i, id := range j.c.IDs {
		number[id] = i
	}
	next := j.c.Failures.Merged
	return check.Always(name, sim.Received, func(e *sim.Event) (bool, error) {
		if e.At < next {
			return false, nil
		}
		next = e.At + lookAgain
		return j.one(number, e.At-(j.c.Failures.Merged-j.c.Failures.Heal))
	}).OrNotApplicable("nodes hear nothing after that")
}

// one reports whether the nodes that have been up since then are connected, and whether there
// are at least two.
func (j *Churn) one(number map[kademlia.ID]int, since protocol.Time) (bool, error) {
	parts := make([]int, len(j.since)) // each node's way to the least of its part
	for i := range parts {
		parts[i] = i
	}
	least := func(i int) int {
		for parts[i] != i {
			i = parts[i]
		}
		return i
	}
	for i, at := range j.since {
		if at < 0 {
			continue
		}
		for _, c := range j.c.Nodes[i].DHT().Contacts() {
			if k, known := number[c.ID]; known && j.since[k] >= 0 {
				a, b := least(i), least(k)
				parts[max(a, b)] = min(a, b)
			}
		}
	}
	first := -1
	judged := 0
	for i, at := range j.since {
		if at < 0 || at > since || !j.c.Nodes[i].Joined() {
			continue
		}
		judged++
		if first < 0 {
			first = i
		}
		if least(i) != least(first) {
			return true, fmt.Errorf("no contacts lead from node %d to node %d, nor back, %v after the heal", first, i, j.c.Failures.Merged.Sub(j.c.Failures.Heal))
		}
	}
	return judged > 1, nil
}
