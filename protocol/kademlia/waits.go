package kademlia

import "dessim/protocol"

// Waits sees the timer of each query, and of what joining and upkeep do next: see
// protocol.Waiter.
func (d *DHT) Waits(see func(name string, tag uint64)) {
	queries := 0
	for i := range d.calls {
		if d.calls[i].purpose != 0 {
			see("dht.queries", protocol.Kademlia.Tag(uint64(i)))
			queries++
		}
	}
	if d.join != nil && queries == 0 {
		see("dht.join", protocol.Kademlia.Tag(pauseTimer))
	}
	if n, _ := d.oldest(); n >= 0 && d.join == nil {
		see("dht.upkeep", protocol.Kademlia.Tag(upkeepTimer))
	}
}

// Waits sees the timers of its hash table: see protocol.Waiter.
func (n *Node) Waits(see func(name string, tag uint64)) { n.dht.Waits(see) }
