package cmdline

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"dessim/cmd/dessim/mutate"
	"dessim/sim/explore"
)

// Each way of misbehaving is what kills a mutant, in the process that makes its runs.
func TestWhatKillsAMutantIsTheFirstThingThatItsRunsShow(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for how, want := range map[string]mutantResult{
		"-how panic":              {By: explore.Panicked, Seed: 3},
		"-how storm":              {By: explore.Ends, Seed: 3},
		"-how loop":               {By: byTimeout, Seed: 3},
		"-how block":              {By: byTimeout, Seed: 3},
		"-how spin":               {By: byTimeout, Seed: 3},
		"-how panic -until 100ms": {Passed: []uint64{3, 5}},
		"-how panic -until 1ms":   {By: "outputs come (inconclusive)", Seed: 3},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			bound := 10 * time.Second // of runs that end
			if want.By == byTimeout {
				bound = 200 * time.Millisecond
			}
			job, err := json.Marshal(mutantJob{Seeds: []uint64{3, 5}, Events: 1000, CPU: bound})
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), exe, append([]string{"mutate", "-child", "-scenario", "rogue"}, strings.Fields(how)...)...)
			cmd.Env = append(os.Environ(), misbehave+"=1h")
			cmd.Stdin = strings.NewReader(string(job))
			text, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			var got mutantResult
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if got.By != want.By || got.Seed != want.Seed || len(got.Passed) != len(want.Passed) {
				t.Errorf("dessim mutate -child -scenario rogue %s answers %s, want %+v", how, text, want)
			}
		})
	}
}

func TestAMutantThatKeepsTheProgramFromBeginningIsKilled(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := misbehaving("1h")
	s := subject{program: p}
	s.Scenario = p.Scenarios[0]
	s.Params = s.Scenario.Defaults
	m := &mutation{tool: &tool{Program: p}, pkg: new(mutate.Package), exe: exe, dir: t.TempDir(), startup: time.Second}
	r, err := m.child(t.Context(), &s, &mutantJob{Seeds: []uint64{3}}, misbehave+"=never")
	if err != nil || r.By != byTimeout {
		t.Errorf("a process that does not begin: %+v, %v; want %s", r, err, byTimeout)
	}
}

func TestAProcessThatHasBegunIsHeard(t *testing.T) {
	heard := false
	w := firstWords{heard: func() bool { heard = true; return true }}
	from := struct{ io.Reader }{strings.NewReader("\n")} // as a pipe is copied from
	if _, err := io.Copy(&w, from); err != nil || !heard {
		t.Errorf("copying the first words: %v, heard %v", err, heard)
	}
}
