package kv

import (
	"bytes"
	"testing"

	"dessim/protocol"

	"pgregory.net/rapid"
)

func drawCommand(t *rapid.T) Command {
	return Command{
		Client: protocol.NodeID(rapid.Uint32Range(0, uint32(protocol.Outside)-1).Draw(t, "client")),
		Seq:    rapid.Uint64Min(1).Draw(t, "seq"),
		Op:     Op(rapid.Uint8Range(0, uint8(CAS)).Draw(t, "op")),
		Key:    rapid.Uint64().Draw(t, "key"), Old: rapid.Uint64().Draw(t, "old"), New: rapid.Uint64().Draw(t, "new"),
	}
}

func TestMessagesCommandsAndOutputsComeBackFromTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCommand(t)
		if got, ok := decodeCommand(c.append(nil)); !ok || got != c {
			t.Fatalf("%+v came back as %+v, %v", c, got, ok)
		}
		if got, ok := DecodeCalled(c.append(nil)); !ok || got != c {
			t.Fatalf("%+v came back as %+v, %v", c, got, ok)
		}
		r := Return{Seq: rapid.Uint64().Draw(t, "seq"), OK: rapid.Bool().Draw(t, "ok"), Value: rapid.Uint64().Draw(t, "value")}
		if got, ok := DecodeReturned(r.record()); !ok || got != r {
			t.Fatalf("%+v came back as %+v, %v", r, got, ok)
		}
		terms := Command{Seq: c.Seq, Op: c.Op, Key: c.Key, Old: c.Old, New: c.New}
		ask := Command{Op: c.Op, Key: c.Key, New: c.New}
		for _, m := range []message{{typ: typeRequest, cmd: terms}, {typ: typeReply, res: r}, {typ: typeAsk, cmd: ask}} {
			if got, ok := decode(m.append(nil)); !ok || got != m {
				t.Fatalf("%+v came back as %+v, %v", m, got, ok)
			}
		}
	})
}

func TestWhatIsNotCanonicalOrInRangeIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "\x10", "\x10le", "\x11li1ei1ei1ei0ee", "\x10li1ei1ei1ei0ee ", "\x10li3ee", "\x10li1ei1ei2ei0ee", "\x10li1ei01ei1ei0ee",
		"\x10li0ei0ei0ei0ei0ei0ee", "\x10li0ei1ei3ei0ei0ei0ee", "\x10li0ei1ei0ei0ei0ee", "\x10li2ei0ei0ei0ei0ee",
	} {
		if m, ok := decode([]byte(text)); ok {
			t.Errorf("%q is read as %+v", text, m)
		}
	}
	for _, text := range []string{"", "le", "li0ei0ei0ei0ei0ei0ee", "li4294967295ei1ei0ei0ei0ei0ee", "li0ei1ei3ei0ei0ei0ee", "li0ei1ei0ei0ei0ei0ei0ee"} {
		if c, ok := decodeCommand([]byte(text)); ok {
			t.Errorf("%q is read as %+v", text, c)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(message{typ: typeRequest, cmd: Command{Seq: 1 << 40, Op: CAS, Key: 3, Old: 1, New: 2}}.append(nil))
	f.Add(message{typ: typeReply, res: Return{Seq: 1, OK: true, Value: 9}}.append(nil))
	f.Add(AskInput(Command{Op: Put, Key: 1, New: 2}))
	f.Add((&Command{Client: 7, Seq: 1, Op: Put}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, ok := decode(b); ok {
			if again := m.append(nil); !bytes.Equal(again, b) {
				t.Errorf("%q is read as %+v and written as %q", b, m, again)
			}
			if Text(b) == "" {
				t.Errorf("%q has no text", b)
			}
		}
		if c, ok := decodeCommand(b); ok {
			if again := c.append(nil); !bytes.Equal(again, b) {
				t.Errorf("%q is read as %+v and written as %q", b, c, again)
			}
		}
		for _, kind := range []protocol.Kind{KindCalled, KindReturned, KindApplied} {
			TextOutput(kind, b)
		}
	})
}
