package scenarios_test

import (
	"fmt"
	"os"
	"testing"

	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
)

// transcripts are small runs, one of each scenario, whose traces stand in
// testdata, each in a file named for the scenario. The digests tell that a run
// has changed; these tell where.
var transcripts = []struct {
	flags   string
	without []sim.What // what would make the file too long
}{
	{flags: "-scenario bootstrap -nodes 3"},
	{flags: "-scenario commit -nodes 3 -txs 1"},
	{flags: "-scenario broadcast -nodes 3 -txs 1"},
	{flags: "-scenario concurrent -nodes 3 -txs 2"},
	{flags: "-scenario verify -nodes 4 -txs 0", without: []sim.What{sim.Sent, sim.Noted}},
	{flags: "-scenario doublespend -nodes 4 -txs 0"},
	{flags: "-scenario ledger -nodes 4 -txs 2"},
	{flags: "-scenario kv -nodes 3 -txs 3 -faults crash,restart,partition,lose,copy", without: []sim.What{sim.Sent, sim.Fired}},
	{flags: "-scenario crash -nodes 4 -txs 1 -faults crash", without: []sim.What{sim.Sent, sim.Received, sim.Noted, sim.Fired}},
	{flags: "-scenario failover -nodes 3 -txs 1 -order raft -faults restart", without: []sim.What{sim.Sent, sim.Noted, sim.Fired, sim.Persisted}},
	{flags: "-scenario blackout -nodes 3 -txs 1 -faults lose", without: []sim.What{sim.Sent, sim.Received, sim.Noted, sim.Fired, sim.Persisted}},
	{flags: "-scenario partition -nodes 3 -txs 1 -order raft -faults partition,cut,ring,flap", without: []sim.What{sim.Sent, sim.Received, sim.Noted, sim.Fired, sim.Persisted}},
	{flags: "-scenario byzantine -nodes 4 -txs 1 -faults lose", without: []sim.What{sim.Sent, sim.Received, sim.Noted, sim.Fired, sim.Persisted}},
	{flags: "-scenario chaos -nodes 3 -txs 1 -faults swarm", without: []sim.What{sim.Sent, sim.Received, sim.Noted, sim.Fired, sim.Persisted}},
	{flags: "-scenario churn -nodes 4 -txs 8 -until 2h15m0s", without: []sim.What{sim.Sent, sim.Noted}},
}

// mostTranscript keeps the files such that people can read and compare them.
const mostTranscript = 200 << 10

// transcript returns the trace of a run in words under lines that tell how to
// repeat it and what is left out.
func (s subject) transcript(t *testing.T, without []sim.What) string {
	t.Helper()
	trace, left := &sim.Trace{Text: textOf(s.Params.Nodes), Only: sim.Everything &^ sim.Unwritten}, "nothing"
	if len(without) > 0 {
		left = "the events"
	}
	for _, w := range without {
		trace.Only &^= w
		left += " " + w.String()
	}
	if r := s.run(nil, trace); r.Verdict != check.Pass {
		t.Error(s.fault(&r))
	}
	return fmt.Sprintf("# go run ./cmd/dessim %v\n# left out: %s\n%s", s, left, trace)
}

func TestTranscripts(t *testing.T) {
	told := make(map[string]bool)
	for _, x := range transcripts {
		s := mustParse(t, x.flags)
		told[s.Scenario.Name] = true
		t.Run(s.Scenario.Name, func(t *testing.T) {
			file, got := "testdata/"+s.Scenario.Name+".trace", s.transcript(t, x.without)
			if len(got) > mostTranscript {
				t.Errorf("%s has %d bytes, want at most %d", file, len(got), mostTranscript)
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the run parts from %s (-) here:\n%s\nif this is meant: go test ./scenarios -run Transcripts -update, and give the reason in the commit", file, parting(string(want), got))
			}
		})
	}
	for _, s := range scenarios.All() {
		if !told[s.Name] {
			t.Errorf("scenario %s has no transcript", s.Name)
		}
	}
}
