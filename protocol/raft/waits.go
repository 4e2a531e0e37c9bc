package raft

// Waits sees the timer of the next tick: see protocol.Waiter.
func (g *Group) Waits(see func(name string, tag uint64)) { see("order.tick", tagTick) }
