package judge

import (
	"slices"
	"testing"

	"dessim/protocol/gossip"
	"dessim/protocol/kademlia"
)

func TestFormsBreakOneRuleOfAMessage(t *testing.T) {
	query := []byte("d1:ad2:id20:aaaaaaaaaaaaaaaaaaaa6:target20:bbbbbbbbbbbbbbbbbbbbe1:q9:find_node1:t2:xy1:y1:qe")
	var w kademlia.Watcher
	for _, c := range []struct {
		make  func(m *maker)
		reads func(msg []byte) bool
	}{
		{func(m *maker) { m.gossip(gossip.Data([]byte("body"))) }, func(msg []byte) bool { _, ok := gossip.Read(msg); return ok }},
		{func(m *maker) { m.query(query) }, func(msg []byte) bool { _, ok := w.Read(msg); return ok }},
	} {
		good, bad := 0, 0
		c.make(&maker{judges: func(f *form) {
			if c.reads(f.msg) != f.good {
				t.Errorf("with %s: want it read: %v", f.what, f.good)
			}
			if f.good {
				good++
			} else {
				bad++
			}
		}})
		if good == 0 || bad == 0 {
			t.Errorf("%d forms are good and %d are not, want some of each", good, bad)
		}
	}
	if v, rest := parse(query); len(rest) > 0 || !slices.Equal(v.append(nil), query) {
		t.Errorf("%s is parsed as %s, and %s is left", query, v.append(nil), rest)
	}
}
