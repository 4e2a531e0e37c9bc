package sim

import (
	"fmt"
	"testing"

	"dessim/protocol"
	"dessim/sim/fault"
)

// announcer sets a timer at its start. At each input it has a record that is synced and a
// message to every other node, after two goroutines, of which one uses a channel, and it asks
// whether its disk is full.
func announcer(nodes int) script {
	return script{start: func(env *protocol.Env) { env.SetTimer(20, 1) }, receive: func(env *protocol.Env, from protocol.NodeID, msg []byte) {
		if from != protocol.Outside {
			return
		}
		if turns := env.Scheduler(); turns != nil {
			turns.Order(1, 2)
			turns.Yield(1)
			turns.Stall(1)
		}
		env.Full()
		env.Persist([]byte("record"))
		env.Sync()
		for id := range protocol.NodeID(nodes) {
			if id != env.ID() {
				env.Send(id, kindT, msg)
			}
		}
	}}
}

// impactsOf runs four announcers that get an input each at 100, 200, 300 and 400. The run
// ends at 1000.
func impactsOf(t tb, src protocol.Source, text string) ([]fault.Fault, []Impact, Result) {
	t.Helper()
	faults, err := fault.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	const nodes = 4
	plan := Plan{Nodes: nodes, Node: scripts(announcer(nodes)), Faults: faults, Until: 1000}
	for i := range uint64(16) {
		plan.Inputs = append(plan.Inputs, input(i, protocol.Time(100+i/nodes*100), protocol.NodeID(i%nodes), string(rune('a'+i))))
	}
	s := mustNew(t, plan, src)
	r := s.Run()
	return faults, s.Impacts(), r
}

// disordered answers as Benign does, but that the last goroutine runs first.
type disordered struct{ protocol.Benign }

func (disordered) Choose(k protocol.Key, n uint64) uint64 {
	if k.Kind == kindOrder {
		return n - 1
	}
	return 0
}

// Each operation, once with what it did and once or more without, and why. A new one wants
// its line here.
func TestEachFaultCountsWhatItDidOrSaysWhyNothing(t *testing.T) {
	cases := map[fault.Op]struct {
		bites string // the first fault
		n     uint64
		idle  map[string]string // the last fault
	}{
		fault.Crash: {"crash 1 at 150ns for 10ns", 1, map[string]string{
			"crash 1 at 150ns; crash 1 at 160ns":                                             "node 1 was down",
			"crash 1 after send t #999":                                                      "what it waits for did not happen",
			"crash 1 at 500ns after 2 effects":                                               "node 1 took no step from then on",
			"heal at 550ns; crash 1 at 500ns after 2 effects":                                "node 1 took no step before the heal",
			"heal at 250ns; crash 1 after send t #99":                                        "what it waits for did not happen before the heal",
			"crash 1 at 150ns after 1 effects; crash 1 at 150ns after 2 effects":             "another crash came earlier in that step",
			"crash 1 at 150ns after 3 effects; crash 1 at 151ns after 4 effects":             "another crash came earlier in that step",
			"crash 1 after send t #4; crash 1 after send t #4":                               "another crash came at that effect",
			"crash 1 at 150ns; crash 1 after send t #4 of 2":                                 "node 1 was down",
			"crash 1 after persist #2; crash 1 at 150ns after 3 effects":                     "another crash came earlier in that step",
			"slowsync 1 by 9ns at 150ns; crash 1 at 205ns; crash 1 at 150ns after 3 effects": "another crash came earlier in that step",
		}},
		fault.Restart: {"restart 1 at 170ns; crash 1 at 150ns", 1, map[string]string{
			"restart 1 at 170ns": "node 1 was up",
			"rot 1 at 140ns; crash 1 at 150ns; restart 1 at 170ns": "node 1 was down for good, since its disk is damaged",
		}},
		fault.Pause: {"pause 1 at 150ns for 100ns", 1, map[string]string{
			"failsync 1 at 150ns; pause 1 at 250ns for 9ns":           "node 1 was down",
			"pause 1 at 150ns after send t #999 for 9ns":              "what it waits for did not happen",
			"heal at 201ns; pause 1 at 150ns after send t #3 for 9ns": "the heal came before it opened",
		}},
		fault.FailSync: {"failsync 1 at 150ns", 1, map[string]string{
			"failsync 1 at 450ns":                "node 1 made no sync from then on",
			"heal at 480ns; failsync 1 at 450ns": "node 1 made no sync before the heal",
		}},
		fault.SlowSync: {"slowsync 1 by 9ns at 150ns", 3, map[string]string{
			"slowsync 1 by 9ns at 450ns": "node 1 made no sync while it was open",
		}},
		fault.Rot: {"rot 1 at 150ns", 1, map[string]string{
			"rot 1 at 50ns": "node 1's disk had no record",
			"slowsync 1 by 9ns at 50ns; rot 1 at 105ns": "node 1's disk had no synced record",
		}},
		fault.Partition: {"partition 0|1 at 150ns", 6, map[string]string{
			"partition 0|1 at 450ns":                   "no message was sent on its links while it was open",
			"cut *>* at 150ns; partition 0|1 at 150ns": "other faults lost the 6 messages on its links",
		}},
		fault.Cut:  {"cut 0>1 at 150ns", 3, map[string]string{"cut 0>1 at 450ns": "no message was sent on its links while it was open"}},
		fault.Ring: {"ring * at 150ns", 12, map[string]string{"ring * at 450ns": "no message was sent on its links while it was open"}},
		fault.Deaf: {"deaf 1 at 150ns", 9, map[string]string{"deaf 1 at 450ns": "no message was sent on its links while it was open"}},
		fault.Mute: {"mute 1 at 150ns", 9, map[string]string{"mute 1 at 450ns": "no message was sent on its links while it was open"}},
		fault.Clog: {"clog 0>1 at 150ns for 100ns", 1, map[string]string{
			"clog 0>1 at 450ns for 9ns": "no message was sent on its links while it was open",
		}},
		fault.Slow: {"slow 0>1 by 5ns at 150ns", 3, map[string]string{
			"slow 0>1 by 5ns at 450ns":                "no message was sent on its links while it was open",
			"slow 0>1 by 5ns only x at 150ns":         "no x message was sent on its links while it was open",
			"cut 0>1 at 0s; slow 0>1 by 5ns at 350ns": "other faults lost the 1 message on its links",
		}},
		fault.Lose: {"lose 0>1 100% only t at 150ns", 3, map[string]string{
			"lose 0>1 50% at 150ns":        "it hit none of 3 messages",
			"lose 0>1 50% only t at 150ns": "it hit none of 3 t messages",
			"lose 0>1 50% at 450ns":        "no message was sent on its links while it was open",
		}},
		fault.Copy: {"copy 0>1 100% at 150ns", 3, map[string]string{
			"copy 0>1 50% at 150ns": "it hit none of 3 messages",
		}},
		fault.Late: {"late 0>1 100% by 30ns at 150ns", 3, map[string]string{
			"late 0>1 50% at 150ns":        "it hit none of 3 messages",
			"late 0>1 50% only x at 150ns": "no x message was sent on its links while it was open",
		}},
		fault.Echo: {"echo 0>1,2 100% at 250ns", 4, map[string]string{
			"echo 0>1 50% at 250ns": "it repeated none of 2 messages",
			"echo 0>1 100% at 50ns": "no message had passed on its links when it could come again",
		}},
		fault.LateTimer: {"latetimer 1 100% by 50ns at 0s", 1, map[string]string{
			"latetimer 1 50% by 50ns at 0s":    "it made none of 1 timer late",
			"latetimer 1 50% by 50ns at 150ns": "node 1 set no timer while it was open",
		}},
		fault.Order: {"order 1 at 150ns", 3, map[string]string{
			"order 1 at 150ns": "it changed none of 3 choices",
			"order 1 at 450ns": "node 1 never had two goroutines that could run while it was open",
		}},
		fault.Yield: {"yield 1 100% at 150ns", 3, map[string]string{
			"yield 1 50% at 150ns":                        "it hit none of 3 operations",
			"yield 1 50% at 450ns":                        "no goroutine of node 1 used a channel or lock while it was open",
			"crash 1 at 150ns; yield 1 100% at 160ns":     "no goroutine of node 1 used a channel or lock while it was open",
			"yield 1 100% at 150ns; yield 1 50% at 350ns": "it hit none of 1 operation",
		}},
		fault.Stall: {"stall 1 100% by 9ns at 150ns", 3, map[string]string{
			"stall 1 50% by 9ns at 150ns": "it hit none of 3 operations",
			"stall 1 50% by 9ns at 450ns": "no goroutine of node 1 used a channel or lock while it was open",
		}},
		fault.Full: {"full 1 at 150ns", 3, map[string]string{
			"full 1 at 0s for 50ns": "node 1 asked in none of 2 steps whether its disk is full",
			"full 1 at 450ns":       "node 1 took no step while it was open",
		}},
		fault.Corrupt: {"corrupt 0>1 100% at 150ns", 3, map[string]string{
			"corrupt 0>1 50% at 150ns": "it hit none of 3 messages",
		}},
		fault.Jump: {"jump 1 by 9ns at 150ns", 1, map[string]string{
			"jump 1 by 9ns at 450ns": "node 1 took no step that saw it",
		}},
		fault.Drift: {"drift 1 by 100000ppm at 150ns", 1, map[string]string{
			"drift 1 by 1ppm at 150ns":              "node 1 took no step that saw it", // it gains less than a nanosecond
			"drift 1 by 10000ppm at 150ns for 50ns": "node 1 took no step that saw it", // it would gain one later
			"drift 1 by 100000ppm at 450ns":         "node 1 took no step that saw it",
		}},
		fault.Byzantine: {"byzantine 1 withholds 100% at 150ns", 9, map[string]string{
			"byzantine 1 withholds 50% at 150ns": "it changed none of 9 messages",
			"byzantine 1 withholds 50% at 450ns": "node 1 sent no message while it was open",
		}},
		fault.Heal: {"heal at 500ns", 1, map[string]string{"heal at never": "the run ended before it"}},
	}
	for _, form := range fault.Grammar() {
		c, known := cases[form.Op]
		if !known || len(c.idle) == 0 || form.Op.Impact() == "" {
			t.Errorf("%v: no case, or no word for what it does", form.Op)
			continue
		}
		faults, impacts, _ := impactsOf(t, disordered{}, c.bites)
		if faults[0].Op != form.Op || impacts[0] != (Impact{N: c.n}) {
			t.Errorf("%s: did %+v, want %d", c.bites, impacts[0], c.n)
		}
		for text, why := range c.idle {
			faults, impacts, _ := impactsOf(t, protocol.Benign{}, text)
			last := len(faults) - 1
			if faults[last].Op != form.Op || impacts[last] != (Impact{Why: why}) {
				t.Errorf("%s: the last did %+v, want nothing, since %s", text, impacts[last], why)
			}
		}
	}
}

// reconcile returns where the impacts of a run and its totals disagree, or "".
func reconcile(faults []fault.Fault, impacts []Impact, r *Result) string {
	var sum, most [fault.Heal + 1]uint64
	for i := range faults {
		op := faults[i].Op
		sum[op] += impacts[i].N
		most[op] = max(most[op], impacts[i].N)
		if impacts[i].N > 0 && impacts[i].Why != "" || impacts[i].N == 0 && impacts[i].Why == "" {
			return fmt.Sprintf("%v did %+v", faults[i], impacts[i])
		}
	}
	cuts := sum[fault.Partition] + sum[fault.Cut] + sum[fault.Ring] + sum[fault.Deaf] + sum[fault.Mute]
	f := &r.Faults
	for name, x := range map[string]struct{ least, n, most uint64 }{
		"crashes":            {r.Crashes, sum[fault.Crash] + f.FailedSyncs, r.Crashes},
		"failed syncs":       {f.FailedSyncs + f.FailedFlushes, sum[fault.FailSync], f.FailedSyncs + f.FailedFlushes},
		"restarts":           {0, sum[fault.Restart], r.Restarts},
		"pauses":             {f.Pauses, sum[fault.Pause], f.Pauses},
		"flipped bits":       {f.Rotted, sum[fault.Rot], f.Rotted},
		"messages cut off":   {f.Cut, cuts, f.Cut},
		"lost messages":      {f.Lost, sum[fault.Lose], f.Lost},
		"copied messages":    {f.Copied, sum[fault.Copy], f.Copied},
		"corrupted messages": {f.Corrupted, sum[fault.Corrupt], f.Corrupted},
		"held by one":        {0, most[fault.Clog], f.Clogged},
		"held by all":        {f.Clogged, sum[fault.Clog], r.Sent * uint64(len(faults)+1)},
		"delayed by one":     {0, most[fault.Slow], f.Slowed},
		"delayed by all":     {f.Slowed, sum[fault.Slow], (r.Sent + r.Copied) * uint64(len(faults)+1)},
		"slowed by one":      {0, most[fault.SlowSync], f.SlowedSyncs},
		"slowed by all":      {f.SlowedSyncs, sum[fault.SlowSync], (r.Syncs + r.Flushes) * uint64(len(faults)+1)},
		"jumps":              {0, sum[fault.Jump], f.Jumps},
		"lies":               {f.Lies, sum[fault.Byzantine], f.Lies},
		"forged messages":    {0, f.Forged, f.Lies},
		"drifts":             {0, sum[fault.Drift], f.Drifts},
		"network losses":     {cuts + sum[fault.Lose], r.Lost, r.Lost},
		"late copies":        {f.Late, sum[fault.Late], f.Late},
		"repeated messages":  {f.Echoed, sum[fault.Echo], f.Echoed},
		"late by one":        {0, most[fault.LateTimer], f.LateTimers},
		"turns":              {f.Orders, sum[fault.Order], f.Orders},
		"yields":             {f.Yields, sum[fault.Yield], f.Yields},
		"stalled by one":     {0, most[fault.Stall], f.Stalls},
		"stalled by all":     {f.Stalls, sum[fault.Stall], f.Stalls * uint64(len(faults)+1)},
		"told of one":        {0, most[fault.Full], f.Full},
		"told of all":        {f.Full, sum[fault.Full], f.Full * uint64(len(faults)+1)},
		"late by all":        {f.LateTimers, sum[fault.LateTimer], f.LateTimers * uint64(len(faults)+1)},
		"network copies":     {sum[fault.Copy] + sum[fault.Late] + sum[fault.Echo], r.Copied, r.Copied},
	} {
		if x.n < x.least || x.n > x.most {
			return fmt.Sprintf("%s: %d, want %d to %d", name, x.n, x.least, x.most)
		}
	}
	return ""
}
