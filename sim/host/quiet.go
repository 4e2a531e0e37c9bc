package host

import "sync"

// quietMutex guards a part of a node during a call of the program. Between lock and unlock, operations
// on channels and locks are not operations of the program's goroutine, so no fault hits them.
type quietMutex struct{ sync.Mutex }

// lock returns what unlock takes.
func (m *quietMutex) lock() (was bool) {
	was = simQuiet(true)
	m.Lock()
	return was
}

func (m *quietMutex) unlock(was bool) {
	m.Unlock()
	simQuiet(was)
}
