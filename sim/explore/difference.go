package explore

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"dessim/sim"
)

// Difference is where two runs that should be equal differ first: a line of each trace, or
// "" where that trace has ended.
type Difference struct {
	Here, There string
}

// Place returns the step and the time of the first event that differs, as in "step 12,
// 3.500000 ms".
func (d *Difference) Place() string {
	line := d.Here
	if line == "" {
		line = d.There
	}
	columns := strings.Fields(line)
	if len(columns) < 3 {
		return "the end"
	}
	return fmt.Sprintf("step %s, %s ms", columns[1], columns[0])
}

// WhereToLook says what makes runs differ.
const WhereToLook = "look in the node of that event, and in its libraries, for map order, a clock, a goroutine, math/rand or crypto/rand"

// FirstDifference makes a run twice, side by side, with a trace of each as its observer, and
// returns where they differ first; or nil if they do not.
func FirstDifference(run func(o sim.Observer) (whole bool)) *Difference {
	return firstDifference(func(w io.Writer, _ bool) bool { return run(&sim.Trace{W: w}) })
}

// firstDifference is FirstDifference of runs that write their own traces, in whole lines.
func firstDifference(run func(w io.Writer, second bool) (whole bool)) *Difference {
	r, w := io.Pipe()
	ended, there := make(chan bool), true
	go func() {
		defer close(ended)
		defer w.Close()
		defer func() { _ = recover() }() // the run here panics too, for the caller
		buffered := bufio.NewWriterSize(w, 1<<16)
		defer func() {
			if there { // otherwise the run may still write
				buffered.Flush()
			}
		}()
		there = run(buffered, true)
	}()
	defer func() { <-ended }()
	defer r.Close() // from here on the other run writes nothing
	c := comparer{other: bufio.NewReaderSize(r, 1<<16)}
	if !run(&c, false) {
		return nil
	}
	if c.found == nil {
		if line, _ := c.other.ReadString('\n'); line != "" {
			c.found = &Difference{There: strings.TrimSuffix(line, "\n")}
		}
	}
	r.Close()
	if <-ended; !there {
		return nil
	}
	return c.found
}

// comparer is a Writer that compares what it is given with another trace.
type comparer struct {
	other *bufio.Reader
	found *Difference
}

func (c *comparer) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		if c.found != nil {
			break
		}
		if there, _ := c.other.ReadString('\n'); there != string(line) {
			c.found = &Difference{strings.TrimSuffix(string(line), "\n"), strings.TrimSuffix(there, "\n")}
		}
	}
	return len(b), nil
}
