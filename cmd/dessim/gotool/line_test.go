package gotool

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dessim/sim/host/overlay"
)

// inGoflags returns what GOFLAGS adds.
func inGoflags(sub, text string) *line {
	s := overlay.Settings{GOFLAGS: text}
	return parse(sub, s.Flags())
}

func TestTheTagIsAddedToTagsThatAreGiven(t *testing.T) {
	for _, x := range []struct{ call, goflags, want string }{
		{"test", "", "-tags=T"},
		{"test -run X ./... -v", "", "-tags=T -run X ./... -v"},
		{"test -tags=a,b .", "", "-tags=a,b,T ."},
		{"test --tags=a .", "", "--tags=a,T ."},
		{"test -tags a .", "", "-tags a,T ."},
		{"test --tags a .", "", "--tags a,T ."},
		{"test . -v -tags a", "", ". -v -tags a,T"},
		{"test -full -tags a", "", "-full -tags a,T"},
		{"test . -full 3 -tags a", "", ". -full 3 -tags a,T"},
		{"test -tags= .", "", "-tags=T ."},
		{"test -tags a -tags b .", "", "-tags a,T -tags b,T ."},
		{"test . -args -tags a", "", "-tags=T . -args -tags a"},
		{"test . -- -tags a", "", "-tags=T . -- -tags a"},
		{"test . -v word -tags a", "", "-tags=T . -v word -tags a"},
		{"test -run -tags . -tags a", "", "-run -tags . -tags a,T"},
		{"test -test.run -tags .", "", "-tags=T -test.run -tags ."},
		{"test -tags", "", "-tags=T -tags"},
		{"run . -tags a", "", "-tags=T . -tags a"},
		{"run -tags a . -tags b", "", "-tags a,T . -tags b"},
		{"run -exec -tags . -tags b", "", "-tags=T -exec -tags . -tags b"},
		{"run -race -- . -tags b", "", "-tags=T -race -- . -tags b"},
		{"build -o -tags .", "", "-tags=T -o -tags ."},
		{"build -o x -tags a .", "", "-o x -tags a,T ."},
		{"build -v -tags a .", "", "-v -tags a,T ."},
		{"vet -c 3 -tags a .", "", "-c 3 -tags a,T ."},
		{"list -f x -tags a .", "", "-f x -tags a,T ."},
		{"test .", "-tags=a,b", "-tags=a,b,T ."},
		{"test .", "-v -tags=a -tags=b -race", "-tags=b,T ."},
		{"test .", "--tags=a", "-tags=a,T ."},
		{"test .", "-tags=", "-tags=T ."},
		{"test -tags c .", "-tags=a,b", "-tags c,T ."},
	} {
		words := strings.Fields(x.call)
		got := parse(words[0], words[1:]).tagged(inGoflags(words[0], x.goflags), []string{"T"})
		if strings.Join(got, " ") != x.want {
			t.Errorf("%s with GOFLAGS=%q becomes %q, want %q", x.call, x.goflags, got, x.want)
		}
	}
	for _, x := range []struct{ value, goflags, want string }{
		{"-tags=a b", "", "-tags=a b T"},
		{"-tags='a'", "", "-tags='a' T"},
		{".", `"-tags=a b"`, "-tags=a b T"},
		{".", `-v '-tags=a b' `, "-tags=a b T"},
	} {
		got := parse("build", []string{x.value}).tagged(inGoflags("build", x.goflags), []string{"T"})
		if got[0] != x.want {
			t.Errorf("%s with GOFLAGS=%q becomes %q, want %q", x.value, x.goflags, got, x.want)
		}
	}
}

func TestALineIsUnderstood(t *testing.T) {
	for _, x := range []struct {
		call              string
		sanitizer, module string
		overlay           bool
		packages          string
	}{
		{call: "test"},
		{call: "test ./a ./b -v", packages: "./a ./b"},
		{call: "test -v ./a -run X ./b", packages: "./a"},
		{call: "test -full ./a"}, // go test takes it for a value of the test's flag
		{call: "test -race ./a", sanitizer: "-race", packages: "./a"},
		{call: "test ./a -race=true", sanitizer: "-race", packages: "./a"},
		{call: "test -race=false ./a", packages: "./a"},
		{call: "build --msan .", sanitizer: "-msan", packages: "."},
		{call: "build -asan=1 .", sanitizer: "-asan", packages: "."},
		{call: "build . -race", packages: ". -race"},
		{call: "run . -race", packages: "."},
		{call: "run a.go b.go c -race", packages: "a.go b.go"},
		{call: "run a.go", packages: "a.go"},
		{call: "run"},
		{call: "run -mod mod -modfile=x . y", module: "-mod=mod -modfile=x", packages: "."},
		{call: "build -overlay x .", overlay: true, packages: "."},
		{call: "build --overlay=x .", overlay: true, packages: "."},
		{call: "test . -overlay=x", overlay: true, packages: "."},
		{call: "test . -args -overlay=x -race", packages: "."},
		{call: "run . -overlay=x", packages: "."},
		{call: "build -- a b", packages: "a b"},
	} {
		words := strings.Fields(x.call)
		l := parse(words[0], words[1:])
		if l.sanitizer != x.sanitizer || strings.Join(l.module, " ") != x.module || l.overlay != x.overlay || strings.Join(l.packages, " ") != x.packages {
			t.Errorf("%s: %+v", x.call, l)
		}
	}
}

func TestWhereTheCallIsMadeComesFirst(t *testing.T) {
	for call, want := range map[string]string{"-C x -v": "-C x", "-C=x -v": "-C=x", "--C x": "--C x", "-v -C x": "", "-C": ""} {
		words := strings.Fields(call)
		l := parse("build", words)
		if strings.Join(l.chdir, " ") != want || !slices.Equal(slices.Concat(l.chdir, l.args), words) {
			t.Errorf("%s: %q, then %q", call, l.chdir, l.args)
		}
	}
}

// Whatever a line says, the tag is all that changes.
func TestAddingTheTagChangesNothingElse(t *testing.T) {
	words := rapid.SliceOf(rapid.SampledFrom(strings.Fields("-tags -tags=a --tags=a,b a . ./... -v -run -args -- -C -C=x -o -race x.go -full -full=3 - -= --=")))
	rapid.Check(t, func(t *rapid.T) {
		sub := rapid.SampledFrom(withOverlay()).Draw(t, "subcommand")
		args := words.Draw(t, "arguments")
		l := parse(sub, args)
		got := slices.Concat(l.chdir, l.tagged(new(line), []string{"T"}))
		if len(l.tags) == 0 {
			got = slices.Delete(got, len(l.chdir), len(l.chdir)+1)
		}
		for _, at := range l.tags {
			i := len(l.chdir) + at.word
			got[i] = strings.TrimSuffix(strings.TrimSuffix(got[i], "T"), ",")
		}
		if !slices.Equal(got, args) {
			t.Fatalf("%q", got)
		}
	})
}
