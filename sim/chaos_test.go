package sim

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/simtest/fixed"
	"dessim/sim/source"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	kindActs  = protocol.KindOf("acts")
	kindAct   = protocol.KindOf("act")
	kindArg   = protocol.KindOf("arg")
	kindChaos = protocol.KindOf("chaos")
	kindKept  = protocol.KindOf("kept")
)

// worthMost is what a message is worth at most.
const worthMost = 3

// chaos is a machine that does whatever the answers say: everything that a node
// can do, in any order.
type chaos struct {
	nodes int
	state uint64 // of all that it saw
	next  uint64 // index of its next record, if known
	known bool
	plain bool // it syncs all of its records or none
}

func (c *chaos) see(words ...uint64) {
	for _, w := range words {
		c.state = protocol.Hash2(c.state, w)
	}
}

func (c *chaos) Start(env *protocol.Env) {
	for i, rec := range env.Records() {
		c.see(i, protocol.HashBytes(rec))
		c.next, c.known = i+1, true
		env.Output(kindKept, append(binary.AppendUvarint(nil, i), rec...))
	}
	c.known = c.known || env.Incarnation() == 1
	c.act(env, worthMost)
}

func (c *chaos) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	c.see(uint64(from), protocol.HashBytes(msg))
	if len(msg) == 0 || msg[0] > worthMost {
		c.act(env, 0) // a damaged one might be worth so much that it never ends
		return
	}
	c.act(env, int(msg[0]))
}

func (c *chaos) Timeout(env *protocol.Env, tag uint64) {
	c.see(tag)
	c.act(env, 2)
}

func (c *chaos) Flushed(env *protocol.Env, tag uint64, failed bool) {
	c.see(tag)
	if failed {
		c.see(tag)
	}
	c.act(env, 2)
}

// act does up to seven things. Messages are worth less with every hop.
func (c *chaos) act(env *protocol.Env, worth int) {
	c.see(uint64(env.Now()), uint64(env.Steady()), uint64(env.Incarnation()))
	c.run(env)
	for range env.Choose(kindActs, 8) {
		acts := uint64(17)
		if c.plain {
			acts = 12
		}
		switch env.Choose(kindAct, acts) {
		case 0:
			env.Output(kindChaos, binary.LittleEndian.AppendUint64(nil, c.state))
		case 1, 2, 3:
			if worth > 0 {
				env.Send(protocol.NodeID(env.Choose(kindArg, uint64(c.nodes)+1)), kindChaos, c.body(env, worth-1))
			}
		case 4:
			if worth > 1 {
				body := c.body(env, worth-2)
				for i := range c.nodes {
					env.Send(protocol.NodeID(i), kindChaos, body)
				}
			}
		case 5, 6:
			env.SetTimer(1+time.Duration(env.Choose(kindArg, 12)), c.tag(env))
		case 7:
			env.CancelTimer(c.tag(env))
		case 8:
			c.persist(env, c.body(env, worth))
		case 9:
			env.Sync()
		case 10:
			env.Discard(env.Choose(kindArg, 10))
		case 11:
			env.Note(kindChaos, "state", c.state)
		case 12, 13, 14:
			env.Flush(env.Choose(kindArg, 3), c.some(env))
		case 15, 16:
			if env.Full() {
				c.see(1)
			}
		}
	}
}

func (c *chaos) persist(env *protocol.Env, rec []byte) {
	if c.plain {
		env.Persist(rec)
	} else if payload := env.Choose(kindArg, uint64(len(rec))+2); payload > 0 {
		env.PersistFrom(rec, int(payload-1))
	} else {
		env.Persist(rec)
	}
	c.next++
}

// some returns some of the last records.
func (c *chaos) some(env *protocol.Env) (records []uint64) {
	const last = 6
	some := env.Choose(kindArg, 1<<last)
	for i := range uint64(last) {
		if c.known && i < c.next && some>>i&1 != 0 {
			records = append(records, c.next-1-i)
		}
	}
	slices.Reverse(records)
	return records
}

// run asks what a host of goroutines would, and has those that stand still go on by a timer.
func (c *chaos) run(env *protocol.Env) {
	turns := env.Scheduler()
	if turns == nil {
		return
	}
	for about := range c.state % 4 {
		c.see(turns.Order(about, 1+c.state%3))
		if c.state%2 == 0 && turns.Yield(about) {
			c.see(about)
		}
		if d := turns.Stall(about); d > 0 {
			c.see(uint64(d))
			env.SetTimer(d, c.tag(env))
		}
	}
}

func (c *chaos) tag(env *protocol.Env) uint64 {
	n := env.Choose(kindArg, 5)
	if n == 4 {
		n = protocol.Periodic
	}
	return protocol.Peer.Tag(n)
}

// body returns few different bodies, of all classes of size, so that some recur.
func (c *chaos) body(env *protocol.Env, worth int) []byte {
	sizes := [...]int{1, 16, 0, 5, 32, 33, 64, 100}
	b := make([]byte, sizes[env.Choose(kindArg, uint64(len(sizes)))])
	if len(b) > 0 {
		b[0] = byte(worth)
	}
	return b
}

// muted answers a share of Eighths/8 of the questions like Source, the others
// benignly; so a failing case shrinks to one with few misfortunes.
type muted struct {
	protocol.Source
	eighths uint64
}

func (m muted) on(k protocol.Key) bool { return protocol.Hash2(k.N, uint64(k.Kind))%8 < m.eighths }

func (m muted) Choose(k protocol.Key, n uint64) uint64 {
	if !m.on(k) {
		return 0
	}
	return m.Source.Choose(k, n)
}

func (m muted) Chance(k protocol.Key, p protocol.Ratio) bool {
	return m.on(k) && m.Source.Chance(k, p)
}

func drawSource(t *rapid.T) protocol.Source {
	return muted{source.Seed(rapid.Uint64().Draw(t, "seed")), rapid.Uint64Range(0, 8).Draw(t, "eighths")}
}

func drawRatio(t *rapid.T, name string) protocol.Ratio {
	return protocol.Ratio{Num: rapid.SampledFrom([]uint32{0, 0, 1, 3, 4}).Draw(t, name), Den: 4}
}

func drawLink(t *rapid.T, name string) Link {
	return Link{
		Delay:  time.Duration(rapid.IntRange(1, 6).Draw(t, name+" delay")),
		Jitter: time.Duration(rapid.SampledFrom([]int{0, 1, 5, 40}).Draw(t, name+" jitter")),
		Shape:  Shape(rapid.IntRange(0, 2).Draw(t, name+" shape")),
		Loss:   drawRatio(t, name+" loss"),
		Copy:   drawRatio(t, name+" copy"),
		FIFO:   rapid.Bool().Draw(t, name+" fifo"),
	}
}

// drawPlan draws a plan of chaos machines. Its times are a few nanoseconds, so
// that much happens at the same time.
func drawPlan(t *rapid.T) Plan {
	p := Plan{Nodes: rapid.IntRange(1, 5).Draw(t, "nodes"), Link: drawLink(t, "link")}
	p.Node = func(protocol.NodeID) protocol.Node { return &chaos{nodes: p.Nodes} }
	p.Until = protocol.Time(rapid.IntRange(1, 150).Draw(t, "until"))
	p.Disk = Disk{
		Sync:   time.Duration(rapid.SampledFrom([]int{0, 0, 1, 7, 30}).Draw(t, "sync")),
		Jitter: time.Duration(rapid.SampledFrom([]int{0, 0, 3}).Draw(t, "sync jitter")),
	}
	p.Lag = time.Duration(rapid.SampledFrom([]int{0, 0, 1, 9}).Draw(t, "lag"))
	p.Poison = rapid.Bool().Draw(t, "poison")
	at := rapid.Custom(func(t *rapid.T) protocol.Time {
		return protocol.Time(rapid.IntRange(0, int(min(p.Until, 60))).Draw(t, "at"))
	})
	node := rapid.Custom(func(t *rapid.T) protocol.NodeID {
		return protocol.NodeID(rapid.IntRange(0, p.Nodes-1).Draw(t, "node"))
	})
	if rapid.IntRange(0, 3).Draw(t, "starts") == 3 {
		p.Starts = rapid.SliceOfN(at, p.Nodes, p.Nodes).Draw(t, "at")
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "inputs") {
		body := make([]byte, rapid.SampledFrom([]int{1, 0, 40}).Draw(t, "size"))
		if len(body) > 0 {
			body[0] = worthMost
		}
		p.Inputs = append(p.Inputs, Input{ID: uint64(100 - i), At: at.Draw(t, "input"), Node: node.Draw(t, "input"), Body: body})
	}
	seen := make(map[[2]protocol.NodeID]bool)
	for range rapid.IntRange(0, 3).Draw(t, "rules") {
		r := LinkRule{From: node.Draw(t, "from"), To: node.Draw(t, "to"), Link: drawLink(t, "rule")}
		switch rapid.IntRange(0, 2).Draw(t, "any") {
		case 1:
			r.From = Any
		case 2:
			r.To = Any
		}
		if pair := [2]protocol.NodeID{r.From, r.To}; r.From != r.To && !seen[pair] {
			seen[pair] = true
			p.Links = append(p.Links, r)
		}
	}
	faults := rapid.IntRange(0, 10).Draw(t, "faults")
	if rapid.Bool().Draw(t, "many") { // small numbers are drawn more often
		faults, p.Until = 20-faults, 150
	}
	for i := range faults {
		faults := p.Faults
		f := drawMisfortune(t, &p, uint64(100-i))
		p.Faults = append(p.Faults[:len(faults):len(faults)], f)
		if f.Op == fault.Rot { // which shows at a restart
			p.Faults = append(p.Faults, fault.Fault{ID: 200 + f.ID, Op: fault.Crash, Node: f.Node, At: min(f.At+1, p.Until), For: 1})
		}
		if p.Validate() != nil {
			p.Faults = faults
		}
	}
	return p
}

// firstDifference shows where two traces part, with what came before.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "(over)", "(over)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("%s\nsim:  %s\nslow: %s", strings.Join(g[max(0, i-12):min(i, len(g))], "\n"), a, b)
		}
	}
	return "no difference"
}

func TestRunsAreThoseOfTheSlowTwin(t *testing.T) {
	covered, opened := make(map[What]int), make(map[fault.Op]int)
	bitten, idle := make(map[fault.Op]int), make(map[fault.Op]int)
	var effects FaultCounts
	reasons := make(map[Reason]int)
	property := func(t *rapid.T) {
		plan := drawPlan(t)
		eighths := rapid.Uint64Range(0, 8).Draw(t, "eighths")
		enough := rapid.SampledFrom([]uint64{0, 1, 20}).Draw(t, "outputs enough")
		seed := rapid.Uint64().Draw(t, "seed")
		for i := range uint64(8) {
			ref := compareWithSlow(t, plan, muted{source.Seed(seed + i), eighths}, enough, covered, opened, bitten, idle)
			reasons[ref.Reason]++
			addCounts(&effects, &ref.Faults)
		}
	}
	rapid.Check(t, property)
	fixed.Check(t, 100, property)
	for w := Started; w <= Salvaged; w <<= 1 {
		if covered[w] == 0 && w&(TimerSet|TimerCancelled|Discarded) == 0 {
			t.Errorf("vacuous: nothing ever %v", w)
		}
	}
	for _, op := range []fault.Op{fault.Pause, fault.SlowSync, fault.Drift, fault.Cut} {
		if opened[op] == 0 {
			t.Errorf("vacuous: no %v ever waited for an effect and came", op)
		}
	}
	for op := fault.Crash; op <= fault.Heal; op++ {
		if bitten[op] == 0 || idle[op] == 0 {
			t.Errorf("vacuous: %d faults %v did something, and %d nothing", bitten[op], op, idle[op])
		}
	}
	v := reflect.ValueOf(effects)
	for i := range v.NumField() {
		if v.Field(i).Uint() == 0 {
			t.Errorf("vacuous: no fault ever did %s", v.Type().Field(i).Name)
		}
	}
	for _, why := range []Reason{Quiet, Settled, TimeUp} {
		if reasons[why] == 0 {
			t.Errorf("vacuous: no run ended because: %v", why)
		}
	}
}

func addCounts(sum, more *FaultCounts) {
	s, m := reflect.ValueOf(sum).Elem(), reflect.ValueOf(more).Elem()
	for i := range s.NumField() {
		s.Field(i).SetUint(s.Field(i).Uint() + m.Field(i).Uint())
	}
}

// compareWithSlow runs plan by Sim and by its twin, and returns the result. It counts what
// happens, the windows that open after an effect, and the faults that do something or
// nothing.
func compareWithSlow(t *rapid.T, plan Plan, src protocol.Source, enough uint64, covered map[What]int, opened, bitten, idle map[fault.Op]int) Result {
	all := Everything &^ (TimerSet | TimerCancelled | Discarded | Shadowed)
	got, want := &Trace{Only: all}, &Trace{Only: all}
	var s *Sim
	plan.Done = func() bool { return s.Result().Outputs >= enough }
	s, err := New(plan, src, got)
	if err != nil {
		t.Fatal(err)
	}
	r := s.Run()

	var w *slow
	plan.Done = func() bool { return w.result.Outputs >= enough }
	w = newSlow(plan, src, func(e *Event) {
		covered[e.What]++
		want.Observe(e)
	})
	ref := w.run()
	for i := range plan.Faults {
		if f := &plan.Faults[i]; w.opened[f.ID] > 0 {
			opened[f.Op]++
		}
	}

	if got.String() != want.String() {
		t.Fatalf("source %v\n%s", src, firstDifference(got.String(), want.String()))
	}
	ref.Faults.Lies, ref.Faults.Forged = r.Faults.Lies, r.Faults.Forged // the twin leaves them to reconcile
	if d := cmp.Diff(ref, r); d != "" {
		t.Fatalf("source %v: slow and fast results differ (-slow +fast):\n%s", src, d)
	}
	impacts := s.Impacts()
	if d := reconcile(plan.Faults, impacts, &r); d != "" {
		t.Fatalf("source %v: %s", src, d)
	}
	for i := range plan.Faults {
		if impacts[i].N > 0 {
			bitten[plan.Faults[i].Op]++
		} else {
			idle[plan.Faults[i].Op]++
		}
	}
	return ref
}

// recount counts what s.live and s.dead count, from the records themselves.
func recount(s *Sim) (live [2]int, dead int) {
	free := make(map[uint32]bool)
	for slot := s.slab.free; slot != noSlot; slot = uint32(s.slab.at(slot).name) {
		free[slot] = true
	}
	for slot := range s.slab.used {
		if r := s.slab.at(slot); !free[slot] && r.op != opDead {
			live[r.flag&background]++
		}
	}
	s.q.each(func(e entry) {
		if s.slab.at(e.slot).op == opDead {
			dead++
		}
	})
	return live, dead
}

func TestLiveCountsEqualARecount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := New(drawPlan(t), drawSource(t))
		if err != nil {
			t.Fatal(err)
		}
		for more := true; more; more = s.Step() {
			if live, dead := recount(s); live != s.live || dead != s.dead {
				t.Fatalf("at %v, event %d: %v events are live (foreground, background) and %d dead, the counts say %v and %d", s.now, s.result.Events, live, dead, s.live, s.dead)
			}
		}
	})
}

// When all is over, what was borrowed is given back: records to the free list and
// long bodies to theirs.
func TestNothingLeaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan := drawPlan(t)
		plan.Done = func() bool { return false }
		s, err := New(plan, drawSource(t))
		if err != nil {
			t.Fatal(err)
		}
		s.Run()
		used, free, refs := int(s.slab.used), 0, uint32(0)
		for slot := s.slab.free; slot != noSlot; slot = uint32(s.slab.at(slot).name) {
			free++
		}
		held, heldLong := 0, uint32(0)
		for _, x := range s.cold {
			if x == nil {
				continue
			}
			held += len(x.held)
			for _, e := range x.held {
				if s.slab.at(e.slot).flag&long != 0 {
					heldLong++
				}
			}
		}
		for i := range s.slab.longs {
			refs += s.slab.longs[i].refs
		}
		if used-free != s.q.n+held {
			t.Fatalf("%d of %d records are in use, %d are pending and %d held", used-free, used, s.q.n, held)
		}
		if s.q.n == 0 && refs != heldLong {
			t.Fatalf("%d long bodies are referred to, want %d", refs, heldLong)
		}
	})
}

func TestObserversTracesAndPoisonChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plan, src := drawPlan(t), drawSource(t)
		run := func(observers ...Observer) Result {
			s, err := New(plan, src, observers...)
			if err != nil {
				t.Fatal(err)
			}
			return s.Run()
		}
		want := run()
		for _, o := range []Observer{new(Trace), &Trace{Only: Received}, &Trace{Only: Noted | Lost}} {
			if d := cmp.Diff(want, run(o)); d != "" {
				t.Fatalf("observer changes the run:\n%s", d)
			}
		}
		plan.Poison = !plan.Poison
		if d := cmp.Diff(want, run()); d != "" {
			t.Fatalf("poison changes the run:\n%s", d)
		}
	})
}
