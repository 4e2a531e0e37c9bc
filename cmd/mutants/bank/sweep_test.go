package bank

import "testing"

func TestASubjectIsReadAsItIsWritten(t *testing.T) {
	const want = "-seed 7 -scenario crash -nodes 4 -order lamport -faults swarm -fault 'crash 1 at 3s for 1s; jump 2 by -5ms at 4s'"
	all, err := ParseSubjects("-scenario crash -faults swarm -fault 'crash 1 at 3s for 1s; jump 2 by -5ms at 4s' -seed 7 -nodes 4 -order lamport\n-scenario commit")
	if err != nil || len(all) != 2 {
		t.Fatalf("read %v: %v", all, err)
	}
	if got := all[0].String(); got != want {
		t.Errorf("written again it is %q, want %q", got, want)
	}
	if all[1].Seed != 0 {
		t.Errorf("without -seed the seed is %d", all[1].Seed)
	}
}

func TestASubjectThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "-scenario", "-scenario nothing", "-nodes 4", "-scenario crash\n", "-scenario crash -nodes", "-scenario crash -nodes x",
		"-scenario crash -seed x", "-scenario crash -colour red", "-scenario crash -scenario crash", "crash", "-scenario bootstrap -txs 3", "-scenario crash -nodes 0",
	} {
		if all, err := ParseSubjects(text); err == nil {
			t.Errorf("%q is read as %v", text, all)
		}
	}
}

// A run that is cut short is inconclusive; here every other one is.
func TestASweepTakesTurnsAndCountsRunsWithoutVerdict(t *testing.T) {
	runs, err := ParseSubjects("-scenario commit -nodes 3 -txs 1\n-scenario commit -nodes 3 -txs 1 -until 2200ms")
	if err != nil {
		t.Fatal(err)
	}
	r := Sweep(runs[:1], 5, 3)
	if r.Seeds != 3 || r.Failure != nil || r.Inconclusive != 0 {
		t.Errorf("a sweep that passes gives %+v", r)
	}
	if r = Sweep(runs, 5, 4); r.Seeds != 4 || r.Failure != nil || r.Inconclusive != 2 {
		t.Errorf("a sweep of which every other run ends too early gives %+v", r)
	}
}
