package network

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dessim/cmd/dessim/cmdline"
	"dessim/protocol"
	"dessim/protocol/live/udp"
	"dessim/scenarios"
)

// asDessim has the test binary be dessim.
const asDessim = "DESSIM_NETWORK_TEST"

func TestMain(m *testing.M) {
	if as := os.Getenv(asDessim); as != "" {
		commands := Commands()
		if as == lossy {
			commands[1] = nodeCommand(lose)
		}
		cmdline.Main(cmdline.Program{Name: "dessim", Scenarios: append(scenarios.All(), Scenario()), Commands: commands, Recorded: Recorded})
	}
	os.Exit(m.Run())
}

// lossy is the value of asDessim for a node on links that lose messages.
const lossy = "lossy"

// lose loses some messages, doubles others, and delays all.
func lose(_ protocol.NodeID, _ uint64, msg []byte) (out []udp.Leaving) {
	copies := 1
	switch rand.IntN(20) {
	case 0:
		copies = 0
	case 1:
		copies = 2
	}
	for range copies {
		out = append(out, udp.Leaving{After: rand.N(15 * time.Millisecond), Body: msg})
	}
	return out
}

// long is how long anything may take that comes at last.
const long = 90 * time.Second

// result is what a command came to.
type result struct {
	code           int
	stdout, stderr string
}

func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asDessim+"=1")
	return cmd
}

// dessim runs a command to its end, in dir.
func dessim(t testing.TB, dir string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := command(args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// mustDessim is dessim for what cannot fail.
func mustDessim(t testing.TB, dir string, args ...string) string {
	t.Helper()
	r := dessim(t, dir, args...)
	if r.code != 0 || r.stderr != "" {
		t.Fatalf("dessim %q exits with %d: %s", args, r.code, r.stderr)
	}
	return r.stdout
}

// freePorts returns a port from which on so many are free on loopback, for UDP and TCP.
func freePorts(t testing.TB, n int) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for ports.next == 0 || ports.next < 32000 { // the system's own choices come after
		base := max(ports.next, 10000+os.Getpid()%20000)
		ports.next = base + n
		if areFree(base, n) {
			return base
		}
	}
	t.Fatal("no free ports")
	return 0
}

// ports has the next that no test has.
var ports struct {
	sync.Mutex
	next int
}

func areFree(base, n int) bool {
	for port := base; port < base+n; port++ {
		at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
		u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			return false
		}
		u.Close()
		l, err := net.Listen("tcp", at.String())
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// testnet is a network of processes.
type testnet struct {
	t     testing.TB
	dir   string
	base  int
	order string
	more  []string // flags of all nodes
	as    string   // value of asDessim for them
	nodes []*process
}

// process is a node.
type process struct {
	cmd  *exec.Cmd
	errs *bytes.Buffer
	done chan struct{}
}

func newTestnet(t testing.TB, n int, order string, more ...string) *testnet {
	t.Helper()
	x := &testnet{t: t, dir: t.TempDir(), base: freePorts(t, n+1), order: order, more: more, nodes: make([]*process, n)}
	mustDessim(t, x.dir, "genesis", "-new", strconv.Itoa(n), "-out", "net", "-listen", x.at(0))
	t.Cleanup(func() {
		for _, p := range x.nodes {
			if p != nil {
				p.cmd.Process.Kill()
				<-p.done
			}
		}
	})
	return x
}

// at returns the address of a node, or for the number of nodes one that is free.
func (x *testnet) at(i int) string { return fmt.Sprintf("127.0.0.1:%d", x.base+i) }

func (x *testnet) home(i int) string { return filepath.Join(x.dir, "net", strconv.Itoa(i)) }

// start starts a node, by a shell line if there is one, in which "$@" is the command.
func (x *testnet) start(i int, shell string, more ...string) *process {
	x.t.Helper()
	args := append(append([]string{"node", "-dir", x.home(i), "-order", x.order}, x.more...), more...)
	cmd := command(args...)
	if shell != "" {
		cmd = exec.Command("sh", append([]string{"-c", shell, "sh"}, cmd.Args...)...)
	}
	cmd.Env = append(os.Environ(), asDessim+"="+cmp.Or(x.as, "1"))
	cmd.Dir = x.dir
	p := &process{cmd: cmd, errs: new(bytes.Buffer), done: make(chan struct{})}
	cmd.Stderr = p.errs
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	x.nodes[i] = p
	return p
}

// kill ends a node without notice.
func (x *testnet) kill(i int) {
	x.nodes[i].cmd.Process.Kill()
	<-x.nodes[i].done
	x.nodes[i] = nil
}

// end waits until a process has ended by itself.
func (p *process) end(t testing.TB) result {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(long):
		t.Fatalf("a node has not ended within %v", long)
	}
	return result{code: p.cmd.ProcessState.ExitCode(), stderr: p.errs.String()}
}

// ctl asks a node, which need not be up.
func (x *testnet) ctl(i int, args ...string) result {
	x.t.Helper()
	return dessim(x.t, x.dir, append([]string{"ctl", "-dir", x.home(i)}, args...)...)
}

// status returns what ctl says of a node, or nil.
func (x *testnet) status(i int) map[string]any {
	r := x.ctl(i, "status", "-json")
	var o map[string]any
	if r.code != 0 || json.Unmarshal([]byte(r.stdout), &o) != nil {
		return nil
	}
	return o
}

// eventually waits until what all nodes say holds.
func (x *testnet) eventually(what string, holds func(all []map[string]any) bool) {
	x.t.Helper()
	for end := time.Now().Add(long); ; time.Sleep(100 * time.Millisecond) {
		var all []map[string]any
		for i := range x.nodes {
			all = append(all, x.status(i))
		}
		if holds(all) {
			return
		}
		if time.Now().After(end) {
			x.t.Fatalf("within %v the nodes are not %s: %v", long, what, all)
		}
	}
}

// together reports whether all nodes have joined, and are in a view of all.
func (x *testnet) together(all []map[string]any) bool {
	for _, s := range all {
		if s["joined"] != true || s["view_members"] != fmt.Sprintf("0-%d", len(all)-1) {
			return false
		}
	}
	return true
}

// agreed reports whether all nodes have one ledger of so many transfers, and nothing open.
func agreed(all []map[string]any, accepted int) bool {
	for _, s := range all {
		if s["ledger"] != all[0]["ledger"] || s["accepted"] != float64(accepted) || s["undecided"] != 0.0 {
			return false
		}
	}
	return true
}

// wantLine fails unless r is a refusal: the code, and one line with all the words.
func wantLine(t testing.TB, r result, code int, words ...string) {
	t.Helper()
	if r.code != code || r.stdout != "" || !strings.HasPrefix(r.stderr, "dessim: ") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("exits with %d, stdout %q, stderr %q; want %d and one line on stderr", r.code, r.stdout, r.stderr, code)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("stderr lacks %q: %s", w, r.stderr)
		}
	}
}
