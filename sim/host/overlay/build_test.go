package overlay

import (
	"slices"
	"testing"
)

func TestGoflagsAreSplitAsTheGoCommandDoes(t *testing.T) {
	for text, want := range map[string][]string{
		"": nil, "  ": nil, "-a": {"-a"}, " -a\t-b=c \n": {"-a", "-b=c"},
		`'-a=b c' -d`: {"-a=b c", "-d"}, `"-a='b'"`: {"-a='b'"}, `-a='b c'`: {"-a='b", "c'"}, `-x '-a`: {"-x"}, `''`: {""},
	} {
		s := Settings{GOFLAGS: text}
		if got := s.Flags(); !slices.Equal(got, want) {
			t.Errorf("%q is split into %q, want %q", text, got, want)
		}
	}
}
