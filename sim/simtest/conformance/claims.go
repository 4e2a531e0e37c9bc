package conformance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
)

// Run judges a runtime. fresh makes one for each script; the scripts of one test run one after
// another.
func Run(t *testing.T, fresh func(t testing.TB) Runtime) {
	for _, c := range claims() {
		t.Run(c.name, func(t *testing.T) {
			p := script(c.nodes, c.boot, append(c.do, Action{Do: Wait})...)
			p.named = c.named
			if bad := p.play(t, fresh(t)); bad != nil {
				t.Fatal(p.report())
			}
			if c.see != nil {
				c.see(t, p)
			}
		})
	}
	t.Run("1-30 random scripts are played as the list allows", func(t *testing.T) { random(t, fresh) })
}

// failer is what testing.T and rapid.T have in common.
type failer interface {
	Errorf(format string, args ...any)
}

// play plays the script and judges what happened. It returns what is not allowed.
func (p *Play) play(t failer, r Runtime) (bad []string) {
	if err := r.Play(p); err != nil {
		bad = append(bad, "none: the runtime fails: "+err.Error())
	}
	j := p.judge(p.history(), len(p.Actions))
	owed := j.owed
	if p.waited == len(p.Actions)-1 {
		owed = p.owed
	}
	bad = append(append(append(bad, p.flaws...), j.bad...), owed...)
	for _, b := range bad {
		t.Errorf("obligation %s", b)
	}
	return bad
}

// report is the script and what happened.
func (p *Play) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d nodes, which begin with %v\n", p.Nodes, p.boot)
	for i := range p.Actions {
		fmt.Fprintln(&b, "do", &p.Actions[i])
	}
	for _, e := range p.history() {
		fmt.Fprintln(&b, "  ", &e)
	}
	return b.String()
}

// count returns how many events a play has of that sort and node.
func (p *Play) count(w what, id protocol.NodeID) (n int) {
	for _, e := range p.history() {
		if e.what == w && e.node == id {
			n++
		}
	}
	return n
}

// outputs returns what node id made final.
func (p *Play) outputs(id protocol.NodeID) (out []string) {
	for _, e := range p.history() {
		if e.what == outputs && e.node == id {
			out = append(out, e.body)
		}
	}
	return out
}

// claim is a script, and what must be seen beyond what the model demands of any.
type claim struct {
	name  string
	nodes int
	boot  []Act
	do    []Action
	named bool
	see   func(t *testing.T, p *Play)
}

const ms = time.Millisecond

func sendTo(to protocol.NodeID, then ...Act) Act { return Act{Do: send, To: to, Then: then} }
func say(text string) Act                        { return Act{Do: output, Text: text} }
func write(text string) Act                      { return Act{Do: persist, Text: text} }
func force() Act                                 { return Act{Do: syncing} }
func drop(upTo uint64) Act                       { return Act{Do: discard, Tag: upTo} }
func remark() Act                                { return Act{Do: note, Text: "a note"} }
func stop(tag uint64) Act                        { return Act{Do: cancel, Tag: tag} }
func timer(after time.Duration, tag uint64, then ...Act) Act {
	return Act{Do: set, After: after, Tag: tag, Then: then}
}

func start(id protocol.NodeID) Action              { return Action{Do: Start, Node: id} }
func input(id protocol.NodeID, acts ...Act) Action { return Action{Do: Input, Node: id, acts: acts} }
func crashIn(id protocol.NodeID, k int) Action     { return Action{Do: CrashIn, Node: id, K: k} }
func failSync(id protocol.NodeID) Action           { return Action{Do: FailSync, Node: id} }
func crash(id protocol.NodeID) Action              { return Action{Do: Crash, Node: id} }
func halt(id protocol.NodeID) Action               { return Action{Do: Stop, Node: id} }
func forge(id, from protocol.NodeID, a Act) Action {
	return Action{Do: Forge, Node: id, From: from, acts: []Act{a}}
}
func wait() Action { return Action{Do: Wait} }
func many(n int, each func(i int) []Act) (out []Act) {
	for i := range n {
		out = append(out, each(i)...)
	}
	return out
}

func actions(n int, each func(i int) []Action) (out []Action) {
	for i := range n {
		out = append(out, each(i)...)
	}
	return out
}

// sees demands the outputs of node 0.
func sees(want ...string) func(*testing.T, *Play) {
	return func(t *testing.T, p *Play) {
		if got := p.outputs(0); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("node 0 makes outputs %q, want %q\n%s", got, want, p.report())
		}
	}
}

func claims() []claim {
	return slices.Concat(claimsOfSteps(), claimsOfEffects(), claimsOfTimers(), claimsOfDisks(), claimsOfSyncs(), claimsOfEvents())
}
