package backoff_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol/abcast"
	"dessim/protocol/backoff"
	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
	"dessim/protocol/kv"
	"dessim/protocol/link"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/protocol/twopc"
)

// retry is a row of the table in the package comment.
type retry struct {
	name  string // of the rule
	rule  backoff.Rule
	first string // pause
	what  string
	anew  string // what ends it, or makes it begin anew
}

var table = []retry{
	{"link.Again", link.Again, "Config.Retry", "frames not acknowledged", "an acknowledgement, a restart"},
	{"twopc.AskAgain", twopc.AskAgain, "Config.AskAfter", "a question about a decision", "the decision, the coordinator's restart"},
	{"twopc.CommitAgain", twopc.CommitAgain, "Config.AskAfter", "a commit not acknowledged", "all acknowledgements"},
	{"gossip.RepairAgain", gossip.RepairAgain, "Config.Repair", "an exchange of digests, for ever", "a difference, a new body"},
	{"abcast.FrameAgain", abcast.FrameAgain, "3 ticks", "frames of a view not acknowledged", "a connection, another view"},
	{"raft.ProposeAgain", raft.ProposeAgain, "3 ticks", "proposals not delivered", "a delivery, another leader"},
	{"raft.CampaignAgain", raft.CampaignAgain, "1 to 2n ticks", "a campaign", "a leader"},
	{"raft.RemoveAgain", raft.RemoveAgain, "6 ticks", "the removal of a silent member", "its message, another leader"},
	{"kv.AskAgain", kv.AskAgain, "50 delays", "a request, at the next replica", "the reply; doubles once a round"},
	{"kademlia.SendAgain", kademlia.SendAgain, "Config.Timeout", "a query, Config.Tries times", "an answer"},
	{"kademlia.StaleAgain", kademlia.StaleAgain, "Config.Pause", "a stale contact, in a lookup", "its answer"},
	{"kademlia.JoinAgain", kademlia.JoinAgain, "Config.Pause", "a join, at the next node", "an answer"},
	{"kademlia.PutAgain", kademlia.PutAgain, "Config.Pause", "a put that nobody stored", "a put that one stores"},
	{"kademlia.AbsentAgain", kademlia.AbsentAgain, "Refresh/64", "an absent node, for ever", "its answer"},
	{"kademlia.SeedAgain", kademlia.SeedAgain, "3/4 of Refresh", "a node joined through, for ever", "never"},
	{"peer.AttemptAgain", peer.AttemptAgain, "5 delays", "a transfer that aborted", "its acceptance or refusal"},
	{"peer.Patience", peer.Patience, "150 delays", "a transfer without a reply", "a reply, the sender's restart"},
	{"peer.FetchAgain", peer.FetchAgain, "6 delays", "a body, from the next member", "the body; doubles once a round"},
	{"peer.KeyAgain", peer.KeyAgain, "10 delays", "lookups of missing keys", "a key found, a hello"},
	{"peer.PutAgain", peer.PutAgain, "10 delays", "a put that no node kept", "a put that one keeps, a hello"},
	{"peer.Refresh", peer.Refresh, "300 delays", "a refresh of the table, for ever", "more contacts, or fewer"},
}

// timers are the functions that set timers, and what goes by them: a rule of the table,
// or what else it is.
var timers = map[string]string{
	"link.arm":          "link.Again",
	"twopc.setTimer":    "twopc.AskAgain, twopc.CommitAgain, and once for votes",
	"gossip.Start":      "gossip.RepairAgain",
	"gossip.Timeout":    "gossip.RepairAgain",
	"kv.ask":            "kv.AskAgain",
	"kv.finish":         "a rest, once between two operations",
	"peer.Start":        "once, until the others have joined",
	"peer.awaitRefresh": "peer.Refresh",
	"peer.awaitBody":    "peer.FetchAgain",
	"peer.getKey":       "peer.KeyAgain",
	"peer.putKey":       "peer.PutAgain",
	"peer.await":        "peer.Patience",
	"peer.deliver":      "peer.AttemptAgain",
	"abcast.Start":      "the tick: abcast.FrameAgain counts in it, and heartbeats leave with it",
	"abcast.tick":       "the tick",
	"abcast.write":      "once, to join reports",
	"raft.Start":        "the tick: raft's rules count in it, and heartbeats leave with it",
	"raft.Timeout":      "the tick",
	"kademlia.try":      "kademlia.SendAgain, and once before",
	"kademlia.bootEnd":  "kademlia.JoinAgain",
	"kademlia.roundEnd": "the rounds of a join, of which there are few",
	"kademlia.rearm":    "the upkeep, every period: kademlia.PutAgain, AbsentAgain and SeedAgain, too",
}

// line returns a row as it stands in the package comment.
func (r *retry) line() string {
	const unit = 1000
	longest := strings.TrimSuffix(fmt.Sprintf("%.1f", float64(r.rule.Longest(unit))/unit), ".0")
	return strings.TrimRight(fmt.Sprintf("//\t%-13s %-20s %-16s %4s  %d/%d  %-35s %s", r.rule.Kind, r.name, r.first, longest,
		r.rule.Jitter.Num, r.rule.Jitter.Den, r.what, r.anew), " ")
}

func TestTheTableListsAllRetriesWithTheirBounds(t *testing.T) {
	var want []string
	for i := range table {
		want = append(want, table[i].line())
	}
	rules, _ := walk(t)
	var names []string
	for i := range table {
		names = append(names, table[i].name)
	}
	slices.Sort(names)
	if !slices.Equal(rules, names) {
		t.Errorf("the machines declare the rules %v,\nthe table has %v", rules, names)
	}
	text := source(t, "doc.go")
	for _, l := range want {
		if !strings.Contains(text, l+"\n") {
			t.Errorf("the package comment lacks the line\n%s", l)
		}
	}
	if n := strings.Count(text, "//\t"); n != len(want)+1 {
		t.Errorf("the table in the package comment has %d lines, want %d", n-1, len(want))
	}
}

func TestEveryTimerGoesByARuleOrIsNoRetry(t *testing.T) {
	_, found := walk(t)
	if want := slices.Sorted(maps.Keys(timers)); !slices.Equal(found, want) {
		t.Errorf("timers are set in\n%v, listed are\n%v: say of each whether it tries something again, and by which rule", found, want)
	}
}

func TestQuestionsOfJitterHaveNamesOfTheirOwn(t *testing.T) {
	seen := make(map[string]string)
	for _, r := range table {
		if other := seen[r.rule.Kind.String()]; other != "" {
			t.Errorf("%s and %s ask the same question %v", other, r.name, r.rule.Kind)
		}
		seen[r.rule.Kind.String()] = r.name
		r.rule.Longest(time.Second) // which panics if the rule is out of range
	}
}

// walk returns the rules that the machines declare, as package and variable, and the
// functions in which they set timers, both sorted.
func walk(t *testing.T) (rules, setters []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		dir := filepath.Base(filepath.Dir(path))
		if dir == ".." || dir == "backoff" || dir == "steps" {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		declared := 0
		for _, decl := range f.Decls {
			switch decl := decl.(type) {
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					v, ok := spec.(*ast.ValueSpec)
					for i := 0; ok && i < len(v.Values); i++ {
						if isRule(v.Values[i]) {
							declared++
							rules = append(rules, dir+"."+v.Names[i].Name)
						}
					}
				}
			case *ast.FuncDecl:
				ast.Inspect(decl, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok {
						if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "SetTimer" {
							setters = append(setters, dir+"."+decl.Name.Name)
						}
					}
					return true
				})
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if isRule(n) {
				declared--
			}
			return true
		})
		if declared != 0 {
			t.Errorf("%s makes a backoff.Rule that is no variable of the package, want it where the table finds it", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rules)
	slices.Sort(setters)
	return rules, slices.Compact(setters)
}

// isRule reports whether n is a composite literal of type backoff.Rule.
func isRule(n ast.Node) bool {
	c, ok := n.(*ast.CompositeLit)
	if !ok {
		return false
	}
	s, ok := c.Type.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := s.X.(*ast.Ident)
	return ok && pkg.Name == "backoff" && s.Sel.Name == "Rule"
}

func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
