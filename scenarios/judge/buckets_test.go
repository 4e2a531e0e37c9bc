package judge

import (
	"slices"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
)

// bucketed returns a model with k 2 and three contacts in bucket 0, more than k since few lie
// deeper, and what is in bucket 1.
func bucketed() (m *model, id func(n int) kademlia.Contact) {
	id = func(n int) kademlia.Contact {
		return kademlia.Contact{ID: kademlia.ID{byte(n)}, Addr: protocol.SimBook{}.Endpoint(protocol.NodeID(n))}
	}
	m = &model{k: 2}
	for _, n := range []int{0x80, 0x81, 0x82, 0x40} {
		m.heard(id(n), 0)
	}
	return m, id
}

func (m *model) ids() (table, waits []byte) {
	for i := range m.table {
		table = append(table, m.table[i].ID[0])
	}
	for i := range m.waits {
		waits = append(waits, m.waits[i].ID[0])
	}
	return table, waits
}

func TestTheModelHasAStaleContactMakeWayBeforeItsBucketGrows(t *testing.T) {
	m, id := bucketed()
	cfg := &kademlia.Config{Stale: 1, Refresh: time.Hour}
	m.lost(id(0x81), cfg, 0)
	m.heard(id(0x83), 0)
	if got, _ := m.ids(); !slices.Equal(got, []byte{0x80, 0x82, 0x83, 0x40}) {
		t.Errorf("a newcomer makes the table %x", got)
	}
	m.heard(id(0x80), 0)
	m.heard(id(0x41), 0)
	m.heard(id(0x84), 0)
	if table, waits := m.ids(); !slices.Equal(table, []byte{0x82, 0x83, 0x80, 0x40, 0x41}) || !slices.Equal(waits, []byte{0x84}) {
		t.Errorf("once k contacts lie deeper the table is %x, and %x wait", table, waits)
	}
}

func TestTheModelHasANodeThatWaitsTakeTheStaleOnesPlaceOrBePinged(t *testing.T) {
	for _, c := range []struct {
		answered bool
		silence  time.Duration
		takes    bool
	}{{true, 0, true}, {true, 2 * time.Hour, false}, {false, 0, false}} {
		m, id := bucketed()
		cfg := &kademlia.Config{Stale: 1, Refresh: time.Hour}
		m.wait(kademlia.Entry{Contact: id(0x84), Answered: c.answered})
		next, try := m.lost(id(0x80), cfg, protocol.Time(c.silence))
		if took := m.find(id(0x84).ID) >= 0; took != c.takes || try == c.takes || try && next != id(0x84) {
			t.Errorf("%+v: it takes the place %v, and %.8s is pinged: %v", c, took, next.ID, try)
		}
	}
}
