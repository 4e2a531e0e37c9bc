// Package member is a server that knows which of a list of servers are alive, by
// hashicorp/memberlist: ordinary Go code that knows nothing of a simulator.
package member

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	port = 7946
	// rejoin is how often a server asks those servers that it does not list.
	rejoin = 5 * time.Second
)

// Config configures a server.
type Config struct {
	Name    string   // its host name
	Servers []string // host names of all servers; new ones join through the first
	// JoinsOnce has the server join when it starts and never again: a mistake. The library forgets
	// the dead after a while, and then two halves of a network that was split remain two.
	JoinsOnce bool
	// Changed is called with the members that are alive, in the order of their names, when they change.
	Changed func(live []Member)
}

// Member is a server as others know it.
type Member struct{ Name, Address string }

// Serve runs a server until ctx is done. It does not tell the others when it stops: they find out.
func Serve(ctx context.Context, c Config) error {
	own, err := net.DefaultResolver.LookupHost(ctx, c.Name)
	if err != nil {
		return err
	}
	changed := make(changes, 1)
	conf := memberlist.DefaultLANConfig()
	conf.Name = c.Name
	conf.BindPort, conf.AdvertisePort = port, port
	conf.AdvertiseAddr = own[0]
	conf.TCPTimeout = 2 * time.Second
	conf.PushPullInterval = 10 * time.Second
	conf.GossipToTheDeadTime = 10 * time.Second
	conf.Events = changed
	conf.Logger = log.New(warnings{os.Stderr}, "", 0)
	list, err := memberlist.Create(conf)
	if err != nil {
		return err
	}
	go join(list, c)
	var told []Member
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
		if live := members(list); !slices.Equal(live, told) {
			told = live
			c.Changed(live)
		}
	}
}

// members returns the members that are alive, in the order of their names.
func members(list *memberlist.Memberlist) (live []Member) {
	for _, m := range list.Members() {
		live = append(live, Member{m.Name, m.Address()})
	}
	slices.SortFunc(live, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return live
}

// join has the server join the others, and join those again that it has lost.
func join(list *memberlist.Memberlist, c Config) {
	for joined := false; ; time.Sleep(rejoin) {
		switch {
		case joined && c.JoinsOnce:
			return
		case joined:
			list.Join(missing(list, c.Servers))
		default:
			n, _ := list.Join(first(c))
			joined = n > 0
		}
	}
}

// first returns the servers through which a new one joins: the first, or all others if it is that.
func first(c Config) []string {
	if c.Name != c.Servers[0] {
		return []string{address(c.Servers[0])}
	}
	var others []string
	for _, name := range c.Servers[1:] {
		others = append(others, address(name))
	}
	return others
}

// missing returns the addresses of servers that are not listed as alive.
func missing(list *memberlist.Memberlist, servers []string) (lost []string) {
	live := members(list)
	for _, name := range servers {
		if !slices.ContainsFunc(live, func(m Member) bool { return m.Name == name }) {
			lost = append(lost, address(name))
		}
	}
	return lost
}

func address(name string) string { return fmt.Sprintf("%s:%d", name, port) }

// changes reports that members changed. The library calls it while it holds its locks.
type changes chan struct{}

func (c changes) NotifyJoin(*memberlist.Node)   { c.tell() }
func (c changes) NotifyLeave(*memberlist.Node)  { c.tell() }
func (c changes) NotifyUpdate(*memberlist.Node) { c.tell() }

func (c changes) tell() {
	select {
	case c <- struct{}{}:
	default: // an earlier report has not been consumed yet
	}
}

// warnings drops the lines of a log that interest only the library's authors.
type warnings struct{ io.Writer }

func (w warnings) Write(line []byte) (int, error) {
	if strings.HasPrefix(string(line), "[DEBUG]") {
		return len(line), nil
	}
	return w.Writer.Write(line)
}
