//go:build unix

package main

import (
	"fmt"
	"sync"
	"time"

	ledgerpeer "dessim/protocol/peer"
)

// load keeps a number of transfers under way: each that ends is followed by another.
type load struct {
	net *ledgerNet

	mu     sync.Mutex
	next   uint64
	began  map[uint64]time.Time
	wanted int       // transfers under way
	took   []float64 // seconds, of those that ended since the last collect
}

func newLoad(n *ledgerNet) *load {
	l := &load{net: n, began: make(map[uint64]time.Time)}
	n.load = l
	return l
}

// keep has so many transfers under way from now on; 0 has those under way be the last.
func (l *load) keep(wanted int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted = wanted
	l.fill()
}

func (l *load) fill() {
	for len(l.began) < l.wanted {
		l.began[l.next] = time.Now()
		l.net.ask(l.next)
		l.next++
	}
}

// answered is called when a transfer has ended.
func (l *load) answered(a ledgerpeer.Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, time.Since(l.began[a.Transfer]).Seconds())
	delete(l.began, a.Transfer)
	l.fill()
}

// collect returns what the transfers took that ended since the last call.
func (l *load) collect() []float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := l.took
	l.took = nil
	return took
}

// drain waits until no transfer is under way.
func (l *load) drain() error {
	l.keep(0)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		l.mu.Lock()
		left := len(l.began)
		l.mu.Unlock()
		if left == 0 {
			return nil
		}
	}
	return fmt.Errorf("transfers have not ended within a minute")
}
