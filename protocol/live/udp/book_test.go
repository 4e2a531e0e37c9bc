package udp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol"
)

var _ protocol.Book = (*Book)(nil)

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestBooksThatCannotBeAreRefused(t *testing.T) {
	for _, c := range []struct {
		members   []string
		strangers int
		want      string
	}{
		{[]string{"127.0.0.1:7000", "127.0.0.1:7000"}, 0, "members 0 and 1 are both at 127.0.0.1:7000"},
		{[]string{"127.0.0.1:7000", "[::ffff:127.0.0.1]:7000"}, 0, "members 0 and 1 are both at 127.0.0.1:7000"},
		{[]string{"127.0.0.1:0"}, 0, "member 0 is at 127.0.0.1:0"},
		{[]string{"0.0.0.0:7000"}, 0, "member 0 is at 0.0.0.0:7000"},
		{[]string{"[::]:7000"}, 0, "member 0 is at [::]:7000"},
		{[]string{"224.0.0.1:7000"}, 0, "member 0 is at 224.0.0.1:7000"},
		{[]string{"255.255.255.255:7000"}, 0, "member 0 is at 255.255.255.255:7000"},
		{[]string{"[fe80::1%eth0]:7000"}, 0, "without a zone"},
		{nil, -1, "-1 strangers"},
		{[]string{"127.0.0.1:7000"}, maxNodes, "16777216 strangers, want at most 16777216 in all"},
	} {
		var members []netip.AddrPort
		for _, m := range c.members {
			members = append(members, at(m))
		}
		_, err := NewBook(members, c.strangers)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v and %d strangers: error %q, want one line with %q", c.members, c.strangers, err, c.want)
		}
	}
}

func TestMembersKeepTheirNodeIDs(t *testing.T) {
	members := []netip.AddrPort{at("127.0.0.1:7000"), at("[2001:db8::1]:7001"), at("10.0.0.1:7000")}
	b, err := NewBook(members, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		b.Meet(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 9, byte(i)}), 1))
	}
	for i, m := range members {
		id := protocol.NodeID(i)
		e := b.Endpoint(id)
		if back, ok := b.Node(e); !ok || back != id || e.Is4() != m.Addr().Is4() {
			t.Errorf("member %d is at %v, where node %v is, %v", i, e, back, ok)
		}
		long, ok := b.Long(e)
		if again, _ := b.Short(long); ok != m.Addr().Is6() || ok && again != e {
			t.Errorf("%v stands for %v, %v, for which %v stands", e, long, ok, again)
		}
		if got, ok := b.Member(m); !ok || got != id {
			t.Errorf("at %v is member %v, %v; want %d", m, got, ok, i)
		}
	}
	if e := b.Endpoint(5); e != (protocol.Endpoint{}) {
		t.Errorf("nobody has NodeID 5, and it is at %v", e)
	}
}

// A slow twin: the strangers in the order in which they were met, each with its NodeID.
type twin struct {
	addrs []netip.AddrPort
	ids   []protocol.NodeID
}

func (w *twin) meet(a netip.AddrPort, members, limit int) protocol.NodeID {
	i := slices.Index(w.addrs, a)
	id := protocol.NodeID(members + len(w.addrs))
	switch {
	case i >= 0:
		id = w.ids[i]
	case len(w.addrs) == limit:
		i, id = 0, w.ids[0]
	}
	if i >= 0 {
		w.addrs, w.ids = slices.Delete(w.addrs, i, i+1), slices.Delete(w.ids, i, i+1)
	}
	w.addrs, w.ids = append(w.addrs, a), append(w.ids, id)
	return id
}

// The stranger met least recently gives up its NodeID. Endpoints that were handed out
// never lead to another address than they did.
func TestStrangersHaveNodeIDsOfABoundedRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		b, err := NewBook([]netip.AddrPort{at("127.0.0.1:7000")}, limit)
		if err != nil {
			t.Fatal(err)
		}
		var w twin
		handed := map[protocol.Endpoint]netip.AddrPort{}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), rapid.Uint16Range(1, 6).Draw(t, "port"))
			if rapid.Bool().Draw(t, "six") {
				a = netip.AddrPortFrom(at("[2001:db8::1]:1").Addr(), a.Port())
			}
			id, ok := b.Meet(a)
			if want := w.meet(a, 1, limit); !ok || id != want || int(id) > limit {
				t.Fatalf("%v has NodeID %v, %v; want %v, at most %d", a, id, ok, want, limit)
			}
			if got, _ := b.AddrPort(id); got != a {
				t.Fatalf("node %v is at %v, want %v", id, got, a)
			}
			e := b.Endpoint(id)
			if was, there := handed[e]; there && was != a {
				t.Fatalf("%v has led to %v, and leads to %v", e, was, a)
			}
			handed[e] = a
		}
		for e := range handed {
			if long, ok := b.Long(e); ok && (e.Is4() || netip.AddrFrom16([16]byte(long[:16])) != handed[e].Addr()) {
				t.Fatalf("%v stands for %v, want %v", e, long, handed[e])
			}
		}
	})
}

func TestEndpointsThatNobodyCanHaveMakeNoStranger(t *testing.T) {
	b, err := NewBook([]netip.AddrPort{at("127.0.0.1:7000")}, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []protocol.Endpoint{{}, {10, 0, 0, 1, 0, 0}, {224, 0, 0, 1, 0, 1}, {255, 255, 255, 255, 0, 1}, {0, 0, 1, 0, 0, 0}, {0, 0, 1, 0, 0, 1}, {0, 0, 0, 0, 0, 1}} {
		if id, ok := b.Node(e); ok {
			t.Errorf("at %v is node %v", e, id)
		}
	}
	for _, long := range []protocol.Endpoint6{{}, {15: 1}, {0: 0xff, 15: 1, 17: 1}, {10: 0xff, 11: 0xff, 12: 10, 15: 1, 17: 1}} {
		if e, ok := b.Short(long); ok {
			t.Errorf("%v stands for %v", e, long)
		}
	}
	if none, _ := NewBook(nil, 0); none != nil {
		if id, ok := none.Meet(at("10.0.0.1:1")); ok {
			t.Errorf("a Book without strangers has one, %v", id)
		}
	}
	if _, ok := b.AddrPort(1); ok {
		t.Error("a stranger was made")
	}
}
