//go:build unix

// Command bench measures dessim, beside other simulators or an earlier revision
// if asked, and prints one table, or a few. From the root of the module:
//
//	go run ./cmd/bench                          dessim alone
//	go run ./cmd/bench -peers ../shared/peers   and the peers that can be built here
//	go run ./cmd/bench -base REV -json FILE     the working tree against a revision
//	go run ./cmd/bench -live                    networks on real sockets, disks and clocks
//
// What it measures without -base and -live, all in CPU time of a process (user and system, the garbage
// collector's included), which other load disturbs less than the wall clock:
//
//	phold       events per second of PHOLD (Fujimoto 1990) through the public Node,
//	            Env and Source with the digest on: a message is passed on to a random
//	            node after 0.1 s and an exponential time of mean 1 s
//	concurrent  events, or seeds, per second of whole runs, from identities to
//	            verdict; and the part of that in signatures, sampled by a profiler
//	bootstrap   seconds and peak memory of one run
//	programs    seeds per second of whole runs of three servers of Raft, and microseconds an
//	            event: hashicorp/raft as an ordinary Go program, and etcd's raft as a state
//	            machine, in a sweep of 100 seeds with one worker
//	queue       nanoseconds of the event queue alone, for a pop and a push
//	threads     how many times faster phold and bootstrap are on two threads: by wall time,
//	            the least of three, in one process, so only a quiet machine tells
//
// Each measurement is a process of its own, never two at once. Every round measures
// everything once, and begins each case with a different contender than the round
// before, so that a slow minute of the machine affects all alike. The
// table shows medians; "spread" is greatest less least, of the median. "x NAME"
// is dessim's figure divided by NAME's: above 1, dessim is faster.
//
// With -base it builds a revision in a folder of its own, which it removes at the
// end, and compares the working tree, as it is at the start, with it. That takes
// about ten minutes, and longer on a busy machine. The loads are the same for both:
//
//	phold       CPU time of an event, measured by each revision's own bench
//	runs        CPU time of a seed in a sweep with one worker and a fixed list of
//	            faults, by each revision's own dessim
//	sweep       wall time of a seed in a sweep with two workers
//
// The two take turns: base new new base in one round, new base base new in the
// next, each measurement a process of its own, the sample of a round the mean of
// its two. CPU time is taken on one core, where the garbage collector cannot use
// another that happens to be idle. "ratio" is the new median divided by the base's:
// above 1, the working tree is slower. "paired" is the median of the ratios within
// the rounds, which minutes of other load on the machine disturb less, and
// "least..greatest" is their spread. The verdict asks how many of them lie on one
// side of 1. It is "slower" or "faster" if equal programs would show this in at most 1
// of 100 comparisons, such as 9 of 9 rounds; with "perhaps", in at most 5, such as 8 of
// 9; otherwise the ratio is "within the spread". 5 rounds or fewer are always "too few
// rounds". Each line has its own verdict: among a dozen, a "perhaps" by chance is
// common, and that case is worth measuring again with -only. The verdict does not say
// why: a change of a percent or two can come from where the compiler puts the code.
//
// Before the rounds, digests and counts of events of both are compared where both
// print them ("unknown" if one does not). If they differ, the verdict is "another
// load", and a line below the table names the first difference. A case that a
// revision cannot build or run is left out, and a line says why. -json writes the
// lines of the table with the sample of each round.
//
// With -live it measures five nodes of the ledger, configured as dessim node has them, in one
// process: sockets on loopback, disks in files below TMPDIR, which should be no file system in
// memory. A round takes about ten minutes.
//
//	load       transfers a second and how long they take, with so many under way at a time; CPU
//	           time, steps and syncs of all nodes for each. Beside it etcd's raft with its log:
//	           three entries a transfer, see the command in folder etcd
//	recording  what a network that is recorded achieves as a part of what one does that is not.
//	           Both are in one process, and have the load in turns of a second; least and most
//	           are the quartiles of 20 pairs
//	idle       CPU time, wakeups (voluntary switches of threads), steps and syncs of a node in a
//	           network without a client
//	flood      a network of which one node gets 100,000 rubbish datagrams a second from a socket
//	           of this process, and how much its peak memory grows, in 10 s before and meanwhile
//
// Exit codes: 0 measured, perhaps with cases left out; 1 nothing could be measured,
// or something failed; 2 usage, including a revision that does not exist; 130
// interrupted. Under go run, each but 0 becomes 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

type options struct {
	base   string
	live   bool
	json   string
	rounds int
	events int
	quick  bool
	peers  string
	only   *regexp.Regexp

	measure, profile string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch usage := usageError(""); {
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	case err == nil:
		return
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// usageError is a mistake in the arguments, in one line.
type usageError string

func (e usageError) Error() string { return string(e) }

func usagef(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// flags returns the flags, which set o.
func (o *options) flags() *flag.FlagSet {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.base, "base", "", "compare the working tree with this revision of it")
	f.BoolVar(&o.live, "live", false, "measure live networks on this machine instead of simulated ones")
	f.StringVar(&o.json, "json", "", "with -base: write the table and all samples to this file, too")
	f.IntVar(&o.rounds, "rounds", 5, "how often everything is measured; 9 with -base, 3 with -live if left out")
	f.IntVar(&o.events, "events", 2_000_000, "PHOLD events and queue operations of a measurement, at least 1000; slow peers do fewer; 5000000 with -base if left out")
	f.BoolVar(&o.quick, "quick", false, "one round of few events, without the cases that take long: a test of bench, not a measurement")
	f.StringVar(&o.peers, "peers", "", "folder with the sources of other simulators")
	f.Func("only", "measure only the cases whose names match this regular expression", func(text string) (err error) {
		o.only, err = regexp.Compile(text)
		return err
	})
	f.StringVar(&o.measure, "measure", "", "for bench itself: measure this case in this process, and print its figures")
	f.StringVar(&o.profile, "profile", "", "with -measure: write a CPU profile of it to this file")
	return f
}

// run runs the command with args. The table goes to out; omissions and progress go to
// progress.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o := options{only: regexp.MustCompile("")}
	f := o.flags()
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		f.SetOutput(out)
		f.PrintDefaults()
		return nil
	} else if err != nil {
		return usageError(err.Error())
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if given["base"] && !given["rounds"] {
		o.rounds = 9
	}
	if o.live && !given["rounds"] {
		o.rounds = 3
	}
	if given["base"] && !given["events"] {
		o.events = 5_000_000
	}
	switch {
	case f.NArg() > 0:
		return usagef("%q: want flags only", f.Arg(0))
	case o.rounds < 1:
		return usagef("-rounds %d: want at least 1", o.rounds)
	case o.events < 1000:
		return usagef("-events %d: want at least 1000", o.events)
	case given["base"] && (given["peers"] || given["quick"]):
		return usagef("-base: cannot be combined with -peers or -quick")
	case o.live && (given["base"] || given["peers"] || given["events"]):
		return usagef("-live: cannot be combined with -base, -peers or -events")
	case given["profile"] && o.measure == "":
		return usagef("-profile: only with -measure")
	case given["json"] && !given["base"]:
		return usagef("-json: only with -base")
	}
	if given["base"] {
		return compareRevisions(ctx, o, out, progress)
	}
	if o.quick {
		o.rounds, o.events = 1, min(o.events, 20_000)
	}
	if o.measure != "" {
		return profileTo(o.profile, func() error { return measureHere(o.measure, o, out) })
	}
	if o.live {
		return measureLive(ctx, o, out, progress)
	}
	return compare(ctx, o, out, progress)
}

// measureHere does the work of a child process.
func measureHere(name string, o options, out io.Writer) error {
	for _, c := range append(allCases(), liveCases()...) {
		if c.name == name && c.measure != nil {
			figures, err := c.measure(o)
			for _, g := range c.figures {
				if value, ok := figures[g.name]; ok {
					fmt.Fprintf(out, "%s=%g\n", g.name, value)
				}
			}
			if c.phold != nil && err == nil {
				fmt.Fprintf(out, "digest=%s\n", c.phold.digest)
			}
			return err
		}
	}
	return usagef("-measure %q: no such case", name)
}

// compare measures the requested cases and prints the table.
func compare(ctx context.Context, o options, out, progress io.Writer) error {
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
		return usagef("-only %v: no case has such a name", o.only)
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
				if ctx.Err() != nil {
					return ctx.Err()
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
