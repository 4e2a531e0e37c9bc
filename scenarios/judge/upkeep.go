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

// sweep selects the next nodes to inspect, so that in time it inspects all, and looks for
// contacts that have been down for long.
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

// sweepEach is the number of nodes inspected at each lookup.
const sweepEach = 8

// upkeep requires republishing and refreshing in time. It inspects a few nodes at each
// lookup.
func (j *Churn) upkeep() *check.Check {
	const grace = 5 * time.Minute // for work that must wait for other work
	hour := kademlia.Lasting(kademlia.ID{}, protocol.SimBook{}, 0)
	const name = "nodes republish values and refresh buckets hourly"
	if j.c.Failures.Untimely {
		return check.Skip(name, untimely)
	}
	return check.Always(name, sim.Received, func(e *sim.Event) (bool, error) {
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
			if silence, any := d.Unheard(e.At); any && silence > hour.Refresh+grace {
				return true, fmt.Errorf("node %d has a good contact that has not answered for %v; it has %v, and %v of grace", id, silence, hour.Refresh, grace)
			}
		}
		return len(j.looks) > 0, nil
	})
}

// longDown is more than the hour after which a silent contact is pinged, plus the time for
// the contacts before it in its bucket.
const longDown = 90 * time.Minute

// tidy requires that dead contacts are removed. It is exercised by each inspection while
// some node has been down for that long.
func (j *Churn) tidy() *check.Check {
	const name = "no good contact has been down 90 minutes"
	if j.c.Failures.Untimely {
		return check.Skip(name, untimely)
	}
	if !slices.ContainsFunc(protocol.SortedKeys(j.c.Lookups), j.longGone) {
		return check.Skip(name, "no node is down that long during lookups")
	}
	return check.Always(name, sim.Received, func(e *sim.Event) (bool, error) {
		if j.asked == nil {
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

// cover counts newcomers among the closest to a due value, and those of them that hold it.
func (j *Churn) cover(s *Lookup, now protocol.Time) {
	for _, i := range j.c.newcomers(s.Value, now, s.Value.stored, func(i int) protocol.Time { return j.since[i] }) {
		j.near++
		if slices.ContainsFunc(s.holders, func(h holding) bool { return int(h.node) == i }) {
			j.nearHold++
		}
	}
}

// newcomers returns the newcomers among the nodes closest to a value: those that started
// after stood, when the value was stored, long enough ago to have received it, but too
// recently for the hourly republishing. since returns when a node started; -1 if it is down.
func (c *DHT) newcomers(v *Value, now, stood protocol.Time, since func(i int) protocol.Time) []int {
	near := c.closestUp(v, func(i int) bool { return since(i) >= 0 })
	return slices.DeleteFunc(near, func(i int) bool {
		age := now.Sub(since(i))
		return since(i) <= stood || age <= giftTime || age >= newFor
	})
}

// closestUp returns the k closest to a value of the nodes that are up.
func (c *DHT) closestUp(v *Value, isUp func(i int) bool) []int {
	if c.near == nil {
		c.near = newNearest(c.IDs)
	}
	return c.near.to(v.ID, c.K, isUp)
}

// expected returns the number of newcomers that cover will count according to the
// timetable, or some number above most. It is an upper bound, and exact unless a newcomer
// starts before a value is fully published.
func (c *DHT) expected(most int) (n int) {
	for _, at := range protocol.SortedKeys(c.Lookups) {
		if v := c.Lookups[at].Value; n <= most && at <= c.Until && !v.ended(at) {
			n += len(c.newcomers(v, at, v.At, func(i int) protocol.Time { return c.UpSince(i, at) }))
		}
	}
	return n
}

// Newcomers returns how many newcomers were counted, and how many the timetable predicts.
func (j *Churn) Newcomers() (looked, planned int) {
	return int(j.near), j.c.expected(math.MaxInt)
}

// place counts, for a value that was stored long ago, those of the closest nodes that are
// up for as long, and those of them that hold it: by then some holder has put it again.
func (j *Churn) place(s *Lookup, now protocol.Time) {
	v := s.Value
	const early = time.Minute // by which a value may expire before its time: each node counts off the way of its message
	if now.Sub(v.stored) < putAgain || len(s.holders) == 0 || v.ended(now+protocol.Time(early)) {
		return
	}
	for _, i := range j.c.closestUp(v, func(i int) bool { return j.since[i] >= 0 }) {
		if now.Sub(max(j.since[i], v.stored, j.c.Failures.Merged)) < putAgain {
			continue
		}
		j.settled++
		if slices.ContainsFunc(s.holders, func(h holding) bool { return int(h.node) == i }) {
			j.settledHold++
		}
	}
}

// placed requires that values lie where lookups look for them. While no node leaves, all of
// the closest nodes hold a value. Else some do not: the holders may have left before they put
// it again, or a table is out of date. Of 120 such nodes up to 16 lacked it by chance; more
// than a quarter, and 16, come from a bug.
func (j *Churn) placed() *check.Check {
	const name = "values lie on the closest nodes long up"
	if f := &j.c.Failures; f.Any && f.Heal == 0 {
		return check.Skip(name, never)
	}
	return check.Always(name, sim.Received, func(*sim.Event) (bool, error) {
		if j.asked == nil || j.settled == 0 {
			return false, nil
		}
		most := uint64(0)
		if len(j.c.Faults) > 0 {
			most = j.settled/4 + 16
		}
		if lack := j.settled - j.settledHold; lack > most {
			return true, fmt.Errorf("of %d nodes that were among the %d closest to a value, and it and they there for %v, %d did not hold it; want at most %d", j.settled, j.c.K, putAgain, lack, most)
		}
		return true, nil
	}).OrNotApplicable("no lookup begins long enough after its value was published")
}

const (
	putAgain = 65 * time.Minute // after which the upkeep has put a value again
	giftTime = time.Minute      // within which a newcomer receives the values that it should hold
	newFor   = 10 * time.Minute // for which a node is a newcomer
)

// covered requires that newcomers receive the values that they should hold. Not all do: the
// closest other node, which should send a value, may be dead without others knowing, or may
// lack the value. Then it comes by republishing, after half an hour on average, so without
// such transfers a sixth of the newcomers would hold it. With them, more than half do; 30%
// separates the two if enough newcomers were counted. With fewer, the share is chance, so
// it is not judged.
func (j *Churn) covered() *check.Check {
	const name, few, percent = "newcomers close to a value are given it", 100, 30
	if j.c.Failures.Any {
		return check.Skip(name, "nodes or links fail")
	}
	if n := j.c.expected(few); n <= few {
		return check.Skip(name, fmt.Sprintf("%d newcomers can be counted, too few (up to %d) to judge whether %d%% hold the value", n, few, percent))
	}
	return check.Always(name, sim.Received, func(e *sim.Event) (bool, error) {
		s := j.asked
		if s == nil || !s.due || j.near <= few {
			return false, nil
		}
		if j.nearHold*100 < j.near*percent {
			return true, fmt.Errorf("of %d nodes that were among the %d closest to a value, and up for %v to %v, %d held it; want %d%%", j.near, j.c.K, giftTime, newFor, j.nearHold, percent)
		}
		return true, nil
	})
}

// came requires that a node holds a value that was stored before the node last started.
func (j *Churn) came() *check.Check {
	if len(j.c.Faults) == 0 {
		return check.Skip("a node that joined later holds a value", stay)
	}
	return check.Sometimes("a node that joined later holds a value", check.InSweep, sim.Received, func(*sim.Event) bool {
		s := j.asked
		return s != nil && s.due && slices.ContainsFunc(s.holders, func(h holding) bool { return j.since[h.node] > s.Value.stored })
	})
}
