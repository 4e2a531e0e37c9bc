// Package reached notes which places of a package with mutants are reached. The rewritten package
// calls Mark, and the process that makes the runs calls Take after each. Mark uses no lock, channel or
// file, so it changes nothing in an ordinary Go program that runs as a node.
package reached

import (
	"os"
	"sync/atomic"
)

// Env is the variable of the environment without which nothing is noted.
const Env = "DESSIM_MUTANTS_REACHED"

// Places are the places of a package, by the numbers of their mutants. nil notes nothing.
type Places struct{ seen []atomic.Bool }

var places atomic.Pointer[Places]

// New returns Places with numbers below n, which Take reads, or nil without Env.
func New(n int) *Places {
	if os.Getenv(Env) == "" {
		return nil
	}
	p := &Places{make([]atomic.Bool, n)}
	places.Store(p)
	return p
}

// Mark notes that the place of that number is reached.
func (p *Places) Mark(n int) {
	if p != nil && !p.seen[n].Load() {
		p.seen[n].Store(true)
	}
}

// Take returns the numbers of the places that were reached since the last call, ascending.
func Take() (numbers []int) {
	p := places.Load()
	if p == nil {
		return nil
	}
	for n := range p.seen {
		if p.seen[n].Swap(false) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
