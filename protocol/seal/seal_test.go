package seal_test

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"dessim/protocol/seal"
)

func Example() {
	frame := seal.Append([]byte("a vote"))
	msg, ok := seal.Open(frame)
	fmt.Printf("%q %v\n", msg, ok)
	frame[2] ^= 1 // the network flips a bit
	msg, ok = seal.Open(frame)
	fmt.Printf("%q %v\n", msg, ok)
	// Output:
	// "a vote" true
	// "" false
}

// TestChecksumOnTheWireIsFrozen: nodes of different builds must understand each
// other, and digests depend on every byte that is sent.
func TestChecksumOnTheWireIsFrozen(t *testing.T) {
	for msg, want := range map[string]string{
		"":       "19b592649491bc3b",
		"a vote": "9e2e35b65ca1ab14",
	} {
		if got := fmt.Sprintf("%x", seal.Append([]byte(msg))[len(msg):]); got != want {
			t.Errorf("%q has the checksum %s, want %s", msg, got, want)
		}
	}
}

func TestAnyFlippedBitsAnyCutAndAnyAdditionAreNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		msg := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "message")
		frame := seal.Append(bytes.Clone(msg))
		if got, ok := seal.Open(frame); !ok || !bytes.Equal(got, msg) {
			t.Fatalf("%x opens as %x, %v", msg, got, ok)
		}
		for i := range 8 * len(frame) {
			frame[i/8] ^= 1 << (i % 8)
			if _, ok := seal.Open(frame); ok {
				t.Fatalf("%x passes with bit %d flipped", msg, i)
			}
			frame[i/8] ^= 1 << (i % 8)
		}
		for n := range frame {
			if _, ok := seal.Open(frame[:n]); ok {
				t.Fatalf("%x passes cut to %d bytes", msg, n)
			}
		}
		damaged := rapid.SliceOfN(rapid.Byte(), 0, 120).Draw(t, "instead")
		if _, ok := seal.Open(damaged); ok && !bytes.Equal(damaged, frame) {
			t.Fatalf("%x passes", damaged)
		}
		if _, ok := seal.Open(append(frame, rapid.Byte().Draw(t, "addition"))); ok {
			t.Fatalf("%x passes with a byte more", msg)
		}
	})
}

func TestSealingAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		frame := seal.Append(append(buf, "a vote"...))
		if _, ok := seal.Open(frame); !ok {
			t.Error("it does not open")
		}
	}); n != 0 {
		t.Errorf("sealing and opening allocate %v times, want 0", n)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(seal.Append(nil))
	f.Add(seal.Append([]byte("a vote")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if msg, ok := seal.Open(b); ok && !bytes.Equal(seal.Append(bytes.Clone(msg)), b) {
			t.Fatalf("%x opens as %x, which is sealed otherwise", b, msg)
		}
	})
}
