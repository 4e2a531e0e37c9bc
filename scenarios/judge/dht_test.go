package judge

import (
	"testing"

	"dessim/protocol"
	"dessim/protocol/kademlia"
)

func TestTheChecksKnowTheSizeOfKademliasAnswers(t *testing.T) {
	if k := kademlia.Defaults(kademlia.ID{}, protocol.SimBook{}, 0).K; k != contacts {
		t.Errorf("the checks expect %d contacts, kademlia answers %d", contacts, k)
	}
}
