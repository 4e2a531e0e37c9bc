package cryptorand_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/cryptorand"
	"dessim/sim/source"
)

// kept is a Reader as a library keeps it that took it when the program began.
var kept = rand.Reader

var (
	kindAsk   = protocol.KindOf("ask")
	kindToken = protocol.KindOf("token")
)

// issuer answers each message by a token of random bytes, by way of node 1.
type issuer struct {
	made string // in the constructor, which a library may read in too
	last string
}

func newIssuer(protocol.NodeID) protocol.Node { return &issuer{made: rand.Text()} }

func (n *issuer) Start(env *protocol.Env) { n.issue(env, n.made) }

func (n *issuer) issue(env *protocol.Env, token string) {
	n.last = token
	env.Output(kindToken, []byte(token))
}

func (n *issuer) Timeout(*protocol.Env, uint64) {}

func (n *issuer) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		env.Send(1-env.ID(), kindAsk, msg)
		return
	}
	var id [5]byte
	if _, err := io.ReadFull(kept, id[:]); err != nil {
		panic(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	secret, err := key.Bytes()
	if err != nil {
		panic(err)
	}
	n.issue(env, fmt.Sprintf("%x %x %s", id, secret, rand.Text()))
}

// tokens is an observer that keeps what was issued.
type tokens struct{ list []string }

func (t *tokens) Watch() sim.What      { return sim.Output }
func (t *tokens) Observe(e *sim.Event) { t.list = append(t.list, string(e.Body)) }

func plan(salt uint64, inputs ...uint64) sim.Plan {
	p := sim.Plan{Nodes: 2, Node: newIssuer, Link: sim.Link{Delay: time.Millisecond, Jitter: time.Millisecond},
		Until: protocol.Time(time.Second), Random: cryptorand.Answers(salt)}
	for _, id := range inputs {
		p.Inputs = append(p.Inputs, sim.Input{ID: id, At: protocol.Time(id) * 1e6, Body: []byte{byte(id)}})
	}
	return p
}

func run(t *testing.T, p sim.Plan, src protocol.Source) (sim.Digest, []string) {
	t.Helper()
	var issued tokens
	s, err := sim.New(p, src, &issued)
	if err != nil {
		t.Fatal(err)
	}
	return s.Run().Digest, issued.list
}

func TestAStepReadsTheSameBytesInEveryRun(t *testing.T) {
	p := plan(1, 1, 2, 3)
	first, issued := run(t, p, source.Seed(1))
	if again, _ := run(t, p, source.Seed(1)); again != first {
		t.Errorf("one plan has digest %v, then %v", first, again)
	}
	if again, same := run(t, plan(1, 1, 2, 3), source.Seed(1)); again != first || !slices.Equal(same, issued) {
		t.Errorf("an equal plan has digest %v, then %v", first, again)
	}
	if len(issued) != 5 {
		t.Fatalf("%d tokens, want 5: %q", len(issued), issued)
	}
	if other, _ := run(t, plan(2, 1, 2, 3), source.Seed(1)); other == first {
		t.Error("another salt gives the same tokens")
	}
}

func TestRunsSideBySideReadAsTheyDoAlone(t *testing.T) {
	const runs = 16
	var want, got [runs]sim.Digest
	for i := range runs {
		want[i], _ = run(t, plan(uint64(i), 1, 2, 3), source.Seed(1))
	}
	var wait sync.WaitGroup
	for i := range runs {
		wait.Go(func() { got[i], _ = run(t, plan(uint64(i), 1, 2, 3), source.Seed(1)) })
	}
	wait.Wait()
	if got != want {
		t.Errorf("alone %v, side by side %v", want, got)
	}
}

func TestTokensOutlastTheRemovalOfOtherInputs(t *testing.T) {
	_, all := run(t, plan(1, 1, 2, 3), source.Seed(1))
	_, fewer := run(t, plan(1, 1, 3), source.Seed(1))
	for _, token := range fewer {
		if !slices.Contains(all, token) {
			t.Errorf("%q is new once an input is gone; there were %q", token, all)
		}
	}
	if len(fewer) != 4 {
		t.Errorf("%d tokens, want 4", len(fewer))
	}
}

// echo has node 0 ask node 1 twice in equal words, in two steps of one wave: an input makes
// it ask both others, and each of their answers makes it ask node 1 again. Those two steps of
// node 1 have one name.
type echo struct{}

func (echo) Start(*protocol.Env)           {}
func (echo) Timeout(*protocol.Env, uint64) {}

func (echo) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	switch {
	case from == protocol.Outside:
		env.Send(1, kindAsk, []byte("a"))
		env.Send(2, kindAsk, []byte("a"))
	case string(msg) == "a":
		env.Send(0, kindAsk, []byte("b"))
	case string(msg) == "b":
		env.Send(1, kindAsk, []byte("c"))
	default:
		env.Output(kindToken, []byte(rand.Text()))
	}
}

func TestNoTwoStepsReadAlike(t *testing.T) {
	p := plan(1, 1)
	p.Nodes, p.Node = 3, func(protocol.NodeID) protocol.Node { return echo{} }
	if _, issued := run(t, p, source.Seed(1)); len(issued) != 2 || issued[0] == issued[1] {
		t.Errorf("want two different tokens: %q", issued)
	}
}

func TestBenignAnswersStillGiveDifferentTokens(t *testing.T) {
	_, issued := run(t, plan(0, 1, 2, 3), protocol.Benign{})
	slices.Sort(issued)
	if len(slices.Compact(issued)) != 5 {
		t.Errorf("equal tokens: %q", issued)
	}
}

func TestOutsideStepsBytesStayRandom(t *testing.T) {
	cryptorand.Answers(1)
	a, b := make([]byte, 32), make([]byte, 32)
	rand.Read(a)
	run(t, plan(1, 1), source.Seed(1))
	rand.Read(b)
	if bytes.Equal(a, b) || bytes.Equal(a, make([]byte, 32)) {
		t.Errorf("%x, then %x", a, b)
	}
}

// A panic must not leave the generator with the node.
func TestAStepThatPanicsGivesTheGeneratorBack(t *testing.T) {
	p := plan(1, 1)
	p.Node = func(protocol.NodeID) protocol.Node { panic("no " + strings.ToLower(rand.Text())) }
	text := func() (text string) {
		defer func() { text = fmt.Sprint(recover()) }()
		run(t, p, source.Seed(1))
		return ""
	}
	if a, b := text(), text(); a != b || !strings.Contains(a, "no ") {
		t.Errorf("%q, then %q", a, b)
	}
	run(t, plan(1, 1), source.Seed(1))
}

func TestTheNodeIsSeenWithoutItsGuard(t *testing.T) {
	s, err := sim.New(plan(1, 1), source.Seed(1))
	if err != nil {
		t.Fatal(err)
	}
	s.Run()
	if n, ok := s.Node(1).(*issuer); !ok || n.last == "" || n.last == n.made {
		t.Errorf("%T %+v", s.Node(1), n)
	}
}
