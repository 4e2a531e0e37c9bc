package judge

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/wording"
)

// DHT is a Kademlia network, and what a plan asks of it.
type DHT struct {
	Nodes   []*kademlia.Node // current state, or that at the crash
	IDs     []kademlia.ID    // by node
	Values  []*Value
	Lookups map[protocol.Time]*Lookup // by the time when they are asked for, which is unique
	K       int                       // contacts in a node's answer
	Faults  []fault.Fault             // crashes that end sessions
	Until   protocol.Time
	Query   time.Duration // the longest time that a query takes, with all its tries
	// Failures says what fails besides.
	Failures Failures
	// UpSince returns when the session began in which a node is at that time by the plan,
	// or -1 if it is down then.
	UpSince func(node int, at protocol.Time) protocol.Time

	near *nearest // made when it is needed first
}

// Value is a published value.
type Value struct {
	ID    kademlia.ID
	Value []byte
	By    protocol.NodeID
	At    protocol.Time // when it is published
	Life  time.Duration // 0: it never expires

	stored protocol.Time // when it was first stored at some node; 0: not yet
	lost   bool          // no node held it when some due lookup began
	missed bool          // a lookup missed it: others that do have the same cause, and don't count
}

func (v *Value) ended(now protocol.Time) bool { return now >= v.end() }

func (v *Value) end() protocol.Time {
	if v.Life == 0 {
		return protocol.MaxTime + 1
	}
	return v.At + protocol.Time(v.Life)
}

// Lookup is a lookup that an input asks for.
type Lookup struct {
	Number uint64
	Node   protocol.NodeID
	Value  *Value

	began     protocol.Time
	due, held bool      // see Churn
	disturbed bool      // some node left during it
	holders   []holding // when it began
	result    kademlia.Ended
}

// Churn judges the lookups of a DHT whose nodes join and leave. It sees all nodes' stores.
// A lookup is due if its value has been stored and has not expired when the lookup begins.
// It is held if some node holds the value then, and is up and still holds it when the
// lookup ends. Only Observe changes a Churn, and checks read it: so the figures of a run
// are the same whichever checks are ruled out.
type Churn struct {
	c            *DHT
	since        []protocol.Time    // by node: when its incarnation began; -1 while it is down
	until        []protocol.Time    // by node that is down: when its incarnation ended
	incarnations []uint32           // by node
	inputs       map[string]*Lookup // by the bytes of the input
	open         map[uint64]*Lookup
	asked        *Lookup // the lookup that begins in this event
	last         *Lookup // the lookup that ended in this event
	swept        int     // the node whose state was looked at last
	looks        []int   // the nodes whose state is looked at in this event

	begun, ended     uint64
	missed           uint64 // inputs that came while the node was down
	every, seen      uint64 // lookups of values published before the heal that some node holds, after Merged; those that found them
	due, held, found uint64
	lost             uint64        // values that no node held when a due lookup began
	over             uint64        // lookups of expired values
	aborted          uint64        // lookups whose node left
	disturbed        uint64        // lookups during which some node left
	holders          uint64        // sum over all due lookups, when they began
	got              uint64        // lookups that found the value, due or not
	hops             hopCounts     // of them
	queries          uint64        // of them
	slowest          time.Duration // of all
	ghost            error         // a sampled node has a good contact that was down for long
	settled          uint64        // nodes among the closest to a due value that are up for long
	settledHold      uint64        // of them, those that hold it
	near, nearHold   uint64        // newcomers among the closest to a due value; those of them that held it
}

// holding is an incarnation of a node that holds a value.
type holding struct {
	node        protocol.NodeID
	incarnation uint32
}

// NewChurn returns a judge of the lookups of c, whose values and lookups must be complete.
func NewChurn(c *DHT) *Churn {
	j := &Churn{c: c, since: make([]protocol.Time, len(c.IDs)), until: make([]protocol.Time, len(c.IDs)), incarnations: make([]uint32, len(c.IDs)),
		open: make(map[uint64]*Lookup), inputs: make(map[string]*Lookup)}
	for _, at := range protocol.SortedKeys(c.Lookups) {
		s := c.Lookups[at]
		j.inputs[string(kademlia.GetInput(s.Number, s.Value.ID))] = s
	}
	for i := range j.since {
		j.since[i] = -1
	}
	return j
}

// Checks returns all checks.
func (j *Churn) Checks() check.Suite {
	return check.Suite{j.reunited(), j.whole(), j.succeeds(), j.durable(), j.integrity(), j.expired(), j.ends(), j.upkeep(), j.tidy(), j.placed(), j.covered(), j.stored(), j.renewed(), j.came(), j.left(), j.returned()}
}

// Watch returns the events that Observe needs.
func (j *Churn) Watch() sim.What {
	return sim.Started | sim.Crashed | sim.Received | sim.Dropped | sim.Output
}

// Observe follows incarnations and lookups. It sees each event before the checks do.
func (j *Churn) Observe(e *sim.Event) {
	j.asked, j.last, j.looks = nil, nil, j.looks[:0]
	switch e.What {
	case sim.Started:
		j.since[e.Node], j.incarnations[e.Node] = e.At, e.Incarnation
	case sim.Crashed:
		j.since[e.Node], j.until[e.Node] = -1, e.At
		j.crashed(e.Node)
	case sim.Received:
		if s := j.input(e); s != nil {
			j.asked = s
			j.begin(s, e.At)
			j.sweep(e.At)
		}
	case sim.Dropped:
		if j.input(e) != nil {
			j.missed++
		}
	case sim.Output:
		j.output(e)
	}
}

// input returns the lookup that an input asks for, or nil.
func (j *Churn) input(e *sim.Event) *Lookup {
	if e.Peer != protocol.Outside {
		return nil
	}
	return j.inputs[string(e.Body)]
}

func (j *Churn) crashed(id protocol.NodeID) {
	for _, number := range protocol.SortedKeys(j.open) {
		s := j.open[number]
		if s.Node == id {
			delete(j.open, number)
			j.aborted++
		} else if !s.disturbed {
			s.disturbed = true
			j.disturbed++
		}
	}
}

func (j *Churn) begin(s *Lookup, now protocol.Time) {
	j.begun++
	j.open[s.Number] = s
	s.began, s.due = now, s.Value.stored != 0 && !s.Value.ended(now)
	for i, n := range j.c.Nodes {
		if j.since[i] >= 0 && n.DHT().Holds(s.Value.ID) {
			s.holders = append(s.holders, holding{protocol.NodeID(i), j.incarnations[i]})
		}
	}
	if s.due {
		j.holders += uint64(len(s.holders))
		j.cover(s, now)
		j.place(s, now)
	}
}

func (j *Churn) output(e *sim.Event) {
	switch e.Kind {
	case kademlia.KindPublished:
		p, ok := kademlia.DecodePublished(e.Body)
		for _, v := range j.c.Values {
			if ok && v.ID == p.ID && v.stored == 0 && p.Stored > 0 {
				v.stored = e.At
			}
		}
	case kademlia.KindEnded:
		x, ok := kademlia.DecodeEnded(e.Body)
		s := j.open[x.Number]
		if !ok || s == nil || s.Node != e.Node {
			return // integrity reports it
		}
		delete(j.open, x.Number)
		j.last, s.result = s, x
		s.held = slices.ContainsFunc(s.holders, func(h holding) bool {
			return j.since[h.node] >= 0 && j.incarnations[h.node] == h.incarnation && j.c.Nodes[h.node].DHT().Holds(x.ID)
		})
		j.count(s, e.At)
	}
}

// count adds a lookup's outcome.
func (j *Churn) count(s *Lookup, now protocol.Time) {
	j.ended++
	j.slowest = max(j.slowest, now.Sub(s.began))
	x := &s.result
	switch {
	case s.due && s.held && (!j.judged(s) || !x.OK && s.Value.missed):
		j.due++
	case s.due && s.held:
		j.due++
		j.held++
		if x.OK {
			j.found++
		} else {
			s.Value.missed = true
		}
		if s.Value.stored < j.c.Failures.Heal {
			j.every++
			if x.OK {
				j.seen++
			}
		}
	case s.due:
		j.due++
	case s.Value.ended(s.began):
		j.over++
	}
	if s.due && len(s.holders) == 0 && !s.Value.lost {
		s.Value.lost = true
		j.lost++
	}
	if x.OK {
		j.hops.add(x.Hops)
		j.got++
		j.queries += uint64(x.RPCs)
	}
}

// succeeds requires that lookups find values that some node holds. A lookup may miss one
// because tables are out of date: no node on the way knows a newcomer among the closest
// yet, or all think the holders dead. In runs of 1,000 nodes, less than one lookup in a
// thousand does, and fewer in smaller runs. Lookups that miss one value count as one: perhaps
// all of its holders but one have left, and that one is far from its key. So more than 1% and three misses come from a
// bug and not from chance, even if there are few lookups.
func (j *Churn) succeeds() *check.Check {
	const name, percent, chance = "lookups find held values, save 1% and three", 100, 3
	if why := j.unjudged(); why != "" {
		return check.Skip(name, why)
	}
	if len(j.c.Lookups) <= chance {
		return check.Skip(name, "all of three lookups may miss by chance")
	}
	return check.Always(name, sim.Output, func(*sim.Event) (bool, error) {
		s := j.last
		if s == nil || !s.due || !s.held || !j.judged(s) {
			return false, nil
		}
		if missed := j.held - j.found; !s.result.OK && missed > j.held/percent+chance {
			return true, fmt.Errorf("node %v looked for %.8s and found nothing, although %s held it: %d of %d lookups missed, want at most 1 in %d, plus %d", s.Node, s.Value.ID, wording.Count(len(s.holders), "node"), missed, j.held, percent, chance)
		}
		return true, nil
	})
}

// durable requires that values survive, except those whose holders all leave before one of
// them republishes. That happens within 7/8 of an hour, by which time a session with a
// mean of an hour has ended with probability 1 - exp(-7/8) = 0.58. All of eight holders have
// left with probability 0.58^8 = 1.3%, if no newcomer receives the value; so at most 13
// values in a thousand are lost in an hour. Values with close keys are lost together: only
// a loss of more than twice as many, and eight, is not chance.
func (j *Churn) durable() *check.Check {
	const name, chance = "values survive, save by chance", 8
	lost := uint64(1000) // in an hour, of a thousand
	for range j.c.K {
		lost = lost * 58 / 100
	}
	lost++ // rounded up
	switch {
	case j.c.Failures.Any:
		return check.Skip(name, "nodes or links fail")
	case len(j.c.Values) <= chance:
		return check.Skip(name, "all of eight values may be lost by chance")
	}
	return check.Always(name, sim.Output, func(e *sim.Event) (bool, error) {
		s := j.last
		if s == nil || !s.due {
			return false, nil
		}
		hours := uint64(0)
		for _, v := range j.c.Values {
			if v.stored != 0 {
				hours += uint64(min(e.At, v.end()).Sub(v.stored)/time.Minute) + 60 // begun hours count
			}
		}
		if most := hours / 60 * lost * 2 / 1000; s.Value.lost && j.lost > most+chance {
			return true, fmt.Errorf("no node held %.8s, published by node %v, when lookup %d began: %d of %d values are lost, want at most %d", s.Value.ID, s.Value.By, s.Number, j.lost, len(j.c.Values), most+chance)
		}
		return true, nil
	})
}

// integrity requires that a lookup returns the published value.
func (j *Churn) integrity() *check.Check {
	return check.Always("lookups find only what was published", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kademlia.KindEnded {
			return false, nil
		}
		x, ok := kademlia.DecodeEnded(e.Body)
		switch s := j.last; {
		case !ok:
			return true, fmt.Errorf("node %v put out a lookup that cannot be read", e.Node)
		case s == nil || x.ID != s.Value.ID:
			return true, fmt.Errorf("node %v ends lookup %d of %v, which it was not asked for or has ended already", e.Node, x.Number, x.ID)
		case x.OK && !bytes.Equal(x.Value, s.Value.Value):
			return true, fmt.Errorf("node %v found %q under %v, where %q was published", e.Node, x.Value, x.ID, s.Value.Value)
		}
		return true, nil
	})
}

func (j *Churn) expired() *check.Check {
	const name = "no lookup finds an expired value"
	if j.c.Failures.Untimely {
		return check.Skip(name, untimely)
	}
	if !slices.ContainsFunc(protocol.SortedKeys(j.c.Lookups), func(at protocol.Time) bool { return j.c.Lookups[at].Value.ended(at) }) {
		return check.Skip(name, "no lookup begins after its value expires")
	}
	return check.Always(name, sim.Output, func(e *sim.Event) (bool, error) {
		s := j.last
		if s == nil || !s.Value.ended(s.began) {
			return false, nil
		}
		if s.result.OK {
			return true, fmt.Errorf("node %v began to look for %.8s at %v and found it, although it expired after %v, at %v",
				s.Node, s.Value.ID, s.began, s.Value.Life, s.Value.At+protocol.Time(s.Value.Life))
		}
		return true, nil
	})
}

// longest is how long a lookup can take: it hears of a bounded number of nodes, and in the
// worst case queries them one after the other, and none answers.
func (j *Churn) longest() time.Duration {
	const seen = 32 // times k
	return time.Duration(seen*j.c.K) * j.c.Query
}

func (j *Churn) ends() *check.Check {
	const name = "every lookup ends, unless its node leaves"
	if j.c.Failures.Any && j.c.Failures.Heal == 0 {
		return check.Skip(name, never)
	}
	bound := protocol.Time(0)
	for _, at := range protocol.SortedKeys(j.c.Lookups) {
		bound = at + protocol.Time(j.longest())
	}
	return check.Eventually(name, bound, func() (uint64, error) {
		if done := j.ended + j.aborted + j.missed; done < uint64(len(j.c.Lookups)) || len(j.open) > 0 {
			return done, fmt.Errorf("%d of %d lookups have ended or were abandoned", done, len(j.c.Lookups))
		}
		return j.ended, nil
	})
}

const stay = "no node leaves"

func (j *Churn) left() *check.Check {
	if len(j.c.Faults) == 0 {
		return check.Skip("a session ends during a lookup", stay)
	}
	return check.Sometimes("a session ends during a lookup", check.InSweep, sim.Output, func(*sim.Event) bool {
		return j.last != nil && j.last.disturbed
	})
}

func (j *Churn) returned() *check.Check {
	if len(j.c.Faults) == 0 {
		return check.Skip("a node rejoins with its old id", stay)
	}
	return check.Sometimes("a node rejoins with its old id", check.InSweep, sim.Output, func(e *sim.Event) bool {
		return e.Kind == kademlia.KindJoined && e.Incarnation > 1
	})
}

// Facts returns the figures of the lookups.
func (j *Churn) Facts(s *sim.Sim) []scenario.Fact {
	facts := []scenario.Fact{
		{Name: "sessions that ended", Value: fmt.Sprint(s.Result().Crashes)},
		{Name: "lookups", Value: fmt.Sprintf("%d: %d of held values, %d of expired values, %d abandoned", j.begun, j.held, j.over, j.aborted)},
	}
	if f := &j.c.Failures; f.Any && f.Heal > 0 {
		facts = append(facts, scenario.Fact{Name: "found after the heal", Value: fmt.Sprintf("%d of %d published before it", j.seen, j.every)})
	}
	if j.held > 0 {
		facts = append(facts,
			scenario.Fact{Name: "found", Value: fmt.Sprintf("%d of %d, %s%%", j.found, j.held, hundredths(100*j.found, j.held))},
			scenario.Fact{Name: "values lost", Value: fmt.Sprintf("%d of %d, sought by %d lookups", j.lost, len(j.c.Values), j.due-j.held)},
			scenario.Fact{Name: "holders, mean", Value: hundredths(j.holders, j.due)},
			scenario.Fact{Name: "long up, holding a value", Value: fmt.Sprintf("%d of %d", j.settledHold, j.settled)},
			scenario.Fact{Name: "newcomers holding a value", Value: fmt.Sprintf("%d of %d", j.nearHold, j.near)})
	}
	if len(j.hops) > 0 {
		facts = append(append(facts, j.hops.facts()...),
			scenario.Fact{Name: "queries, mean", Value: hundredths(j.queries, j.got)},
			scenario.Fact{Name: "slowest lookup", Value: j.slowest.String()})
	}
	return facts
}

// Counts returns what happened, for the sums of a sweep.
func (j *Churn) Counts(s *sim.Sim) []scenario.Count {
	r := s.Result()
	return []scenario.Count{
		{Name: "crashes", N: r.Crashes}, {Name: "restarts", N: r.Restarts}, {Name: "lookups", N: j.begun}, {Name: "lookups abandoned", N: j.aborted},
		{Name: "lookups disturbed", N: j.disturbed}, {Name: "values lost", N: j.lost}, {Name: "held values not found", N: j.held - j.found},
	}
}
