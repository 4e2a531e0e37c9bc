package protocol

// Key is the name of one question. Names do not depend on what else was asked:
// see Env.Choose for the questions of nodes and package sim for those of the
// network. Equal keys get equal answers.
type Key struct {
	Kind Kind   // what is asked: a node's own kind, or one of the simulator's ("net.delay", ...)
	A, B NodeID // the node and 0, or a message's sender and receiver
	N    uint64 // hash of everything else that identifies the question
}

// A Source answers every question that the past does not decide. An answer is a
// function of the key and the range alone, never of the number of questions
// asked before. Answer 0, or false, is benign: no loss, the least delay, the
// ordinary branch.
//
// Callers do not ask questions that have one possible answer: n is at least 2, and
// p is neither 0 nor 1.
type Source interface {
	// Choose returns a number in [0, n).
	Choose(k Key, n uint64) uint64
	// Chance returns true with probability p.
	Chance(k Key, p Ratio) bool
}

// Benign is the Source whose every answer is 0.
type Benign struct{}

// Choose returns 0.
func (Benign) Choose(Key, uint64) uint64 { return 0 }

// Chance returns false.
func (Benign) Chance(Key, Ratio) bool { return false }

// Concurrent returns the Source itself: several goroutines may ask it at once.
func (b Benign) Concurrent() Source { return b }
