package scenarios

import (
	"math/bits"
	"time"

	"dessim/sim/scenario"
)

// What a node of Kademlia alone takes, by measurement: for the simulator, its checks and the node
// itself, and for each contact or replacement in its table.
const (
	nodeBytes    = 2200
	contactBytes = 14
	garbage      = 140 // percent: memory that is in use, and what the runtime has not yet collected
	fixedBytes   = 40_000_000
)

// nodesTake estimates the bytes that nodes of Kademlia alone take at most. A table has a bucket of k
// for each doubling of the network beyond k, as many replacements, and some more close to the node.
func nodesTake(nodes, k, each uint64) uint64 {
	buckets := uint64(bits.Len64(nodes/k)) + 2
	return fixedBytes + nodes*(each+2*k*buckets*contactBytes)*garbage/100
}

// aloneTakes is the Memory of bootstrap.
func aloneTakes(p *scenario.Params) uint64 {
	if p.Nodes <= mostPeers || p.Failing() {
		return 0 // peers are few
	}
	return nodesTake(uint64(p.Nodes), uint64(p.Int("k")), nodeBytes)
}

// What a node of churn takes beside that: it knows whom it asks again and when, and in the fault plan
// are its sessions, for each hour.
const (
	churnBytes   = 800
	sessionBytes = 500
)

// churnTakes is the Memory of churn.
func churnTakes(p *scenario.Params) uint64 {
	if p.Nodes <= mostPeers {
		return 0
	}
	hours := uint64(p.Until/time.Hour) + 1
	return nodesTake(uint64(p.Nodes), uint64(p.Int("k")), nodeBytes+churnBytes+sessionBytes*hours)
}
