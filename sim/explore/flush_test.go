package explore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// filer keeps each input as two records, data and name, and tells when they are safe. Each letter of
// its script is an effect: d data, n name, f flush both, F flush the name alone, 0 flush both at
// once, s sync, o output at once. If it trusts its disk, it does not look whether a flush failed.
type filer struct {
	script string
	trusts bool
	next   uint64
	found  map[string]bool
}

var kindSaved = protocol.KindOf("saved")

func (x *filer) Start(env *protocol.Env) {
	x.found = make(map[string]bool)
	for i, rec := range env.Records() {
		x.next, x.found[string(rec)] = i+1, true
	}
}

func (x *filer) Receive(env *protocol.Env, _ protocol.NodeID, msg []byte) {
	for _, c := range x.script {
		switch c {
		case 'd', 'n':
			rec := string(c) + string(msg)
			x.found[rec] = true
			env.Persist([]byte(rec))
			x.next++
		case 'f':
			env.Flush(uint64(msg[0]), []uint64{x.next - 2, x.next - 1})
		case 'F':
			env.Flush(uint64(msg[0]), []uint64{x.next - 1})
		case '0':
			env.Flush(0, []uint64{x.next - 2, x.next - 1})
		case 's':
			env.Sync()
		case 'o':
			env.Output(kindSaved, msg)
		}
	}
}

func (x *filer) Timeout(*protocol.Env, uint64) {}

func (x *filer) Flushed(env *protocol.Env, tag uint64, failed bool) {
	if !failed || x.trusts {
		env.Output(kindSaved, []byte{byte(tag)})
	}
}

const saved = "what is said to be saved is"

// filers is a world of one filer, which is told three things while its disk is busy. A crash at the
// end, if there is one, loses what is not safe.
func filers(script string, trusts, end bool) *explore.World {
	w := new(explore.World)
	w.Try = func(t *explore.Trial, observers ...sim.Observer) explore.Outcome {
		outputs := &said{by: make([][]string, 1)}
		plan := sim.Plan{Nodes: 1, Node: func(protocol.NodeID) protocol.Node { return &filer{script: script, trusts: trusts} },
			Link: sim.Link{Delay: 1}, Disk: sim.Disk{Sync: 25}, Until: 1000, Faults: slices.Clone(t.Faults)}
		if end {
			plan.Faults = append(plan.Faults, fault.Fault{ID: 900, Op: fault.Crash, At: 500, For: 1})
		}
		for i := range 3 {
			plan.Inputs = append(plan.Inputs, sim.Input{ID: uint64(i), At: 7 + 10*protocol.Time(i), Body: []byte{byte('a' + i)}})
		}
		s, err := sim.New(plan, source.NewReplay(t.Answers), append(observers, outputs)...)
		if err != nil {
			panic(err)
		}
		o := explore.Outcome{Verdict: check.Pass, Sim: s.Run()}
		o.Digest = o.Sim.Digest
		for _, v := range outputs.by[0] {
			if found := s.Node(0).(*filer).found; !found["d"+v] || !found["n"+v] {
				o.Verdict = check.Violation
				o.Checks = []check.Result{{Name: saved, Verdict: check.Violation, Detail: fmt.Sprintf("%s is lost", v)}}
			}
		}
		return o
	}
	return w
}

func misfortunesOf(w *explore.World, kinds ...string) *explore.Misfortunes {
	return &explore.Misfortunes{World: w, Trial: &explore.Trial{Nodes: 1}, Nodes: 1, From: 1, To: 300, Kinds: kinds, Downs: []time.Duration{4}, Depth: 1}
}

func TestOneMisfortuneFindsWhatANodeGetsWrongAboutFlushes(t *testing.T) {
	for _, c := range []struct {
		script      string
		trusts, end bool
		want        string // what the first that fails is
	}{
		{"dnf", false, true, ""},
		{"dn0o", false, true, ""},
		{"dnf", true, true, "failsync: failsync 0 at 1ns"},
		{"dnf", true, false, ""}, // nobody looks at what is lost
		{"dnF", false, false, "crash: crash 0 at 1ns after output saved #1 for 4ns"},
		{"dno", false, false, "torn: crash 0 at 1ns after output saved #1 for 4ns torn"},
	} {
		r, err := misfortunesOf(filers(c.script, c.trusts, c.end)).Search(context.Background())
		if got := strings.Join(r.What, ", "); err != nil || !r.Complete || got != c.want {
			t.Errorf("%s: the first is %q, %v, complete %v; want %q", c.script, got, err, r.Complete, c.want)
		}
	}
}

// TestEachMisfortuneOfAFlusherDoesWhatItSays looks at what each run does to the disk.
func TestEachMisfortuneOfAFlusherDoesWhatItSays(t *testing.T) {
	for _, script := range []string{"dnf", "dnF", "dnfdnF", "dn0", "dndnF0", "dnsdnf"} {
		w := filers(script, false, true)
		try := w.Try
		failed, alone, one := 0, 0, 0
		w.Try = func(tr *explore.Trial, observers ...sim.Observer) explore.Outcome {
			fates := &remains{}
			o := try(tr, append(observers, fates)...)
			o.Verdict, o.Checks = check.Pass, nil
			if len(tr.Faults) == 0 {
				return o
			}
			switch f := tr.Faults[0]; {
			case f.Op == fault.FailSync:
				failed++
				if o.Sim.Faults.FailedFlushes != 1 || o.Sim.Crashes != 1 {
					t.Errorf("%s: with %v: %+v", script, tr.Faults, o.Sim.Faults)
				}
			case f.Op == fault.Crash && f.Disk == fault.KeepScattered:
				switch {
				case fates.kept == 1 && fates.lost > 1:
					alone++
				case fates.kept > 0 && fates.lost == 1:
					one++
				default:
					t.Errorf("%s: with %v and %v: %d kept and %d lost", script, tr.Faults, tr.Answers, fates.kept, fates.lost)
				}
				if len(tr.Answers) != fates.kept {
					t.Errorf("%s: with %v: %d answers, and %d records are kept", script, tr.Faults, len(tr.Answers), fates.kept)
				}
			case f.Op == fault.Crash && f.Disk == fault.KeepTorn && len(tr.Answers) == 1 && tr.Answers[0].Key == sim.Survivors(&f):
				if n := uint64(fates.kept + fates.lost); tr.Answers[0].Range != n+1 || tr.Answers[0].Value != uint64(fates.kept) {
					t.Errorf("%s: with %v and %v: %d kept and %d lost", script, tr.Faults, tr.Answers, fates.kept, fates.lost)
				}
			}
			return o
		}
		r, err := misfortunesOf(w, "crash", "torn", "failsync").Search(context.Background())
		if err != nil || !r.Complete {
			t.Errorf("%s: %+v, %v", script, r, err)
		}
		if script == "dndnF0" && (alone == 0 || one == 0) || script == "dnfdnF" && failed == 0 {
			t.Errorf("%s: vacuous: %d flushes fail, %d records survive alone and %d are lost alone", script, failed, alone, one)
		}
	}
}

// remains counts what the first crash leaves.
type remains struct{ crashes, kept, lost int }

func (x *remains) Watch() sim.What { return sim.Crashed | sim.Salvaged }

func (x *remains) Observe(e *sim.Event) {
	switch {
	case e.What == sim.Crashed:
		x.crashes++
	case x.crashes > 1:
	case e.Text == "kept":
		x.kept++
	default:
		x.lost++
	}
}
