package kademlia

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"dessim/protocol"
)

// disk is what the effects of a node leave: what is persisted is safe at the next Sync, and
// what is discarded is gone then.
type disk struct {
	records  [][]byte
	discards int // records that the next Sync forgets
}

func (d *disk) apply(t *testing.T, effects []protocol.Effect) {
	open := 0
	for _, f := range effects {
		switch f.Op {
		case protocol.OpPersist:
			d.records = append(d.records, bytes.Clone(f.Body))
			open++
		case protocol.OpDiscard:
			d.discards = len(d.records)
			open++
		case protocol.OpSync:
			d.records, d.discards, open = d.records[d.discards:], 0, 0
		}
	}
	if open > 0 {
		t.Errorf("%d effects on the disk have no Sync after them", open)
	}
}

// A node that discards older records whenever it can holds one for each value that it
// publishes, and a later incarnation publishes them all for as long.
func TestANodeThatDiscardsEarlyPublishesTheSameAfterARestart(t *testing.T) {
	const values = 20
	var d disk
	var env protocol.Env
	start := func(inc uint32, now protocol.Time) *Node {
		n := NewNode(NodeConfig{Config: Lasting(anyID(1, 1), protocol.SimBook{}, 7), Compact: protocol.Percent(100)})
		records := slices.Clone(d.records)
		env.Enter(0, inc, now, nil)
		env.Mount(func(yield func(uint64, []byte) bool) {
			for i, rec := range records {
				if !yield(uint64(i), rec) {
					return
				}
			}
		})
		n.Start(&env)
		d.apply(t, env.Effects())
		return n
	}
	n := start(1, 0)
	now := protocol.Time(0)
	var published []protocol.Promise
	for i := range values {
		now += protocol.Time(time.Second)
		life := time.Duration(i%3) * 2 * time.Minute // of every third, none
		env.Enter(0, 1, now, nil)
		n.Receive(&env, protocol.Outside, PublishInput(fmt.Appendf(nil, "i%de", i), life))
		d.apply(t, env.Effects())
		for _, f := range env.Effects() {
			published = n.Promises(published, &f)
		}
	}
	if len(published) != values || len(d.records) != values {
		t.Fatalf("%d values are promised and %d are on the disk, want %d of both", len(published), len(d.records), values)
	}
	for inc := uint32(2); inc < 4; inc++ {
		now += protocol.Time(time.Second)
		n = start(inc, now)
		for i := range published {
			if v, ok := n.Keeps(&published[i]); !ok || !published[i].KeptBy(v) {
				t.Errorf("incarnation %d does not keep %v", inc, published[i])
			}
		}
	}
	n = start(4, now+protocol.Time(3*time.Minute)) // later than every third value lives
	if want := values - (values+1)/3; len(d.records) != want {
		t.Errorf("%d records are left, want %d", len(d.records), want)
	}
	if _, ok := n.Keeps(&published[1]); ok {
		t.Error("a value that has expired is published")
	}
}
