package raft_test

import (
	"testing"

	"dessim/protocol/internal/grouptest"
)

// In a sweep of 1000 seeds the misuses were caught by 61, 35, 392 and 11.
func TestMisuseOfTheLibraryIsCaught(t *testing.T) {
	for _, m := range grouptest.Misuses() {
		t.Run(m.Name, func(t *testing.T) { m.Catch(t, flags, newGroup(0)) })
	}
}
