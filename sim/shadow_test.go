package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// keeper tells node 1 the number that it was sent, which it must keep. Its program is what
// it does with the number: p persists it, s syncs, t tells it.
type keeper struct {
	program string
	fickle  bool // it adds 1 to what it is asked again
	number  uint64
}

func (c *keeper) Start(env *protocol.Env) {
	for _, rec := range env.Records() {
		if len(rec) == 8 {
			c.number = uint64(rec[7])
		}
	}
}

func (c *keeper) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	number := uint64(msg[7])
	if c.fickle && c.number != 0 {
		number = c.number + 1
	}
	c.number = number
	for _, do := range c.program {
		switch do {
		case 'p':
			env.Persist([]byte{0, 0, 0, 0, 0, 0, 0, byte(number)})
		case 's':
			env.Sync()
		case 't':
			env.Send(1, kindTold, []byte{byte(number)})
		case 'd':
			env.Discard(1 << 60) // all, without writing down again what matters
		case 'o':
			env.Output(kindTold, []byte{byte(number)})
		}
	}
}

func (c *keeper) Timeout(*protocol.Env, uint64) {}

func (c *keeper) Promises(list []protocol.Promise, f *protocol.Effect) []protocol.Promise {
	kind := kindTold
	if f.Op == protocol.OpOutput {
		kind = kindSaid
	}
	return append(list, protocol.Promise{Kind: kind, Value: uint64(f.Body[0])})
}

func (c *keeper) Keeps(*protocol.Promise) (value uint64, known bool) { return c.number, c.number != 0 }

func (c *keeper) Repeat(env *protocol.Env, from protocol.NodeID, msg []byte) {
	c.Receive(env, from, msg)
}

var (
	kindTold = protocol.KindOf("told")
	kindSaid = protocol.KindOf("said") // the promise of an output
)

// asker sends node 0 its inputs.
type asker struct{}

func (asker) Start(*protocol.Env) {}
func (asker) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		env.Send(0, kindTold, msg)
	}
}
func (asker) Timeout(*protocol.Env, uint64) {}

// shadowsOf keeps what each look came to.
type shadowsOf struct{ wrong []string }

func (*shadowsOf) Watch() sim.What { return sim.Shadowed }
func (s *shadowsOf) Observe(e *sim.Event) {
	s.wrong = append(s.wrong, e.Text)
}

func keeperPlan(c keeper, share protocol.Ratio) sim.Plan {
	plan := sim.Plan{Nodes: 2, Until: protocol.Time(time.Minute), Link: sim.Link{Delay: time.Millisecond}, Shadow: share, Poison: true,
		Disk: sim.Disk{Sync: time.Millisecond},
		Node: func(id protocol.NodeID) protocol.Node {
			if id == 1 {
				return asker{}
			}
			fresh := c
			return &fresh
		}}
	for i := range uint64(3) {
		plan.Inputs = append(plan.Inputs, sim.Input{ID: i, At: protocol.Time(i+1) * protocol.Time(time.Second), Node: 1, Body: []byte{0, 0, 0, 0, 0, 0, 0, byte(i + 5)}})
	}
	return plan
}

func TestAPromiseThatIsToldBeforeItIsSafeIsSeenWithoutACrash(t *testing.T) {
	for _, test := range []struct {
		program string
		fickle  bool
		want    string // in what is wrong with the first promise, or "" if none is
	}{
		{"pst", false, ""},
		{"pso", false, ""},
		{"pts", false, "node 0 sends told to node 1, which promises told 0 = 5; its record 0, which is not synced yet, is what keeps it"},
		{"pos", false, "node 0 puts out told, which promises said 0 = 5; its record 0, which is not synced yet"},
		{"spt", false, "its record 0, which is not synced yet"},
		{"ts", false, "none of its 0 records keeps it"},
		{"pst", true, "asked the same again after a crash, it promises told 0 = 6"},
	} {
		var seen shadowsOf
		s, err := sim.New(keeperPlan(keeper{program: test.program, fickle: test.fickle}, protocol.Percent(100)), nil, &seen)
		if err != nil {
			t.Fatal(err)
		}
		if r := s.Run(); r.Shadows != 3 || len(seen.wrong) != 3 {
			t.Errorf("%+v: %d looks, %q; want 3", test, r.Shadows, seen.wrong)
			continue
		}
		if first := seen.wrong[0]; !strings.Contains(first, test.want) || (first == "") != (test.want == "") {
			t.Errorf("%+v: %q", test, first)
		}
	}
}

// pair is one of two nodes that keep a number: node 0 has node 1 keep it, too, and puts
// it out then. A hasty node 1 answers before its record is safe.
type pair struct {
	keeper
	hasty bool
}

func (c *pair) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	number := msg[len(msg)-1]
	switch {
	case from == 1:
		env.Output(kindTold, []byte{number})
	case env.ID() == 1 && c.hasty:
		env.Persist([]byte{0, 0, 0, 0, 0, 0, 0, number})
		env.Send(0, kindTold, []byte{number})
		env.Sync()
	default:
		env.Persist([]byte{0, 0, 0, 0, 0, 0, 0, number})
		env.Sync()
		env.Send(1-env.ID(), kindTold, []byte{number})
	}
}

func (c *pair) Repeat(env *protocol.Env, from protocol.NodeID, msg []byte) { c.Receive(env, from, msg) }

func (c *pair) Promises(list []protocol.Promise, f *protocol.Effect) []protocol.Promise {
	if f.Op != protocol.OpOutput {
		return list
	}
	return append(list, protocol.Promise{Kind: kindTold, Value: uint64(f.Body[0]), Least: true, Holders: 2})
}

func TestAPromiseOfSeveralNodesIsAskedOfWhatIsSafeOnTheirDisks(t *testing.T) {
	for _, test := range []struct {
		hasty bool
		sync  time.Duration
		crash string // of node 1, or ""
		want  string
	}{
		{false, time.Millisecond, "", ""},
		{false, time.Millisecond, "crash 1 after send told #1", ""}, // its disk has it
		{true, time.Microsecond, "", ""},                            // synced when node 0 hears of it
		{true, 10 * time.Millisecond, "", "node 0 puts out told, which promises told 0 >= 5 on 2 nodes; of what is safe on all disks now, only nodes [0] have it"},
		{true, time.Microsecond, "crash 1 after send told #1", "only nodes [0] have it"},
	} {
		plan := keeperPlan(keeper{}, protocol.Percent(100))
		plan.Node = func(protocol.NodeID) protocol.Node { return &pair{hasty: test.hasty} }
		plan.Disk.Sync = test.sync
		plan.Inputs = plan.Inputs[:1]
		plan.Inputs[0].Node = 0
		if test.crash != "" {
			f, err := fault.Parse(test.crash)
			if err != nil {
				t.Fatal(err)
			}
			plan.Faults = f
		}
		var seen shadowsOf
		s, err := sim.New(plan, nil, &seen)
		if err != nil {
			t.Fatal(err)
		}
		s.Run()
		if len(seen.wrong) != 1 || !strings.Contains(seen.wrong[0], test.want) || (seen.wrong[0] == "") != (test.want == "") {
			t.Errorf("%+v: %q", test, seen.wrong)
		}
	}
}

// both is a keeper that promises what it keeps itself, and before it what one node keeps.
type both struct{ keeper }

func (c *both) Promises(list []protocol.Promise, f *protocol.Effect) []protocol.Promise {
	return append(list,
		protocol.Promise{Kind: kindSaid, Value: uint64(f.Body[0]), Holders: 1},
		protocol.Promise{Kind: kindTold, Value: uint64(f.Body[0])})
}

func TestEachNodeIsAskedForItsOwnPromisesBesideThoseOfSeveral(t *testing.T) {
	plan := keeperPlan(keeper{}, protocol.Percent(100))
	plan.Node = func(id protocol.NodeID) protocol.Node {
		return &both{keeper{program: map[protocol.NodeID]string{0: "pso", 1: "pos"}[id]}}
	}
	plan.Inputs = []sim.Input{
		{ID: 0, At: 1, Node: 0, Body: []byte{0, 0, 0, 0, 0, 0, 0, 7}},
		{ID: 1, At: protocol.Time(time.Second), Node: 1, Body: []byte{0, 0, 0, 0, 0, 0, 0, 7}},
	}
	var seen shadowsOf
	s, err := sim.New(plan, nil, &seen)
	if err != nil {
		t.Fatal(err)
	}
	if s.Run(); len(seen.wrong) != 2 || seen.wrong[0] != "" || !strings.Contains(seen.wrong[1], "node 1 puts out told") {
		t.Errorf("%q: want that node 1 alone tells too early", seen.wrong)
	}
}

// alike is a keeper that promises what all promise alike.
type alike struct{ keeper }

func (c *alike) Promises(list []protocol.Promise, f *protocol.Effect) []protocol.Promise {
	return append(list, protocol.Promise{Kind: kindTold, Value: uint64(f.Body[0]), Common: true})
}

func TestAPromiseThatAllMakeAlikeIsComparedBetweenNodes(t *testing.T) {
	for second, want := range map[byte]string{
		7: "",
		8: "node 1 puts out told, which promises told 0 = 8, of which node 0 has promised 7",
	} {
		plan := keeperPlan(keeper{}, protocol.Percent(100))
		plan.Node = func(protocol.NodeID) protocol.Node { return &alike{keeper{program: "pso"}} }
		plan.Inputs = []sim.Input{
			{ID: 0, At: 1, Node: 0, Body: []byte{0, 0, 0, 0, 0, 0, 0, 7}},
			{ID: 1, At: protocol.Time(time.Second), Node: 1, Body: []byte{0, 0, 0, 0, 0, 0, 0, second}},
		}
		var seen shadowsOf
		s, err := sim.New(plan, nil, &seen)
		if err != nil {
			t.Fatal(err)
		}
		if s.Run(); !slices.Equal(seen.wrong, []string{"", want}) {
			t.Errorf("second %d: %q, want the second %q", second, seen.wrong, want)
		}
	}
}

func TestNobodyIsAskedAfterARecordHasRotted(t *testing.T) {
	plan := keeperPlan(keeper{program: "pst"}, protocol.Percent(100))
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Rot, At: protocol.Time(1500 * time.Millisecond), Node: 0}}
	var seen shadowsOf
	s, err := sim.New(plan, nil, &seen)
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Run(); r.Faults.Rotted != 1 || !slices.Equal(seen.wrong, []string{""}) {
		t.Errorf("%d records rot, and the looks find %q; want 1, and one look before", r.Faults.Rotted, seen.wrong)
	}
}

func TestAPromiseThatADiscardForgetsIsSeen(t *testing.T) {
	for program, want := range map[string]string{
		"pstdps": "", // the second record says what the first did
		"pstds":  "node 0 discards its records below 1; it promised told 0 = 5 and still keeps that, but none of the records that are left does",
	} {
		var seen shadowsOf
		s, err := sim.New(keeperPlan(keeper{program: program}, protocol.Percent(100)), nil, &seen)
		if err != nil {
			t.Fatal(err)
		}
		s.Run()
		if all := strings.Join(seen.wrong, ""); !strings.Contains(all, want) || (all == "") != (want == "") {
			t.Errorf("%s: %q, want %q", program, seen.wrong, want)
		}
	}
}

func TestLookingAtPromisesChangesNothingInARun(t *testing.T) {
	var digests []sim.Digest
	for _, share := range []protocol.Ratio{{}, protocol.Percent(50), protocol.Percent(100)} {
		s, err := sim.New(keeperPlan(keeper{program: "ptst"}, share), source.Seed(1))
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, s.Run().Digest)
	}
	if digests[0] != digests[1] || digests[0] != digests[2] {
		t.Errorf("digests without looks, with some, with all: %v", digests)
	}
}

// What is looked at is an answer: a seed answers it, and benign answers look at nothing.
func TestWhichPromisesAreLookedAtAreAnswers(t *testing.T) {
	looks := make(map[string]bool)
	for seed := range uint64(20) {
		s, err := sim.New(keeperPlan(keeper{program: "pst"}, protocol.Percent(50)), source.Seed(seed))
		if err != nil {
			t.Fatal(err)
		}
		looks[fmt.Sprint(s.Run().Shadows)] = true
	}
	if len(looks) < 3 {
		t.Errorf("20 seeds look at %v of 3 promises", looks)
	}
	s, err := sim.New(keeperPlan(keeper{program: "pst"}, protocol.Percent(50)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.Run().Shadows; n != 0 {
		t.Errorf("with benign answers %d promises are looked at", n)
	}
}

// A crash may keep a part of a record that was not synced. That must not cost what was safe.
func TestAPromiseIsComparedWithTornRecordsToo(t *testing.T) {
	plan := keeperPlan(keeper{program: "pstpo"}, protocol.Percent(100))
	node := plan.Node
	plan.Node = func(id protocol.NodeID) protocol.Node {
		if id == 0 {
			return &forgetful{keeper{program: "pstpo"}}
		}
		return node(id)
	}
	for seed := range uint64(50) {
		var seen shadowsOf
		s, err := sim.New(plan, source.Seed(seed), &seen)
		if err != nil {
			t.Fatal(err)
		}
		s.Run()
		if strings.Contains(strings.Join(seen.wrong, "\n"), "1 of its 1 unsynced records, whole or torn, it does not keep it") {
			return
		}
	}
	t.Error("no seed of 50 tears a record")
}

// forgetful takes a torn record for the end of everything.
type forgetful struct{ keeper }

func (f *forgetful) Start(env *protocol.Env) {
	f.keeper.Start(env)
	for _, rec := range env.Records() {
		if len(rec) < 8 {
			f.number = 0
		}
	}
}
