package judge

import (
	"fmt"
	"math"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
)

// sweep takes the next nodes to be looked at, so that in time all are, and looks among
// their contacts for nodes that have been down for long.
func (j *Churn) sweep(now protocol.Time) {
	for range sweepEach {
		j.swept = (j.swept + 1) % len(j.c.IDs)
		n := j.c.Nodes[j.swept]
		if j.since[j.swept] < 0 || !n.Joined() {
			continue
		}
		j.looks = append(j.looks, j.swept)
		for _, c := range n.DHT().Contacts() {
			if id, ok := (protocol.SimBook{}).Node(c.Addr); ok {
				if j.since[id] < 0 && now.Sub(j.until[id]) > longDown {
					j.ghost = fmt.Errorf("node %d has node %v as a good contact, which has been down for %v", j.swept, id, now.Sub(j.until[id]))
				}
			}
		}
	}
}

// sweepEach nodes are looked at, at each lookup.
const sweepEach = 8

// upkeep requires of all nodes, a few at each lookup, what the upkeep promises.
func (j *Churn) upkeep() *check.Check {
	const grace = 5 * time.Minute // what is due may have to wait for what is under way
	hour := kademlia.Lasting(kademlia.ID{}, protocol.SimBook{}, 0)
	return check.Always("nodes republish values and refresh buckets hourly", sim.Received, func(e *sim.Event) (bool, error) {
		for _, id := range j.looks {
			d := j.c.Nodes[id].DHT()
			for _, h := range d.Stored() {
				if age := e.At.Sub(h.At); !h.Cached && age > hour.Republish+grace {
					return true, fmt.Errorf("node %d holds %.8s, which was not put again for %v; it has %v, and %v of grace", id, h.ID, age, hour.Republish, grace)
				}
			}
			if at, any := d.Unrefreshed(); any && e.At.Sub(at) > hour.Refresh+grace {
				return true, fmt.Errorf("node %d has a bucket to which no lookup went for %v; it has %v, and %v of grace", id, e.At.Sub(at), hour.Refresh, grace)
			}
		}
		return len(j.looks) > 0, nil
	})
}

// longDown is more than the hour after which a contact that did not answer is pinged, and
// what comes before it in its bucket.
const longDown = 90 * time.Minute

// tidy requires that dead contacts do not stay. It is exercised by each look while some
// node has been down for so long.
func (j *Churn) tidy() *check.Check {
	const name = "no good contact has been down 90 minutes"
	if !slices.ContainsFunc(protocol.SortedKeys(j.c.Lookups), j.longGone) {
		return check.Skip(name, "no node is down for so long during lookups")
	}
	return check.Always(name, sim.Received, func(e *sim.Event) (bool, error) {
		if j.c.Lookups[e.At] == nil || e.Peer != protocol.Outside {
			return false, nil
		}
		return len(j.looks) > 0 && j.longGone(e.At), j.ghost
	})
}

// longGone reports whether, by the plan, some node has been down for long.
func (j *Churn) longGone(now protocol.Time) bool {
	return now <= j.c.Until && slices.ContainsFunc(j.c.Faults, func(f fault.Fault) bool {
		return f.Op == fault.Crash && f.At+protocol.Time(longDown) < now && now < f.At+protocol.Time(f.For)
	})
}

// cover counts newcomers among the closest to a value that is due, and those that hold
// it.
func (j *Churn) cover(s *Lookup, now protocol.Time) {
	for _, i := range j.c.newcomers(s.Value, now, s.Value.stored, func(i int) protocol.Time { return j.since[i] }) {
		j.near++
		if slices.ContainsFunc(s.holders, func(h holding) bool { return int(h.node) == i }) {
			j.nearHold++
		}
	}
}

// newcomers returns those of the nodes closest to a value that came after stood, when it
// was there, long enough ago to have been given it, and not so long that they have it by
// the hourly republishing. since returns when a node came; -1 if it is down.
func (c *DHT) newcomers(v *Value, now, stood protocol.Time, since func(i int) protocol.Time) []int {
	var up []int
	for i := range c.IDs {
		if since(i) >= 0 {
			up = append(up, i)
		}
	}
	order := closer(v.ID)
	slices.SortFunc(up, func(a, b int) int { return order(c.IDs[a], c.IDs[b]) })
	return slices.DeleteFunc(up[:min(contacts, len(up))], func(i int) bool {
		age := now.Sub(since(i))
		return since(i) <= stood || age <= giftTime || age >= newFor
	})
}

// expected returns how many newcomers cover is to look at, by the timetable, or some number
// above most: never fewer than it will, and as many unless a value takes so long to be
// published that a newcomer is there first.
func (c *DHT) expected(most int) (n int) {
	for _, at := range protocol.SortedKeys(c.Lookups) {
		if v := c.Lookups[at].Value; n <= most && at <= c.Until && !v.ended(at) {
			n += len(c.newcomers(v, at, v.At, func(i int) protocol.Time { return c.UpSince(i, at) }))
		}
	}
	return n
}

// Newcomers returns how many newcomers were looked at, and how many the timetable makes.
func (j *Churn) Newcomers() (looked, planned int) {
	return int(j.near), j.c.expected(math.MaxInt)
}

const (
	giftTime = time.Minute      // by which a newcomer has been given what it should hold
	newFor   = 10 * time.Minute // for which a node is a newcomer
)

// covered requires that newcomers are given what they should hold. Not all are: the
// closest of the others, which is to give it, may be dead and not yet known to be, or
// lack the value itself. Then it comes by republishing, on average after half an hour, so
// that without gifts a sixth of such newcomers would hold it. With them more than half do;
// once enough were looked at, 30% lies between. The share of fewer can be anything by
// chance, so they are not judged.
func (j *Churn) covered() *check.Check {
	const name, few, percent = "newcomers close to a value are given it", 100, 30
	if n := j.c.expected(few); n <= few {
		return check.Skip(name, fmt.Sprintf("%d newcomers can be looked at, too few (up to %d) to judge whether %d%% hold the value", n, few, percent))
	}
	return check.Always(name, sim.Received, func(e *sim.Event) (bool, error) {
		s := j.c.Lookups[e.At]
		if s == nil || e.Peer != protocol.Outside || !s.due || j.near <= few {
			return false, nil
		}
		if j.nearHold*100 < j.near*percent {
			return true, fmt.Errorf("of %d nodes that were among the 8 closest to a value, and up for %v to %v, %d held it; want %d%%", j.near, giftTime, newFor, j.nearHold, percent)
		}
		return true, nil
	})
}

// came requires that a value goes to a node that was not there when it was published.
func (j *Churn) came() *check.Check {
	return check.Sometimes("a node that joined later holds a value", check.InSweep, sim.Received, func(e *sim.Event) bool {
		s := j.c.Lookups[e.At]
		return e.Peer == protocol.Outside && s != nil && s.due && slices.ContainsFunc(s.holders, func(h holding) bool { return j.since[h.node] > s.Value.stored })
	})
}
