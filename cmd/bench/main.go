//go:build unix

// Command bench measures dessim, beside other simulators if asked, and prints
// one table. From the root of the module:
//
//	go run ./cmd/bench                          dessim alone
//	go run ./cmd/bench -peers ../shared/peers   and the peers that can be built here
//
// What it measures, all in CPU time of a process (user and system, the garbage
// collector's included), which other load disturbs less than the wall clock:
//
//	phold       events per second of PHOLD (Fujimoto 1990) through the public Node,
//	            Env and Source with the digest on: a message is passed on to a random
//	            node after 0.1 s and an exponential time of mean 1 s
//	concurrent  events, or seeds, per second of whole runs, from identities to
//	            verdict; and the part of that in signatures, sampled by a profiler
//	bootstrap   seconds and peak memory of one run
//	queue       nanoseconds of the event queue alone, for a pop and a push
//
// Each measurement is a process of its own, never two at once. Every round
// measures everything once, and begins a case with another contender than the
// round before, so that a slow minute of the machine falls on all alike. The
// table shows medians; "spread" is greatest less least, of the median. "x NAME"
// is dessim's figure divided by NAME's: above 1, dessim is faster.
//
// It does not judge: a change is compared by running it before and after.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
)

// options are what the flags say.
type options struct {
	rounds int
	events int
	quick  bool
	peers  string
	only   *regexp.Regexp
}

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run does what args say. The table goes to out; what is left out, and how far
// it is, to progress.
func run(args []string, out, progress io.Writer) error {
	o := options{only: regexp.MustCompile("")}
	var measure string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(progress)
	f.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	f.IntVar(&o.events, "events", 2_000_000, "PHOLD events and queue operations of a measurement, at least 1000; slow peers do fewer")
	f.BoolVar(&o.quick, "quick", false, "one round of few events, without the cases that take long: a test of bench, not a measurement")
	f.StringVar(&o.peers, "peers", "", "folder with the sources of other simulators")
	f.Func("only", "measure only the cases whose names match this regular expression", func(text string) (err error) {
		o.only, err = regexp.Compile(text)
		return err
	})
	f.StringVar(&measure, "measure", "", "for bench itself: measure this case in this process, and print its figures")
	if err := f.Parse(args); err != nil {
		return err
	}
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("%q: want flags only", f.Arg(0))
	case o.rounds < 1:
		return fmt.Errorf("-rounds %d: want at least 1", o.rounds)
	case o.events < 1000:
		return fmt.Errorf("-events %d: want at least 1000", o.events)
	}
	if o.quick {
		o.rounds, o.events = 1, min(o.events, 20_000)
	}
	if measure != "" {
		return measureHere(measure, o, out)
	}
	return compare(o, out, progress)
}

// measureHere is what a child does.
func measureHere(name string, o options, out io.Writer) error {
	for _, c := range allCases() {
		if c.name == name && c.measure != nil {
			figures, err := c.measure(o)
			for _, g := range c.figures {
				if value, ok := figures[g.name]; ok {
					fmt.Fprintf(out, "%s=%g\n", g.name, value)
				}
			}
			return err
		}
	}
	return fmt.Errorf("-measure %q: no such case", name)
}

// compare measures all that is asked for and prints the table.
func compare(o options, out, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "dessim-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var cases []*testCase
	for _, c := range allCases() {
		if o.only.MatchString(c.name) && !(o.quick && c.long) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return fmt.Errorf("-only %v: no case has such a name", o.only)
	}
	ours, err := newDessim(dir, cases)
	if err != nil {
		return err
	}
	contenders := []contender{ours}
	if o.peers != "" {
		contenders = append(contenders, buildPeers(o.peers, dir, progress)...)
	}
	t := newTable(cases, contenders)
	for round := range o.rounds {
		for _, c := range cases {
			for i := range contenders {
				p := contenders[(i+round)%len(contenders)]
				if !p.enters(c) {
					continue
				}
				fmt.Fprintf(progress, "round %d of %d: %s, %s\n", round+1, o.rounds, c.name, p.name())
				figures, err := p.measure(c, o)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", c.name, p.name(), err)
				}
				t.add(c, p, figures)
			}
		}
	}
	return t.print(out, o)
}
