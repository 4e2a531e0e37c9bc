package interleavings

import (
	"sync"
)

// A job is what one request makes a program do. It returns once the goroutines that it starts
// have ended, and says whether the outcome is right.
type job func() (right bool)

// lostUpdate adds up what three goroutines count, and drops the lock between reading and writing.
func lostUpdate() job {
	var mu sync.Mutex
	total, want := 0, 0
	return func() bool {
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				mu.Lock()
				n := total
				mu.Unlock()
				mu.Lock()
				total = n + 1
				mu.Unlock()
			})
		}
		wg.Wait()
		want += 3
		return total == want
	}
}

// deadlock moves money between two accounts, and locks the payer's first.
func deadlock() job {
	var accounts [2]struct {
		sync.Mutex
		money int
	}
	move := func(from, to int) {
		accounts[from].Lock()
		defer accounts[from].Unlock()
		accounts[to].Lock()
		defer accounts[to].Unlock()
		accounts[from].money--
		accounts[to].money++
	}
	return func() bool {
		var wg sync.WaitGroup
		wg.Go(func() { move(0, 1) })
		wg.Go(func() { move(1, 0) })
		wg.Wait()
		return accounts[0].money == 0
	}
}

// lostWakeup waits for a value that another goroutine makes, and looks for it before it takes the lock.
func lostWakeup() job {
	return func() bool {
		var mu sync.Mutex
		cond := sync.NewCond(&mu)
		var value int
		ready := func() bool {
			mu.Lock()
			defer mu.Unlock()
			return value != 0
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if !ready() {
				mu.Lock()
				cond.Wait() // for ever, if the value came since
				mu.Unlock()
			}
		})
		wg.Go(func() {
			mu.Lock()
			value = 1
			mu.Unlock()
			cond.Signal()
		})
		wg.Wait()
		return true
	}
}

// dataRace makes a value when it is first needed, without a lock around the look and the making.
func dataRace() job {
	var mu sync.Mutex
	made := 0
	make := func() *int {
		mu.Lock()
		defer mu.Unlock()
		made++
		n := made
		return &n
	}
	return func() bool {
		var value *int
		get := func() *int {
			if value == nil {
				value = make()
			}
			return value
		}
		got := [2]*int{}
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() { got[i] = get() })
		}
		wg.Wait()
		return got[0] == got[1]
	}
}

// overtaken counts visits, and drops the lock between reading and writing. Visits come one after the
// other, so only one that stands still there is overtaken by the next.
func overtaken() job {
	var mu sync.Mutex
	total, want := 0, 0
	return func() bool {
		mu.Lock()
		n := total
		mu.Unlock()
		mu.Lock()
		defer mu.Unlock()
		total = n + 1
		want++
		return total == want
	}
}
