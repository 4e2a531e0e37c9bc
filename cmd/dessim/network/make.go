package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"dessim/cmd/dessim/cmdline"
	"dessim/protocol/ledger"
	"dessim/sim/files"
)

func genesisCommand() cmdline.Command {
	return cmdline.Command{
		Name:  "genesis",
		Usage: "makes the file that the members of a ledger network share",
		Text:  "dessim genesis -members FILE -out GENESIS, or dessim genesis -new 5 -out DIR",
		Flags: []cmdline.Flag{
			{Name: "members", Sample: "FILE", Usage: "the members, one a line: address, public key, and amount if other than " + strconv.Itoa(usualAmount) + "; node -id prints such lines"},
			{Name: "out", Sample: "FILE", Usage: "the genesis to write, or with -new the folder of the nodes' folders, DIR/0 and so on; a new name"},
			{Name: "new", Sample: "5", Usage: "make that many nodes on this machine, with their keys and folders, each with the genesis"},
			{Name: "listen", Sample: "127.0.0.1:7000", Usage: "with -new, the address of the first; the others have the ports after it"},
			{Name: "delay", Sample: usualDelay.String(), Usage: "the longest usual travel time of a message: how long nodes wait follows from it"},
		},
		Do: runGenesis,
	}
}

func runGenesis(_ context.Context, c *cmdline.Call) error {
	if len(c.Args) > 0 {
		return cmdline.Refuse("unexpected argument %s; want only flags and their values", cmdline.Quote(c.Args[0]))
	}
	out, given := c.Text("out")
	if !given || out == "" {
		return cmdline.Refuse("no -out; want -out with the name of a new file, or with -new of a new folder")
	}
	if _, err := os.Lstat(out); err == nil {
		return cmdline.Refuse("out %s: exists; want a new name, since nodes may have begun with it", cmdline.Quote(out))
	}
	delay := usualDelay
	if text, given := c.Text("delay"); given {
		var err error
		if delay, err = time.ParseDuration(text); err != nil {
			return cmdline.Refuse("delay %s: want a duration, such as 20ms", cmdline.Quote(text))
		}
	}
	path, of := c.Text("members")
	count, made := c.Text("new")
	switch {
	case of == made:
		return cmdline.Refuse("want -members with a file, or -new with a number; one of them")
	case made:
		return makeNodes(c, count, out, delay)
	}
	if _, given := c.Text("listen"); given {
		return cmdline.Refuse("listen means nothing without -new; leave it out")
	}
	text, err := readBounded(path, mostGenesis)
	if err != nil {
		return cmdline.Refuse("members %s: %s", cmdline.Quote(path), reason(err))
	}
	members, err := parseMembers(text)
	if err != nil {
		return cmdline.Refuse("members %s %v", cmdline.Quote(path), err)
	}
	g, err := newGenesis(time.Now(), delay, members)
	if err != nil {
		return cmdline.Refuse("members %s: the network %v", cmdline.Quote(path), err)
	}
	if _, err := files.Write(out, g.text); err != nil {
		return cmdline.Refuse("out %s: %s", cmdline.Quote(out), reason(err))
	}
	fmt.Fprintf(c.Out, "genesis of %d members in %s\n", len(members), out)
	return nil
}

// makeNodes makes a folder with the folders of new nodes, whole or not at all.
func makeNodes(c *cmdline.Call, count, out string, delay time.Duration) error {
	n, err := strconv.Atoi(count)
	if err != nil || n < leastMembers || n > mostMembers {
		return cmdline.Refuse("new %s: want a number from %d to %d", cmdline.Quote(count), leastMembers, mostMembers)
	}
	first := netip.MustParseAddrPort("127.0.0.1:7000")
	if text, given := c.Text("listen"); given {
		if first, err = parseAddress(text); err != nil {
			return cmdline.Refuse("-listen %v", err)
		}
	}
	if int(first.Port())+n-1 > 1<<16-1 {
		return cmdline.Refuse("listen %v: has no %d ports from there on; want a smaller one", first, n)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(out), ".dessim-genesis-*")
	if err != nil {
		return cmdline.Refuse("out %s: %s", cmdline.Quote(out), reason(err))
	}
	defer os.RemoveAll(temporary)
	g, err := fill(temporary, n, first, delay)
	if err == nil {
		err = errors.Join(os.Chmod(temporary, 0o755), os.Rename(temporary, out))
	}
	if err != nil {
		return cmdline.Refuse("out %s: %v", cmdline.Quote(out), err)
	}
	for i := range g.members {
		m := &g.members[i]
		fmt.Fprintf(c.Out, "%s  %v  %v  %d\n", filepath.Join(out, strconv.Itoa(i)), m.at, m.owner(), m.amount)
	}
	return nil
}

// fill makes the keys of new nodes, and then their genesis.
func fill(dir string, n int, first netip.AddrPort, delay time.Duration) (*genesis, error) {
	var members []member
	home := func(i int) string { return filepath.Join(dir, strconv.Itoa(i)) }
	for i := range n {
		key, err := publicKey(home(i))
		if err != nil {
			return nil, err
		}
		members = append(members, member{at: netip.AddrPortFrom(first.Addr(), first.Port()+uint16(i)), key: key, amount: usualAmount})
	}
	g, err := newGenesis(time.Now(), delay, members)
	if err != nil {
		return nil, err
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(home(i), genesisFile), g.text, 0o666); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// member returns the member that a user names: by number, address, or owner.
func (g *genesis) named(text string) (ledger.Owner, error) {
	for i := range g.members {
		m := &g.members[i]
		if text == strconv.Itoa(i) || text == m.at.String() || text == m.owner().String() {
			return m.owner(), nil
		}
	}
	return ledger.Owner{}, fmt.Errorf("%q is no member; want a number from 0 to %d, an address, or the 40 hex digits of an id", text, len(g.members)-1)
}
