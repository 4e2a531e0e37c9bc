package mutate

import (
	"testing"

	"dessim/sim/host/overlay"
)

// A flag takes the place of what GOFLAGS has.
func TestTagsOfTheEnvironmentStay(t *testing.T) {
	for goflags, want := range map[string]string{
		"":                             "mine",
		"-mod=mod":                     "mine",
		"-tags=a,b -mod=mod":           "a,b,mine",
		"-mod=mod --tags=a":            "a,mine",
		"-ldflags=-s -tags= -trimpath": "mine",
		"-tags=a -tags=b":              "b,mine",
		"'-tags=a b'":                  "a b mine",
	} {
		if got := tagsWith(&overlay.Settings{GOFLAGS: goflags}, "mine"); got != want {
			t.Errorf("GOFLAGS %q: tags %q, want %q", goflags, got, want)
		}
	}
}
