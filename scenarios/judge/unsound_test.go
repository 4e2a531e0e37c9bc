package judge

import (
	"testing"

	"dessim/protocol/link"
)

func TestLinksRefuseWhatNoLinkSends(t *testing.T) {
	if err := unsound(new(link.Watcher)); err != nil {
		t.Error(err)
	}
}
