package report

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/scenario"
	"dessim/sim/stats"
)

// binStart is that of page/figures.js.
func binStart(bin uint64) uint64 { return 1 << (bin / 4) * (4 + bin%4) / 4 }

func TestADurationIsInItsBin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Uint64Range(0, uint64(protocol.MaxTime)).Draw(t, "ns")
		bin := timeBin(ns)
		if from, to := binStart(bin), binStart(bin+1); max(ns, shortest) < from || max(ns, shortest) >= to {
			t.Fatalf("%d is in bin %d, from %d to %d", ns, bin, from, to)
		}
	})
}

func TestASpreadCountsEachValueOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Uint64Range(0, 1<<rapid.IntRange(0, 45).Draw(t, "bits")), 0, 200).Draw(t, "values")
		var m stats.Meter
		times, numbers := m.Time("t", "what"), m.Number("n", "")
		sum := uint64(0)
		for _, v := range values {
			times.Add(time.Duration(v))
			numbers.Add(v)
			sum += v
		}
		times.Begin("open", 0)
		f := figuresOf(&m)
		slices.Sort(values)
		for _, s := range []Spread{f.Times[0], f.Numbers[0]} {
			n := 0
			for _, c := range s.Counts {
				n += c
			}
			if n != len(values) || s.Count != n || s.Sum != sum {
				t.Fatalf("%d values with sum %d, want %d: %+v", n, sum, len(values), s)
			}
			if n > 0 && (s.Min != values[0] || s.Max != values[n-1] || s.P50 != values[max((n+1)/2, 1)-1] || s.Counts[0] == 0 || s.Counts[len(s.Counts)-1] == 0) {
				t.Fatalf("%+v of %v", s, values)
			}
		}
		if b := f.Numbers[0]; len(b.Counts) > 41 || f.Times[0].Open != 1 || f.Times[0].What != "what" {
			t.Fatalf("%+v", f)
		}
	})
}

func TestFiguresTakeLittleRoom(t *testing.T) {
	var m stats.Meter
	for i := range time.Duration(100_000) {
		m.Time("t", "").Add(i * i * i)
		m.Number("n", "").Add(uint64(i * i))
	}
	b, err := json.Marshal(figuresOf(&m))
	if err != nil || len(b) > 2000 {
		t.Errorf("%d bytes: %v", len(b), err)
	}
}

func TestAPageHasWhatItsScenarioMeasures(t *testing.T) {
	s := toys(func() protocol.Node { return new(toy) })
	if x := show(t, s, "", nil); len(x.run.Figures.Times) != 0 || x.run.Figures.Times == nil {
		t.Errorf("a scenario that measures nothing has %+v", x.run.Figures)
	}
	measured := *s
	measured.Build = func(b *scenario.Setup) *scenario.Run {
		run := s.Build(b)
		run.Measure = func(m *stats.Meter) {
			told := m.Time("told", "until another node hears it")
			m.See(sim.Sent|sim.Received, func(e *sim.Event) {
				if e.What == sim.Sent {
					told.Begin(string(e.Body), e.At)
				} else {
					told.End(string(e.Body), e.At)
				}
			})
		}
		return run
	}
	if x := show(t, &measured, "", nil); len(x.run.Figures.Times) != 1 || x.run.Figures.Times[0].Name != "told" || x.run.Figures.Times[0].Count == 0 {
		t.Errorf("%+v", x.run.Figures)
	}
}
