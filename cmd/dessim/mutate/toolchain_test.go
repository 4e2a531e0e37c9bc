package mutate

import "testing"

// A flag takes the place of what GOFLAGS has.
func TestTagsOfTheEnvironmentStay(t *testing.T) {
	for goflags, want := range map[string]string{
		"":                             "mine",
		"-mod=mod":                     "mine",
		"-tags=a,b -mod=mod":           "a,b,mine",
		"-mod=mod --tags=a":            "a,mine",
		"-ldflags=-s -tags= -trimpath": "mine",
	} {
		if got := tagsWith(goflags, "mine"); got != want {
			t.Errorf("GOFLAGS %q: tags %q, want %q", goflags, got, want)
		}
	}
}
