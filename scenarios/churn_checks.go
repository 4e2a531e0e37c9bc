package scenarios

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
)

// churnJudge follows the lookups of the scenario churn, seeing into all nodes' stores.
// A lookup is due if its value was stored and its time is not over when the lookup
// begins; it is held if then somebody holds the value, and lives and holds it still
// when the lookup ends. All that it knows it learns in Observe: checks only read it, so
// that the figures of a run are the same whichever checks are ruled out.
type churnJudge struct {
	c     *churning
	since []protocol.Time // by node: when its life began; -1 while it is down
	until []protocol.Time // by node that is down: when its life ended
	lives []uint32        // by node
	open  map[uint64]*seeking
	last  *seeking // the one that ended in this event
	swept int      // the node whose state was looked at last
	looks []int    // the nodes whose state is looked at in this event

	begun, ended     uint64
	due, held, found uint64
	lost             uint64        // values that nobody held when a due lookup began
	over             uint64        // lookups of values whose time was over
	aborted          uint64        // lookups whose node left
	disturbed        uint64        // lookups while which somebody left
	holders          uint64        // of all due lookups when they began
	hops             []uint64      // lookups that found by hops
	queries          uint64        // of lookups that found
	slowest          time.Duration // of all
	ghost            error         // a good contact that was down for long, of a node that was looked at
	near, nearHold   uint64        // newcomers among the closest to a value that was due; of them, those that held it
}

// holding is a node that holds a value, in this life.
type holding struct {
	node protocol.NodeID
	life uint32
}

func newChurnJudge(c *churning) *churnJudge {
	j := &churnJudge{c: c, since: make([]protocol.Time, c.p.Nodes), until: make([]protocol.Time, c.p.Nodes), lives: make([]uint32, c.p.Nodes), open: make(map[uint64]*seeking)}
	for i := range j.since {
		j.since[i] = -1
	}
	return j
}

// Watch gives what is followed.
func (j *churnJudge) Watch() sim.What { return sim.Started | sim.Crashed | sim.Received | sim.Output }

// Observe follows lives and lookups. It is shown an event before the checks are.
func (j *churnJudge) Observe(e *sim.Event) {
	j.last, j.looks = nil, j.looks[:0]
	switch e.What {
	case sim.Started:
		j.since[e.Node], j.lives[e.Node] = e.At, e.Incarnation
	case sim.Crashed:
		j.since[e.Node], j.until[e.Node] = -1, e.At
		j.crashed(e.Node)
	case sim.Received:
		if s := j.c.asks[e.At]; e.Peer == protocol.Outside && s != nil {
			j.begin(s, e.At)
			j.sweep(e.At)
		}
	case sim.Output:
		j.output(e)
	}
}

func (j *churnJudge) crashed(id protocol.NodeID) {
	for _, number := range protocol.SortedKeys(j.open) {
		s := j.open[number]
		if s.node == id {
			delete(j.open, number)
			j.aborted++
		} else if !s.disturbed {
			s.disturbed = true
			j.disturbed++
		}
	}
}

func (j *churnJudge) begin(s *seeking, now protocol.Time) {
	j.begun++
	j.open[s.number] = s
	s.began, s.due = now, s.value.stood != 0 && !s.value.ended(now)
	for i, n := range j.c.nodes {
		if j.since[i] >= 0 && n.DHT().Holds(s.value.id) {
			s.holders = append(s.holders, holding{protocol.NodeID(i), j.lives[i]})
		}
	}
	if s.due {
		j.holders += uint64(len(s.holders))
		j.cover(s, now)
	}
}

func (j *churnJudge) output(e *sim.Event) {
	switch e.Kind {
	case kademlia.KindPublished:
		p, ok := kademlia.DecodePublished(e.Body)
		for _, v := range j.c.values {
			if ok && v.id == p.ID && v.stood == 0 && p.Stored > 0 {
				v.stood = e.At
			}
		}
	case kademlia.KindEnded:
		x, ok := kademlia.DecodeEnded(e.Body)
		s := j.open[x.Number]
		if !ok || s == nil || s.node != e.Node {
			return // integrity tells
		}
		delete(j.open, x.Number)
		j.last, s.result = s, x
		s.held = slices.ContainsFunc(s.holders, func(h holding) bool {
			return j.since[h.node] >= 0 && j.lives[h.node] == h.life && j.c.nodes[h.node].DHT().Holds(x.ID)
		})
		j.count(s, e.At)
	}
}

// count adds up what a lookup came to.
func (j *churnJudge) count(s *seeking, now protocol.Time) {
	j.ended++
	j.slowest = max(j.slowest, now.Sub(s.began))
	x := &s.result
	switch {
	case s.due && s.held:
		j.due++
		j.held++
		if x.OK {
			j.found++
		}
	case s.due:
		j.due++
	case s.value.ended(s.began):
		j.over++
	}
	if s.due && len(s.holders) == 0 && !s.value.lost {
		s.value.lost = true
		j.lost++
	}
	if x.OK {
		for len(j.hops) <= x.Hops {
			j.hops = append(j.hops, 0)
		}
		j.hops[x.Hops]++
		j.queries += uint64(x.RPCs)
	}
}

// succeeds demands that lookups find what somebody holds. What they miss by is tables
// that have not caught up: a newcomer among the closest whom nobody on the way knows
// yet, or holders whom all think dead. In runs of 1,000 nodes that is less than one in
// a thousand, and of few nodes less, so the three more than 1% that are allowed come
// about by a bug, and not by chance, also where there are few lookups.
func (j *churnJudge) succeeds() *check.Check {
	const name, percent, chance = "of the lookups of a value that somebody holds all but 1% and three find it", 100, 3
	if len(j.c.asks) <= chance {
		return check.Skip(name, "of three lookups all may miss by chance")
	}
	return check.Always(name, sim.Output, func(*sim.Event) (bool, error) {
		s := j.last
		if s == nil || !s.due || !s.held {
			return false, nil
		}
		if missed := j.held - j.found; !s.result.OK && missed > j.held/percent+chance {
			return true, fmt.Errorf("node %v looked for %.8s and found nothing, though %d nodes held it: that is %d of %d lookups; want at most 1 in %d, and %d", s.node, s.value.id, len(s.holders), missed, j.held, percent, chance)
		}
		return true, nil
	})
}

// durable demands that values live on, but for those all of whose holders leave before
// one of them puts the value again. That is 7/8 of an hour at the latest, by which a
// session of mean an hour has ended with probability 1 - exp(-7/8) = 0.58. All eight
// holders have with 0.58^8 = 1.3%, if nobody comes who is given the value; so 13
// of a thousand are lost in an hour at most. Values whose keys are close are lost together:
// twice as many, and eight, is what does not come about by chance.
func (j *churnJudge) durable() *check.Check {
	const name = "values live on: all but 2.6% in an hour, and eight"
	const lost, chance = 13, 8 // of a thousand in an hour
	if len(j.c.values) <= chance {
		return check.Skip(name, "of eight values all may be lost by chance")
	}
	return check.Always(name, sim.Output, func(e *sim.Event) (bool, error) {
		s := j.last
		if s == nil || !s.due {
			return false, nil
		}
		hours := uint64(0)
		for _, v := range j.c.values {
			if v.stood != 0 {
				hours += uint64(min(e.At, v.end()).Sub(v.stood)/time.Minute) + 60 // begun hours count
			}
		}
		if most := hours / 60 * lost * 2 / 1000; s.value.lost && j.lost > most+chance {
			return true, fmt.Errorf("nobody held %.8s, which node %v had published, when lookup %d began: that is the %dth value of %d that was lost; want at most %d", s.value.id, s.value.by, s.number, j.lost, len(j.c.values), most+chance)
		}
		return true, nil
	})
}

// integrity demands that what is found is what was published.
func (j *churnJudge) integrity() *check.Check {
	return check.Always("what is found was published, and looked for", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kademlia.KindEnded {
			return false, nil
		}
		x, ok := kademlia.DecodeEnded(e.Body)
		switch s := j.last; {
		case !ok:
			return true, fmt.Errorf("node %v put out a lookup that cannot be read", e.Node)
		case s == nil || x.ID != s.value.id:
			return true, fmt.Errorf("node %v ends lookup %d of %v, which it was not asked for, or has ended", e.Node, x.Number, x.ID)
		case x.OK && !bytes.Equal(x.Value, s.value.value):
			return true, fmt.Errorf("node %v found %q under %v, where %q was published", e.Node, x.Value, x.ID, s.value.value)
		}
		return true, nil
	})
}

// expired demands that values end.
func (j *churnJudge) expired() *check.Check {
	const name = "a value whose time is over is not found"
	if !slices.ContainsFunc(protocol.SortedKeys(j.c.asks), func(at protocol.Time) bool { return j.c.asks[at].value.ended(at) }) {
		return check.Skip(name, "no lookup comes after the end of its value")
	}
	return check.Always(name, sim.Output, func(e *sim.Event) (bool, error) {
		s := j.last
		if s == nil || !s.value.ended(s.began) {
			return false, nil
		}
		if s.result.OK {
			return true, fmt.Errorf("node %v began to look for %.8s at %v and found it, though its life of %v was over at %v",
				s.node, s.value.id, s.began, s.value.life, s.value.at+protocol.Time(s.value.life))
		}
		return true, nil
	})
}

// longest is how long a lookup can take: it hears of so many nodes at most, and in the
// worst case asks one after the other, none of which answers.
func (j *churnJudge) longest() time.Duration {
	const most = 32 * tableK
	return most * time.Duration(j.c.tries()) * j.c.delay * 5 / 2
}

// ends demands that lookups end.
func (j *churnJudge) ends() *check.Check {
	bound := protocol.Time(0)
	for _, at := range protocol.SortedKeys(j.c.asks) {
		bound = at + protocol.Time(j.longest())
	}
	return check.Eventually("every lookup ends, unless its node leaves", bound, func() (uint64, error) {
		if done := j.ended + j.aborted; done < uint64(len(j.c.asks)) || len(j.open) > 0 {
			return done, fmt.Errorf("%d of %d lookups have ended or were given up", done, len(j.c.asks))
		}
		return j.ended, nil
	})
}

// sweep takes the next nodes to be looked at, so that in time all are, and looks among
// their contacts for who has been down for long.
func (j *churnJudge) sweep(now protocol.Time) {
	for range sweepEach {
		j.swept = (j.swept + 1) % j.c.p.Nodes
		n := j.c.nodes[j.swept]
		if j.since[j.swept] < 0 || !n.Joined() {
			continue
		}
		j.looks = append(j.looks, j.swept)
		for _, c := range n.DHT().Contacts() {
			if id, ok := (protocol.SimBook{}).Node(c.Addr); ok {
				if j.since[id] < 0 && now.Sub(j.until[id]) > longDown {
					j.ghost = fmt.Errorf("node %d takes node %v to be a good contact, which has been down for %v", j.swept, id, now.Sub(j.until[id]))
				}
			}
		}
	}
}

// sweepEach nodes are looked at, at each lookup.
const sweepEach = 8

// upkeep demands of all nodes, a few at each lookup, what the upkeep promises.
func (j *churnJudge) upkeep() *check.Check {
	const grace = 5 * time.Minute // what is due may have to wait for what is under way
	hour := kademlia.Lasting(kademlia.ID{}, protocol.SimBook{}, 0)
	return check.Always("what nodes hold is put again, and where they know nodes they look, within the hour", sim.Received, func(e *sim.Event) (bool, error) {
		for _, id := range j.looks {
			d := j.c.nodes[id].DHT()
			for _, h := range d.Stored() {
				if age := e.At.Sub(h.At); !h.Cached && age > hour.Republish+grace {
					return true, fmt.Errorf("node %d holds %.8s, which nobody put there or anywhere for %v; it has %v, and %v more until it is judged", id, h.ID, age, hour.Republish, grace)
				}
			}
			if at, any := d.Unrefreshed(); any && e.At.Sub(at) > hour.Refresh+grace {
				return true, fmt.Errorf("node %d has a bucket to which no lookup went for %v; it has %v, and %v more until it is judged", id, e.At.Sub(at), hour.Refresh, grace)
			}
		}
		return len(j.looks) > 0, nil
	})
}

// longDown is more than the hour after which a contact that did not answer is pinged, and
// what comes before it in its bucket.
const longDown = 90 * time.Minute

// tidy demands that contacts who are dead do not stay. It is exercised by each look while
// somebody has been down for so long.
func (j *churnJudge) tidy() *check.Check {
	const name = "nobody who has been down for 90 minutes is taken to be a good contact"
	if !slices.ContainsFunc(protocol.SortedKeys(j.c.asks), j.longGone) {
		return check.Skip(name, "nobody is down for so long while lookups go on")
	}
	return check.Always(name, sim.Received, func(e *sim.Event) (bool, error) {
		if j.c.asks[e.At] == nil || e.Peer != protocol.Outside {
			return false, nil
		}
		return len(j.looks) > 0 && j.longGone(e.At), j.ghost
	})
}

// longGone tells whether, by the plan, some node has been down for long.
func (j *churnJudge) longGone(now protocol.Time) bool {
	return now <= j.c.plan.Until && slices.ContainsFunc(j.c.plan.Faults, func(f fault.Fault) bool {
		return f.Op == fault.Crash && f.At+protocol.Time(longDown) < now && now < f.At+protocol.Time(f.For)
	})
}

// cover counts newcomers among the closest to a value that is due, and those that hold
// it.
func (j *churnJudge) cover(s *seeking, now protocol.Time) {
	for _, i := range j.c.newcomers(s.value, now, s.value.stood, func(i int) protocol.Time { return j.since[i] }) {
		j.near++
		if slices.ContainsFunc(s.holders, func(h holding) bool { return int(h.node) == i }) {
			j.nearHold++
		}
	}
}

// newcomers gives those of the nodes closest to a value that came after stood, when it
// was there, long enough ago to have been given it, and not so long that they have it by
// the hourly republishing. since tells when a node came; -1 if it is down.
func (c *churning) newcomers(v *sought, now, stood protocol.Time, since func(i int) protocol.Time) []int {
	var up []int
	for i := range c.ids {
		if since(i) >= 0 {
			up = append(up, i)
		}
	}
	slices.SortFunc(up, func(a, b int) int {
		if v.id.Closer(c.ids[a], c.ids[b]) {
			return -1
		}
		return 1
	})
	return slices.DeleteFunc(up[:min(tableK, len(up))], func(i int) bool {
		age := now.Sub(since(i))
		return since(i) <= stood || age <= inSession || age >= newFor
	})
}

// expected gives how many newcomers cover is to look at, by the timetable, or some number
// above most: never fewer than it will, and as many unless a value takes so long to be
// published that a newcomer is there first.
func (c *churning) expected(most int) (n int) {
	for _, at := range protocol.SortedKeys(c.asks) {
		if v := c.asks[at].value; n <= most && at <= c.plan.Until && !v.ended(at) {
			n += len(c.newcomers(v, at, v.at, func(i int) protocol.Time { return c.upSince(i, at) }))
		}
	}
	return n
}

// newFor is how long a node is a newcomer.
const newFor = 10 * time.Minute

// covered demands that newcomers are given what they should hold. Not all are: the
// closest of the others, which is to give it, may be dead and not yet known to be, or
// lack the value itself. Then it comes by republishing, on average after half an hour,
// so that without gifts a sixth of those who are so new would hold it. With them more
// than half do; once enough were looked at, 30% lies between. Of fewer the share can be
// anything by chance, so they are not judged.
func (j *churnJudge) covered() *check.Check {
	const name, few, percent = "newcomers among the 8 closest to a value are given it", 100, 30
	if n := j.c.expected(few); n <= few {
		return check.Skip(name, fmt.Sprintf("%d newcomers can be looked at; it takes more than %d to tell that %d%% hold the value", n, few, percent))
	}
	return check.Always(name, sim.Received, func(e *sim.Event) (bool, error) {
		s := j.c.asks[e.At]
		if s == nil || e.Peer != protocol.Outside || !s.due || j.near <= few {
			return false, nil
		}
		if j.nearHold*100 < j.near*percent {
			return true, fmt.Errorf("of %d nodes that were among the 8 closest to a value, and up for %v to %v, %d held it; want %d%%", j.near, inSession, newFor, j.nearHold, percent)
		}
		return true, nil
	})
}

// came tells whether values go to nodes that were not there when they were published.
func (j *churnJudge) came() *check.Check {
	return check.Sometimes("a value was held by a node that had come after its publication", check.InSweep, sim.Received, func(e *sim.Event) bool {
		s := j.c.asks[e.At]
		return e.Peer == protocol.Outside && s != nil && s.due && slices.ContainsFunc(s.holders, func(h holding) bool { return j.since[h.node] > s.value.stood })
	})
}

// left tells whether nodes leave during lookups.
func (j *churnJudge) left() *check.Check {
	return check.Sometimes("a session ended during a lookup", check.InSweep, sim.Output, func(*sim.Event) bool {
		return j.last != nil && j.last.disturbed
	})
}

// returned tells whether nodes come back.
func (j *churnJudge) returned() *check.Check {
	return check.Sometimes("a node came back with its id and joined again", check.InSweep, sim.Output, func(e *sim.Event) bool {
		return e.Kind == kademlia.KindJoined && e.Incarnation > 1
	})
}

// facts gives the figures.
func (j *churnJudge) facts(s *sim.Sim) []scenario.Fact {
	facts := []scenario.Fact{
		{Name: "sessions that ended", Value: fmt.Sprint(s.Result().Crashes)},
		{Name: "lookups", Value: fmt.Sprintf("%d, of them %d of values that somebody held, %d of values whose time was over, %d given up", j.begun, j.held, j.over, j.aborted)},
	}
	if j.held > 0 {
		facts = append(facts,
			scenario.Fact{Name: "found", Value: fmt.Sprintf("%d of %d, %s%%", j.found, j.held, hundredths(100*j.found, j.held))},
			scenario.Fact{Name: "values lost", Value: fmt.Sprintf("%d of %d, which %d lookups sought", j.lost, len(j.c.values), j.due-j.held)},
			scenario.Fact{Name: "holders, mean", Value: hundredths(j.holders, j.due)},
			scenario.Fact{Name: "newcomers that held", Value: fmt.Sprintf("%d of %d", j.nearHold, j.near)})
	}
	sum, n := uint64(0), uint64(0)
	var dist []string
	for h, of := range j.hops {
		if sum, n = sum+uint64(h)*of, n+of; of > 0 {
			dist = append(dist, fmt.Sprintf("%d: %d", h, of))
		}
	}
	if n > 0 {
		facts = append(facts,
			scenario.Fact{Name: "hops, mean", Value: hundredths(sum, n)},
			scenario.Fact{Name: "lookups by hops", Value: strings.Join(dist, ", ")},
			scenario.Fact{Name: "queries, mean", Value: hundredths(j.queries, n)},
			scenario.Fact{Name: "slowest lookup", Value: j.slowest.String()})
	}
	return facts
}

// counts gives what happened, for the sums of a sweep.
func (j *churnJudge) counts(s *sim.Sim) []scenario.Count {
	r := s.Result()
	return []scenario.Count{
		{Name: "crashes", N: r.Crashes}, {Name: "restarts", N: r.Restarts}, {Name: "lookups", N: j.begun}, {Name: "lookups given up", N: j.aborted},
		{Name: "lookups disturbed", N: j.disturbed}, {Name: "values lost", N: j.lost}, {Name: "values held and not found", N: j.held - j.found},
	}
}
