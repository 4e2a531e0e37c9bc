package disk

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/protocol/live/disk/disktest"
)

var kills = flag.Int("disk.kills", 20, "how often TestAKilledProcessKeepsWhatWasSynced kills a process")

// What a child of this test does in the folder that the variable names.
const (
	childWrites = "DISK_TEST_WRITES"
	childHolds  = "DISK_TEST_HOLDS"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childWrites); dir != "" {
		writeForever(dir)
	}
	if dir := os.Getenv(childHolds); dir != "" {
		_, err := Open(dir, Options{})
		fmt.Println(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var killOptions = Options{Segment: 3000}

// madeUp returns the record of that index if that incarnation appends it: equal for both
// processes, different for incarnations.
func madeUp(incarnation uint32, index uint64) []byte {
	h := protocol.Hash2(uint64(incarnation), index)
	b := binary.LittleEndian.AppendUint64(nil, h)
	return append(b, make([]byte, h%700)...)
}

// writeForever appends, discards and syncs. It says what it is about to sync, and then that it
// is synced.
func writeForever(dir string) {
	d, err := Open(dir, killOptions)
	if err != nil {
		panic(err)
	}
	n, err := d.Begin()
	if err != nil {
		panic(err)
	}
	fmt.Println("begun", n, d.next)
	for {
		for range rand.IntN(5) {
			if err := d.Append(madeUp(n, d.next)); err != nil {
				panic(err)
			}
		}
		if rand.IntN(2) == 0 {
			d.Discard(d.next - min(d.next, rand.Uint64N(20)))
		}
		fmt.Println("try", d.next, d.forget)
		if err := d.Sync(); err != nil {
			panic(err)
		}
		fmt.Println("ok", d.next, d.forget)
	}
}

// told brings the twin to what a line of the child says.
func told(t *testing.T, twin *disktest.Twin, line string) {
	t.Helper()
	var word string
	var a, b uint64
	if _, err := fmt.Sscan(line, &word, &a, &b); err != nil {
		t.Fatalf("the child says %q", line)
	}
	switch word {
	case "begun":
		if err := twin.Begin(uint32(a), twin.Records); err != nil || b != twin.Next {
			t.Fatalf("%v: the child goes on with record %d, want %d", err, b, twin.Next)
		}
	case "try":
		for twin.Next < a {
			twin.Do(disktest.Op{Do: 'a', Rec: madeUp(twin.Incarnation, twin.Next)})
		}
		twin.Do(disktest.Op{Do: 'd', UpTo: b})
		twin.Try()
	case "ok":
		twin.Do(disktest.Op{Do: 's'})
	}
}

// A process is killed at a random moment, again and again; what it was told is durable is there
// afterwards, and what it was not told is there as far as the contract allows.
func TestAKilledProcessKeepsWhatWasSynced(t *testing.T) {
	dir, twin := t.TempDir(), new(disktest.Twin)
	discarded, segments := uint64(0), uint64(0)
	for i := range *kills {
		runAndKill(t, dir, twin)
		d := mustOpen(t, dir, killOptions)
		n, err := d.Begin()
		if err == nil {
			err = twin.Begin(n, disktest.Read(d.Records()))
		}
		if err != nil {
			t.Fatalf("after kill %d: %v\nreproduce: go test ./protocol/live/disk -run %s -disk.kills=%d", i+1, err, t.Name(), 50**kills)
		}
		discarded, segments = twin.Floor, d.log.number
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills: %d records, of which %d were discarded, in %d segments", *kills, twin.Next, discarded, segments)
	if discarded == 0 || segments < 3 {
		t.Errorf("vacuous: %d records discarded, %d segments", discarded, segments)
	}
}

// runAndKill runs a child and kills it after it has said some lines, or none.
func runAndKill(t *testing.T, dir string, twin *disktest.Twin) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childWrites+"="+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	wait := func() { time.Sleep(time.Duration(rand.IntN(500)) * time.Microsecond) }
	if rand.IntN(4) == 0 { // while it begins, most likely
		wait = func() { time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond) }
	} else {
		for range 1 + rand.IntN(60) {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("the child ended by itself: %v", err)
			}
			told(t, twin, line)
		}
	}
	wait()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // with a part of a line, perhaps
		}
		if err != nil {
			t.Fatal(err)
		}
		told(t, twin, line)
	}
	_ = c.Wait() // it was killed
}
