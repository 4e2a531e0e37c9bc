package scenarios_test

import (
	"context"
	"io"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/live/record"
	"dessim/scenarios"
	"dessim/sim/check"
	"dessim/sim/cluster"
	"dessim/sim/cluster/memory"
	"dessim/sim/enact"
	"dessim/sim/scenario"
)

// TestALiveRunIsMadeAgainInVirtualTime runs scenarios live, on a network and disks in memory,
// and makes each run again from its recordings, with the same effects of every node.
func TestALiveRunIsMadeAgainInVirtualTime(t *testing.T) {
	for _, flags := range []string{
		"-scenario concurrent -nodes 5 -txs 8",
		"-scenario concurrent -nodes 5 -txs 8 -order raft",
		"-scenario crash -nodes 5 -txs 8 -faults none -fault 'crash 2 at 2200ms for 300ms; crash 1 at 2100ms after 2 effects for 400ms; crash 3 at 2s after persist #3 for 1s; heal at 5s'",
		"-scenario kv -nodes 3 -txs 10 -faults crash,restart,partition,lose,copy",
	} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			s, err := scenario.ParseSubject(scenarios.All(), "-seed 7 "+flags)
			if err != nil {
				t.Fatal(err)
			}
			s.Params.Until = 5 * time.Minute // it ends when all is done
			made, report, err := enact.Make(s, liveRun(t.Context(), t, s))
			if err != nil {
				t.Fatalf("%v\nrepeat with: go test ./scenarios -run 'TestALiveRun/%s' -count=20", err, flags)
			}
			t.Logf("%v, %d answers, %d events", report.Verdict, len(made.Answers), report.Sim.Events)
			if bad := check.Earliest(report.Checks); bad != nil || report.Verdict != check.Pass {
				t.Fatalf("the run is %v: %v", report.Verdict, bad)
			}
		})
	}
}

// Without faults, no check of crash applies.
func TestALiveRunEndsWhenAllIsDoneAndNoCheckApplies(t *testing.T) {
	t.Parallel()
	s, err := scenario.ParseSubject(scenarios.All(), "-seed 4 -scenario crash -nodes 3 -txs 2 -faults none")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	_, report, err := enact.Make(s, liveRun(ctx, t, s))
	if err != nil || report.Verdict != check.Inconclusive || ctx.Err() != nil {
		t.Fatalf("the run is %v, and %v; want it to be inconclusive, and over by now: %v", report.Verdict, err, ctx.Err())
	}
}

// An interruption may come before the first input, when some nodes have not started.
func TestALiveRunThatEndsEarlyIsMadeAgainInVirtualTime(t *testing.T) {
	s, err := scenario.ParseSubject(scenarios.All(), "-seed 7 -scenario crash -nodes 3 -faults none")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	all := liveRun(ctx, t, s)
	if n := len(all[3].Entries); n > 0 {
		t.Fatalf("the client has %d entries by then, and should start later", n)
	}
	_, report, err := enact.Make(s, all)
	if err != nil || report.Verdict != check.Inconclusive {
		t.Fatalf("the run is %v, and %v; want it to be inconclusive", report.Verdict, err)
	}
}

func liveRun(ctx context.Context, t *testing.T, s scenario.Subject) (all []*record.Recording) {
	network := memory.NewNetwork()
	var tapes []*cluster.Tape
	c, err := cluster.Open(cluster.Config{
		Subject: s,
		Connect: network.Connect,
		Disk:    func(protocol.NodeID) (cluster.Disk, error) { return new(memory.Disk), nil },
		Tape: func(protocol.NodeID) (io.Writer, error) {
			tapes = append(tapes, new(cluster.Tape))
			return tapes[len(tapes)-1], nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	recordings := func() (all []*record.Recording, err error) {
		for _, tape := range tapes {
			r, err := tape.Recording()
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
		return all, nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		enact.Await(ctx, s, c.Now, recordings)
		stop()
	}()
	end, err := c.Run(ctx)
	if err != nil || end.Failure != nil {
		t.Fatal(err, end.Failure)
	}
	if all, err = recordings(); err != nil {
		t.Fatal(err)
	}
	return all
}
