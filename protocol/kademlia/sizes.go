package kademlia

// Sizes sees the size of each collection: see protocol.Sized. Buckets are left out, which
// have bounds of their own, and slots of queries, which are used again.
func (d *DHT) Sizes(see func(name string, items int)) {
	queries, lookups, candidates := 0, make(map[*lookup]bool), 0
	for i := range d.calls {
		if d.calls[i].purpose != 0 {
			queries++
		}
		if l := d.calls[i].lookup; l != nil && !lookups[l] {
			lookups[l] = true
			candidates += len(l.list)
		}
	}
	see("dht.queries", queries)
	see("dht.lookups", len(lookups))
	see("dht.candidates", candidates)
	see("dht.items", len(d.items))
	see("dht.to be pinged", len(d.waiting))
	see("dht.published", len(d.up.published))
	see("dht.newcomers", len(d.up.newcomers))
	see("dht.absent", len(d.up.absent))
}

// Sizes sees the size of each collection: see protocol.Sized.
func (n *Node) Sizes(see func(name string, items int)) {
	see("node.waiting", len(n.waiting))
	n.dht.Sizes(see)
}
