package twopc

import (
	"cmp"
	"slices"

	"dessim/protocol"
)

// past remembers how transactions ended: of each client those with the greatest
// IDs, up to limit. It also knows up to which ID it may have forgotten some, so
// that "never heard of" is certain and distinct from "forgotten". A single
// queue over all clients would be smaller, but then one busy client could make
// this node forget another's transactions and refuse its next ones.
type past struct {
	limit   int
	clients []window // by ascending client
}

// window is the memory of one client.
type window struct {
	client protocol.NodeID
	forgot bool
	floor  ID        // if forgot: IDs up to here may have been forgotten
	ended  []outcome // by ascending ID, all above the floor
}

type outcome struct {
	id           ID
	commit       bool
	endorsements []Endorsement // of a commit
}

func (p *past) search(client protocol.NodeID) (int, bool) {
	return slices.BinarySearchFunc(p.clients, client, func(w window, c protocol.NodeID) int { return cmp.Compare(w.client, c) })
}

func (w *window) search(id ID) (int, bool) {
	return slices.BinarySearchFunc(w.ended, id, func(o outcome, id ID) int { return o.id.Compare(id) })
}

// add remembers o, unless an outcome of the same ID is remembered already.
func (p *past) add(o outcome) {
	i, found := p.search(o.id.Client)
	if !found {
		p.clients = slices.Insert(p.clients, i, window{client: o.id.Client})
	}
	w := &p.clients[i]
	if w.forgot && o.id.Compare(w.floor) <= 0 {
		return
	}
	j, found := w.search(o.id)
	if found {
		return
	}
	if !o.commit {
		o.endorsements = nil
	}
	w.ended = slices.Insert(w.ended, j, o)
	if len(w.ended) > p.limit {
		w.forgot, w.floor = true, w.ended[0].id
		w.ended = slices.Delete(w.ended, 0, 1)
	}
}

// raise notes that IDs up to floor may have been forgotten.
func (p *past) raise(floor ID) {
	i, found := p.search(floor.Client)
	if !found {
		p.clients = slices.Insert(p.clients, i, window{client: floor.Client})
	}
	w := &p.clients[i]
	if w.forgot && floor.Compare(w.floor) <= 0 {
		return
	}
	w.forgot, w.floor = true, floor
	j, found := w.search(floor)
	if found {
		j++
	}
	w.ended = slices.Delete(w.ended, 0, j)
}

// len returns the number of outcomes and floors.
func (p *past) len() (n int) {
	for i := range p.clients {
		n += len(p.clients[i].ended)
		if p.clients[i].forgot {
			n++
		}
	}
	return n
}

// find returns how id ended, if it is remembered.
func (p *past) find(id ID) (o outcome, ok bool) {
	i, found := p.search(id.Client)
	if !found {
		return outcome{}, false
	}
	w := &p.clients[i]
	j, found := w.search(id)
	if !found {
		return outcome{}, false
	}
	return w.ended[j], true
}

// forgotten reports whether id may have ended here without being remembered. If
// neither this nor find holds, id never ended here.
func (p *past) forgotten(id ID) bool {
	i, found := p.search(id.Client)
	return found && p.clients[i].forgot && id.Compare(p.clients[i].floor) <= 0
}
