package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/fault"
)

// speaker sends each byte of an input to node 1 as a message; 's' is a sync instead,
// and 'p' a record.
func speaker() script {
	return script{receive: func(env *protocol.Env, from protocol.NodeID, msg []byte) {
		if from != protocol.Outside {
			say(env, string(msg))
			return
		}
		for i, b := range msg {
			switch b {
			case 's':
				env.Sync()
			case 'p':
				env.Persist(nil)
			default:
				env.Send(1, kindT, msg[i:i+1])
			}
		}
	}}
}

// anchoredRun runs three speakers, whose links take 10 and syncs 7, under a fault as
// it is written; it returns what arrives where and when, and when windows came and went.
func anchoredRun(t *testing.T, faults string, inputs ...Input) (heard, turns string) {
	t.Helper()
	plan := Plan{Nodes: 3, Node: scripts(speaker()), Disk: Disk{Sync: 7}, Inputs: inputs, Done: func() bool { return false }, Until: 1000}
	var err error
	if plan.Faults, err = fault.Parse(faults); err != nil {
		t.Fatal(err)
	}
	_, c := run(t, plan, nil)
	for _, e := range c.events {
		switch e.What {
		case Injected, Lifted:
			turns += fmt.Sprintf("%d %v ", e.At, e.What)
		}
	}
	return strings.Join(c.outputs(), ", "), strings.TrimSpace(turns)
}

func TestAWindowBeginsANanosecondAfterItsEffect(t *testing.T) {
	for _, test := range []struct {
		faults, want, turns string
		inputs              []Input
	}{
		{"cut 0>1 after send #2 of 0 for 10ns", "110 1 a, 110 1 b, 110 1 c, 121 1 f", "101 injected 111 lifted",
			[]Input{input(1, 100, 0, "abc"), input(2, 101, 0, "d"), input(3, 110, 0, "e"), input(4, 111, 0, "f")}},
		// What follows a sync waits for the disk, and so meets the window.
		{"cut 0>1 after send #1 of 0 for 10ns", "110 1 a, 110 1 b", "101 injected 111 lifted", []Input{input(1, 100, 0, "abscd")}},
		// A sync is done when the disk is, and then what follows it is spared.
		{"cut 0>1 after sync #1 of 0 for 10ns", "110 1 a, 117 1 b", "108 injected 118 lifted",
			[]Input{input(1, 100, 0, "asb"), input(2, 108, 0, "c")}},
		// Nothing of the effect's time is hit, at nodes before and after the effect's.
		{"cut 0>1 after send #1 of 2 for 5ns; cut 2>1 after send #1 of 0 for 5ns", "110 1 a, 110 1 b, 116 1 e, 116 1 f", "101 injected 101 injected 106 lifted 106 lifted",
			[]Input{input(1, 100, 0, "a"), input(2, 100, 2, "b"), input(3, 101, 0, "c"), input(4, 105, 2, "d"), input(5, 106, 0, "e"), input(6, 106, 2, "f")}},
		// It counts from its time on, flaps from its beginning, and in all incarnations.
		{"cut 0>1 at 50ns after send #2 of 0 every 10ns for 25ns; crash 0 at 90ns for 1ns", "30 1 a, 30 1 b, 70 1 c, 110 1 d, 121 1 f, 136 1 h",
			"90 injected 101 injected 111 lifted 121 injected 126 lifted",
			[]Input{input(1, 20, 0, "ab"), input(2, 60, 0, "c"), input(3, 100, 0, "d"), input(4, 110, 0, "e"), input(5, 111, 0, "f"), input(6, 121, 0, "g"), input(7, 126, 0, "h")}},
		// A heal voids what waits, and the window of an effect right before it.
		{"cut 0>1 after send #2 of 0; heal at 100ns", "60 1 a, 110 1 b, 130 1 c", "100 injected", []Input{input(1, 50, 0, "a"), input(2, 100, 0, "b"), input(3, 120, 0, "c")}},
		{"cut 0>1 after send #2 of 0; heal at 100ns", "60 1 a, 109 1 b, 110 1 c", "100 injected", []Input{input(1, 50, 0, "a"), input(2, 99, 0, "b"), input(3, 100, 0, "c")}},
		{"cut 0>1 after send #2 of 0; heal at 101ns", "60 1 a, 109 1 b, 111 1 d", "100 injected 101 lifted 101 injected", []Input{input(1, 50, 0, "a"), input(2, 99, 0, "b"), input(3, 100, 0, "c"), input(4, 101, 0, "d")}},
		{"cut 0>1 after persist #1 of 2", "60 1 a", "", []Input{input(1, 50, 0, "a")}},

		// Faults of nodes.
		{"pause 1 after send #1 of 0 for 10ns", "111 1 a, 120 1 b", "101 injected 111 lifted", []Input{input(1, 100, 0, "a"), input(2, 110, 0, "b")}},
		{"pause 0 after sync #1 for 10ns", "117 1 a, 128 1 b", "108 injected 118 lifted", []Input{input(1, 100, 0, "sa"), input(2, 110, 0, "b")}},
		{"pause 1 after send #1 of 0 for 20ns; pause 1 after send #2 of 0 for 5ns", "121 1 a, 121 1 b", "101 injected 103 injected 108 lifted 121 lifted",
			[]Input{input(1, 100, 0, "a"), input(2, 102, 0, "b")}},
		{"slowsync 0 by 3ns after send #1 of 2 for 10ns", "60 1 b, 67 1 a, 77 1 c", "51 injected 61 lifted", []Input{input(1, 50, 0, "sa"), input(2, 50, 2, "b"), input(3, 51, 0, "sc")}},
		{"drift 0 by 200000ppm after send #1 of 2 for 100ns", "60 1 b", "51 injected 151 lifted", []Input{input(1, 50, 2, "b")}},
	} {
		heard, turns := anchoredRun(t, test.faults, test.inputs...)
		if heard != test.want || turns != test.turns {
			t.Errorf("%s:\nheard %s; windows %s\nwant  %s; windows %s", test.faults, heard, turns, test.want, test.turns)
		}
	}
}

func TestADriftAfterAnEffectBendsTheClockFromThereOn(t *testing.T) {
	plan := Plan{Nodes: 2, Node: scripts(script{receive: func(env *protocol.Env, _ protocol.NodeID, msg []byte) { say(env, fmt.Sprint(int64(env.Now()))) }}, speaker())}
	plan.Inputs = []Input{input(1, 10, 0, ""), input(2, 50, 1, "a"), input(3, 50, 0, ""), input(4, 51, 0, ""), input(5, 61, 0, ""), input(6, 200, 0, "")}
	plan.Faults = []fault.Fault{{ID: 1, Op: fault.Drift, PPM: 100_000, For: 100 * time.Nanosecond, On: fault.Anchor{Op: protocol.OpSend, N: 1, Other: true, Of: 1}}}
	_, c := run(t, plan, nil)
	if got, want := c.outputs(), []string{"10 0 10", "50 0 50", "51 0 51", "60 1 a", "61 0 62", "200 0 210"}; !slices.Equal(got, want) {
		t.Errorf("clocks %q, want %q", got, want)
	}
}
