package judge

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/gossip"
	"dessim/protocol/ledger"
	"dessim/protocol/twopc"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// DoubleSpends judges what becomes of coins that are spent twice.
type DoubleSpends struct {
	Conflicts []*Conflict
	Rivals    []*Rivals

	net      *Network
	ledgers  *Ledgers
	of       map[ledger.ID]place // by wtxid
	attempts map[twopc.ID]*Rivals
}

// Conflict is two transactions, or one twice, of which at most one can be accepted. All are
// validly endorsed by a collusion, unless loses says otherwise.
type Conflict struct {
	Name   string
	Said   int        // statements of its transactions
	Winner *ledger.ID // the transaction that was accepted, or nil

	loses  []ledger.Verdict // by transaction: its verdict when another is accepted; Accepted if it is never refused
	first  []int            // by node: 1 plus the index of the transaction that it sent or received first
	began  [2]bool          // by transaction: some node had it first
	logged []int            // by node: entries so far
	won    []bool           // by node: whether it accepted one
}

// place is a transaction's index in its conflict.
type place struct {
	*Conflict
	i int
}

// Rivals are two transactions on one coin for which honest endorsers are asked, at least
// one of them for both.
type Rivals struct {
	Name    string
	Commits int
	Noes    int // of honest participants

	ended int
	split *Conflict // if no honest node is asked for both: then both may commit
}

// NewDoubleSpends returns a judge of double spends in these ledgers.
func NewDoubleSpends(l *Ledgers) *DoubleSpends {
	return &DoubleSpends{net: l.net, ledgers: l, of: make(map[ledger.ID]place), attempts: make(map[twopc.ID]*Rivals)}
}

// Conflict adds a conflict. loses has, for each of its transactions, the verdict that
// refuses it when another is accepted, or Accepted if it is never refused.
func (d *DoubleSpends) Conflict(name string, loses []ledger.Verdict) *Conflict {
	n := len(d.net.Nodes)
	c := &Conflict{Name: name, loses: loses, first: make([]int, n), logged: make([]int, n), won: make([]bool, n)}
	d.Conflicts = append(d.Conflicts, c)
	return c
}

// Flawed reports whether the next transaction to be broadcast can never be accepted.
func (c *Conflict) Flawed() bool { return c.Said < len(c.loses) && c.loses[c.Said] == ledger.HighS }

// Say records that a liar will broadcast a transaction of the conflict. All but one are
// refused.
func (d *DoubleSpends) Say(c *Conflict, wtxid ledger.ID) {
	if _, again := d.of[wtxid]; !again {
		d.of[wtxid] = place{c, c.Said}
	}
	d.count(c)
}

// count records that one more transaction of the conflict will have a place.
func (d *DoubleSpends) count(c *Conflict) {
	if c.Said++; c.Said > 1 {
		d.ledgers.Logged++
	} else {
		d.ledgers.Listed++
	}
}

// Compete records that these attempts are rivals.
func (d *DoubleSpends) Compete(name string, attempts [2]twopc.ID) {
	r := &Rivals{Name: name}
	d.Rivals = append(d.Rivals, r)
	for _, id := range attempts {
		d.attempts[id] = r
	}
}

// Split records that these attempts are rivals of which no honest node is asked for both, and
// that their transactions have these hashes. Those that commit conflict in the order.
func (d *DoubleSpends) Split(name string, attempts [2]twopc.ID, wtxids [2]ledger.ID) {
	d.Compete(name, attempts)
	c := d.Conflict(name, []ledger.Verdict{ledger.InputSpent, ledger.InputSpent})
	d.Rivals[len(d.Rivals)-1].split = c
	for i, id := range wtxids {
		d.of[id] = place{c, i}
	}
}

// OneAccepted requires that every node accepts the same one transaction of each conflict,
// and refuses the others because of the conflict.
func (d *DoubleSpends) OneAccepted() *check.Check {
	return check.Always("each conflict has one winner, the same everywhere", sim.Output, func(e *sim.Event) (bool, error) {
		x, ok := Entry(e)
		if !ok {
			return false, nil
		}
		p, ok := d.of[x.WTxID]
		if !ok {
			return false, nil
		}
		p.logged[e.Node]++
		switch {
		case x.Verdict != ledger.Accepted && x.Verdict != p.loses[p.i]:
			return true, fmt.Errorf("%s: node %v has entry %d %v, want accepted or %v", p.Name, e.Node, x.Index, x.Verdict, p.loses[p.i])
		case x.Verdict != ledger.Accepted:
			return true, nil
		case p.won[e.Node]:
			return true, fmt.Errorf("%s: node %v accepts a second transaction, as entry %d", p.Name, e.Node, x.Index)
		case p.Winner != nil && *p.Winner != x.WTxID:
			return true, fmt.Errorf("%s: node %v accepts %v, another node %v", p.Name, e.Node, x.WTxID.String()[:8], p.Winner.String()[:8])
		}
		p.won[e.Node], p.Winner = true, &x.WTxID
		return true, nil
	})
}

// AllRefused requires that every node logs the whole conflict: one accepted, all others
// refused.
func (d *DoubleSpends) AllRefused(bound protocol.Time) *check.Check {
	return check.Eventually("every node refuses each conflict's losers", bound, func() (uint64, error) {
		n := uint64(0)
		for _, c := range d.Conflicts {
			for node, logged := range c.logged {
				switch {
				case c.Said == 0:
				case logged < c.Said:
					return n, fmt.Errorf("%s: node %d has logged %d of %d", c.Name, node, logged, c.Said)
				case !c.won[node]:
					return n, fmt.Errorf("%s: node %d has accepted none", c.Name, node)
				}
				n++
			}
		}
		return n, nil
	})
}

// OneCommits requires that at most one of two rivals commits for which an honest endorser is
// asked. A rival that commits is then expected in every list, or in every log.
func (d *DoubleSpends) OneCommits() *check.Check {
	return check.Always("honest endorsers commit at most one rival", sim.Output, func(e *sim.Event) (bool, error) {
		v, ok := twopc.DecodeOutput(e.Kind, e.Body)
		r := d.attempts[v.ID]
		switch {
		case !ok || r == nil:
			return false, nil
		case e.Kind == twopc.KindVoted && !v.Yes:
			r.Noes++
		case e.Kind == twopc.KindDecided && e.Node == v.ID.Client: // the spender, which coordinates
			r.ended++
			switch {
			case v.Yes && r.split != nil:
				d.count(r.split)
				r.Commits++
			case v.Yes:
				d.ledgers.Listed++
				r.Commits++
			}
			if r.Commits > 1 && r.split == nil {
				return true, fmt.Errorf("%s: transaction %v commits as well", r.Name, v.ID)
			}
			return true, nil
		}
		return false, nil
	})
}

// VotedNo requires that both of two rivals end, and that an honest participant votes no on
// one of them, unless both may commit and do.
func (d *DoubleSpends) VotedNo(bound protocol.Time) *check.Check {
	return check.Eventually("honest endorsers vote no on a double spend", bound, func() (uint64, error) {
		n := 0
		for _, r := range d.Rivals {
			switch {
			case r.ended < 2:
				return uint64(n), fmt.Errorf("%s: %d of 2 have ended", r.Name, r.ended)
			case r.Noes == 0 && r.Commits < 2:
				return uint64(n), fmt.Errorf("%s: no node has voted no", r.Name)
			}
			n += r.Noes
		}
		return uint64(n), nil
	})
}

// BothCommit requires that both of two rivals commit that may.
func (d *DoubleSpends) BothCommit() *check.Check {
	return check.Sometimes("both spends of a coin commit", check.InSweep, sim.Output, func(e *sim.Event) bool {
		v, ok := twopc.DecodeOutput(e.Kind, e.Body)
		r := d.attempts[v.ID]
		return ok && r != nil && r.split != nil && r.Commits == 2
	})
}

// Crossed requires that conflicting broadcasts of two liars reach two nodes in different
// orders: each liar has its own before it hears of the other's.
func (d *DoubleSpends) Crossed() *check.Check {
	return check.Sometimes("a conflict reaches two nodes in different orders", check.EachRun, sim.Sent|sim.Received, func(e *sim.Event) bool {
		if e.Kind != gossip.KindData {
			return false
		}
		body, ok := gossip.Payload(e.Body)
		if !ok {
			return false
		}
		p, ok := d.of[ledger.ID(gossip.Sum(body))]
		if !ok || p.first[e.Node] != 0 {
			return false
		}
		p.first[e.Node] = p.i + 1
		p.began[p.i] = true
		return p.began[0] && p.began[1]
	})
}

// Facts returns the outcome of each conflict.
func (d *DoubleSpends) Facts() []scenario.Fact {
	var facts []scenario.Fact
	for _, c := range d.Conflicts {
		won := 0
		for _, w := range c.won {
			if w {
				won++
			}
		}
		value := fmt.Sprintf("1 of %d accepted by %d nodes", c.Said, won)
		if won == 0 {
			value = fmt.Sprintf("none of %d accepted yet", c.Said)
		}
		facts = append(facts, scenario.Fact{Name: c.Name, Value: value})
	}
	for _, r := range d.Rivals {
		facts = append(facts, scenario.Fact{Name: r.Name, Value: fmt.Sprintf("%d of 2 committed, %d voted no", r.Commits, r.Noes)})
	}
	return facts
}
