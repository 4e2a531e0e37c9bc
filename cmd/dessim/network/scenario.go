package network

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/protocol/ledger"
	"dessim/protocol/live/record"
	"dessim/protocol/peer"
	"dessim/scenarios"
	"dessim/scenarios/judge"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// Scenario returns the scenario of a network that ran for real: of the recordings of its nodes
// it makes a run in virtual time, which is judged like those of the other scenarios. What the
// network was is in its parameters, with the secrets of the nodes, since they sign.
func Scenario() *scenario.Scenario {
	like := scenarios.Find("crash")
	return &scenario.Scenario{
		Name: "network", Shows: "a ledger network that ran for real, from the recordings of its nodes",
		MinNodes: leastMembers, MaxNodes: mostMembers,
		Defaults: scenario.Params{Nodes: leastMembers, Delay: usualDelay, Until: 10 * time.Minute},
		Own: []*scenario.Param{
			scenario.Choice("order", orders()[0], orders(), "how broadcasts are ordered"),
			scenario.Words("genesis", "of a replay file: the text of the genesis, in hex", func(text string) error {
				_, err := hexGenesis(text)
				return err
			}),
			scenario.Words("members", "of a replay file: the secret of each node, in hex, and the node through which it joins", func(text string) error {
				_, err := parseInsiders(text)
				return err
			}),
			scenario.Words("inputs", "of a replay file: what operators had the nodes do", func(text string) error {
				_, err := parseInputs(text)
				return err
			}),
		},
		Check: func(p *scenario.Params) error {
			if _, err := past(p, 0); err != nil {
				return fmt.Errorf("genesis: %w", err)
			}
			return nil
		},
		Moot: func(p *scenario.Params) string {
			if text, _ := p.Text("genesis"); text == "" {
				return "there is no network: dessim node -record DIR records one, and dessim replay DIR makes its run again"
			}
			return ""
		},
		Build: build,
		Text:  like.Text, Kinds: like.Kinds, Eras: like.Eras,
	}
}

// insider is what a node knows alone.
type insider struct {
	secret [32]byte
	first  protocol.NodeID // through which it joins
}

// network is what the parameters say of it.
type history struct {
	genesis  *genesis
	order    string
	insiders []insider
	inputs   []sim.Input
}

func hexGenesis(text string) (*genesis, error) {
	b, err := hex.DecodeString(text)
	if err != nil {
		return nil, errors.New("want hex digits")
	}
	return parseGenesis(b)
}

// past reads the parameters. Without a genesis it makes one up from a seed.
func past(p *scenario.Params, seed uint64) (h history, err error) {
	text, _ := p.Text("genesis")
	if text == "" {
		return madeUp(p, seed)
	}
	if h.genesis, err = hexGenesis(text); err != nil {
		return h, err
	}
	h.order, _ = p.Text("order")
	text, _ = p.Text("members")
	if h.insiders, err = parseInsiders(text); err != nil {
		return h, err
	}
	if n := len(h.genesis.members); len(h.insiders) != n || p.Nodes != n {
		return h, fmt.Errorf("has %d members, but there are %d secrets and %d nodes; want as many", n, len(h.insiders), p.Nodes)
	}
	text, _ = p.Text("inputs")
	h.inputs, err = parseInputs(text)
	return h, err
}

// madeUp returns a network whose nodes have secrets from a seed.
func madeUp(p *scenario.Params, seed uint64) (h history, err error) {
	h.order, _ = p.Text("order")
	var members []member
	for i := range p.Nodes {
		x := insider{secret: sha256.Sum256(fmt.Appendf(nil, "dessim network %d %d", seed, i))}
		if i == 0 {
			x.first = 1
		}
		h.insiders = append(h.insiders, x)
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(7000+i))
		members = append(members, member{at: at, key: ledger.NewKey(x.secret).Public(), amount: usualAmount})
	}
	h.genesis, err = newGenesis(time.Unix(0, 0), p.Delay, members)
	return h, err
}

func (x *insider) String() string { return fmt.Sprintf("%x/%v", x.secret, x.first) }

func parseInsider(text string) (x insider, err error) {
	secret, first, _ := strings.Cut(text, "/")
	b, err := hex.DecodeString(secret)
	n, err2 := strconv.ParseUint(first, 10, 32)
	if err != nil || err2 != nil || len(b) != len(x.secret) {
		return x, errors.New("want 64 hex digits, / and a number")
	}
	copy(x.secret[:], b)
	x.first = protocol.NodeID(n)
	return x, nil
}

func parseInsiders(text string) (all []insider, err error) {
	for word := range strings.FieldsSeq(text) {
		x, err := parseInsider(word)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}

// parseInputs reads words like 17@2:ab01: node 2 gets the body ab01 at 17 ns.
func parseInputs(text string) (all []sim.Input, err error) {
	for word := range strings.FieldsSeq(text) {
		when, rest, _ := strings.Cut(word, "@")
		who, what, _ := strings.Cut(rest, ":")
		at, err := strconv.ParseInt(when, 10, 64)
		id, err2 := strconv.ParseUint(who, 10, 32)
		body, err3 := hex.DecodeString(what)
		if err := errors.Join(err, err2, err3); err != nil {
			return nil, errors.New("want words like 17@2:ab01")
		}
		all = append(all, sim.Input{ID: uint64(len(all)), At: protocol.Time(at), Node: protocol.NodeID(id), Body: body})
	}
	return all, nil
}

// build makes the run: the nodes as dessim node makes them, each with its client.
func build(b *scenario.Setup) *scenario.Run {
	h, err := past(&b.Params, b.Seed)
	if err != nil {
		panic(err) // Check has read it
	}
	n := len(h.insiders)
	net := &judge.Network{Nodes: make([]*peer.Node, n), Members: h.genesis.ids(), Genesis: h.genesis.ledger(),
		Minted: h.genesis.minted(), Failing: true, Incarnations: judge.NewIncarnations(2 * n)}
	homes := make([]*home, n)
	for i := range h.insiders {
		x := &h.insiders[i]
		homes[i] = &home{genesis: h.genesis, order: h.order, id: protocol.NodeID(i)}
		homes[i].know(x.secret)
		net.Keys = append(net.Keys, homes[i].key)
		net.Owners = append(net.Owners, homes[i].key.Owner())
	}
	book, err := newBook(h.genesis, 0) // of recorded nodes
	if err != nil {
		panic(err) // parseGenesis has read the addresses
	}
	plan := sim.Plan{
		Nodes: 2 * n, Inputs: h.inputs, Link: sim.Link{Delay: b.Delay}, Until: protocol.Time(b.Until),
		Node: func(id protocol.NodeID) protocol.Node {
			if int(id) >= n {
				return homes[0].makeClient()
			}
			node := homes[id].node(book, h.insiders[id].first)().(*peer.Node)
			net.Nodes[id] = node
			return node
		},
	}
	ledgers, views := judge.NewLedgers(net), judge.NewViews(n)
	deliveries := judge.NewDeliveries(h.order, views)
	const never = protocol.MaxTime // a network has no end by which all must have come
	checks := check.Suite{ledgers.Order(), ledgers.SameHashes(), ledgers.Conserved(), ledgers.Audited(), ledgers.EqualAtEnd(never)}
	checks = append(append(checks, views.Checks()...), deliveries.Checks()...)
	return &scenario.Run{
		Plan: plan, Checks: checks,
		Watch: []sim.Observer{net.Incarnations, ledgers, views, deliveries},
	}
}

// Recorded returns the run that the recordings in dir are of, or nil if they are not of such
// nodes. It names their inputs as the run does.
func Recorded(dir string, recordings []*record.Recording) (*scenario.Subject, error) {
	text, ours := strings.CutPrefix(recordings[0].Run, runPrefix)
	if !ours {
		return nil, nil
	}
	order, quoted, _ := strings.Cut(text, " ")
	genesisText, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, errors.New("the recordings do not name a network")
	}
	g, err := parseGenesis([]byte(genesisText))
	if err != nil {
		return nil, err
	}
	s := &scenario.Subject{Scenario: Scenario()}
	s.Params = s.Scenario.Defaults
	s.Params.Nodes, s.Params.Delay, s.Params.Until = len(g.members), g.delay, time.Duration(protocol.MaxTime)
	var members []string
	for i := range g.members {
		secret, err := os.ReadFile(filepath.Join(dir, secretFile(protocol.NodeID(i))))
		if err != nil {
			return nil, fmt.Errorf("%s: %s; want the files of -record of all %d members", secretFile(protocol.NodeID(i)), reason(err), len(g.members))
		}
		members = append(members, strings.TrimSpace(string(secret)))
	}
	for _, x := range [][2]string{{"order", order}, {"genesis", hex.EncodeToString(g.text)}, {"members", strings.Join(members, " ")}, {"inputs", inputsOf(recordings)}} {
		if err := s.Scenario.Set(&s.Params, x[0], x[1]); err != nil {
			return nil, err
		}
	}
	return s, s.Scenario.Validate(&s.Params)
}

// inputsOf returns the inputs in recordings, as a parameter, and numbers them there likewise.
func inputsOf(recordings []*record.Recording) string {
	var words []string
	for _, r := range recordings {
		for i := range r.Entries {
			if e := &r.Entries[i]; e.Op == record.Input {
				e.Seq = uint64(len(words))
				words = append(words, fmt.Sprintf("%d@%v:%x", int64(e.At), uint32(r.Node), e.Body))
			}
		}
	}
	return strings.Join(words, " ")
}

const runPrefix = "network "

// runLine is what the recordings of a network's nodes begin with.
func (h *home) runLine() string { return fmt.Sprintf("%s%s %q", runPrefix, h.order, h.genesis.text) }

// secretFile is the name of the file beside a node's recording that has its secret.
func secretFile(id protocol.NodeID) string { return fmt.Sprintf("node-%v.secret", uint32(id)) }
