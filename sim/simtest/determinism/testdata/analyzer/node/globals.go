package node

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
)

type kind uint64

func kindOf(string) kind { return 0 }

type row struct {
	name string
	do   func() int
}

type deep struct{ rows []map[int]int }

var (
	errGone                  = errors.New("gone")
	errOdd      error        = &oddError{}
	errTyped                 = &oddError{}
	kindVote                 = kindOf("vote")
	table                    = [...]row{{"a", nil}, {"b", nil}}
	primes                   = []int{2, 3, 5}
	loopback                 = netip.MustParseAddr("127.0.0.1")
	_           fmt.Stringer = (*named)(nil)
	cache                    = map[int]int{} // want `package variable cache holds a map`
	shared                   = &row{}        // want `package variable shared holds a pointer`
	nested      deep                         // want `package variable nested holds a map`
	list        []*row                       // want `package variable list holds a pointer`
	count       int
	buffer      bytes.Buffer
	fixed       [4]int
	initialised int
)

type oddError struct{ n int }

func (*oddError) Error() string { return "odd" }

type named struct{}

func (*named) String() string { return "" }

func init() {
	initialised = 7
}

func globals() int {
	count = 1              // want `package variable count is assigned to`
	count++                // want `package variable count is assigned to`
	count += 2             // want `package variable count is assigned to`
	_ = &count             // want `package variable count has its address taken`
	table[0].name = "c"    // want `package variable table is assigned to`
	(primes)[0] = 1        // want `package variable primes is assigned to`
	_ = append(primes, 7)  // want `package variable primes is the target of append`
	copy(primes, primes)   // want `package variable primes is the target of copy`
	cache[1] = 2           // want `package variable cache is assigned to`
	delete(cache, 1)       // want `package variable cache is the target of delete`
	shared.name = "x"      // want `package variable shared is assigned to`
	*shared = row{}        // want `package variable shared is assigned to`
	buffer.WriteString("") // want `package variable buffer is passed to a method with a pointer receiver, WriteString`
	_ = fixed[:]
	for count = range 3 { // want `package variable count is assigned to`
	}
	for _, table[1] = range table { // want `package variable table is assigned to`
	}
	errTyped.n = 1 // want `package variable errTyped is assigned to`
	netip.MustParseAddr("::1").Is6()
	count, local := 1, 2 // a new count
	count = local
	primes := primes[1:]
	primes[0] = loopbackBits()
	return table[0].do() + primes[0] + int(kindVote) + count
}

func loopbackBits() int { return loopback.BitLen() + initialised + len(errGone.Error()+errOdd.Error()) }
