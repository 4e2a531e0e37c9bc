package files_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dessim/sim/files"

	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("FILES_TEST_HOLD"); dir != "" {
		holdForever(dir)
	}
	os.Exit(m.Run())
}

// holdForever begins a file and a folder, and waits to be killed.
func holdForever(dir string) {
	f, err := files.Create(filepath.Join(dir, "file"))
	d, err2 := files.OpenFolder(filepath.Join(dir, "folder"))
	if err := errors.Join(err, err2); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	f.Write(bytes.Repeat([]byte("x"), 1<<20))
	d.Put("log", []byte("x"))
	fmt.Println("begun")
	for {
		time.Sleep(time.Hour) // select {} would be a deadlock, which ends the process
	}
}

var safe = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*\.replay$`)

func TestAnyWordsMakeANameThatEverySystemTakes(t *testing.T) {
	word := rapid.OneOf(rapid.String(), rapid.StringN(0, 400, -1), rapid.SampledFrom([]string{"con", "COM1", "lpt9.x", "..", "a/../b", "x.", "a:b", "\x00"}))
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(word, 0, 3).Draw(t, "words")
		name := files.Name(".replay", words...)
		if len(name) > files.MostName || !safe.MatchString(name) || name != filepath.Base(name) {
			t.Fatalf("%q has the name %q", words, name)
		}
		if base, _, _ := strings.Cut(strings.ToLower(name), "."); base == "con" || base == "com1" || base == "lpt9" {
			t.Fatalf("%q has the name of a device: %q", words, name)
		}
	})
}

func TestNamesKeepTheirWordsIfTheyCan(t *testing.T) {
	long := strings.Repeat("long", 100)
	for want, words := range map[string][]string{
		"TestX.a-b_c-no-node-panics.replay": {"TestX.a b_c", "no node panics"},
		"_con.replay":                       {"con"},
		"_Aux.b.replay":                     {"Aux.b"},
		"console.replay":                    {"console"},
		"a-b.replay":                        {"../a:b."},
	} {
		if got := files.Name(".replay", words...); got != want {
			t.Errorf("%q has the name %q, want %q", words, got, want)
		}
	}
	a, b := files.Name("", long+"a"), files.Name("", long+"b")
	if a == b || !strings.HasPrefix(a, "longlong") {
		t.Errorf("two long names are %q and %q", a, b)
	}
	if a, b := files.Name("", "прогон"), files.Name("", "проба"); a == b || a == "" {
		t.Errorf("two names of no letters of ASCII are %q and %q", a, b)
	}
}

// What a program says of a file depends on the path, so there is none without the file.
func TestOnlyAFileThatIsThereHasAPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	path := filepath.Join(dir, "x")
	begin := func() *files.File {
		t.Helper()
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		f, err := files.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte("text"))
		return f
	}
	if got, err := begin().Commit(); got != path || err != nil {
		t.Errorf("a file is written as %q, %v", got, err)
	}
	f := begin()
	f.Discard()
	if text, _ := os.ReadFile(path); string(text) != "text" || len(entries(t, dir)) != 1 {
		t.Errorf("after one that was discarded the folder holds %q", entries(t, dir))
	}
	f = begin()
	if err := os.RemoveAll(dir); err != nil {
		t.Skip(err) // Windows removes no open file
	}
	if got, err := f.Commit(); got != "" || err == nil {
		t.Errorf("a file whose folder is gone is written as %q, %v", got, err)
	}
	if got, err := files.Write(path, nil); got != "" || err == nil {
		t.Errorf("a file whose folder is gone is written as %q, %v", got, err)
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		if got, err := files.Write("/dev/full", []byte("text")); got != "" || err == nil {
			t.Errorf("a full device has %q, %v", got, err)
		}
	}
	if got, err := files.Stream(broken{}, "-").Commit(); got != "-" || err != nil {
		t.Errorf("an empty stream has %q, %v", got, err)
	}
	s := files.Stream(broken{}, "-")
	s.Write([]byte("text"))
	if got, err := s.Commit(); got != "" || err == nil {
		t.Errorf("a broken stream has %q, %v", got, err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestWhatAKilledProcessLeftIsRemovedByTheNext(t *testing.T) {
	if runtime.GOOS == "js" || runtime.GOOS == "wasip1" || runtime.GOOS == "plan9" {
		t.Skip("here nothing says whether a process has ended, so nothing is removed")
	}
	dir := t.TempDir()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "FILES_TEST_HOLD="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	said := make([]byte, len("begun"))
	if _, err := out.Read(said); err != nil || string(said) != "begun" {
		t.Fatalf("%q, %v", said, err)
	}
	foreign := filepath.Join(dir, ".somebody-1-0.tmp")
	if _, err := files.Write(foreign, nil); err != nil {
		t.Fatal(err)
	}
	next := func() {
		t.Helper()
		if err := files.Probe(dir); err != nil {
			t.Fatal(err)
		}
		if err := files.Probe(filepath.Join(dir, "folder")); err != nil {
			t.Fatal(err)
		}
	}
	next()
	if got := entries(t, dir); len(got) != 3 || len(entries(t, filepath.Join(dir, "folder"))) != 1 {
		t.Fatalf("while the other process lives, the folder holds %q", got)
	}
	c.Process.Kill()
	c.Wait()
	next()
	if got := entries(t, dir); len(got) != 2 || len(entries(t, filepath.Join(dir, "folder"))) != 0 {
		t.Errorf("after the other process was killed, the folder holds %q", got)
	}
}

func TestFilesBesideOneAnotherDoNotDisturb(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 100 {
				name := filepath.Join(dir, fmt.Sprintf("%d-%d", i, n))
				if got, err := files.Write(name, []byte(name)); got != name || err != nil {
					t.Errorf("%s is written as %q, %v", name, got, err)
				}
			}
		})
	}
	all.Wait()
	if got := entries(t, dir); len(got) != 800 {
		t.Errorf("the folder holds %d files, want 800", len(got))
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
