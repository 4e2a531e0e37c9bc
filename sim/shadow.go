package sim

import (
	"fmt"
	"slices"

	"dessim/protocol"
)

// Shadow restarts. What a node tells others must be on its disk. When an effect leaves
// that promises something (see protocol.Promiser), the simulator makes another node of the
// same identity, beside the run, has it start from the records that a crash at that moment
// would leave, and asks whether it keeps the promise. Nothing of the run changes: what
// the other node does is forgotten. So a promise that is made too early is seen in any
// run, without a crash.

// shadows is what a run with Plan.Shadow needs.
type shadows struct {
	share  protocol.Ratio
	make   func(id protocol.NodeID) protocol.Node
	nodes  []shadowed
	env    protocol.Env
	common map[protocol.Promise]said // by kind and key
	list   []protocol.Promise        // of the effect that leaves
	again  []protocol.Promise
	lately [1024]uint64 // promises of several nodes that were asked of, in the places of their hashes
	part   bool         // what other nodes say is not known here
}

// apart returns what a part needs of x, which is what belongs to nodes. No node may promise there
// what others keep, too, or say alike.
func (x *shadows) apart() *shadows {
	if x == nil {
		return nil
	}
	return &shadows{share: x.share, make: x.make, nodes: x.nodes, part: true}
}

// said is what a node said of something that all say alike.
type said struct {
	node  protocol.NodeID
	value uint64
}

// latelyOfNode is how many promises of a node are remembered as asked of.
const latelyOfNode = 64

// shadowed is a node that makes promises, and the node that was last started beside it.
type shadowed struct {
	protocol.Promiser
	repeats bool            // it is a protocol.Repeater
	from    protocol.NodeID // of the message that its step consumes, or Outside
	msg     []byte
	told    []protocol.Promise // the latest, one of a kind and key
	lately  []uint64           // promises that were asked of, in the places of their hashes; nil at first
	beside  protocol.Promiser  // or nil
	inc     uint32             // of which incarnation, and from which records
	first   uint64
	safe    int // records
}

func (s *Sim) initShadows() {
	if s.plan.Shadow.Never() {
		return
	}
	twin := s.plan.Twin
	if twin == nil {
		twin = s.plan.Node
	} else {
		twin = guard(twin, s.plan.Random)
	}
	s.shadows = &shadows{share: s.plan.Shadow, common: make(map[protocol.Promise]said), make: twin, nodes: make([]shadowed, len(s.nodes))}
}

// promises notes whether a node that starts makes promises.
func (x *shadows) promises(id protocol.NodeID, n protocol.Node) {
	p, _ := unguarded(n).(protocol.Promiser)
	_, repeats := p.(protocol.Repeater)
	x.nodes[id] = shadowed{Promiser: p, repeats: repeats, from: protocol.Outside}
}

// of returns the node with what is known of its shadows, or nil if its promises are not judged.
func (x *shadows) of(id protocol.NodeID) *shadowed {
	if x == nil || x.nodes[id].Promiser == nil {
		return nil
	}
	return &x.nodes[id]
}

// rots stops judging a node of which a record rotted, until it starts again: its disk is not what
// it wrote.
func (x *shadows) rots(id protocol.NodeID) {
	if x != nil {
		x.nodes[id] = shadowed{}
	}
}

// hears keeps the message of a step, for a node that can be asked the same again; from is Outside
// if the step consumes something else.
func (x *shadowed) hears(from protocol.NodeID, msg []byte) {
	if x.repeats {
		x.from, x.msg = from, append(x.msg[:0], msg...)
	}
}

// shadow judges what an effect promises that leaves now.
func (s *Sim) shadow(c *cause, n *node, x *shadowed, f *protocol.Effect) {
	if f.Op != protocol.OpSend && f.Op != protocol.OpOutput {
		return
	}
	w := s.shadows
	w.list = x.Promises(w.list[:0], f)
	if len(w.list) == 0 {
		return
	}
	d := s.disk(c.id)
	// The same promises are asked for once, while nothing is forgotten of the disk. Those that
	// several nodes keep are asked for once for all nodes.
	var name uint64
	lately := w.lately[:]
	if slices.ContainsFunc(w.list, func(p protocol.Promise) bool { return p.Holders == 0 }) {
		name = protocol.Hash3(uint64(c.id), uint64(n.inc), d.first)
		if x.lately == nil {
			x.lately = make([]uint64, latelyOfNode)
		}
		lately = x.lately
	}
	for i := range w.list {
		p := &w.list[i]
		if w.part && (p.Holders > 0 || p.Common) {
			panic(fmt.Sprintf("sim: node %v promises %v, and parts of a run do not compare what several nodes say: run it without threads", c.id, p))
		}
		name = protocol.Hash3(name, uint64(p.Kind), p.Value)
		name = protocol.Hash3(name^p.Key[0], p.Key[1], p.Key[2])
	}
	for i := range w.list {
		p := &w.list[i]
		if p.Holders == 0 {
			x.tell(p)
		}
		if wrong := s.differs(c.id, f, p); wrong != "" {
			s.showShadow(c, n, f, len(w.list), wrong)
			return
		}
	}
	if place := &lately[name%uint64(len(lately))]; *place == name {
		return
	} else {
		*place = name
	}
	key := protocol.Key{Kind: kindShadow, A: c.id, N: protocol.Hash3(c.name, uint64(n.inc), name)}
	if !w.share.Sure() && !s.src.Chance(key, w.share) {
		return
	}
	s.showShadow(c, n, f, len(w.list), s.judge(c, n, x, f, d, key))
}

func (s *Sim) showShadow(c *cause, n *node, f *protocol.Effect, promises int, wrong string) {
	s.result.Shadows++
	if s.want&Shadowed != 0 {
		s.show(&Event{What: Shadowed, Node: c.id, Peer: f.To, Incarnation: n.inc, Kind: f.Kind, Tag: uint64(promises), Body: f.Body, Text: wrong})
	}
}

// mostTold is how many promises of an incarnation are looked at again.
const mostTold = 256

// tell keeps a promise, in place of an earlier one of its kind and key.
func (x *shadowed) tell(p *protocol.Promise) {
	for i := range x.told {
		if o := &x.told[i]; o.Kind == p.Kind && o.Key == p.Key {
			*o = *p
			return
		}
	}
	if len(x.told) == mostTold {
		x.told = append(x.told[:0], x.told[1:]...)
	}
	x.told = append(x.told, *p)
}

// remember looks again, once records were discarded, at what the incarnation has promised so
// far and itself still keeps.
func (s *Sim) remember(c *cause, n *node, x *shadowed, d *disk) {
	var still []protocol.Promise
	for i := range x.told {
		if broken(x.Promiser, x.told[i:i+1]) == nil {
			still = append(still, x.told[i])
		}
	}
	if len(still) == 0 {
		return
	}
	wrong := ""
	if p := broken(s.beside(c.id, n, d.first, d.least()), still); p != nil {
		wrong = fmt.Sprintf("node %v discards its records below %d; it promised %v and still keeps that, but none of the records that are left does", c.id, d.first, p)
	}
	s.showShadow(c, n, &protocol.Effect{To: c.id}, len(still), wrong)
}

// judge returns what is wrong with the promises of w.list, or "".
func (s *Sim) judge(c *cause, n *node, x *shadowed, f *protocol.Effect, d *disk, key protocol.Key) string {
	if p := broken(s.least(c.id), s.shadows.list); p != nil {
		return fmt.Sprintf("node %v %s, which promises %v; %s", c.id, tells(f), p, s.missing(c, n, d, p))
	}
	if wrong := s.held(c.id, f); wrong != "" {
		return wrong
	}
	if d.unsynced() > 0 && s.src.Chance(with(key, kindLucky), protocol.Ratio{Num: 1, Den: 4}) {
		more := s.lucky(key, d)
		if p := broken(s.beside(c.id, n, d.first, more), s.shadows.list); p != nil {
			return fmt.Sprintf("node %v %s, which promises %v; started again from that and %d of its %d unsynced records, whole or torn, it does not keep it",
				c.id, tells(f), p, len(more)-d.safe-d.apart, d.unsynced())
		}
	}
	return s.repeat(c, n, x, f)
}

// least returns node id as it starts from what is safe on its disk now, and from no more.
func (s *Sim) least(id protocol.NodeID) protocol.Promiser {
	n, x, d := &s.nodes[id], &s.shadows.nodes[id], s.disk(id)
	if x.beside == nil || x.inc != n.inc || x.first != d.first || x.safe != d.safe+d.apart {
		x.beside, x.inc, x.first, x.safe = s.beside(id, n, d.first, d.least()), n.inc, d.first, d.safe+d.apart
	}
	return x.beside
}

// held returns what is wrong with the promises of w.list that several nodes keep, or "". Nodes
// that are down count with what is on their disks. It asks nothing of a plan with Byzantine
// nodes, which say of themselves what is not so, nor once a record has rotted.
func (s *Sim) held(id protocol.NodeID, f *protocol.Effect) string {
	w := s.shadows
	for _, p := range w.list {
		if p.Holders == 0 || s.acts != nil || s.result.Faults.Rotted > 0 {
			continue
		}
		var holders []protocol.NodeID
		for i := range w.nodes {
			if w.nodes[i].Promiser == nil {
				continue
			}
			if v, known := s.least(protocol.NodeID(i)).Keeps(&p); known && p.KeptBy(v) {
				holders = append(holders, protocol.NodeID(i))
			}
		}
		if len(holders) < p.Holders {
			return fmt.Sprintf("node %v %s, which promises %v; of what is safe on all disks now, only nodes %v have it", id, tells(f), p, holders)
		}
	}
	return ""
}

// differs returns what is wrong with a promise of which all must say the same, or "". Promises of a
// Byzantine node do not count.
func (s *Sim) differs(id protocol.NodeID, f *protocol.Effect, p *protocol.Promise) string {
	if !p.Common || s.acts != nil {
		return ""
	}
	about := protocol.Promise{Kind: p.Kind, Key: p.Key}
	first, known := s.shadows.common[about]
	switch {
	case !known:
		s.shadows.common[about] = said{id, p.Value}
	case first.value != p.Value:
		return fmt.Sprintf("node %v %s, which promises %v, of which node %v has promised %d", id, tells(f), p, first.node, first.value)
	}
	return ""
}

// with returns the key of another question about the same thing.
func with(k protocol.Key, kind protocol.Kind) protocol.Key { k.Kind = kind; return k }

// tells says what the effect is.
func tells(f *protocol.Effect) string {
	if f.Op == protocol.OpOutput {
		return fmt.Sprintf("puts out %v", f.Kind)
	}
	return fmt.Sprintf("sends %v to node %v", f.Kind, f.To)
}

// beside starts node id from recs, as another node than the one that runs.
func (s *Sim) beside(id protocol.NodeID, n *node, first uint64, recs []diskRecord) protocol.Promiser {
	d := &disk{first: first, recs: recs}
	if s.plan.Poison {
		d = d.clone()
		defer d.spoil()
	}
	was := s.doing
	s.doing = doing{node: id, op: opDead}
	defer func() { s.doing = was }()
	m := s.shadows.make(id)
	env := &s.shadows.env
	env.Enter(id, n.inc+1, s.env.Now(), nil)
	env.SetSteady(s.env.Steady())
	env.Mount(d.records())
	m.Start(env)
	p, _ := unguarded(m).(protocol.Promiser)
	if p == nil {
		panic(fmt.Sprintf("sim: node %v is a %T, and its twin is a %T, which makes no promises", id, unguarded(n.machine), unguarded(m)))
	}
	return p
}

// broken returns the first of the promises that the node itself is to keep and does not, or nil.
func broken(n protocol.Promiser, list []protocol.Promise) *protocol.Promise {
	for i := range list {
		if list[i].Holders > 0 {
			continue
		}
		if v, known := n.Keeps(&list[i]); !known || !list[i].KeptBy(v) {
			return &list[i]
		}
	}
	return nil
}

// missing says why a node that starts from what is safe does not keep p.
func (s *Sim) missing(c *cause, n *node, d *disk, p *protocol.Promise) string {
	for k := d.safe; k < len(d.recs); k++ {
		if !d.recs[k].safe && broken(s.beside(c.id, n, d.first, d.with(k+1)), []protocol.Promise{*p}) == nil {
			return fmt.Sprintf("its record %d, which is not synced yet, is what keeps it", d.first+uint64(k))
		}
	}
	if d.unsynced() > 0 {
		return fmt.Sprintf("none of its %d records keeps it, synced or not", len(d.recs))
	}
	return fmt.Sprintf("none of its %d records keeps it", len(d.recs))
}

// lucky returns what a crash leaves that keeps some of the unsynced records, whole or torn.
func (s *Sim) lucky(key protocol.Key, d *disk) []diskRecord {
	kept, effect := d.recs[:d.safe:d.safe], key.N
	for i, rec := range d.recs[d.safe:] {
		if rec.safe {
			kept = append(kept, rec)
			continue
		}
		key.Kind, key.N = kindLuckyKeep, protocol.Hash2(effect, uint64(i))
		switch fate := s.src.Choose(key, 3); {
		case fate == 1:
			kept = append(kept, rec)
		case fate == 2 && len(rec.bytes) > 1:
			key.Kind = kindLuckyTear
			if part := s.src.Choose(key, uint64(len(rec.bytes))); part > 0 {
				kept = append(kept, newDiskRecord(rec.bytes[:part], rec.payload))
			}
		}
	}
	return kept
}

// repeat hands the message of the step again to the node beside, and returns what is
// wrong with what that then promises, or "".
func (s *Sim) repeat(c *cause, n *node, x *shadowed, f *protocol.Effect) string {
	r, ok := x.beside.(protocol.Repeater)
	if !ok || x.from == protocol.Outside {
		return ""
	}
	w := s.shadows
	from := x.from
	x.from = protocol.Outside // once a step
	x.beside = nil            // its state is not that of the records from here on
	env := &w.env
	env.Enter(c.id, n.inc+1, s.env.Now(), nil)
	env.SetSteady(s.env.Steady())
	r.Repeat(env, from, x.msg)
	for i := range env.Effects() {
		g := &env.Effects()[i]
		if g.Op != protocol.OpSend && g.Op != protocol.OpOutput {
			continue
		}
		w.again = r.Promises(w.again[:0], g)
		for _, now := range w.again {
			for _, told := range w.list {
				if now.Kind == told.Kind && now.Key == told.Key && !now.Least && now.Value != told.Value {
					return fmt.Sprintf("node %v %s, which promises %v; asked the same again after a crash, it promises %v", c.id, tells(f), told, now)
				}
			}
		}
	}
	if p := broken(r, w.list); p != nil {
		return fmt.Sprintf("node %v %s, which promises %v; asked the same again after a crash, it keeps that no longer", c.id, tells(f), p)
	}
	return ""
}
