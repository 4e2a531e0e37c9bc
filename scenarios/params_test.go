package scenarios_test

import (
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"

	"pgregory.net/rapid"
)

func param(t *testing.T, name string) *scenario.Param {
	t.Helper()
	for _, x := range scenario.AllParams(scenarios.All()) {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("no parameter %s", name)
	return nil
}

// texts are, by parameter, what it takes and its canonical form.
var texts = map[string]map[string]string{
	"nodes":    {"8": "8", "008": "8", "0": "0", "2147483647": "2147483647"},
	"txs":      {"20": "20", "010": "10", "0": "0"},
	"order":    {"isis": "isis", "lamport": "lamport", "sequencer": "sequencer"},
	"delay":    {"1ms": "1ms", "1000us": "1ms", "1.5ms": "1.5ms", "90s": "1m30s", "1ns": "1ns"},
	"jitter":   {"9ms": "9ms", "0": "0s", "0s": "0s"},
	"loss":     {"10%": "10%", "0.1": "10%", "0.10": "10%", "0.5%": "0.5%", "0": "0%", "0.00%": "0%", "1": "100%", "0.0125": "1.25%"},
	"copy":     {"100%": "100%", "0.000001": "0.0001%"},
	"abort":    {"5%": "5%", "05%": "5%", "5.0%": "5%"},
	"k":        {"8": "8", "04": "4", "64": "64"},
	"alpha":    {"3": "3", "01": "1", "64": "64"},
	"sessions": {"drawn": "drawn", "none": "none"},
	"until":    {"60s": "1m0s", "1m": "1m0s", "2h": "2h0m0s"},
	"faults":   {"none": "none", "swarm": "swarm", "restart,crash": "crash,restart"},
	"fault":    {"": "", "crash 2 at 1000ms": "crash 2 at 1s", "heal at 3s\n pause 1 at 1s for 1s # so": "heal at 3s; pause 1 at 1s for 1s", "7: heal at 3s": "7: heal at 3s"},
	"events":   {"": "", "1": "1", "0010": "10", "9007199254740991": "9007199254740991"},
	"timing":   {"": "", "recorded": "recorded"},
	"shadow":   {"": "", "every": "every", "100%": "every", "off": "off", "0": "off", "0.1": "10%"},
}

// garbled are, by parameter, texts that it refuses.
var garbled = map[string][]string{
	"nodes":    {"", "-1", "+1", "1.5", "0x8", "1e3", " 8", "8 ", "2147483648", "many"},
	"txs":      {"", "-1", "99999999999999999999"},
	"order":    {"", "ISIS", "isis ", "fifo"},
	"delay":    {"", "5", "1 ms", "ms", "1day"},
	"jitter":   {"", "9", "fast"},
	"loss":     {"", "%", "-1%", "101%", "1.1", "1e-3", ".5", "5.", "10%%", "0x1", "NaN", "+1%", "0.1234567891", "3/2"},
	"copy":     {"", "200%"},
	"abort":    {"", "2"},
	"k":        {"", "3", "65", "-8", "8.0"},
	"alpha":    {"", "0", "65", "three"},
	"sessions": {"", "None", "some"},
	"until":    {"", "60"},
	"faults":   {"", "crash,", "Crash", "none,crash"},
	"fault":    {"crsh 2 at 1s", "crash 2 at 1", "1: heal at 1s; 1: heal at 2s"},
	"events":   {"0", "-1", "1e6", "9007199254740992"},
	"timing":   {"drawn", "Recorded", "recorded "},
	"shadow":   {"all", "101%", "-1%", "none"},
}

func TestEveryParameterReadsItsTextsAndWritesThemInOneForm(t *testing.T) {
	for _, x := range scenario.AllParams(scenarios.All()) {
		if len(texts[x.Name]) == 0 || len(garbled[x.Name]) == 0 || x.Usage == "" {
			t.Errorf("parameter %s is not tested, or tells no usage", x.Name)
		}
		for text, want := range texts[x.Name] {
			var p, again scenario.Params
			if err := x.Set(&p, text); err != nil {
				t.Errorf("%v", err)
				continue
			}
			got := x.Get(&p)
			if got != want {
				t.Errorf("%s %q is written as %q, want %q", x.Name, text, got, want)
			}
			if err := x.Set(&again, got); err != nil || again != p {
				t.Errorf("%s %q is read as %+v, and its canonical form as %+v, %v", x.Name, text, p, again, err)
			}
		}
		for _, text := range garbled[x.Name] {
			p := scenarios.Find("concurrent").Defaults
			before := p
			switch err := x.Set(&p, text); {
			case err == nil:
				t.Errorf("%s takes %q as %s", x.Name, text, x.Get(&p))
			case p != before:
				t.Errorf("%s %q is refused and changes the parameters", x.Name, text)
			case !strings.HasPrefix(err.Error(), x.Name+" \""+text) || !strings.Contains(err.Error(), "want ") && !strings.Contains(err.Error(), "did you mean ") || strings.Contains(err.Error(), "\n"):
				t.Errorf("%s %q: %v; want one line that names the flag and what would be right", x.Name, text, err)
			}
		}
	}
}

func TestDefaultsAreValidAndCanonical(t *testing.T) {
	for _, s := range scenarios.All() {
		if err := s.Validate(&s.Defaults); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if scenarios.Find(s.Name) == nil || s.Shows == "" || strings.Contains(s.Shows, "\n") {
			t.Errorf("%s: cannot be found, or does not tell in one line what it shows", s.Name)
		}
		var p scenario.Params
		for _, x := range s.Params() {
			if err := x.Set(&p, x.Get(&s.Defaults)); err != nil {
				t.Errorf("%s: the default is not canonical: %v", s.Name, err)
			}
		}
		want, got := scenario.Subject{Scenario: s, Params: s.Defaults}, scenario.Subject{Scenario: s, Params: p}
		if got.String() != want.String() {
			t.Errorf("%s: defaults %v, and read from their texts %v", s.Name, want.String(), got.String())
		}
		for _, name := range s.Unused {
			param(t, name)
		}
	}
	if scenarios.Find("nope") != nil {
		t.Error("found a scenario nope")
	}
}

func TestValidateNamesTheFlagAndItsRange(t *testing.T) {
	for _, c := range []struct {
		scenario, flags string // set without asking Validate
		want            string // "" for valid
	}{
		{"bootstrap", "nodes=0", "nodes 0: scenario bootstrap wants 1 to 1000000"},
		{"bootstrap", "nodes=1", ""},
		{"bootstrap", "nodes=1000000", ""},
		{"bootstrap", "nodes=1000001", "nodes 1000001: scenario bootstrap wants 1 to 1000000"},
		{"concurrent", "nodes=2", "nodes 2: scenario concurrent wants 3 to 100000"},
		{"concurrent", "nodes=3", ""},
		{"concurrent", "txs=0", ""},
		{"concurrent", "txs=1000000", ""},
		{"concurrent", "delay=0s", "delay 0s: want 1us to 10m"},
		{"concurrent", "delay=-1ms", "delay -1ms: want 1us to 10m"},
		{"concurrent", "delay=999ns", "delay 999ns: want 1us to 10m"},
		{"concurrent", "delay=1us", ""},
		{"concurrent", "delay=10m", ""},
		{"concurrent", "delay=601s", "delay 10m1s: want 1us to 10m"},
		{"concurrent", "jitter=-1ns", "jitter -1ns: want 0s to 10m"},
		{"concurrent", "jitter=0s", ""},
		{"concurrent", "jitter=2h", "jitter 2h0m0s: want 0s to 10m"},
		{"concurrent", "until=0s", "until 0s: want more than 0s, at most 2400h0m0s"},
		{"concurrent", "until=2401h", "until 2401h0m0s: want more than 0s, at most 2400h0m0s"},
		{"concurrent", "until=2400h", ""},
		{"concurrent", "loss=40%", ""},
		{"concurrent", "loss=40.1%", "loss 40.1%: want at most 40%: beyond it, retransmissions outlast the timeouts"},
		{"concurrent", "copy=100%", ""},
		{"churn", "alpha=9", "alpha 9: want at most k, which is 8: a lookup asks no more than the k closest"},
		{"bootstrap", "alpha=8", ""},
		{"bootstrap", "k=4", ""},
	} {
		s := scenarios.Find(c.scenario)
		p := s.Defaults
		name, text, _ := strings.Cut(c.flags, "=")
		if err := param(t, name).Set(&p, text); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := s.Validate(&p); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s with %s: %q, want %q", c.scenario, c.flags, got, c.want)
		}
	}
}

// One nanosecond counts in a span.
func TestSpansAreExact(t *testing.T) {
	x := param(t, "delay")
	rapid.Check(t, func(t *rapid.T) {
		p := scenario.Params{Delay: time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "delay"))}
		var got scenario.Params
		if err := x.Set(&got, x.Get(&p)); err != nil || got != p {
			t.Fatalf("%v is read as %v, %v", p.Delay, got.Delay, err)
		}
	})
}

// Whatever the parameters, a replay file has them all, and so has the line that reproduces the
// run, but for timing, which needs the file.
func TestParametersAreReadBackFromAReplayFileAndFromALine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(scenarios.All()).Draw(t, "scenario")
		p := s.Defaults
		for _, x := range s.Params() {
			text := rapid.SampledFrom(append(protocol.SortedKeys(texts[x.Name]), x.Get(&s.Defaults))).Draw(t, x.Name)
			if before := p; x.Set(&p, text) != nil || s.Validate(&p) != nil {
				p = before
			}
		}
		want := scenario.Subject{Scenario: s, Seed: rapid.Uint64().Draw(t, "seed"), Params: p}
		text, err := scenario.Record(want, &explore.Trial{Nodes: p.Nodes}, check.Pass, sim.Digest{}).AppendText(nil, "")
		if err != nil {
			t.Fatal(err)
		}
		got, err := scenario.ParseRecording(text, func(string) (*scenario.Scenario, error) { return s, nil })
		if err != nil || got.Subject != want || got.Edited {
			t.Fatalf("%+v, %v, want %+v\n%s", got, err, want, text)
		}
		want.Params.Timing = "" // goes with a file alone
		if again, err := scenario.ParseSubject([]*scenario.Scenario{s}, want.String()); err != nil || again != want {
			t.Fatalf("%s is read as %+v, %v", want.String(), again, err)
		}
	})
}
