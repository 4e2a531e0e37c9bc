package volume_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dessim/sim/host/volume"
)

// sample returns a disk with records of all kinds.
func sample(t testing.TB, model volume.Model) *disk {
	d := &disk{}
	v, _ := d.mount(t, model)
	f := must[volume.Ino](t)(v.Create(volume.Root, "f", 0o644))
	dir := must[volume.Ino](t)(v.Mkdir(volume.Root, "d", 0o755))
	must[volume.Ino](t)(v.Symlink(dir, "s", "../f"))
	must[int](t)(v.Write(f, bytes.Repeat([]byte{'x'}, 6000), 100))
	for _, err := range []error{
		v.Truncate(f, 5000), v.Chmod(f, 0o600), v.SetTimes(f, -7), v.Link(f, dir, "g"), v.Rename(dir, "g", volume.Root, "a name", 0),
		v.Rename(volume.Root, "f", dir, "s", volume.Exchange), v.Unlink(volume.Root, "f"), v.Rename(volume.Root, "d", volume.Root, "e", 0),
		v.Rmdir(volume.Root, "none"),
	} {
		if err != nil && !strings.Contains(err.Error(), "no such") {
			t.Fatal(err)
		}
	}
	must[volume.Ino](t)(v.Mkdir(volume.Root, "h", 0o700))
	if err := v.Rmdir(volume.Root, "h"); err != nil {
		t.Fatal(err)
	}
	d.flush(v, v.PendingAll())
	v.CompactAt(0)
	i, ok := v.Compact()
	if !ok {
		t.Fatal("no snapshot")
	}
	d.flush(v, []uint64{i})
	must[volume.Ino](t)(v.Create(volume.Root, "after", 0o644))
	return d
}

func TestRecordsAreDescribed(t *testing.T) {
	var got []string
	for _, r := range sample(t, volume.Ordered).records {
		got = append(got, volume.Describe(r.bytes))
	}
	want := []string{
		"create /f",
		"mkdir /d",
		"symlink to ../f: /d/s",
		"write 3996 bytes at 100 of /f",
		"write 2004 bytes at 4096 of /f",
		"size 6100 of /f",
		"truncate /f to 5000",
		"chmod /f to 0600",
		"set the times of /f",
		"link /f as /d/g",
		`rename /d/g to "/a name"`,
		"exchange /f and /d/s",
		"unlink /f",
		"rename /d to e",
		"mkdir /h",
		"rmdir /h",
		"snapshot of the volume",
		"create /after",
	}
	if !slices.Equal(got, want) {
		t.Errorf("descriptions:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for rec, want := range map[string]string{
		"":      "a record of 0 bytes that is torn",
		"x":     "a record of 1 byte that has a damaged header",
		"\xf5":  "a record of 1 byte that is torn",
		"\xf5a": "a record of 2 bytes that is torn",
	} {
		if got := volume.Describe([]byte(rec)); got != want {
			t.Errorf("%q: %s, want %s", rec, got, want)
		}
		if got := volume.IsRecord([]byte(rec)); got != strings.HasPrefix(rec, "\xf5") {
			t.Errorf("%q is a record: %v", rec, got)
		}
	}
}

// mounts mounts records as they are.
func mounts(d *disk, model volume.Model) (v *volume.Volume, err error) {
	v, _, err = volume.Mount(d.all(), volume.Config{Model: model, Persist: (&disk{}).persist, Now: d.now, Epoch: 9})
	return v, err
}

func TestADamagedHeaderStopsTheMountAndIsNamed(t *testing.T) {
	for _, model := range weak {
		whole := sample(t, model)
		if _, err := mounts(whole, model); err != nil {
			t.Fatal(err)
		}
		for k, r := range whole.records {
			for at := range r.payload {
				for bit := range 8 {
					r.bytes[at] ^= 1 << bit
					_, err := mounts(whole, model)
					if want := fmt.Sprintf("volume: record %d has a damaged header", k); err == nil || err.Error() != want {
						t.Fatalf("%v: bit %d of byte %d of %s: %v, want %s", model, bit, at, volume.Describe(r.bytes), err, want)
					}
					r.bytes[at] ^= 1 << bit
				}
			}
		}
	}
}

func TestRottenDataIsGivenAsItIs(t *testing.T) {
	for _, model := range weak {
		whole := sample(t, model)
		rotten := 0
		for _, r := range whole.records {
			if r.payload == len(r.bytes) {
				continue
			}
			rotten++
			r.bytes[len(r.bytes)-1] ^= 1
			v, err := mounts(whole, model)
			if err != nil {
				t.Fatalf("%v: %s with a rotten payload: %v", model, volume.Describe(r.bytes), err)
			}
			if strings.HasPrefix(volume.Describe(r.bytes), "snapshot") {
				f := must[volume.Ino](t)(v.Lookup(volume.Root, "a name"))
				if got := spell(contents(t, v, f)); got != "100*. 4899*x 1*y" {
					t.Errorf("%v: the file has %s", model, got)
				}
			}
			r.bytes[len(r.bytes)-1] ^= 1
		}
		if rotten != 3 {
			t.Errorf("%d records have a payload", rotten)
		}
	}
}

func TestRecordsOutOfOrderStopTheMount(t *testing.T) {
	for name, change := range map[string]func(*disk){
		"twice":            func(d *disk) { d.records = append(d.records, d.records...) },
		"backwards":        func(d *disk) { slices.Reverse(d.records) },
		"of a later life":  func(d *disk) { d.life = 20; v, _ := d.mount(t, 0); must[volume.Ino](t)(v.Create(volume.Root, "z", 0)) },
		"of another thing": func(d *disk) { d.records[0].bytes = []byte("hello, I am a record") },
	} {
		d := sample(t, volume.Ordered)
		change(d)
		if _, err := mounts(d, volume.Ordered); err == nil || !strings.HasPrefix(err.Error(), "volume: record ") {
			t.Errorf("records %s: %v, want an error that names one", name, err)
		}
	}
}

func TestATornSnapshotDidNotHappen(t *testing.T) {
	for _, model := range weak {
		d := sample(t, model)
		d.records = d.records[:17]
		want := dump(t, must[*volume.Volume](t)(mounts(d, model)))
		whole := d.records[16].bytes
		for n := range len(whole) {
			d.records[16].bytes = whole[:n]
			if got := dump(t, must[*volume.Volume](t)(mounts(d, model))); got != want {
				t.Fatalf("%v: torn after %d bytes it makes\n%s\nwant\n%s", model, n, got, want)
			}
		}
	}
}

// FuzzMount mounts what nobody wrote. It must not panic, and what it mounts can be used.
func FuzzMount(f *testing.F) {
	for _, model := range weak {
		var all []byte
		for _, r := range sample(f, model).records {
			all = append(all, byte(len(r.bytes)>>8), byte(len(r.bytes)))
			all = append(all, r.bytes...)
		}
		f.Add(all, uint8(model))
	}
	f.Fuzz(func(t *testing.T, data []byte, model uint8) {
		d := &disk{}
		for len(data) > 2 {
			n := min(int(data[0])<<8|int(data[1]), len(data)-2)
			d.records = append(d.records, rec{bytes: volume.Seal(data[2 : 2+n])})
			data = data[2+n:]
		}
		v, err := mounts(d, volume.Model(model%3))
		if err != nil {
			return
		}
		first := dump(t, v)
		if second := dump(t, must[*volume.Volume](t)(mounts(d, volume.Model(model%3)))); second != first {
			t.Errorf("the second mount makes\n%s\nof\n%s", second, first)
		}
		if i, err := v.Create(volume.Root, "new", 0); err == nil {
			must[int](t)(v.Write(i, []byte("x"), 5000))
		}
		v.CompactAt(0)
		v.Flushed(v.PendingAll())
		v.Compact()
	})
}

func TestModelsAreFoundByTheirNames(t *testing.T) {
	names := volume.Models()
	for i, name := range names {
		if m := volume.ModelNamed(name); m != volume.Model(i) || m.String() != name {
			t.Errorf("the model named %q is %d, %v", name, m, m)
		}
	}
	if len(names) != int(volume.Synced)+1 {
		t.Errorf("the models are %q, want one name for each", names)
	}
}
