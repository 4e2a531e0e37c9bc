package kademlia

import (
	"fmt"

	"dessim/protocol"
)

// Bounds of a join.
const (
	minRounds = 3   // of a join: the first finds few when many join at once
	maxRounds = 12  // else a join would go on for ever in a network that keeps changing
	maxRegion = 512 // lookups a round spends on the node's own subtree, which many nodes with chosen ids could make huge
)

// join is a join under way. It goes in rounds, with a pause before the next:
//
//  1. look up the own id;
//  2. find all nodes of the smallest subtree around the node that holds k;
//  3. refresh the farther buckets, from the second round on only those with
//     fewer than k contacts.
//
// One round would do if nodes joined one after the other. When they join at once
// the others may not know each other yet, so rounds follow until one brings no
// new contact. A refresh of a table that holds fewer than k contacts has asked all of them
// in its first round, so that one may be its last.
type join struct {
	boot    protocol.Endpoint   // the zero value is none
	others  []protocol.Endpoint // that may stand in for it, in turn
	done    func(env *protocol.Env)
	round   int
	renews  bool     // it is a refresh
	silent  int      // times in a row that the bootstrapper did not answer
	added   int      // contacts gained in this round
	regions []region // parts of the node's subtree that may hold unknown nodes
	looked  int      // lookups spent on them in this round
	far     int      // the next bucket to be refreshed
}

// region is the subtree of the first n bits of path, whose rest is random.
type region struct {
	path ID
	n    int
}

// Join makes the node part of the network of which the node at bootstrap is a
// part, and calls done when its table is complete and quiet. While the
// bootstrapper is silent it is asked again, for ever. The network's first node
// does not join. Joining oneself, or while joining, panics.
func (d *DHT) Join(env *protocol.Env, bootstrap protocol.Endpoint, done func(env *protocol.Env)) {
	d.Rejoin(env, []protocol.Endpoint{bootstrap}, done)
}

// Rejoin is Join for a node that knows several others from an earlier incarnation:
// while one is silent the next is asked. It keeps known, which must not be empty.
func (d *DHT) Rejoin(env *protocol.Env, known []protocol.Endpoint, done func(env *protocol.Env)) {
	bootstrap := known[0]
	node, ok := d.cfg.Book.Node(bootstrap)
	switch {
	case d.join != nil:
		panic(fmt.Sprintf("kademlia: node %d joins while joining", env.ID()))
	case !ok || node == env.ID():
		panic(fmt.Sprintf("kademlia: node %d cannot join through %v", env.ID(), bootstrap))
	}
	d.boot = bootstrap
	d.seedsAre(env, known)
	d.join = &join{boot: bootstrap, others: known[1:], done: done}
	d.nextRound(env)
}

// Refresh does for an old table what Join does for a new one, starting from the
// contacts it has, and calls done when it is complete and quiet: when neighbours have
// failed, the nodes that take their place must be found. It reports false, and does
// nothing, while a join or a refresh is under way.
func (d *DHT) Refresh(env *protocol.Env, done func(env *protocol.Env)) bool {
	if d.join != nil {
		return false
	}
	d.join = &join{boot: d.boot, done: done, renews: true}
	d.join.round = 1
	if d.join.boot != (protocol.Endpoint{}) && d.tab.empty() {
		d.askBoot(env)
	} else {
		d.lookupSelf(env)
	}
	return true
}

// Joining reports whether a join or a refresh is under way.
func (d *DHT) Joining() bool { return d.join != nil }

func (d *DHT) nextRound(env *protocol.Env) {
	j := d.join
	j.round++
	j.added, j.looked = 0, 0
	if j.boot != (protocol.Endpoint{}) && (j.round == 1 || d.tab.empty()) {
		d.askBoot(env)
		return
	}
	d.lookupSelf(env)
}

// askBoot asks the bootstrapper for the node's own id. Whichever node answers at that
// address is the bootstrapper.
func (d *DHT) askBoot(env *protocol.Env) {
	d.call(env, call{purpose: forJoin, method: findNode, to: Contact{Addr: d.join.boot}, target: d.tab.self, anyID: true})
}

// bootEnd consumes the end of the query to the bootstrapper. If it answered, it is in
// the table.
func (d *DHT) bootEnd(env *protocol.Env, ok bool) {
	j := d.join
	if ok {
		j.silent = 0
		d.lookupSelf(env)
		return
	}
	j.round--
	env.Note(KindJoin, "bootstrapper silent at", j.boot)
	if len(j.others) > 0 {
		next := j.others[0]
		j.others = append(j.others[1:len(j.others):len(j.others)], j.boot)
		j.boot, d.boot = next, next
	}
	env.SetTimer(JoinAgain.Pause(env, d.cfg.Pause, j.silent), protocol.Kademlia.Tag(pauseTimer))
	j.silent++
}

func (d *DHT) resumeJoin(env *protocol.Env) {
	if d.join != nil {
		d.nextRound(env)
	}
}

func (d *DHT) lookupSelf(env *protocol.Env) {
	d.Lookup(env, d.tab.self, func(env *protocol.Env, _ Result) {
		edge := d.tab.edge()
		p := d.point()
		d.join.regions = append(d.join.regions[:0], region{d.tab.self.sibling(edge, &p), edge + 1})
		d.join.far = edge - 1
		d.explore(env)
	})
}

// explore does the next lookup of a round.
func (d *DHT) explore(env *protocol.Env) {
	j := d.join
	if n := len(j.regions); n > 0 && j.looked < maxRegion {
		g := j.regions[n-1]
		j.regions = j.regions[:n-1]
		j.looked++
		d.Lookup(env, g.path, func(env *protocol.Env, r Result) {
			d.split(g, r.Closest)
			d.explore(env)
		})
		return
	}
	for ; j.far >= 0; j.far-- {
		if j.round == 1 || d.tab.fresh(j.far) < d.cfg.K {
			p := d.point()
			target := d.tab.self.sibling(j.far, &p)
			j.far--
			d.Lookup(env, target, func(env *protocol.Env, _ Result) { d.explore(env) })
			return
		}
	}
	d.roundEnd(env)
}

// split adds the parts of g that may hold nodes besides those found closest to
// g.path. All nodes closer to it than the last one found are known.
//
//	g of 1 bit, path 1010, the last found shares 3 bits with it: 1011.
//	Unknown are the nodes of 11, of 100 and, beside the last, of 1011.
func (d *DHT) split(g region, found []Contact) {
	if len(found) < d.cfg.K {
		return // there are no others
	}
	last := g.path.shared(&found[len(found)-1].ID)
	for n := g.n; n <= min(last, idBits-1); n++ {
		p := d.point()
		d.join.regions = append(d.join.regions, region{g.path.sibling(n, &p), n + 1})
	}
}

func (d *DHT) roundEnd(env *protocol.Env) {
	j := d.join
	least := minRounds
	if j.renews && d.tab.fewer() {
		least = 1
	}
	if j.round < maxRounds && (j.round < least || j.added > 0) {
		env.SetTimer(d.cfg.Pause, protocol.Kademlia.Tag(pauseTimer))
		return
	}
	d.join, d.idle = nil, nil
	env.Note(KindJoin, "joined in", j.round, "rounds")
	j.done(env)
}
