package network

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/protocol/ledger"
)

// A genesis is what all nodes of a network agree on before it begins. Its text is
//
//	dessim genesis 1
//	made 2026-11-29T16:00:00Z
//	delay 20ms
//	member 127.0.0.1:7000 02f1...e9 1000000
//
// with a line for each member, whose NodeID is its place. There is one text for each
// genesis, so that its hash names the network.
type genesis struct {
	text    []byte
	made    time.Time     // the origin of all clocks
	delay   time.Duration // the longest usual travel time of a message
	members []member
}

// member is a node of a network.
type member struct {
	at     netip.AddrPort
	key    []byte // public, as a compressed point
	amount uint64
}

func (m *member) owner() ledger.Owner { return ledger.OwnerOf(m.key) }

const (
	genesisMagic = "dessim genesis 1"
	leastMembers = 3 // a transfer has a sender, a receiver and a witness
	mostMembers  = 100
	mostGenesis  = 1 << 16 // bytes of the text
	coins        = 8       // that a member begins with: so many transfers can be under way at once

	usualAmount = 1_000_000
	usualDelay  = 20 * time.Millisecond
	mostDelay   = time.Minute
)

// newGenesis makes the genesis of members.
func newGenesis(made time.Time, delay time.Duration, members []member) (*genesis, error) {
	g := &genesis{made: made.UTC().Truncate(time.Second), delay: delay, members: members}
	b := fmt.Appendf(nil, "%s\nmade %s\ndelay %v\n", genesisMagic, g.made.Format(time.RFC3339), delay)
	for i := range members {
		m := &members[i]
		b = fmt.Appendf(b, "member %v %x %d\n", m.at, m.key, m.amount)
	}
	g.text = b
	return g, g.check()
}

// check returns the first thing that is wrong with the members.
func (g *genesis) check() error {
	if n := len(g.members); n < leastMembers || n > mostMembers {
		return fmt.Errorf("has %d members; want %d to %d", n, leastMembers, mostMembers)
	}
	if g.delay < time.Millisecond || g.delay > mostDelay {
		return fmt.Errorf("has delay %v; want 1ms to %v", g.delay, mostDelay)
	}
	sum := uint64(0)
	for i := range g.members {
		m := &g.members[i]
		for j := range i {
			switch o := &g.members[j]; {
			case o.at == m.at:
				return fmt.Errorf("has address %v twice; want another for each member", m.at)
			case bytes.Equal(o.key, m.key):
				return fmt.Errorf("has key %x twice; want another for each member", m.key)
			}
		}
		if sum += m.amount; m.amount < coins || sum > ledger.MaxAmount {
			return fmt.Errorf("gives %v an amount of %d, and %d to all before it; want %d or more each, and at most %d for all", m.at, m.amount, sum-m.amount, coins, uint64(ledger.MaxAmount))
		}
	}
	return nil
}

// parseMember reads "ADDRESS KEY [AMOUNT]".
func parseMember(fields []string) (m member, err error) {
	if len(fields) < 2 || len(fields) > 3 {
		return m, fmt.Errorf("has %d words; want address, public key and amount", len(fields))
	}
	if m.at, err = parseAddress(fields[0]); err != nil {
		return m, err
	}
	if m.key, err = hex.DecodeString(fields[1]); err != nil || !isPoint(m.key) {
		return m, fmt.Errorf("has key %q; want a node's public key, %d hex digits, as node -id prints it", fields[1], 2*ledger.PublicKeySize)
	}
	m.amount = usualAmount
	if len(fields) == 3 {
		if m.amount, err = strconv.ParseUint(fields[2], 10, 64); err != nil {
			return m, fmt.Errorf("has amount %q; want a whole number", fields[2])
		}
	}
	return m, nil
}

func isPoint(key []byte) bool {
	if len(key) != ledger.PublicKeySize {
		return false
	}
	x, _ := elliptic.UnmarshalCompressed(elliptic.P256(), key)
	return x != nil
}

// parseAddress reads an address that can be sent to.
func parseAddress(text string) (netip.AddrPort, error) {
	a, err := netip.ParseAddrPort(text)
	if err != nil || a.Port() == 0 || a.Addr().IsUnspecified() || a.Addr().IsMulticast() || a.Addr().Zone() != "" || a.Addr().Is4In6() {
		return a, fmt.Errorf("has address %q; want IP:PORT, such as 127.0.0.1:7000", text)
	}
	return a, nil
}

// parseMembers reads what is handed in to make a genesis: a member a line, empty lines and
// lines that begin with #.
func parseMembers(text []byte) (out []member, err error) {
	for i, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		m, err := parseMember(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d %w", i+1, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// parseGenesis reads the text of a genesis.
func parseGenesis(text []byte) (*genesis, error) {
	lines := strings.Split(string(text), "\n")
	if lines[0] != genesisMagic || len(lines) < 4 {
		return nil, fmt.Errorf("is not a genesis: want a file that begins with %q", genesisMagic)
	}
	made, err := time.Parse(time.RFC3339, strings.TrimPrefix(lines[1], "made "))
	if err != nil {
		return nil, fmt.Errorf("line 2 is %q; want made and a time", lines[1])
	}
	delay, err := time.ParseDuration(strings.TrimPrefix(lines[2], "delay "))
	if err != nil {
		return nil, fmt.Errorf("line 3 is %q; want delay and a duration", lines[2])
	}
	var members []member
	for i, line := range lines[3 : len(lines)-1] {
		m, err := parseMember(strings.Fields(strings.TrimPrefix(line, "member ")))
		if err != nil {
			return nil, fmt.Errorf("line %d %w", i+4, err)
		}
		members = append(members, m)
	}
	g, err := newGenesis(made, delay, members)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(g.text, text) {
		return nil, errors.New("is not as it was made: want the file that dessim genesis wrote, unchanged")
	}
	return g, nil
}

// readGenesis reads a file. Its errors have the path.
func readGenesis(path string) (*genesis, error) {
	text, err := readBounded(path, mostGenesis)
	if err != nil {
		return nil, err
	}
	g, err := parseGenesis(text)
	if err != nil {
		return nil, fmt.Errorf("genesis %s %w", path, err)
	}
	return g, nil
}

// readBounded reads a file of at most that many bytes.
func readBounded(path string, most int64) ([]byte, error) {
	now, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !now.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case now.Size() > most:
		return nil, fmt.Errorf("%s has %d bytes; want at most %d", path, now.Size(), most)
	}
	return os.ReadFile(path)
}

// find returns the member with a key.
func (g *genesis) find(key []byte) (protocol.NodeID, bool) {
	for i := range g.members {
		if bytes.Equal(g.members[i].key, key) {
			return protocol.NodeID(i), true
		}
	}
	return 0, false
}

// ids returns the NodeIDs of all members.
func (g *genesis) ids() (out []protocol.NodeID) {
	for i := range g.members {
		out = append(out, protocol.NodeID(i))
	}
	return out
}

// client returns the NodeID of a member's client.
func (g *genesis) client(id protocol.NodeID) protocol.NodeID {
	return id + protocol.NodeID(len(g.members))
}

// hash names the network of nodes that share a genesis and an order.
func (g *genesis) hash(order string) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%sorder %s\n", g.text, order))
}

// network is what datagrams carry of the hash.
func (g *genesis) network(order string) uint64 {
	h := g.hash(order)
	return binary.BigEndian.Uint64(h[:])
}

// minted returns the outputs that the network begins with.
func (g *genesis) minted() (outs []ledger.TxOut) {
	for i := range g.members {
		m := &g.members[i]
		for c := range uint64(coins) {
			amount := m.amount / coins
			if c < m.amount%coins {
				amount++
			}
			outs = append(outs, ledger.TxOut{Owner: m.owner(), Amount: amount})
		}
	}
	return outs
}

// ledger returns what every ledger of the network begins with.
func (g *genesis) ledger() *ledger.Genesis {
	h := sha256.Sum256(g.text)
	return ledger.NewGenesis("dessim "+hex.EncodeToString(h[:8]), g.minted())
}
