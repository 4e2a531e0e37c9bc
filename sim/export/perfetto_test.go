package export

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"dessim/sim"
	"dessim/sim/history"
)

// event is what the documents of the Trace Event Format say of an event: a pointer is nil where a
// key is missing.
type event struct {
	Ph        string
	Name      string
	Cat       *string
	Pid, Tid  *uint64
	Ts, Dur   *json.Number
	ID        *uint64
	Bp, S     *string
	Args      map[string]any
	from, end *big.Rat // of a slice
}

type lane struct{ pid, tid uint64 }

// parsePerfetto reads a file as a tool does.
func parsePerfetto(text string) (all []event, err error) {
	var file struct {
		DisplayTimeUnit string
		TraceEvents     []event
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		return nil, err
	}
	if file.DisplayTimeUnit != "ms" && file.DisplayTimeUnit != "ns" {
		return nil, fmt.Errorf("the time unit is %q", file.DisplayTimeUnit)
	}
	return file.TraceEvents, nil
}

// validate returns what is wrong with a file by the schema, and by what makes arrows appear:
// slices of one track do not overlap; a flow has one start and one end, of one category and name,
// each at the beginning of a slice of its track; all tracks and processes have names.
func validate(text string) error {
	all, err := parsePerfetto(text)
	if err != nil {
		return err
	}
	slicesOf, named, ordered := make(map[lane][]event), make(map[lane]bool), make(map[uint64]bool)
	flows := make(map[uint64][]event)
	for i, e := range all {
		if e.Pid == nil || *e.Pid == 0 || e.Name == "" {
			return fmt.Errorf("event %d has no pid or name", i)
		}
		if e.Ph == "M" {
			if e.Args == nil {
				return fmt.Errorf("event %d: metadata without arguments", i)
			}
			switch e.Name {
			case "process_name":
				named[lane{*e.Pid, 0}] = true
			case "process_sort_index":
				ordered[*e.Pid] = true
			case "thread_name":
				named[lane{*e.Pid, *e.Tid}] = true
			default:
				return fmt.Errorf("event %d: metadata %s", i, e.Name)
			}
			continue
		}
		if e.Tid == nil || *e.Tid == 0 || e.Ts == nil || e.Cat == nil {
			return fmt.Errorf("event %d has no tid, ts or cat", i)
		}
		if e.from, err = micro(*e.Ts); err != nil {
			return err
		}
		at := lane{*e.Pid, *e.Tid}
		switch e.Ph {
		case "X":
			if e.Dur == nil {
				return fmt.Errorf("event %d has no dur", i)
			}
			dur, err := micro(*e.Dur)
			if err != nil || dur.Cmp(big.NewRat(1, 1)) < 0 {
				return fmt.Errorf("event %d lasts %v us, %v", i, dur, err)
			}
			e.end = new(big.Rat).Add(e.from, dur)
			slicesOf[at] = append(slicesOf[at], e)
		case "s", "f":
			if e.ID == nil || (e.Ph == "f") != (e.Bp != nil && *e.Bp == "e") {
				return fmt.Errorf("event %d: a flow without id, or bound wrongly", i)
			}
			flows[*e.ID] = append(flows[*e.ID], e)
		case "i":
			if e.S == nil || *e.S != "t" {
				return fmt.Errorf("event %d: a moment of no thread", i)
			}
		default:
			return fmt.Errorf("event %d: phase %q", i, e.Ph)
		}
	}
	begins := make(map[string]bool)
	for at, x := range slicesOf {
		if !named[at] || !named[lane{at.pid, 0}] || !ordered[at.pid] {
			return fmt.Errorf("track %v lacks a name or its process an order", at)
		}
		slices.SortFunc(x, func(a, b event) int { return a.from.Cmp(b.from) })
		for _, e := range x {
			begins[fmt.Sprint(at, e.from)] = true
		}
		for i := range x[1:] {
			if x[i].end.Cmp(x[i+1].from) > 0 {
				return fmt.Errorf("track %v: slices %q and %q overlap", at, x[i].Name, x[i+1].Name)
			}
		}
	}
	for id, f := range flows {
		if len(f) != 2 || f[0].Ph != "s" || f[1].Ph != "f" || *f[0].Cat != *f[1].Cat || f[0].Name != f[1].Name || f[0].from.Cmp(f[1].from) >= 0 {
			return fmt.Errorf("flow %d is not one start and one later end of the same name", id)
		}
		for _, e := range f {
			if !begins[fmt.Sprint(lane{*e.Pid, *e.Tid}, e.from)] {
				return fmt.Errorf("flow %d: its %q lies at the beginning of no slice", id, e.Ph)
			}
		}
	}
	return nil
}

func micro(n json.Number) (*big.Rat, error) {
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || r.Sign() < 0 {
		return nil, fmt.Errorf("time %q", n)
	}
	return r, nil
}

func TestThePerfettoFileIsValidAndHasAnArrowForEachMessageThatArrives(t *testing.T) {
	for _, x := range []*run{puts(), hostiles(), crowd(200)} {
		text := x.in(t, Perfetto)
		if err := validate(text); err != nil {
			t.Error(err)
		}
		all, err := parsePerfetto(text)
		if err != nil {
			t.Fatal(err)
		}
		count := make(map[string]int)
		for _, e := range all {
			count[e.Ph]++
			if e.Cat != nil {
				count[*e.Cat]++
			}
		}
		arrived, down := 0, 0
		for _, r := range x.history.Rows {
			switch {
			case r.What&(sim.Received|sim.Dropped) != 0 && r.Origin != history.None:
				arrived++
			case r.What == sim.Crashed:
				down++
			}
		}
		if count["f"] != arrived || count["s"] != arrived || count["down"] != down || count["fault"] != len(x.about.Faults) || arrived == 0 {
			t.Errorf("%d arrows from %d of %d messages, %d slices of nodes that are down, of %d, and %d of %d faults", count["f"], count["s"], arrived, count["down"], down, count["fault"], len(x.about.Faults))
		}
	}
}

// The times of slices are those of steps, with all digits.
func TestASliceBeginsWhenItsStepDoes(t *testing.T) {
	x := puts()
	all, err := parsePerfetto(x.in(t, Perfetto))
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	for _, e := range all {
		if e.Cat == nil || *e.Cat != "step" {
			continue
		}
		steps++
		at, err := micro(*e.Ts)
		step := int(e.Args["step"].(float64))
		if want := big.NewRat(int64(x.history.Steps[step].At), 1000); err != nil || at.Cmp(want) != 0 {
			t.Errorf("step %d begins at %v us, %v, want %v", step, e.Ts, err, want)
		}
	}
	if steps == 0 {
		t.Error("vacuous: no steps")
	}
}

// A validator that finds nothing would find nothing wrong.
func TestTheValidatorRefusesFilesThatBreakARule(t *testing.T) {
	const (
		head   = `{"displayTimeUnit":"ns","traceEvents":[{"ph":"M","name":"process_name","pid":1,"args":{"name":"a"}},{"ph":"M","name":"process_sort_index","pid":1,"args":{"sort_index":1}},{"ph":"M","name":"thread_name","pid":1,"tid":1,"args":{"name":"a"}},{"ph":"X","name":"a","cat":"a","pid":1,"tid":1,"ts":5,"dur":1},{"ph":"X","name":"b","cat":"a","pid":1,"tid":1,"ts":7,"dur":1}`
		start  = `,{"ph":"s","name":"m","cat":"m","pid":1,"tid":1,"ts":5,"id":1}`
		finish = `,{"ph":"f","bp":"e","name":"m","cat":"m","pid":1,"tid":1,"ts":7,"id":1}`
	)
	if err := validate(head + start + finish + "]}"); err != nil {
		t.Fatal(err)
	}
	for what, more := range map[string]string{
		"no end of a flow":      start,
		"an id used twice":      start + start + finish,
		"an end of another id":  start + `,{"ph":"f","bp":"e","name":"m","cat":"m","pid":1,"tid":1,"ts":7,"id":2}`,
		"an end of no slice":    start + `,{"ph":"f","bp":"e","name":"m","cat":"m","pid":1,"tid":1,"ts":9,"id":1}`,
		"an end not bound":      start + `,{"ph":"f","name":"m","cat":"m","pid":1,"tid":1,"ts":7,"id":1}`,
		"slices overlap":        `,{"ph":"X","name":"c","cat":"a","pid":1,"tid":1,"ts":7.5,"dur":1}`,
		"a track without name":  `,{"ph":"X","name":"c","cat":"a","pid":1,"tid":2,"ts":5,"dur":1}`,
		"a slice without time":  `,{"ph":"X","name":"c","cat":"a","pid":1,"tid":1,"dur":1}`,
		"a slice that is short": `,{"ph":"X","name":"c","cat":"a","pid":1,"tid":1,"ts":9,"dur":0.5}`,
	} {
		if validate(head+more+"]}") == nil {
			t.Errorf("nothing is wrong with %s", what)
		}
	}
}
