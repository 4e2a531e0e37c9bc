// Package cryptorand answers what nodes read from crypto/rand, so that a library which
// makes tokens, keys or ids of random bytes can be a node. A plan declares it:
//
//	plan.Random = cryptorand.Answers(b.Seed)
//
// While the code of a node runs (when the plan makes it, and in Start, Receive and Timeout),
// reads are answered by a frozen hash of the salt, the node, its incarnation, the name of the
// step, and how often the step has read before. So runs repeat, the bytes outlast the removal
// of unrelated faults, and no two reads of a run are alike. No Source is asked: the bytes are
// benign, and shrinking has nothing to remove. They are not secret.
//
// It answers:
//   - Read, Text, Int and Reader of crypto/rand;
//   - copies of Reader that a package took when the program began, if that package's import
//     path sorts after "dessim";
//   - what is given a Reader, such as ecdsa.GenerateKey and rsa.GenerateKey. Since Go 1.26
//     they ignore it, but for GODEBUG=cryptocustomrand=1, which Answers sets.
//
// It does not answer crypto/tls, crypto/mlkem and others that are given no Reader, math/rand,
// the order of maps, the clock, or goroutines that read when the step is over. Give a library
// a *rand.Rand of its own, seeded from Env.Choose, in place of the global one of math/rand.
// dessim run -verify finds what is left.
//
// A process has one generator. So one step runs at a time, of all runs in the process, and
// dessim sweep gives each worker of -j a process of its own. Digests do not depend on that. A
// goroutine beside a run that reads during a step is answered like the step; outside steps,
// the system answers.
//
// Answers keeps 16 bytes or so for each step of a run that read.
package cryptorand

import (
	"crypto/rand"
	"encoding/binary"
	"os"
	"strings"
	"sync"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/cryptorand/internal/first"
)

// running is held while a step runs: there is one generator in a process.
var running sync.Mutex

// customReaders makes the functions of the crypto packages read from the Reader that they
// are given.
var customReaders = sync.OnceFunc(func() {
	const setting = "cryptocustomrand=1"
	if old := os.Getenv("GODEBUG"); !strings.HasSuffix(old, setting) { // the last counts
		os.Setenv("GODEBUG", strings.TrimPrefix(old+","+setting, ","))
	}
})

// Answers returns what answers crypto/rand in the runs of a plan. salt is the seed of the
// run, such as Setup.Seed: runs with other salts read other bytes. A run panics when it
// begins if another package has replaced crypto/rand.Reader.
func Answers(salt uint64) sim.Random {
	customReaders()
	return answers(salt)
}

type answers uint64

// Begin returns what surrounds the steps of a run.
func (salt answers) Begin() func(env *protocol.Env, do func()) {
	if rand.Reader != first.Reader {
		panic("cryptorand: another package has replaced crypto/rand.Reader; want it as it was when the program began")
	}
	again := make(map[uint64]uint64) // how many steps of that name have read
	return func(env *protocol.Env, do func()) {
		name := protocol.Hash3(uint64(salt)^domain, uint64(env.ID())<<32|uint64(env.Incarnation()), env.StepName())
		s := stream{name: name, again: again[name]}
		fill := s.fill
		running.Lock()
		defer running.Unlock()
		first.Reader.Answer(&fill)
		defer first.Reader.Answer(nil)
		do()
		if s.words+s.single > 0 {
			again[name]++
		}
	}
}

// Constants set apart what would otherwise be hashed alike.
const (
	domain = 0x52414e44 // "RAND"
	ones   = 1 << 63    // added to the count of reads of one byte
)

// stream is what one step reads.
type stream struct {
	name  uint64
	again uint64 // steps of that name that read before

	mu     sync.Mutex // for goroutines of the library
	words  uint64     // of 8 bytes, so far
	single uint64     // reads of one byte, so far
}

// fill fills b. What is left of the last word is never read. Reads of one byte have a count
// of their own: functions of the crypto packages make one or none, by chance, so that nobody
// relies on what they read.
func (s *stream) fill(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(b) == 1 {
		b[0] = byte(protocol.Hash3(s.name, s.again, s.single+ones))
		s.single++
		return
	}
	var word [8]byte
	for i := 0; i < len(b); i += len(word) {
		binary.LittleEndian.PutUint64(word[:], protocol.Hash3(s.name, s.again, s.words))
		copy(b[i:], word[:])
		s.words++
	}
}
