package udp

import (
	"bytes"
	"encoding/hex"
	"testing"

	"pgregory.net/rapid"
)

const thisNetwork = 0x0102030405060708

// drawFrame draws a frame in canonical form.
func drawFrame(t *rapid.T) frame {
	f := frame{
		network:     thisNetwork,
		incarnation: rapid.Uint32Min(1).Draw(t, "incarnation"),
		seq:         rapid.Uint64Min(1).Draw(t, "seq"),
		count:       rapid.Uint16Min(1).Draw(t, "count"),
	}
	f.index = rapid.Uint16Max(f.count-1).Draw(t, "index")
	size := fragmentLen
	if f.index == f.count-1 {
		least := 1
		if f.count == 1 {
			least = 0
		}
		size = rapid.IntRange(least, fragmentLen).Draw(t, "size")
	}
	f.body = bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, size)
	return f
}

func TestDecoderReadsWhatTheEncoderWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrame(t)
		b := f.append([]byte("before"))[len("before"):]
		var g frame
		if why := g.decode(b, thisNetwork); why != delivered {
			t.Fatalf("%+v is refused for reason %d", f, why)
		}
		if again := g.append(nil); !bytes.Equal(again, b) {
			t.Fatalf("%x is encoded again as %x", b, again)
		}
	})
}

// One bit of damage is found, wherever it is.
func TestADamagedFrameIsRefused(t *testing.T) {
	f := frame{network: thisNetwork, incarnation: 3, seq: 77, count: 1, body: []byte("hello")}
	b := f.append(nil)
	for i := range 8 * len(b) {
		b[i/8] ^= 1 << (i % 8)
		var g frame
		if why := g.decode(b, thisNetwork); why == delivered {
			t.Errorf("with bit %d flipped the frame is read as %+v", i, g)
		}
		b[i/8] ^= 1 << (i % 8)
	}
}

func TestAFrameIsThatOfThePackageComment(t *testing.T) {
	f := frame{network: thisNetwork, incarnation: 3, seq: 77, index: 1, count: 2, body: []byte("hello")}
	const want = "de551a01" + "0102030405060708" + "00000003" + "000000000000004d" + "0001" + "0002" + "0ad4aa11" + "68656c6c6f"
	if got := hex.EncodeToString(f.append(nil)); got != want {
		t.Errorf("encoded\n%s, want\n%s", got, want)
	}
}

func TestFramesInAnotherFormAreRefused(t *testing.T) {
	good := frame{network: thisNetwork, incarnation: 1, seq: 1, count: 1, body: []byte("x")}
	with := func(change func(f *frame)) []byte {
		f := good
		change(&f)
		return f.append(nil)
	}
	whole := with(func(*frame) {})
	other := bytes.Clone(whole)
	other[3] = 2
	broken := bytes.Clone(whole)
	broken[sumAt]++
	full := bytes.Repeat([]byte{7}, fragmentLen)
	for _, c := range []struct {
		what string
		b    []byte
		want reason
	}{
		{"nothing", nil, malformed},
		{"half a header", whole[:headerLen-1], malformed},
		{"rubbish", bytes.Repeat([]byte{0xa5}, 100), malformed},
		{"another version", other, otherVersion},
		{"another network", with(func(f *frame) { f.network++ }), otherNetwork},
		{"another checksum", broken, corrupt},
		{"a truncated body", whole[:len(whole)-1], corrupt},
		{"more behind it", append(bytes.Clone(whole), 0), corrupt},
		{"incarnation 0", with(func(f *frame) { f.incarnation = 0 }), malformed},
		{"seq 0", with(func(f *frame) { f.seq = 0 }), malformed},
		{"count 0", with(func(f *frame) { f.count = 0 }), malformed},
		{"an index of count", with(func(f *frame) { f.index = 1 }), malformed},
		{"an index beyond count", with(func(f *frame) { f.index, f.count = 9, 3 }), malformed},
		{"a short fragment that is not the last", with(func(f *frame) { f.count = 2 }), malformed},
		{"an empty last fragment", with(func(f *frame) { f.index, f.count, f.body = 1, 2, nil }), malformed},
		{"an oversized fragment", with(func(f *frame) { f.body = append(full[:len(full):len(full)], 0) }), malformed},
		{"an empty message", with(func(f *frame) { f.body = nil }), delivered},
		{"a full first fragment", with(func(f *frame) { f.count, f.body = 2, full }), delivered},
	} {
		var f frame
		if got := f.decode(c.b, thisNetwork); got != c.want {
			t.Errorf("%s is counted as reason %d, want %d", c.what, got, c.want)
		}
	}
}

func FuzzFrame(f *testing.F) {
	for _, body := range []string{"", "x", string(make([]byte, fragmentLen))} {
		good := frame{network: thisNetwork, incarnation: 1, seq: 1, count: 1, body: []byte(body)}
		f.Add(good.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var g frame
		if g.decode(b, thisNetwork) != delivered {
			if len(b) < headerLen {
				return
			}
			g.network = thisNetwork // a fuzzer does not find checksums; so one of another frame is put right
			b = g.append(nil)
			if g.decode(b, thisNetwork) != delivered {
				return
			}
		}
		if again := g.append(nil); !bytes.Equal(again, b) {
			t.Fatalf("%x is read as %+v and written as %x", b, g, again)
		}
		if g.count > 8 {
			return // each would take memory for its message
		}
		var ps parts
		for range 2 {
			if msg, _, _ := ps.add(&g, 0, 1<<20); msg != nil && !bytes.Equal(msg, g.body) {
				t.Fatalf("fragment %d of %d makes the message %q", g.index, g.count, msg)
			}
		}
	})
}
