package node

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

type point struct {
	x float64    // want `floating point \(float64\)`
	y complex128 // want `floating point \(complex128\)`
}

type celsius float32 // want `floating point \(float32\)`

const third = 1.0 / 3 // want `floating point \(untyped float\)`

const billion int64 = 1e9 // an integer in the end

func floats(p point, c celsius, d time.Duration) int { // want `floating point \(dessim/node.celsius\)`
	half := 0.5    // want `floating point`
	_ = half + p.x // want `floating point`
	_ = c          // want `floating point`
	_ = int(d * 1e3)
	_ = int(math.Sqrt(2)) // want `floating point`
	d.Seconds()           // want `floating point`
	a, b := math.Frexp(1) // want `floating point`
	_, _ = a, b           // want `floating point`
	return 1e6
}

func split(u uintptr) uint { // want `uintptr: addresses differ`
	return uint(u)
}

type shown struct{ n int }

func prints(p *int, s *shown, f func(), e error, w *strings.Builder) string {
	fmt.Fprintf(w, "%d %v", *p, s)
	fmt.Fprintln(w, p, s, e) // want `fmt prints a \*int as an address`
	fmt.Println(f)           // want `fmt prints a func\(\) as an address`
	fmt.Println("%p, %v")
	_ = fmt.Errorf("at %-12p", s) // want `%p: addresses differ`
	const verb = "%[1]" + "p"
	_ = fmt.Sprintf(verb, s) // want `%p: addresses differ`
	_ = errors.New("100%p")
	return fmt.Sprintf("100%%pure %d", s.n)
}
