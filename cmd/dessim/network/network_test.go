//go:build linux || darwin

package network

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dessim/protocol/live/record"
)

var transferID = regexp.MustCompile(`(?m)^transfer +(\d+\.\d+)\noutcome +accepted$`)

// transfers has transfers made at once, each by a sender to a receiver before a witness. It
// returns their ids.
func (x *testnet) transfers(all [][3]int) []string {
	x.t.Helper()
	ids := make([]string, len(all))
	var group sync.WaitGroup
	for k, parties := range all {
		group.Go(func() {
			i := parties[0]
			r := x.ctl(i, "transfer", "-to", fmt.Sprint(parties[1]), "-witness", x.at(parties[2]), "-amount", fmt.Sprint(10+k), "-timeout", long.String())
			m := transferID.FindStringSubmatch(r.stdout)
			if m == nil {
				x.t.Errorf("a transfer of node %d exits with %d: %s%s", i, r.code, r.stdout, r.stderr)
				return
			}
			ids[k] = m[1]
		})
	}
	group.Wait()
	return ids
}

func TestFiveProcessesKeepOneLedgerThroughAKill(t *testing.T) {
	for _, order := range []string{"isis", "raft"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			x := newTestnet(t, 5, order, "-logs", "logs", "-record", "recorded")
			x.start(0, "", "-metrics", x.at(5))
			for i := 1; i < 5; i++ {
				x.start(i, "")
			}
			x.eventually("together", x.together)
			x.stranger(0)
			before := x.transfers([][3]int{{0, 1, 2}, {1, 2, 3}, {2, 3, 4}, {3, 4, 0}, {4, 0, 1}, {2, 0, 1}})
			x.kill(2)
			x.transfers([][3]int{{0, 1, 3}, {1, 3, 4}, {3, 4, 0}, {4, 0, 1}})
			x.start(2, "")
			x.eventually("together again", x.together)
			x.transfers([][3]int{{2, 0, 1}, {0, 2, 4}})
			const all = 12
			x.eventually("of one ledger", func(s []map[string]any) bool { return agreed(s, all) })
			x.askAgain(before[2])
			x.wantMetrics(all)
			x.stop()
			x.wantLogs()
			x.wantReplay(all)
		})
	}
}

// stranger has a program of the DHT that is no member ask node i. A recording could not tell of it.
func (x *testnet) stranger(i int) {
	x.t.Helper()
	conn, err := net.Dial("udp", x.at(i))
	if err != nil {
		x.t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "d1:ad2:id20:%020de1:q4:ping1:t2:aa1:y1:qe", 0); err != nil {
		x.t.Fatal(err)
	}
}

// wantReplay makes the run again in virtual time, with the same entries in every ledger. The
// summary has nothing that is secret.
func (x *testnet) wantReplay(entries int) {
	x.t.Helper()
	r := dessim(x.t, x.dir, "replay", "recorded")
	agreed := regexp.MustCompile(fmt.Sprintf(`(?s)a second ledger agrees with every entry +\| pass .*broadcasts are delivered in order +\| pass +\| +%d `, entries))
	if r.code != 0 || r.stderr != "" || !agreed.MatchString(r.stdout) {
		x.t.Errorf("the replay exits with %d: %s%s", r.code, r.stdout, r.stderr)
	}
	secret, err := os.ReadFile(filepath.Join(x.dir, "recorded", secretFile(0)))
	if err != nil || strings.Contains(r.stdout, string(secret[:20])) {
		x.t.Errorf("the summary has the secret of node 0, or there is none: %v", err)
	}
}

// askAgain asks for a transfer of node 2 from before it was killed.
func (x *testnet) askAgain(id string) {
	x.t.Helper()
	if r := x.ctl(2, "transfer", "-id", id); r.code != 0 || !strings.Contains(r.stdout, "accepted") {
		x.t.Errorf("asked again for transfer %s: %+v, want accepted", id, r)
	}
	wantLine(x.t, x.ctl(2, "transfer", "-id", "1.99"), 1, "transfer 1.99 was not carried out")
	if s := x.status(2); s["accepted"] != 12.0 {
		x.t.Errorf("after asking again: %v, want 12 accepted", s)
	}
}

func (x *testnet) wantMetrics(height int) {
	x.t.Helper()
	get := func(path string) string {
		r, err := http.Get("http://" + x.at(5) + path)
		if err != nil {
			x.t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			x.t.Fatalf("%s: %v, %v", path, r.Status, err)
		}
		return string(b)
	}
	text := get("/metrics")
	for _, line := range []string{
		fmt.Sprintf("dessim_ledger_height %d\n", height), `dessim_messages_sent_total{kind="prepare"} `, "dessim_sync_seconds_count ",
		"dessim_inbox_messages ", "dessim_view ", "dessim_term ", "dessim_dropped_total{reason=\"overrun\"} 0\n", `dessim_messages_received_total{component="link"} `,
	} {
		if !strings.Contains(text, line) {
			x.t.Errorf("the metrics lack %q:\n%s", line, text)
		}
	}
	if !strings.Contains(get("/debug/pprof/"), "goroutine") {
		x.t.Error("no pprof")
	}
}

// stop stops all nodes cleanly.
func (x *testnet) stop() {
	x.t.Helper()
	for i, p := range x.nodes {
		p.cmd.Process.Signal(syscall.SIGTERM)
		if r := p.end(x.t); r != (result{}) {
			x.t.Errorf("node %d, stopped, exits with %d: %s", i, r.code, r.stderr)
		}
		x.nodes[i] = nil
		if _, err := os.Stat(filepath.Join(x.home(i), ctlFile)); err == nil {
			x.t.Errorf("node %d has left its secret", i)
		}
	}
}

// wantLogs looks at what the nodes wrote: node 2 had two incarnations.
func (x *testnet) wantLogs() {
	x.t.Helper()
	g, err := readGenesis(filepath.Join(x.home(2), genesisFile))
	if err != nil {
		x.t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(x.dir, "logs", g.members[2].owner().String()+".txt"))
	if err != nil {
		x.t.Fatal(err)
	}
	if !strings.HasPrefix(string(log), "#     time, ms  what\n") || strings.Count(string(log), "#") != 1 {
		x.t.Errorf("the log does not begin with its legend alone:\n%.200s", log)
	}
	for _, words := range []string{"started, incarnation 1\n", "started, incarnation 2\n", "joined: contacts", "ended: stopped\n"} {
		if !strings.Contains(string(log), words) {
			x.t.Errorf("the log lacks %q", words)
		}
	}
	for _, name := range []string{"node", "client"} {
		text, err := os.ReadFile(filepath.Join(x.dir, "recorded", name+"-2.rec"))
		if err != nil {
			x.t.Fatal(err)
		}
		r, err := record.Read(text)
		if err != nil {
			x.t.Fatal(err)
		}
		starts := 0
		for i := range r.Entries {
			if r.Entries[i].Op == record.Start {
				starts++
			}
		}
		if starts != 2 || r.Cut {
			x.t.Errorf("the recording of %s 2 has %d starts, and is cut: %v; want 2, and an end", name, starts, r.Cut)
		}
	}
}

// In 50 days or more the clock begins again; here it does in a second.
func TestANodeGoesOnWhenItsClockBeginsAgain(t *testing.T) {
	t.Parallel()
	x := newTestnet(t, 3, "isis")
	x.start(1, "")
	x.start(2, "")
	var lines bytes.Buffer
	flags := map[string]string{"dir": x.home(0), "record": filepath.Join(x.dir, "recorded")}
	n, err := openNode(settings{
		text:     func(flag string) (string, bool) { text, given := flags[flag]; return text, given },
		on:       func(string) bool { return false },
		out:      &lines,
		complain: func(line string) { t.Error(line) },
		lap:      time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.run(ctx) }()
	runs := func() {
		select {
		case err := <-ended:
			t.Fatalf("the node has ended: %v; it printed %s", err, lines.String())
		default:
		}
	}
	x.eventually("going on", func(all []map[string]any) bool {
		runs()
		return all[0] != nil && all[0]["incarnation"].(float64) >= 4
	})
	x.eventually("of one ledger", func(all []map[string]any) bool {
		runs()
		x.ctl(1, "transfer", "-to", "2", "-witness", "0", "-amount", "1", "-timeout", "1s")
		return all[1] != nil && all[1]["accepted"].(float64) >= 1 && agreed(all, int(all[1]["accepted"].(float64)))
	})
	stop()
	if err := errors.Join(<-ended, n.close()); err != nil {
		t.Error(err)
	}
	if strings.Count(lines.String(), "\n") < 4 || !strings.Contains(lines.String(), "node 0 of 3, incarnation 3, ") {
		t.Errorf("the node prints %s; want a line for each incarnation", lines.String())
	}
	text := read(t, filepath.Join(x.dir, "recorded", "node-0.rec"))
	if r, err := record.Read([]byte(text)); err != nil || r.Cut {
		t.Errorf("the recording ends in the middle, or %v", err)
	}
}

// The limit on the size of files stands for a disk that is full.
func TestANodeWithAFullDiskTakesPartNoMore(t *testing.T) {
	t.Parallel()
	x := newTestnet(t, 3, "isis")
	x.start(0, "ulimit -f 16; exec \"$@\"")
	for i := 1; i < 3; i++ {
		x.start(i, "")
	}
	x.eventually("together", x.together)
	ended := x.nodes[0].done
	for n := 0; ; n++ {
		select {
		case <-ended:
		default:
			if n < 1000 {
				x.ctl(1, "transfer", "-to", "2", "-amount", "1", "-timeout", "2s") // by the witness 0
				continue
			}
		}
		break
	}
	wantLine(t, x.nodes[0].end(t), 5, "node 0 takes part no more", "file too large", "start it again")
	x.start(0, "")
	x.eventually("together again", x.together)
	x.eventually("of one ledger", func(s []map[string]any) bool {
		return s[1] != nil && s[1]["accepted"].(float64) > 0 && agreed(s, int(s[1]["accepted"].(float64)))
	})
}
