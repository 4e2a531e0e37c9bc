// Command toys runs a program that shows what one group of package overlay's edits is for: without
// the group its runs differ, or it fails. Package ablation builds it without each group in turn.
//
//	toys NAME RUNS
//
// prints a hash of what each run did, one a line. It must be built with the overlay.
package main

import (
	"fmt"
	"hash/fnv"
	"os"
	"strconv"
	"syscall"
)

// A toy is a program, and how it is driven.
type toy struct {
	run func(p *printer)
	// jumps is added to the wall clock at 1 s, when the node also misses all until 2 s, if it is
	// not 0.
	jumps int64
	// yields has every third operation on a channel or a lock give the turn away.
	yields bool
	// inexact says that it ranges over a map whose order may follow from addresses.
	inexact bool
}

// printer notes what a toy does.
type printer struct {
	lines   []string
	printed []byte // by the toy to stdout
	failed  string
}

// Print, Hostname and Call are what the overlay asks of a node.
func (p *printer) Print(_ bool, text []byte) { p.printed = append(p.printed, text...) }

// Hostname returns the node's.
func (*printer) Hostname() string { return "n7" }

// Args and Call are what serves system calls: none.
func (*printer) Args(uintptr, [6]uintptr) (kinds [6]uint8, sizes [6]int32) { return kinds, sizes }

// Call refuses.
func (*printer) Call(uintptr, [6]uintptr, [6][]byte) (result, errno uintptr) {
	return 0, uintptr(syscall.EPERM)
}

func (p *printer) say(format string, args ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}

// fail says that the toy sees what must not be.
func (p *printer) fail(format string, args ...any) { p.failed = fmt.Sprintf(format, args...) }

// drive runs a toy in a bubble. It is nil without the overlay.
var drive func(t *toy, p *printer)

func main() {
	if len(os.Args) != 3 {
		fail("want toys NAME RUNS")
	}
	t, known := toys[os.Args[1]]
	runs, err := strconv.Atoi(os.Args[2])
	switch {
	case drive == nil:
		fail("built without the overlay")
	case !known || err != nil:
		fail("no toy %q, or no number %q", os.Args[1], os.Args[2])
	}
	for range runs {
		p := new(printer)
		done := make(chan bool)
		go func() {
			defer close(done)
			drive(&t, p)
		}()
		<-done
		if p.failed != "" {
			fail("%s", p.failed)
		}
		h := fnv.New64a()
		fmt.Fprintf(h, "%q", p.lines)
		fmt.Printf("%016x %d\n", h.Sum64(), len(p.lines))
		if os.Getenv("TOYS_SHOW") != "" {
			fmt.Printf("%q\n", p.lines)
		}
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "toys: "+format+"\n", args...)
	os.Exit(2)
}
