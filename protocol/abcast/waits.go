package abcast

// Waits sees the timers of the next heartbeat, and of what is to be synced and reported: see
// protocol.Waiter.
func (m *membership) Waits(see func(name string, tag uint64)) {
	see("order.heartbeat", tagTick)
	if m.log.safe != m.log.written {
		see("order.not reported", tagMerge)
	}
}
