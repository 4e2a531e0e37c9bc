package kademlia

import (
	"bytes"
	"testing"
	"time"

	"dessim/protocol"
)

func TestOutputsOfANodeHaveAText(t *testing.T) {
	for _, c := range []struct {
		kind protocol.Kind
		body []byte
		want string
	}{
		{KindJoined, nil, "the network"},
		{KindPublished, Published{ID{0xab, 1}, 3}.append(nil), "ab010000 at 3 nodes"},
		{KindEnded, Ended{Number: 4, ID: ID{0xab}, OK: true, Value: []byte("i1e"), Hops: 2, RPCs: 5}.append(nil), "lookup 4 of ab000000 found it after 2 hops, 5 queries"},
		{KindEnded, Ended{Number: 4, ID: ID{0xab}, RPCs: 5}.append(nil), "lookup 4 of ab000000 found nothing, 5 queries"},
		{KindLooked, appendLooked(nil, 4, ID{0xab}, Result{Closest: []Contact{{ID: ID{0xcd}}}, Hops: 2}), "lookup 4 of ab000000 ended after 2 hops: cd000000"},
		{KindEnded, nil, ""}, {KindPublished, nil, ""}, {KindJoined, []byte("x"), ""}, {KindPing, nil, ""},
	} {
		if got := TextOutput(c.kind, c.body); got != c.want {
			t.Errorf("%v %q has the text %q, want %q", c.kind, c.body, got, c.want)
		}
	}
	for want, b := range map[string][]byte{
		"get ab000000, lookup 9": GetInput(9, ID{0xab}),
		"publish 1c9d0d26":       PublishInput([]byte("i1e"), time.Second),
		"":                       nil,
	} {
		if got := TextInput(b); got != want {
			t.Errorf("%q has the text %q, want %q", b, got, want)
		}
	}
}

func TestPublishInputRefusesALifeThatNodesRefuse(t *testing.T) {
	for _, life := range []time.Duration{-1, maxLife*time.Millisecond + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a life of %v was accepted", life)
				}
			}()
			PublishInput([]byte("i1e"), life)
		}()
	}
	PublishInput([]byte("i1e"), maxLife*time.Millisecond)
}

// Whatever a node writes on its disk it reads in its next incarnation, however late.
func TestEveryRecordIsReadInTheNextLife(t *testing.T) {
	for _, now := range []protocol.Time{0, protocol.Time(time.Hour), protocol.MaxTime} {
		for _, life := range []uint64{0, 1, maxLife, maxLife + 1, 2 * maxLife} {
			n := NewNode(NodeConfig{Config: Lasting(anyID(1, 1), protocol.SimBook{}, 7)})
			var env protocol.Env
			env.Enter(0, 1, now, nil)
			n.Receive(&env, protocol.Outside, command{typ: typePublish, value: []byte("i1e"), life: life}.append(nil))
			var records [][]byte
			for _, f := range env.Effects() {
				if f.Op == protocol.OpPersist {
					records = append(records, bytes.Clone(f.Body))
				}
			}
			if refused := n.Malformed() == 1; refused != (life > maxLife) || refused == (len(records) == 1) {
				t.Errorf("at %v a life of %d ms is refused: %v, and writes %d records", now, life, refused, len(records))
			}
			for _, rec := range records {
				if _, ok := decodeCommand(rec); !ok {
					t.Errorf("at %v a life of %d ms is written as %q, which is not read", now, life, rec)
				}
			}
		}
	}
}

func TestInputsThatWaitForTheJoinAreBoundedAndCounted(t *testing.T) {
	n := NewNode(NodeConfig{Config: Lasting(anyID(1, 1), protocol.SimBook{}, 7), Seeds: []protocol.Endpoint{protocol.SimBook{}.Endpoint(1)}})
	var env protocol.Env
	env.Enter(0, 1, 0, nil)
	env.Mount(func(func(uint64, []byte) bool) {})
	n.Start(&env)
	persisted := 0
	for i := range maxCommands + 5 {
		env.Enter(0, 1, protocol.Time(i), nil)
		n.Receive(&env, protocol.Outside, PublishInput([]byte("i1e"), 0))
		for _, f := range env.Effects() {
			if f.Op == protocol.OpPersist {
				persisted++
			}
		}
	}
	if n.Dropped() != 5 || persisted != maxCommands || n.Malformed() != 0 {
		t.Errorf("%d inputs were dropped and %d written, want 5 and %d: what is dropped must not come back after a restart", n.Dropped(), persisted, maxCommands)
	}
}

// What the decoders of inputs, records and outputs accept is what the encoders write.
func FuzzNodeWire(f *testing.F) {
	f.Add(PublishInput([]byte("i1e"), time.Second))
	f.Add(GetInput(9, ID{0xab}))
	f.Add(Published{ID{0xab, 1}, 3}.append(nil))
	f.Add(Ended{Number: 4, OK: true, Value: []byte("i1e"), Hops: 2, RPCs: 5}.append(nil))
	f.Add(Ended{Number: 4, RPCs: 5}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, ok := decodeCommand(b); ok && !bytes.Equal(c.append(nil), b) {
			t.Fatalf("%q is read as %+v and written as %q", b, c, c.append(nil))
		}
		if p, ok := DecodePublished(b); ok && !bytes.Equal(p.append(nil), b) {
			t.Fatalf("%q is read as %+v and written as %q", b, p, p.append(nil))
		}
		if x, ok := DecodeEnded(b); ok && !bytes.Equal(x.append(nil), b) {
			t.Fatalf("%q is read as %+v and written as %q", b, x, x.append(nil))
		}
	})
}
