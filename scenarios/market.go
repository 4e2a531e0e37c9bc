package scenarios

import (
	"slices"

	"dessim/protocol"
	"dessim/protocol/peer"
	"dessim/protocol/twopc"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/scenario"
	"dessim/sim/stats"
	"dessim/sim/swarm"
)

// Questions of the workload, named by the transfer.
var (
	kindSender   = protocol.KindOf("work.sender")
	kindReceiver = protocol.KindOf("work.receive")
	kindWitness  = protocol.KindOf("work.witness")
	kindAmount   = protocol.KindOf("work.amount")
	kindLeast    = protocol.KindOf("least.amount") // of the run
)

const (
	maxAmount = 1000
	// attemptDelays is the longest time that an aborted attempt takes, with the pause
	// after it.
	attemptDelays = 180
)

// market is a world with a client that asks for transfers, and the judges of these. A
// scenario adds its own inputs and chooses its checks.
type market struct {
	*world
	plan       sim.Plan
	client     protocol.NodeID
	asks       []uint64      // inputs that ask for a transfer
	statements int           // bodies that liars broadcast
	bound      protocol.Time // when all transfers must have ended
	commits    *judge.Commits
	ledgers    *judge.Ledgers
	history    *judge.LedgerHistory
	least      bool // every other transfer is of the least amount
	holds      *judge.Holds
	outcomes   *judge.Outcomes
	questions  *judge.Questions
	faulty     *faulty
	traitors   []protocol.NodeID // nodes that are byzantine at some time; set by run
	purses     *purses           // nil: coins do not run short
	deliveries *judge.Deliveries
	floods     *judge.Floods
}

// newMarket makes a market of p.Nodes nodes, without inputs. The client's links
// lose nothing, since clients are exempt from faults.
func newMarket(p params) *market {
	w := newWorld(p)
	// asks is not nil: that would let a search leave out all inputs.
	m := &market{world: w, plan: w.plan(1), client: protocol.NodeID(p.Nodes), asks: []uint64{}}
	near := sim.Link{Delay: p.Delay, Jitter: p.Jitter}
	m.plan.Links = []sim.LinkRule{
		{From: m.client, To: sim.Any, Link: near},
		{From: sim.Any, To: m.client, Link: near},
	}
	m.abort = func(twopc.ID) protocol.Ratio { return p.Abort }
	m.purses = newPurses(m)
	m.least = p.Draws(swarm.Repair) && m.choose(kindLeast, 0, 4) == 3
	m.bound = w.after(w.begin, graceDelays/2+3*p.Txs+attemptDelays*repeats(p.Abort, 3))
	if p.Failing() {
		m.bound = w.after(max(m.bound, m.liveFrom), afterHealDelays)
	}
	m.commits, m.ledgers = judge.NewCommits(m.client, m.delay), judge.NewLedgers(&w.Network)
	m.ledgers.Forgetting(m.commits, m.forgot)
	m.floods = judge.NewFloods(m.ledgers)
	m.history = judge.NewLedgerHistory(m.ledgers)
	m.holds, m.outcomes = judge.NewHolds(m.commits, &w.Network), judge.NewOutcomes(m.commits, m.ledgers, m.lies)
	m.questions = judge.NewQuestions(m.commits, &w.Network, m.liar)
	m.faulty = newFaulty(m)
	m.deliveries = judge.NewDeliveries(p.Order, nil)
	if p.Failing() {
		m.deliveries = judge.NewDeliveries(p.Order, m.faulty.views)
	}
	return m
}

func (m *market) input(at protocol.Time, to protocol.NodeID, body []byte) {
	m.plan.Inputs = append(m.plan.Inputs, sim.Input{ID: uint64(len(m.plan.Inputs)), At: at, Node: to, Body: body})
}

// ask makes the client ask for a transfer, which must then be accepted.
func (m *market) ask(at protocol.Time, t transfer) {
	id := uint64(len(m.plan.Inputs))
	if m.least && id%2 == 1 {
		t.Amount = 1
	}
	if m.purses != nil {
		at, t = m.purses.tighten(m.world, at, t)
	}
	m.input(at, m.client, peer.TransferInput(t.sender, t.Request))
	m.asks = append(m.asks, id)
	if m.p.LeftOut(id) {
		return
	}
	parties := m.parties(t)
	m.ledgers.Ask(m.client, t.Transfer, parties)
	m.commits.Parties[t.Transfer] = parties
	m.history.Ask(at, m.client, t.sender, t.Request)
}

// parties returns the nodes that take part in a transfer, ascending.
func (w *world) parties(t transfer) []protocol.NodeID {
	var out []protocol.NodeID
	for i, o := range w.Owners {
		if id := protocol.NodeID(i); id == t.sender || o == t.Receiver || o == t.Witness {
			out = append(out, id)
		}
	}
	return out
}

// whole returns the checks that hold for every ledger.
func (m *market) whole() check.Suite {
	l := m.ledgers
	return check.Suite{
		l.Order(), l.SameHashes(), l.Conserved(), l.Audited(),
		l.Answered(m.bound), l.EqualAtEnd(m.bound), l.NoReservation(m.bound),
	}
}

// outcome returns the checks of what becomes of each transfer, and of what is reserved for it.
func (m *market) outcome() check.Suite {
	o, coins := m.outcomes, judge.NewCoins(m.commits, m.ledgers)
	return check.Suite{m.holds.Exact(m.lies), coins.Kept(m.lies), coins.Responsible(m.liar), o.Truthful(), o.OnlyCommitted(), o.Everywhere(m.bound), m.bounded(), judge.Steps(check.Waits(awake, m.p.Nodes+1, m.machine))}
}

// inject adds a fault of the scenario's own, unless the run has healed by then.
func (m *market) inject(f fault.Fault) {
	if m.healed == 0 || f.At < m.healed {
		m.plan.Faults = append(m.plan.Faults, f)
	}
}

// run returns the run with these checks, and those that faults call for.
func (m *market) run(checks check.Suite) *scenario.Run {
	m.addFaults(&m.plan)
	m.traitors = traitors(m.plan.Faults)
	if m.remember > 0 { // what is too old is asked for to the end of time
		m.plan.Until = min(m.plan.Until, m.bound)
	}
	m.links = m.watchLinks()
	pauses := judge.NewPauses(m.p.Nodes, m.delay)
	m.hears = append(m.hears, m.links.Heard, m.questions.Heard, pauses.Heard)
	r := &scenario.Run{
		Plan:   m.plan,
		Inputs: m.asks,
		Checks: slices.Concat(checks, m.outcome(), m.deliveries.Checks(), check.Suite{
			m.questions.Answered(), judge.Lists(m.lies), m.queries(m.plan.Faults).Sound(), m.links.Perfect(),
			m.floods.Once(), m.floods.Told(), m.floods.Forwarded(m.traitors), m.exchanges().Sound(), m.p.forms(),
			m.retries(), m.ledgers.Unsent(m.p.asks()), m.Readable(m.plan.Faults), strict(), m.worthwhile(), pauses.Grow(), m.limited(),
		}),
		Watch: []sim.Observer{m.Incarnations, m.commits, m.ledgers, m.history, m.deliveries},
		Nodes: m.rows,
		Measure: func(x *stats.Meter) {
			m.history.Measure(x, m.traitors)
			m.commits.Measure(x)
			measureOrder(x)
			m.measureJoins(x, peer.KindJoined)
			if m.p.Failing() {
				m.faulty.views.Measure(x)
			}
		},
	}
	facts := func() []scenario.Fact { return append(m.commits.Facts(), m.ledgers.Facts()...) }
	if m.p.Failing() {
		r.Checks = append(r.Checks, m.faulty.checks()...)
		if m.p.Draws(swarm.Repair) && m.p.Order != orderRaft {
			r.Checks = append(r.Checks, discards())
		}
		r.Watch = append(r.Watch, m.faulty.promises, m.faulty.views, m.faulty.progress, m.faulty)
		r.Counts = m.faulty.counts
		if m.p.Order == orderRaft {
			leaders := judge.NewLeaders(&m.Network)
			r.Checks = append(r.Checks, leaders.Forgotten(), leaders.Rarer())
			if len(m.traitors) == 0 { // a model cannot know what a node makes of lies
				r.Checks = append(r.Checks, leaders.Patient(), judge.NewRemovals(&m.Network).Timely(), judge.NewProposals(&m.Network).Repeated())
			}
		}
		facts = func() []scenario.Fact {
			return slices.Concat(m.commits.Facts(), m.ledgers.Facts(), m.faulty.facts())
		}
	}
	if m.undisturbed() {
		prompt := m.prompt()
		r.Checks = append(r.Checks, prompt.Checks(m.p.Order == orderRaft)...)
		r.Watch = append(r.Watch, prompt)
	}
	r.Facts = m.withLedgers(facts)
	return r
}

// undisturbed reports whether nothing fails, nothing is lost, and links and nodes are as fast as
// usual.
func (m *market) undisturbed() bool {
	return !m.p.Failing() && m.p.Loss.Never() && m.p.Timing == ""
}

// How many longest delays a delivery takes at most while nothing fails: the four that a
// broadcast costs at most, and one for disks; see packages abcast and raft. In Raft, messages
// that overtake each other leave the last step to the next heartbeat.
const (
	promptDelays = 5
	beatDelays   = 13
)

// prompt returns a judge of the order of a run without failures.
func (m *market) prompt() *judge.Prompt {
	longest := m.delay
	for _, r := range m.plan.Links {
		longest = max(longest, r.Link.Delay+r.Link.Jitter)
	}
	bound := promptDelays * longest
	if m.p.Order == orderRaft {
		bound += beatDelays * m.delay
	}
	return judge.NewPrompt(m.p.Nodes, m.begin, bound, func(id protocol.NodeID) uint64 {
		if n := m.Nodes[id]; n != nil {
			return n.Broadcasts()
		}
		return 0
	})
}

// transfer is one transfer of the workload.
type transfer struct {
	sender protocol.NodeID
	peer.Request
}

// transfer draws the workload's transfer i: sender, receiver, witness and amount.
func (w *world) transfer(i uint64) transfer {
	n := uint64(w.p.Nodes)
	s := w.choose(kindSender, i, n)
	t := transfer{Request: peer.Request{Transfer: i, Amount: 1 + w.choose(kindAmount, i, maxAmount)}}
	t.between(w, s, (s+1+w.choose(kindReceiver, i, n-1))%n)
	return t
}

// between returns a transfer from sender to receiver. The witness is drawn from the
// others, counted from the sender on.
func (t *transfer) between(w *world, sender, receiver uint64) {
	n := uint64(w.p.Nodes)
	k := 1 + w.choose(kindWitness, t.Transfer, n-2)
	if (receiver+n-sender)%n <= k {
		k++
	}
	t.sender = protocol.NodeID(sender)
	t.Receiver, t.Witness = w.Owners[receiver], w.Owners[(sender+k)%n]
}
