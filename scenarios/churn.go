package scenarios

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/stats"
	"dessim/sim/swarm"
)

// churn: nodes with nothing but a Kademlia table join and leave, while values are
// published and looked up.
//
// Its own faults are the sessions: each node but the first is up for a time, then down for
// a time, and so on, each drawn from an exponential distribution with a mean of an hour.
// They are crashes as data, so shrinking removes sessions one by one. A node that restarts
// has its old id, and none of the values that it held for others. Others can come besides:
// see churnfaults.go.
func churn() *scenario.Scenario {
	return ours(scenario.Scenario{
		Name:     "churn",
		Shows:    "a Kademlia network whose nodes come and go still finds values until they expire",
		MinNodes: 2,
		MaxNodes: mostAlone,
		Defaults: defaults(100, 4*time.Hour),
		Own:      append([]*scenario.Param{txs(100), sessions()}, routing()...),
		Repairs:  churnRepairs,
		Memory:   churnTakes,
		Columns:  []scenario.Column{{Head: "name", Key: "dht_id", Short: 8, Name: true}},
		Moot: func(p *scenario.Params) string {
			switch {
			case p.Int("txs") == 0:
				return "there are no lookups"
			case p.Delay+p.Jitter > slowestChurn:
				return "messages take so long that nodes leave before they have joined"
			}
			return ""
		},
	}, func(*world) protocol.Time { return protocol.Time(publishFrom) }, churnTraffic, buildChurn)
}

// sessions declares whether nodes come and go. Nodes that come back join anew, which alone
// makes one network of two; without sessions the upkeep must.
func sessions() *scenario.Param {
	return scenario.Choice("sessions", sessionsDrawn, []string{sessionsDrawn, sessionsNone}, "whether nodes leave and come back, besides faults")
}

const (
	sessionsDrawn = "drawn"
	sessionsNone  = "none"
)

// The timetable. Upkeep takes hours, as in kademlia.Lasting: so unlike other scenarios,
// this one does not scale with the delay of the links.
const (
	meanSession  = time.Hour
	meanDown     = time.Hour
	leastSession = 10 * time.Second // and least downtime; both are part of the mean
	slowestChurn = time.Second
	churnSpread  = 10 * time.Minute // of the first starts, at most

	publishFrom  = 20 * time.Minute // values are published over publishFor
	publishFor   = 25 * time.Minute
	churnAskFrom = time.Hour
	churnAskEnd  = 10 * time.Minute // before the end, the last lookup begins
	leastAskFor  = time.Hour
	shortLife    = 90 * time.Minute // of the values that expire
	inSession    = time.Minute      // for which a node must be up, before and after, to be given an input
	lookupsPer   = 8                // value
	shortEvery   = 4                // value expires
	endPer       = 8                // lookup begins just before a session ends, if one does within a minute
)

// Questions of the plan: those about sessions are named by the node and the session's
// number, those about values and lookups by their number.
var (
	kindSkew      = protocol.KindOf("churn.skew")
	kindSession   = protocol.KindOf("churn.up")
	kindDown      = protocol.KindOf("churn.down")
	kindPublisher = protocol.KindOf("churn.source")
	kindSought    = protocol.KindOf("churn.key")
	kindSeeker    = protocol.KindOf("churn.seeker")
)

// churning is the world of the scenario churn.
type churning struct {
	*world
	judge.DHT
	plan   sim.Plan
	shared *kademlia.NodeConfig // by all nodes
	downs  [][]down             // by node, by time
	twice  bool                 // the network is split twice: see churnfaults.go
}

// down is when a node is down.
type down struct{ from, to protocol.Time }

func buildChurn(p params) *scenario.Run {
	c := &churning{world: &world{p: p, delay: p.Delay + p.Jitter}, downs: make([][]down, p.Nodes)}
	c.DHT = judge.DHT{
		Nodes: make([]*kademlia.Node, p.Nodes), Lookups: make(map[protocol.Time]*judge.Lookup),
		K: p.K, UpSince: c.upSince,
	}
	for i := range p.Nodes {
		s := c.secret("churn id", uint64(i))
		c.IDs = append(c.IDs, kademlia.Key(s[:]))
		c.Members = append(c.Members, protocol.NodeID(i))
	}
	c.skew()
	c.twice = c.splitTwice()
	cfg := c.config()
	c.shared = &kademlia.NodeConfig{Config: cfg}
	c.shared.Known = kademlia.NewKnown(protocol.SimBook{}, c.IDs)
	if c.p.Draws(swarm.Repair) {
		c.shared.Compact = protocol.Ratio{Num: 1, Den: 2}
	}
	c.Query = cfg.Longest()
	c.plan = c.world.plan(0)
	for i := range c.plan.Starts {
		c.plan.Starts[i] = c.start(i)
	}
	c.plan.Node, c.plan.Twin = c.node, c.make
	c.Until = c.plan.Until
	c.failures()
	c.leave()
	c.workload()
	c.everybody()
	j := judge.NewChurn(&c.DHT)
	checks := append(j.Checks(), c.queries(cfg).Sound(), p.forms().AtNodes(p.heard()),
		c.timelyRetries([]judge.Retry{judge.QueryRetries(cfg.Timeout)}, p.Nodes, c.plan.Faults).AtNodes(p.heard()))
	if c.p.Draws(swarm.Repair) {
		checks = append(checks, discards())
	}
	return &scenario.Run{
		Plan:   c.plan,
		Inputs: c.asked(),
		Checks: checks,
		Watch:  []sim.Observer{j},
		Nodes:  c.rows,
		Facts:  j.Facts,
		Counts: j.Counts,
		Measure: func(m *stats.Meter) {
			j.Measure(m)
			c.measureJoins(m, kademlia.KindJoined)
		},
	}
}

// skew has most nodes begin with the same bits, in a share of the runs where repairs must do:
// so few nodes have tables as deep as many thousand have.
func (c *churning) skew() {
	const others = 4
	same := c.p.skewed()
	for i := range c.IDs {
		if i%others == 0 {
			continue
		}
		for b := range same {
			mask := byte(0x80 >> (b % 8))
			c.IDs[i][b/8] = c.IDs[i][b/8]&^mask | c.IDs[1][b/8]&mask
		}
	}
}

// skewed returns with how many bits in common most nodes begin, or 0.
func (p params) skewed() int {
	const share, bits = 4, 15
	if !p.Draws(swarm.Repair) || p.Source.Choose(protocol.Key{Kind: kindSkew}, share) != share-1 {
		return 0
	}
	return 1 + int(p.Source.Choose(protocol.Key{Kind: kindSkew, N: 1}, bits))
}

// seeds is the number of nodes through which the others join: the first, which is always
// up, and some that come and go.
const seeds = 4

// fewAskers are pinged at a time where repairs must do: so short runs of few nodes have some
// wait, as when hundreds join at once.
const fewAskers = 2

// config returns the configuration of every node, but for what tells them apart.
func (c *churning) config() kademlia.Config {
	cfg := kademlia.Lasting(kademlia.ID{}, protocol.SimBook{}, 0)
	cfg.K, cfg.Alpha = c.p.K, c.p.Alpha
	cfg.Timeout, cfg.Pause = c.delay*5/2, c.delay*4
	cfg.Tries, cfg.Stale = c.tries(), 2
	if c.twice {
		cfg.Refresh = splitRefresh
	}
	if c.p.Draws(swarm.Repair) {
		cfg.Askers = fewAskers
	}
	return cfg
}

// node returns node id, which is from now on the one that checks look at.
func (c *churning) node(id protocol.NodeID) protocol.Node {
	c.Nodes[id] = c.member(id)
	return c.Nodes[id]
}

// make returns another node id, of which nobody hears.
func (c *churning) make(id protocol.NodeID) protocol.Node {
	return c.member(id)
}

func (c *churning) member(id protocol.NodeID) *kademlia.Node {
	var through []protocol.Endpoint
	if id > 0 {
		for i := range min(seeds, c.p.Nodes) {
			through = append(through, protocol.SimBook{}.Endpoint(protocol.NodeID((int(id)+i)%min(seeds, c.p.Nodes))))
		}
	}
	s := c.secret("churn secret", uint64(id))
	return kademlia.NewMember(c.shared, c.IDs[id], binary.BigEndian.Uint64(s[:]), through)
}

// tries is how often an RPC is sent. Tries are expensive here, since half of the nodes are
// down and each try waits; without losses, once would do.
func (c *churning) tries() int {
	const least = 2
	return max(least, repeats(c.p.Loss, 2))
}

// start returns when a node starts for the first time. The first thousand start within seconds,
// as in other scenarios; more would all join at once.
func (c *churning) start(i int) protocol.Time {
	if c.p.Nodes <= mostHeard {
		return c.world.start(i)
	}
	spread := min(time.Duration(c.p.Nodes)*c.delay/2, churnSpread)
	return protocol.Time(int64(spread) / int64(c.p.Nodes) * int64(i))
}

// leave draws the faults, unless a search sets them, and notes when nodes are down. The
// identity of a session's end holds its node and the number of its session.
func (c *churning) leave() {
	c.plan.Faults = c.p.Faulted(func() []fault.Fault { return c.besides(c.drawSessions()) })
	for i := range c.plan.Faults {
		f := &c.plan.Faults[i]
		switch {
		case f.Op != fault.Crash || f.At == fault.Never: // down by it, or when, nobody knows before
		case f.For == 0:
			c.downs[f.Node] = append(c.downs[f.Node], down{f.At, protocol.MaxTime})
			c.Faults = append(c.Faults, *f)
		default:
			c.downs[f.Node] = append(c.downs[f.Node], down{f.At, f.At + protocol.Time(f.For)})
			c.Faults = append(c.Faults, *f)
		}
	}
}

func (c *churning) drawSessions() (faults []fault.Fault) {
	if sessions, _ := c.p.Text("sessions"); sessions == sessionsNone || c.twice {
		return nil
	}
	for id := 1; id < c.p.Nodes; id++ {
		at := c.start(id)
		for n := range uint64(1 << 16) {
			name := uint64(id)<<16 | n
			at += protocol.Time(c.lasts(kindSession, name, meanSession))
			if at > c.plan.Until {
				break
			}
			f := fault.Fault{ID: sessionID | name, Op: fault.Crash, At: at, Node: protocol.NodeID(id), For: c.lasts(kindDown, name, meanDown)}
			faults = append(faults, f)
			at += protocol.Time(f.For)
		}
	}
	return faults
}

// lasts draws how long a session or a downtime is; 0 is the longest.
func (c *churning) lasts(kind protocol.Kind, name uint64, mean time.Duration) time.Duration {
	const answers = 1 << 20
	return leastSession + exponential(c.p.Source.Choose(protocol.Key{Kind: kind, N: name}, answers), answers, mean-leastSession)
}

// exponential returns the quantile of an exponential distribution above which a share of
// (answer+1)/answers lies, in integers: -ln of it, times mean. answers is a power of two
// of at most 2^31. The longest of 2^20 is 13.9 times the mean.
func exponential(answer, answers uint64, mean time.Duration) time.Duration {
	const (
		fraction = 24         // bits of the logarithm after the point
		ln2      = 2977044472 // in units of 2^-32
	)
	x := answer + 1
	n := bits.Len64(x) - 1
	r := uint64(n)
	m := x << (31 - n) // in [1, 2), in units of 2^-31
	for range fraction {
		m = m * m >> 31 // each squaring gives one more binary digit
		r <<= 1
		if m >= 1<<32 {
			m >>= 1
			r |= 1
		}
	}
	log2 := uint64(bits.Len64(answers)-1)<<fraction - r
	hi, lo := bits.Mul64(log2*ln2>>32, uint64(mean))
	return time.Duration(hi<<(64-fraction) | lo>>fraction)
}

// upSince returns when the session began in which a node is at that time; -1 if it is down.
func (c *churning) upSince(id int, at protocol.Time) protocol.Time {
	since := c.start(id)
	if since > at {
		return -1
	}
	for _, d := range c.downs[id] {
		switch {
		case d.from <= at && at < d.to:
			return -1
		case d.to <= at:
			since = max(since, d.to)
		}
	}
	return since
}

// up reports whether a node is in a session at that time, and for a while before and
// after.
func (c *churning) up(id int, at protocol.Time) bool {
	from, to := at-protocol.Time(inSession), at+protocol.Time(inSession)
	return c.start(id) <= from && !slices.ContainsFunc(c.downs[id], func(d down) bool { return d.from <= to && from < d.to })
}

// firstUp returns the first node that is up, starting from a drawn one. So if shrinking
// removes a session, few inputs go to another node. The first node is always up.
func (c *churning) firstUp(kind protocol.Kind, about uint64, at protocol.Time) protocol.NodeID {
	n := c.p.Nodes
	first := int(c.p.Source.Choose(protocol.Key{Kind: kind, N: about}, uint64(n)))
	for i := range n {
		if id := (first + i) % n; c.up(id, at) {
			return protocol.NodeID(id)
		}
	}
	return 0
}

// workload adds the inputs that publish values and look them up.
func (c *churning) workload() {
	values := (uint64(c.p.Txs) + lookupsPer - 1) / lookupsPer
	for i := range values {
		at := protocol.Time(publishFrom) + protocol.Time(publishFor)/protocol.Time(values)*protocol.Time(i)
		v := &judge.Value{Value: fmt.Appendf(nil, "i%de", i), At: at, By: c.firstUp(kindPublisher, i, at)}
		v.ID = kademlia.Key(v.Value)
		if i%shortEvery == shortEvery-1 || values < shortEvery && i == values-1 {
			v.Life = shortLife
		}
		c.Values = append(c.Values, v)
		c.plan.Inputs = append(c.plan.Inputs, sim.Input{ID: valueID | i, At: at, Node: v.By, Body: kademlia.PublishInput(v.Value, v.Life)})
	}
	span := max(c.p.Until-churnAskFrom-churnAskEnd, leastAskFor)
	for i := range uint64(c.p.Txs) {
		if c.p.LeftOut(i) {
			continue
		}
		at := protocol.Time(churnAskFrom) + protocol.Time(span)/protocol.Time(c.p.Txs)*protocol.Time(i)
		if end, ok := c.sessionEnd(at); i%endPer == endPer-1 && ok {
			at = end
		}
		for c.Lookups[at] != nil { // an earlier one was moved to that time
			at++
		}
		v := c.Values[(i+c.choose(kindSought, i, values))%values]
		s := &judge.Lookup{Number: i, Value: v, Node: c.firstUp(kindSeeker, i, at)}
		c.Lookups[at] = s
		c.plan.Inputs = append(c.plan.Inputs, sim.Input{ID: i, At: at, Node: s.Node, Body: kademlia.GetInput(i, v.ID)})
	}
}

// sessionEnd returns a time just before the next session ends, so that a lookup which
// begins then is under way when a node leaves.
func (c *churning) sessionEnd(at protocol.Time) (protocol.Time, bool) {
	end, ok := at+protocol.Time(inSession), false
	for i := range c.Faults {
		if f := &c.Faults[i]; f.At > at && f.At < end {
			end, ok = f.At, true
		}
	}
	return end - 1, ok
}

// valueID is above the identities of all lookups: shrinking removes lookups, but keeps the
// values.
const valueID = 1 << 32

// asked returns the identities of the lookups' inputs.
func (c *churning) asked() []uint64 {
	ids := []uint64{}
	for i := range c.plan.Inputs {
		if id := c.plan.Inputs[i].ID; id < valueID {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// rows returns the nodes' ids and what they sent.
func (c *churning) rows(*sim.Sim) []scenario.Node {
	rows := make([]scenario.Node, 0, c.p.Nodes)
	for i := range c.Nodes {
		rows = append(rows, scenario.Node{ID: protocol.NodeID(i), Cells: []string{fmt.Sprintf("%x", c.IDs[i][:])}})
	}
	return rows
}
