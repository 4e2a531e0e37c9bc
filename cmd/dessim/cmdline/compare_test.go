package cmdline

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
)

func TestCompareShowsWhatEachOrderCosts(t *testing.T) {
	type row struct {
		Order                                              string
		Runs, Passed, Entries, Messages, Heartbeats, Syncs uint64
		WaitsNS                                            map[string]uint64 `json:"waits_ns"`
	}
	var c struct{ Orders []row }
	// Without jitter each step of an order takes a delay, of 10 ms.
	r := dessim(t, "compare", "-scenario", "broadcast", "-nodes", "5", "-delay", "10ms", "-jitter", "0s", "-seeds", "1-3", "-json")
	if err := json.Unmarshal([]byte(r.stdout), &c); err != nil || r.code != exitPass {
		t.Fatalf("%+v: %v", r, err)
	}
	const each = 4 // 5 nodes, so 4 others
	for i, want := range []row{
		{Order: "isis", Messages: 3 * each, WaitsNS: map[string]uint64{"max": 3}},
		{Order: "lamport", Messages: 5 * each, WaitsNS: map[string]uint64{"max": 2}},
		{Order: "sequencer", Messages: 2 * each, WaitsNS: map[string]uint64{"max": 2}},
		{Order: "raft", WaitsNS: map[string]uint64{"max": 4}},
	} {
		got := c.Orders[i]
		if got.Order != want.Order || got.Runs != 3 || got.Passed != 3 || got.Entries != 24 {
			t.Errorf("%+v, want 3 runs of %s, which pass, with 24 entries", got, want.Order)
		}
		if want.Messages != 0 && got.Messages != want.Messages*got.Entries {
			t.Errorf("%s sends %d messages for %d entries, want %d each", got.Order, got.Messages, got.Entries, want.Messages)
		}
		// Disks take up to a tenth of a delay, in between.
		if delays := (got.WaitsNS["max"] + 5e6) / 10e6; delays != want.WaitsNS["max"] {
			t.Errorf("%s: the last node has entered after %d ns, which is %d delays; want %d", got.Order, got.WaitsNS["max"], delays, want.WaitsNS["max"])
		}
		if beats := got.Order == "raft"; (got.Heartbeats > 0) != beats {
			t.Errorf("%s sends %d heartbeats", got.Order, got.Heartbeats)
		}
	}
	text := dessim(t, "compare", "-scenario", "broadcast", "-nodes", "5", "-seeds", "1-3")
	if text.code != exitPass || strings.Count(text.stdout, " 3/3 |") != 4 {
		t.Errorf("%+v", text)
	}
}

func TestCompareEndsAsItsWorstRun(t *testing.T) {
	short := dessim(t, "compare", "-scenario", "concurrent", "-until", "1s", "-seeds", "7-8")
	line := "isis: the first run that does not pass ends as inconclusive: dessim run -seed 7 -scenario concurrent -until 1s\n"
	if short.code != exitInconclusive || !strings.Contains(short.stdout, " 0/2 |") || !strings.Contains(short.stdout, line) {
		t.Errorf("%+v, want exit %d and the line %s", short, exitInconclusive, line)
	}
}

func TestCompareRefusesWhatItCannotCompare(t *testing.T) {
	for args, words := range map[string]string{
		"":                                 "no scenario",
		"-scenario bootstrap":              "scenario bootstrap has no order",
		"-scenario concurrent -order isis": "-order: compare runs all orders",
		"-scenario concurrent -seed 4":     "want it left out, and -seeds",
		"-scenario concurrent -seeds 4-1":  "the first is above the last",
		"-scenario concurrent -nodes 2000": "order raft: nodes 2000",
		"-scenario concurrent more":        `unexpected argument "more"`,
	} {
		wantLine(t, dessim(t, append([]string{"compare"}, strings.Fields(args)...)...), exitUsage, words)
	}
	wantLine(t, dessim(t, "compare", "-scenario", "kv", "-seeds", "1"), exitUsage, "scenario kv puts no transactions in an order")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantLine(t, dessimUnder(ctx, "compare", "-scenario", "concurrent"), exitInterrupted, "interrupted")
}
