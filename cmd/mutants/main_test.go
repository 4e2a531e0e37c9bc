//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dessim/cmd/mutants/bank"
)

// sweeps returns the reports of sweeps of at most most seeds; 0 found nothing.
func sweeps(most int, check string, seeds ...int) (all []report) {
	for _, n := range seeds {
		r := report{Seeds: n, CPU: time.Duration(n) * time.Second, Found: "-seed 1", Checks: []string{check}}
		if n == 0 {
			r = report{Seeds: most, CPU: time.Duration(most) * time.Second}
		}
		all = append(all, r)
	}
	return all
}

func TestTheTableShowsMediansAndWhatWasMissed(t *testing.T) {
	e := func(name string) *bank.Edit { return &bank.Edit{Name: name, Checks: []string{"order"}} }
	rows := []row{
		{edit: e("often"), reports: sweeps(100, "order", 7, 3, 0, 5, 9)},
		{edit: e("seldom"), reports: sweeps(100, "order", 0, 100, 0, 0, 2)},
		{edit: e("never"), reports: sweeps(100, "order", 0, 0, 0, 0, 0)},
		{edit: e("otherwise"), reports: sweeps(100, "value", 1, 1, 1, 1, 1)},
		{reports: sweeps(100, "order", 0, 0, 0, 0, 0)},
	}
	rows[0].reports[0].Before = &size{Nodes: 4, Inputs: 6, Faults: 12, Answers: 900, Delays: 800}
	rows[0].reports[0].After = &size{Nodes: 4, Inputs: 1, Faults: 2, Answers: 5, Delays: 3}
	const want = `5 sweeps of at most 100 seeds for each bug; seeds and CPU time are medians

bug              found  seeds  CPU s  nodes  inputs  faults  answers  delays  shrunk from  by check
often            4/5    7      7.0    4      1       2       5        3       4 6 12 900   order
seldom           2/5    >100   100.0                                                       order
never            0/5    >100   100.0                                                       
otherwise        5/5    1      1.0                                                         value (which the edit does not name)
(unedited code)  0/5    >100   100.0                                                       

3 of 4 bugs found, 2 of them within 1000 seeds in the median; shrunk to 2 faults and 3 delays in the median
`
	if got := table(rows, options{sweeps: 5, seeds: 100}); got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
	for i, want := range []bool{true, true, false, false, true} {
		if got := rows[i].asWanted(); got != want {
			t.Errorf("%s is as wanted: %v, want %v", rows[i].name(), got, want)
		}
	}
	rows[4].reports = rows[0].reports
	if rows[4].asWanted() {
		t.Error("a violation without a bug is as wanted")
	}
}

func TestWhatNobodyCanDoIsRefusedInWords(t *testing.T) {
	for _, args := range []string{"-seeds 0", "-sweeps 0", "-j 0", "-runs -1", "-only (", "more", "-bank " + t.TempDir(), "-only none -bank ../../scenarios/testdata/edits", "-child x"} {
		var out, progress strings.Builder
		if err := run(strings.Fields(args), &out, &progress); err == nil || out.Len() > 0 {
			t.Errorf("%q gives %q, and prints %q", args, err, out.String())
		}
	}
}

// The whole way, with one bug that the first run of its kind shows.
func TestABugIsFoundAndNotedAndTheUneditedCodePasses(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: builds this program twice")
	}
	t.Chdir("../..")
	const name = "chain-without-verdict"
	text, err := os.ReadFile(filepath.Join("scenarios/testdata/edits", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := bank.Parse(name, string(text))
	if err != nil {
		t.Fatal(err)
	}
	noted := e.Found
	e.Found = ""
	dir := t.TempDir()
	file := filepath.Join(dir, name+".txt")
	if err := os.WriteFile(file, []byte(e.Text()), 0o666); err != nil {
		t.Fatal(err)
	}
	var out, progress strings.Builder
	if err := run([]string{"-bank", dir, "-sweeps", "1", "-seeds", "10", "-runs", "20", "-note"}, &out, &progress); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.String(), progress.String())
	}
	if !strings.Contains(out.String(), "1 of 1 bugs found, 1 of them within 1000 seeds") {
		t.Errorf("the table is\n%s", out.String())
	}
	if text, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	if e, err = bank.Parse(name, string(text)); err != nil || e.Found == "" || e.Found != noted {
		t.Errorf("noted is %q, in the bank %q: %v", e.Found, noted, err)
	}
}

func TestBuildWantsOneEdit(t *testing.T) {
	var out, errs bytes.Buffer
	err := run([]string{"-bank", "../../scenarios/testdata/edits", "-only", "isis", "-build", "x"}, &out, &errs)
	if err == nil || !strings.Contains(err.Error(), "matches 5 edits, want one") {
		t.Errorf("error %v", err)
	}
}
