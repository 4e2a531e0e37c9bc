package host

import (
	"bytes"
	"testing"

	"dessim/protocol"

	"pgregory.net/rapid"
)

// anySegment draws a segment that a node could send.
func anySegment(t *rapid.T) segment {
	id := rapid.Uint64Range(1, 1<<40)
	s := segment{what: segmentKind(rapid.ByteRange(byte(segDatagram), byte(segEnd)-1).Draw(t, "kind"))}
	switch s.what {
	case segDatagram, segSyn:
		s.loop = rapid.Uint8Range(0, 3).Draw(t, "loop")
		s.fromPort, s.toPort = rapid.Uint16Min(1).Draw(t, "from port"), rapid.Uint16Min(1).Draw(t, "to port")
	case segReset:
		if rapid.Bool().Draw(t, "unknown") {
			s.of = connID(id.Draw(t, "of"))
			return s
		}
	}
	if s.what != segDatagram && s.what != segSyn {
		s.to = connID(id.Draw(t, "to"))
	}
	if s.what == segSyn || s.what == segSynAck {
		s.of = connID(id.Draw(t, "of"))
	}
	if s.ofConnection() {
		s.seq, s.ack = rapid.Uint64Max(maxOffset).Draw(t, "seq"), rapid.Uint64Max(maxOffset).Draw(t, "ack")
	}
	if s.what != segDatagram && s.what != segReset {
		s.window = rapid.Uint32Max(maxWindow).Draw(t, "window")
	}
	if s.what == segDatagram || s.what == segData {
		s.data = rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "data")
	}
	return s
}

func TestASegmentIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySegment(t)
		b := s.append(nil, 1, 2)
		got, ok := parseSegment(b, 1, 2)
		if !ok || !bytes.Equal(got.append(nil, 1, 2), b) || !bytes.Equal(got.data, s.data) {
			t.Fatalf("%+v is read as %+v, %v", s, got, ok)
		}
		for _, nodes := range [][2]protocol.NodeID{{2, 1}, {1, 3}, {3, 2}} {
			if other, ok := parseSegment(b, nodes[0], nodes[1]); ok {
				t.Fatalf("what goes from 1 to 2 passes as %+v from %d to %d", other, nodes[0], nodes[1])
			}
		}
		got.data, s.data = nil, nil
		if got.window != s.window || got.to != s.to || got.of != s.of || got.seq != s.seq || got.ack != s.ack || got.toPort != s.toPort {
			t.Fatalf("%+v is read as %+v", s, got)
		}
	})
}

func TestADamagedSegmentIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySegment(t)
		b := s.append(nil, 1, 2)
		for i := range 8 * len(b) {
			b[i/8] ^= 1 << (i % 8)
			if got, ok := parseSegment(b, 1, 2); ok {
				t.Fatalf("%+v passes as %+v with bit %d flipped", s, got, i)
			}
			b[i/8] ^= 1 << (i % 8)
		}
		for n := range b {
			if got, ok := parseSegment(b[:n], 1, 2); ok {
				t.Fatalf("%+v passes as %+v, cut to %d of %d bytes", s, got, n, len(b))
			}
		}
	})
}

func TestAnAcknowledgementFitsInto32Bytes(t *testing.T) {
	s := segment{what: segAck, to: newConnID(100, 10_000), seq: 1 << 30, ack: 1 << 30, window: maxWindow}
	if n := len(s.append(nil, 1, 2)); n > 32 { // the simulator keeps so many within its events
		t.Errorf("it has %d bytes", n)
	}
}

func TestANumberHasOneForm(t *testing.T) {
	good := segment{what: segReset, of: newConnID(1, 1)}
	b := good.append(nil, 1, 2)
	if _, ok := parseSegment(b, 1, 2); !ok {
		t.Fatalf("%x is refused", b)
	}
	long := []byte{b[0], b[1], b[2], 0x81, 0x00, 0x81, 0x00} // 1 and 1, in two bytes each
	if s, ok := parseSegment(sealed(long, 1, 2), 1, 2); ok {
		t.Errorf("%x passes as %+v", long, s)
	}
}

// FuzzParseSegment gives the decoder bytes with a checksum that is right.
func FuzzParseSegment(f *testing.F) {
	for _, s := range []segment{
		{what: segDatagram, fromPort: 1, toPort: 2, data: []byte("hello")},
		{what: segSyn, loop: 3, fromPort: 40000, toPort: 80, of: newConnID(1, 1), window: maxWindow},
		{what: segSynAck, to: newConnID(1, 1), of: newConnID(3, 200), window: maxWindow},
		{what: segData, to: newConnID(3, 200), seq: 1 << 20, ack: 1 << 50, window: 1, data: []byte{0}},
		{what: segFin, to: 1, seq: maxOffset},
		{what: segReset, of: 1},
	} {
		b := s.append(nil, 1, 2)
		f.Add(b[:len(b)-checksumSize])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b := sealed(bytes.Clone(body), 1, 2)
		s, ok := parseSegment(b, 1, 2)
		if ok && !bytes.Equal(s.append(nil, 1, 2), b) {
			t.Fatalf("%x is read as %+v, which is written %x", b, s, s.append(nil, 1, 2))
		}
	})
}
