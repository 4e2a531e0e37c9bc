//go:build linux || darwin

package network

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// badInput has command lines and words of the one line that they take, parted by "|". They are
// run where "net" has the folders of three nodes that do not run, "other" of those of another network, and
// "members" the members of "net".
var badInput = map[string]string{
	"genesis":                                           "no -out",
	"genesis more":                                      `unexpected argument "more"`,
	"genesis -out x":                                    "want -members with a file, or -new with a number",
	"genesis -out x -new 3 -members members":            "one of them",
	"genesis -new 2 -out x":                             `new "2": want a number from 3 to 100`,
	"genesis -new five -out x":                          `new "five"`,
	"genesis -new 3 -out net":                           `out "net": exists`,
	"genesis -new 3 -out no/x":                          "no such file",
	"genesis -new 3 -out x -listen 7":                   `address "7"; want IP:PORT`,
	"genesis -new 3 -out x -listen 127.0.0.1:65534":     "has no 3 ports from there on",
	"genesis -new 3 -out x -delay 5":                    `delay "5": want a duration`,
	"genesis -new 3 -out x -delay 1ns":                  "has delay 1ns; want 1ms to 1m0s",
	"genesis -members no -out x":                        `members "no": no such file`,
	"genesis -members net -out x":                       "is not a file",
	"genesis -members members -out no/x":                "no such file",
	"genesis -members members -listen 1.2.3.4:5 -out x": "listen means nothing without -new",
	"genesis -member members -out x":                    "did you mean -members?",
	"genesis -members two -out x":                       "has 2 members; want 3 to 100",
	"genesis -members twice -out x":                     "twice; want another for each member",
	"genesis -members badkey -out x":                    `line 2 has key "02ff"|66 hex digits, as node -id prints it`,
	"genesis -members badaddress -out x":                `line 1 has address "localhost:7000"`,
	"genesis -members badamount -out x":                 `line 3 has amount "-5"`,
	"genesis -members smallamount -out x":               "amount of 1",
	"genesis -members words -out x":                     "line 1 has 5 words; want address, public key and amount",
	"node":                                              "no folder; want -dir",
	"node net/0":                                        `unexpected argument "net/0"`,
	"node -dir new":                                     "folder new has no genesis; want -genesis",
	"node -dir new -genesis no":                         "no such file",
	"node -dir new -genesis members":                    `want a file that begins with "dessim genesis 1"`,
	"node -dir new -genesis changed":                    "not as it was made",
	"node -dir new -genesis net/0/genesis":              "the key of folder new is not in the genesis: want a genesis with the member 0",
	"node -dir net/0 -genesis other/0/genesis":          "folder net/0 belongs to the network of another genesis",
	"node -dir members":                                 "not a directory",
	"node -dir net/0 -order isys":                       "did you mean isis?",
	"node -dir net/0 -listen 7000":                      `listen "7000": want IP:PORT`,
	"node -dir net/0 -listen 0.0.0.0:7000":              "is not on loopback|-allow-remote-peers",
	"node -dir net/0 -ctl 0.0.0.0:7000":                 "is not on loopback|-allow-remote-ctl",
	"node -dir net/0 -metrics 0.0.0.0:7000":             "is not on loopback|-allow-remote-metrics",
	"node -dir net/0 -metrics 9000":                     `metrics "9000"`,
	"node -dir net/0 -bootstrap x":                      `-bootstrap has address "x"`,
	"node -dir net/0 -bootstrap 127.0.0.1:1":            "is no other member",
	"node -dir net/0 -logs members":                     `logs "members`,
	"node -dir net/0 -record no/x":                      `record "no/x": no such file`,
	"node -dir net/0 -id":                               "-id wants -listen",
	"node -dir net/0 -id -listen here":                  `address "here"`,
	"node -dir damaged":                                 "damaged/log-0000000001",
	"node -dir keyless":                                 "key",
	"node -dir open":                                    "others can read",
	"ctl":                                               "no command for the node; want balance, get",
	"ctl statsu":                                        "did you mean status?",
	"ctl status":                                        "no node; want -node with its HOST:PORT",
	"ctl status -node 7000":                             `node "7000": want HOST:PORT`,
	"ctl status -node 127.0.0.1:2":                      "want -dir with its folder",
	"ctl status -dir net/0":                             "want the folder of a node that runs",
	"ctl status -dir gone":                              "want the address of a node that runs",
	"ctl status more -dir net/0":                        `unexpected argument "more"; want ctl status`,
	"ctl get -dir net/0":                                "ctl get lacks its KEY",
	"ctl put a b -dir net/0":                            `unexpected argument "b"`,
	"ctl ledger -to 1 -dir net/0":                       "to means nothing to ctl ledger",
	"ctl transfer -dir net/0":                           "want transfer -to MEMBER -amount N",
	"ctl transfer -to 1 -dir net/0":                     "want transfer -to MEMBER -amount N",
	"ctl transfer -to 1 -amount 0 -dir net/0":           `amount "0": want a whole number`,
	"ctl transfer -to 1 -amount -5 -dir net/0":          `amount "-5"`,
	"ctl transfer -id 1.1 -to 1 -dir net/0":             "want it without -to",
	"ctl transfer -id one -dir net/0":                   `id "one": want one that ctl transfer printed`,
	"ctl transfer -id 01.1 -dir net/0":                  `id "01.1"`,
	"ctl transfer -to 1 -amount 1 -timeout 5 -dir x":    `timeout "5"`,
}

// badPlace makes what badInput is run in.
func badPlace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	base := fmt.Sprintf("127.0.0.1:%d", freePorts(t, 3))
	mustDessim(t, dir, "genesis", "-new", "3", "-out", "net", "-listen", base)
	mustDessim(t, dir, "genesis", "-new", "3", "-out", "other", "-listen", base)
	genesis := read(t, filepath.Join(dir, "net/0/genesis"))
	var members []string
	for line := range strings.Lines(genesis) {
		if m, ok := strings.CutPrefix(line, "member "); ok {
			members = append(members, m)
		}
	}
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	word := func(line string, i int, to string) string {
		w := strings.Fields(line)
		w[i] = to
		return strings.Join(w, " ") + "\n"
	}
	put("members", "# of a network\n\n"+strings.Join(members, ""))
	put("two", members[0]+members[1])
	put("twice", members[0]+members[1]+word(members[0], 0, "127.0.0.1:9"))
	put("badkey", members[0]+word(members[1], 1, "02ff")+members[2])
	put("badaddress", word(members[0], 0, "localhost:7000")+members[1]+members[2])
	put("badamount", members[0]+members[1]+word(members[2], 2, "-5"))
	put("smallamount", members[0]+members[1]+word(members[2], 2, "1"))
	put("words", "one two three four five")
	put("changed", strings.Replace(genesis, " 1000000\n", " 01000000\n", 1))
	put("gone/ctl", "127.0.0.1:1\nsecret\n")
	key := read(t, filepath.Join(dir, "net/0/key"))
	for _, name := range []string{"damaged", "keyless", "open"} {
		put(name+"/genesis", genesis)
		put(name+"/key", key)
	}
	put("damaged/log-0000000001", "no segment")
	put("keyless/log-0000000001", "no segment")
	if err := os.Remove(filepath.Join(dir, "keyless/key")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "open/key"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBadInputTakesOneLineAndNothingElse(t *testing.T) {
	dir := badPlace(t)
	for args, words := range badInput {
		t.Run(args, func(t *testing.T) {
			wantLine(t, dessim(t, dir, strings.Fields(args)...), 2, strings.Split(words, "|")...)
		})
	}
	for _, name := range []string{"x", "net/0/log-0000000001", "net/0/ctl"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is there, although nothing was done", name)
		}
	}
}

func TestAMembersFileMadeOfIDsMakesANetwork(t *testing.T) {
	dir := t.TempDir()
	var members strings.Builder
	base := freePorts(t, 3)
	for i := range 3 {
		args := []string{"node", "-dir", fmt.Sprintf("n%d", i), "-listen", fmt.Sprintf("127.0.0.1:%d", base+i), "-id"}
		id := mustDessim(t, dir, args...)
		if again := mustDessim(t, dir, args...); again != id {
			t.Errorf("the node says that it is %s, and then %s", id, again)
		}
		members.WriteString(id)
	}
	if err := os.WriteFile(filepath.Join(dir, "members"), []byte(members.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	mustDessim(t, dir, "genesis", "-members", "members", "-out", "genesis", "-delay", "30ms")
	g, err := readGenesis(filepath.Join(dir, "genesis"))
	if err != nil || len(g.members) != 3 || g.delay != 30*time.Millisecond {
		t.Fatalf("%v, %+v", err, g)
	}
	if got := g.ledger().Minted(); got != 3*usualAmount {
		t.Errorf("the genesis mints %d, want %d", got, 3*usualAmount)
	}
}

// A stranger on the machine reaches the desk, and has no secret.
func TestADeskBearsStrangers(t *testing.T) {
	t.Parallel()
	x := newTestnet(t, 3, "isis")
	x.start(0, "")
	for end := time.Now().Add(long); x.status(0) == nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the node does not start")
		}
	}
	wantLine(t, dessim(t, x.dir, "node", "-dir", x.home(0)), 2, "is in use already")
	wantLine(t, dessim(t, x.dir, "node", "-dir", x.home(1), "-listen", x.at(0)), 2, x.at(0), "the port is taken")
	secret := strings.Split(read(t, filepath.Join(x.home(0), ctlFile)), "\n")[1]
	if now, err := os.Stat(filepath.Join(x.home(0), ctlFile)); err != nil || now.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file has mode %v, %v; want 0600", now.Mode(), err)
	}
	silent, err := net.Dial("tcp", x.at(0))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for request, want := range map[string]string{
		`{"Secret":"","Do":"status","Timeout":1}`:                        "wrong secret",
		`{"Secret":"` + secret[1:] + `","Do":"status","Timeout":1}`:      "wrong secret",
		`{"Do":"status","Timeout":1}`:                                    "wrong secret",
		`{"Secret":"` + secret + `","Do":"status","Timeout":1,"More":1}`: "not one of this version",
		`GET / HTTP/1.1`: "not one of this version",
		`{"Secret":"` + secret + `","Do":"nothing","Timeout":1}`:           `no \"nothing\"`,
		`{"Secret":"` + secret + `","Do":"status"}`:                        "timeout 0s",
		`{"Secret":"` + strings.Repeat("x", mostRequest) + `"}`:            "",
		`{"Secret":"` + secret + `","Do":"status","Timeout":1000}`:         `"incarnation"`,
		`{"Secret":"` + secret + `","Do":"get","Text":"00","Timeout":100}`: "40 hex digits",
	} {
		conn, err := net.Dial("tcp", x.at(0))
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(long))
		fmt.Fprintln(conn, request)
		line, _ := bufio.NewReader(conn).ReadString('\n')
		conn.Close()
		if !strings.Contains(line, want) || want == "" && line != "" || want != "" && !json.Valid([]byte(line)) {
			t.Errorf("to %.80s the node says %q, want %q", request, line, want)
		}
	}
	for args, words := range map[string]string{
		"transfer -to 0 -amount 5":            "to 0 is the node itself",
		"transfer -to 7 -amount 5":            `to "7" is no member; want a number from 0 to 2`,
		"transfer -to 1 -witness 1 -amount 5": "want a third member",
		"balance you":                         `"you" is no member`,
	} {
		wantLine(t, x.ctl(0, strings.Fields(args)...), 2, words)
	}
	wantLine(t, x.ctl(0, "transfer", "-to", "1", "-amount", "1000001"), 1, "the balance is 1000000, of which 0 is in transfers under way")
	wantLine(t, x.ctl(0, "transfer", "-to", "1", "-amount", "7", "-timeout", "1s"), 3, "has no outcome within 1s", "ask again with -id 1.2")
	wantLine(t, x.ctl(0, "transfer", "-to", "1", "-amount", "999994"), 1, "of which 7 is in transfers under way")
}

func TestAnInterruptedRequestIsNotALostNode(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { // a node that hangs
		if conn, err := l.Accept(); err == nil {
			defer conn.Close()
			conn.Read(make([]byte, 1))
		}
		interrupt()
		<-t.Context().Done()
	}()
	x := &exchange{ctx: ctx, at: l.Addr().String(), r: &request{Do: "status"}, heard: func(string) {}}
	if _, err := x.do(); err == nil || !strings.HasPrefix(err.Error(), "interrupted before node ") {
		t.Errorf("the request ends with %v, want it to be interrupted", err)
	}
}
