// Package prog is an ordinary Go program: what it does with goroutines and time is its own affair.
package prog

import (
	"sync"
	"time"
)

var (
	table = map[string]int{"a": 1}
	count int
	mu    sync.Mutex
	once  sync.Once
	start = time.Now()
	last  struct{ at time.Time }
	limit = 3
)

func init() { table["b"] = 2 }

// Serve counts.
func Serve() {
	go func() {
		mu.Lock()         // want `package variable mu is passed to a method with a pointer receiver, Lock: the nodes of a run share it`
		defer mu.Unlock() // want `package variable mu is passed to a method with a pointer receiver, Unlock: the nodes of a run share it`
		count++           // want `package variable count is assigned to: the nodes of a run share it`
	}()
	once.Do(func() {}) // want `package variable once is passed`
	table["c"] = limit // want `package variable table is assigned to`
	delete(table, "a") // want `package variable table is the target of delete`
	last.at = start    // want `package variable last is assigned to`
	p := &limit        // want `package variable limit has its address taken`
	*p = 4
	local := map[string]int{}
	local["x"]++
}
