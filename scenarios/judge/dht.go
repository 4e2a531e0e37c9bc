package judge

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/protocol/kademlia"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// Lookups judges what nodes find in the DHT, knowing all ids.
type Lookups struct {
	net    *Network
	ids    []kademlia.ID     // by node
	looks  map[foundKey]bool // requested lookups; true once they have ended
	gets   map[foundKey]bool // requested keys; true once they were found
	looked int               // lookups that ended
	found  int               // keys that were found
	hops   hopCounts
}

type foundKey struct {
	node  protocol.NodeID
	owner ledger.Owner
}

// Quest is an input that makes one node look up another, or fetch its key.
type Quest struct {
	Asker, Target int
	Key           bool
}

// NewLookups returns a judge of the quests.
func NewLookups(n *Network, quests []Quest) *Lookups {
	l := &Lookups{net: n, looks: make(map[foundKey]bool), gets: make(map[foundKey]bool)}
	for _, o := range n.Owners {
		l.ids = append(l.ids, kademlia.ID(o))
	}
	for _, q := range quests {
		k := foundKey{protocol.NodeID(q.Asker), n.Owners[q.Target]}
		if q.Key {
			l.gets[k] = false
		} else {
			l.looks[k] = false
		}
	}
	return l
}

const (
	nameClosest  = "lookups return the k closest nodes"
	nameAnswered = "every lookup ends"
	nameKeys     = "every key record is found"
	nameFar      = "a key beyond the asker's contacts is fetched"
)

// Closest requires that each lookup returns the globally closest nodes.
func (l *Lookups) Closest() *check.Check {
	if len(l.looks) == 0 {
		return check.Skip(nameClosest, "a single node has no other node to look up")
	}
	return check.Always(nameClosest, sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != peer.KindLooked {
			return false, nil
		}
		r, ok := peer.DecodeLooked(e.Body)
		if !ok {
			return true, fmt.Errorf("node %v put out a lookup that cannot be read", e.Node)
		}
		k := foundKey{e.Node, ledger.Owner(r.Target)}
		if ended, asked := l.looks[k]; ended || !asked {
			return true, fmt.Errorf("node %v ends a lookup of %v that it was not asked for or has ended already", e.Node, r.Target)
		}
		l.looks[k] = true
		l.looked++
		l.hops.add(r.Hops)
		want := l.closest(e.Node, r.Target)
		if !slices.Equal(r.Closest, want) {
			return true, fmt.Errorf("node %v looked up %v and got %s, where the closest are %s", e.Node, r.Target, short(r.Closest), short(want))
		}
		return true, nil
	}).ReadingEvents()
}

// closest returns the true answer to a lookup by the slow, obvious way.
func (l *Lookups) closest(asker protocol.NodeID, target kademlia.ID) []kademlia.ID {
	var all []kademlia.ID
	for i, id := range l.ids {
		if protocol.NodeID(i) != asker {
			all = append(all, id)
		}
	}
	slices.SortFunc(all, closer(target))
	return all[:min(l.net.K, len(all))]
}

// closer returns the order by distance from a target.
func closer(target kademlia.ID) func(a, b kademlia.ID) int {
	return func(a, b kademlia.ID) int {
		switch {
		case target.Closer(a, b):
			return -1
		case target.Closer(b, a):
			return 1
		}
		return 0
	}
}

func short(ids []kademlia.ID) string {
	var s []string
	for _, id := range ids {
		s = append(s, id.String()[:8])
	}
	return "[" + strings.Join(s, " ") + "]"
}

// Answered requires that each lookup ends.
func (l *Lookups) Answered(bound protocol.Time) *check.Check {
	if len(l.looks) == 0 {
		return check.Skip(nameAnswered, "a single node has no other node to look up")
	}
	return check.Eventually(nameAnswered, bound, func() (uint64, error) {
		if l.looked < len(l.looks) {
			return uint64(l.looked), fmt.Errorf("%d of %d lookups have ended", l.looked, len(l.looks))
		}
		return uint64(l.looked), nil
	})
}

// Keys requires that each node finds the keys that it asks for: a key whose hash is its
// owner's name.
func (l *Lookups) Keys(bound protocol.Time) *check.Check {
	return check.Eventually(nameKeys, bound, func() (uint64, error) {
		if l.found < len(l.gets) {
			return uint64(l.found), fmt.Errorf("%d of %d keys were found", l.found, len(l.gets))
		}
		return uint64(l.found), nil
	}).Seeing(sim.Output, func(e *sim.Event) {
		f, ok := peer.DecodeFound(e.Body)
		if !ok || e.Kind != peer.KindFound || sha1.Sum(fmt.Appendf(nil, "%d:%s", len(f.Key), f.Key[:])) != f.Owner {
			return
		}
		k := foundKey{e.Node, f.Owner}
		if had, asked := l.gets[k]; asked && !had {
			l.gets[k] = true
			l.found++
		}
	}).ReadingEvents()
}

// mostPlaced is about the number of keys for which it is judged where they lie.
const mostPlaced = 64

// Placed requires that a node's key lies, unchanged, on the k nodes closest to it, and
// nowhere else, once all keys were found. It looks for some of the keys at all nodes.
func (l *Lookups) Placed() *check.Check {
	return check.Finally("keys lie on the k closest nodes alone", func() (n uint64, wrong error) {
		if l.found < len(l.gets) || slices.Contains(l.net.Nodes, nil) {
			return 0, nil // the run ended early
		}
		for k := 0; k < len(l.ids); k += max(1, len(l.ids)/mostPlaced) {
			id, all := l.ids[k], slices.Clone(l.ids)
			slices.SortFunc(all, closer(id))
			near := all[:min(l.net.K, len(all))]
			for i, node := range l.net.Nodes {
				h, has := node.DHT().Held(id)
				if must := slices.Contains(near, l.ids[i]); has != must {
					return n, fmt.Errorf("node %d holds key %v: %v; the closest to it are %s", i, id, has, short(near))
				}
				if has && kademlia.Key(h.Value) != id {
					return n, fmt.Errorf("node %d holds %q as key %v", i, h.Value, id)
				}
			}
			n++
		}
		return n, nil
	})
}

// Far requires that some key came from beyond the asker's own contacts.
func (l *Lookups) Far() *check.Check {
	if few := 4 * l.net.K; len(l.net.Nodes) <= few {
		return check.Skip(nameFar, fmt.Sprintf("up to %d nodes are almost all each other's contacts", few))
	}
	return check.Sometimes(nameFar, check.EachRun, sim.Output, func(e *sim.Event) bool {
		f, ok := peer.DecodeFound(e.Body)
		return ok && e.Kind == peer.KindFound && f.Remote && !l.contact(e.Node, f.Owner)
	}).ReadingNode()
}

func (l *Lookups) contact(id protocol.NodeID, o ledger.Owner) bool {
	c := l.net.Nodes[id].DHT().Closest(kademlia.ID(o), 1)
	return len(c) == 1 && c[0].ID == kademlia.ID(o)
}

// Ended returns how many lookups have ended, and how many were requested.
func (l *Lookups) Ended() (ended, asked int) { return l.looked, len(l.looks) }

// Found returns how many keys were found.
func (l *Lookups) Found() int { return l.found }

// MeanHops returns the mean of the lookups' hops, or "no".
func (l *Lookups) MeanHops() string { return l.hops.mean() }

// Facts returns how many hops lookups took.
func (l *Lookups) Facts() []scenario.Fact {
	if l.looked == 0 {
		return nil
	}
	return append([]scenario.Fact{{Name: "lookups", Value: fmt.Sprint(l.looked)}}, l.hops.facts()...)
}

// hopCounts is the number of lookups by their hops.
type hopCounts []uint64

func (c *hopCounts) add(hops int) {
	for len(*c) <= hops {
		*c = append(*c, 0)
	}
	(*c)[hops]++
}

func (c hopCounts) mean() string {
	sum, n := uint64(0), uint64(0)
	for hops, of := range c {
		sum, n = sum+uint64(hops)*of, n+of
	}
	if n == 0 {
		return "no"
	}
	return hundredths(sum, n)
}

func (c hopCounts) facts() []scenario.Fact {
	var dist []string
	for hops, n := range c {
		if n > 0 {
			dist = append(dist, fmt.Sprintf("%d: %d", hops, n))
		}
	}
	return []scenario.Fact{{Name: "hops, mean", Value: c.mean()}, {Name: "lookups by hops", Value: strings.Join(dist, ", ")}}
}

// hundredths returns a/b with two digits after the point, rounded down.
func hundredths(a, b uint64) string {
	return fmt.Sprintf("%d.%02d", a/b, a%b*100/b)
}
