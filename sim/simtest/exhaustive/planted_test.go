package exhaustive_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dessim/cmd/mutants/bank"
)

// What the searches find of the bank of planted bugs, and by which check. They do not
// find acknowledged-before-its-record, which takes a second transaction, and
// commit-by-majority, which takes a third participant.
var found = map[string]string{
	"isis-clock-not-raised":           "total order",
	"isis-lowest-proposal":            "total order",
	"isis-majority-of-proposals":      "total order",
	"isis-no-tie-break":               "total order",
	"isis-past-an-undeliverable-head": "total order",
	"lamport-one-not-heard":           "total order",
	"lamport-orders-what-it-holds":    "agreement and validity",
	"sequencer-numbers-twice":         "integrity",
	"sequencer-orders-as-they-come":   "total order",
	"delivered-twice":                 "integrity",

	"commit-record-not-restored":    "AC1 all who decide decide the same",
	"commit-sent-before-its-record": "AC1 all who decide decide the same",
	"decision-forgotten-early":      "AC1 all who decide decide the same",
	"doubt-ends-in-abort":           "AC1 all who decide decide the same",
	"doubt-not-taken-up":            "AC5 who voted yes decides",
	"doubt-told-as-abort":           "AC1 all who decide decide the same",
	"no-counts-as-yes":              "AC1 all who decide decide the same",
	"vote-before-its-record":        "the specification TwoPhase allows the state",
}

// With -full, the tests of this package are built and run with each of these bugs.
func TestPlantedBugsAreFoundBySearch(t *testing.T) {
	tried := 0
	for _, e := range planted(t) {
		want, ok := found[e.Name]
		if !ok {
			continue
		}
		tried++
		t.Run(e.Name, func(t *testing.T) {
			match := "TestAllRunsOfTwoBroadcastsKeepOneOrder"
			if strings.Contains(e.File, "twopc") {
				match = "TestAllRunsOfATransactionAgree"
			}
			out, failed := searchedWith(t, e, match)
			if !failed || !strings.Contains(out, want+": ") {
				t.Errorf("want %q violated\n%s", want, out)
			}
			for line := range strings.Lines(out) {
				if strings.Contains(line, "there are for") {
					t.Log(strings.TrimSpace(line))
				}
			}
		})
	}
	if tried != len(found) {
		t.Errorf("%d bugs of %d are in the bank", tried, len(found))
	}
}

// All runs are all for the delays that are tried, and no more.
func TestFewDelaysHideABug(t *testing.T) {
	for _, e := range planted(t) {
		if e.Name != "isis-clock-not-raised" {
			continue
		}
		if out, failed := searchedWith(t, e, "ByDelays/2"); failed {
			t.Errorf("with two delays it is found:\n%s", out)
		}
		if out, failed := searchedWith(t, e, "ByDelays/3"); !failed {
			t.Errorf("with three delays it is not found:\n%s", out)
		}
	}
}

const root = "../../.."

func planted(t *testing.T) []*bank.Edit {
	t.Helper()
	if !*full {
		t.Skip("builds the tests once for each bug: see -full")
	}
	edits, err := bank.Load(filepath.Join(root, "scenarios/testdata/edits"))
	if err != nil {
		t.Fatal(err)
	}
	return edits
}

// searchedWith gives what the tests that match print with a bug, and whether one fails.
func searchedWith(t *testing.T, e *bank.Edit, match string) (out string, failed bool) {
	t.Helper()
	overlay, err := e.Overlay(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := exec.Command("go", "test", "-overlay", overlay, "-count=1", "-run", match, ".").CombinedOutput()
	return string(b), err != nil
}
