package scenarios

import (
	"time"

	"dessim/protocol"
	"dessim/sim/check"
)

// noFlood is the check that no node sends more than there is to say. Every scenario has
// it: see ours.
const noFlood = "no node floods the network"

// trafficDelays is the window of the bounds, in longest delays: 10 s where links take up to
// 10 ms. All timers of the nodes are multiples of that delay too.
const trafficDelays = 1000

// mostHeard is about the most nodes of which all messages are judged, which costs something for each.
const mostHeard = 1000

// orderTraffic bounds what a node sends that takes part in a total order. Its heartbeats
// are 100 in a window for each other node at most, and as many answers. The rest is for the
// hash table's and what is tried again.
func orderTraffic(p params) check.Traffic {
	return check.Traffic{
		Window:   trafficDelays * (p.Delay + p.Jitter),
		Most:     uint64(1500 + 250*p.Nodes),
		PerEvent: uint64(20+4*p.Nodes) * uint64(p.apart()), // of which the check sees some
	}
}

// churnTraffic bounds what a node sends that is only part of a hash table. Its upkeep does
// not depend on the delay of the links. Each bit with which most nodes begin
// is a bucket more: a join looks it up with some 20 queries in each of a dozen rounds at most, and when
// the whole network joins anew, a node answers as many.
func churnTraffic(p params) check.Traffic {
	return check.Traffic{Window: time.Minute, Most: uint64(3000 + 400*p.skewed()), PerEvent: 20 * uint64(p.apart())}
}

// bootstrapTraffic bounds what a node of bootstrap sends. One of Kademlia alone sends some
// hundreds of messages until it has joined, and answers as many for each that joins through it.
func bootstrapTraffic(p params) check.Traffic {
	if !p.alone() {
		return orderTraffic(p)
	}
	return check.Traffic{Window: trafficDelays * (p.Delay + p.Jitter), Most: 3000, PerEvent: 20 * uint64(p.apart())}
}

// apart is how far apart the nodes are of which all messages are judged.
func (p *params) apart() int { return (p.Nodes + mostHeard - 1) / mostHeard }

// heard returns what reports whether all messages of a node are judged; nil is those of every node.
func (p *params) heard() func(id protocol.NodeID) bool {
	apart := p.apart()
	if apart == 1 {
		return nil
	}
	return func(id protocol.NodeID) bool { return int(id)%apart == 0 }
}
