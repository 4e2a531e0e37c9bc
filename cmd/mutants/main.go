//go:build unix

// Command mutants shows that planted bugs are found: it builds the program anew
// with each edit of a bank, sweeps seeds until a check fails, shrinks the first
// failing run, and prints one table. From the root of the module:
//
//	go run ./cmd/mutants                 the bank scenarios/testdata/edits
//	go run ./cmd/mutants -bank DIR       another one
//	go run ./cmd/mutants -only 'isis'    the edits whose names match
//
// The columns of the table:
//
//	found        in how many of the sweeps, which begin at distant seeds
//	seeds        runs that it took, the median of the sweeps
//	CPU s        processor time of that, the median too
//	nodes ...    what the first failing run was reduced to: nodes, transfers,
//	             faults, and answers that are not benign, of them delays
//	shrunk from  nodes, transfers, faults and answers of that run before
//	by check     which failed in it
//
// The last line is the unedited code, which must pass the same sweeps. The exit
// code is 0 if every bug is found by a check that its edit names, and the unedited
// code passes; else 1.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"

	"dessim/cmd/mutants/bank"
)

// options are what the flags say.
type options struct {
	bank   string
	only   *regexp.Regexp
	seeds  int
	sweeps int
	runs   int
	jobs   int
	note   bool
}

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case !errors.Is(err, errMissed):
		fmt.Fprintln(os.Stderr, "mutants:", err)
	}
	os.Exit(1)
}

// errMissed says that the table tells what is wrong.
var errMissed = errors.New("a bug was missed")

// run does what args say. The table goes to out; how far it is, to progress.
func run(args []string, out, progress io.Writer) error {
	o := options{only: regexp.MustCompile("")}
	var c childOptions
	f := flag.NewFlagSet("mutants", flag.ContinueOnError)
	f.SetOutput(progress)
	f.StringVar(&o.bank, "bank", "scenarios/testdata/edits", "folder with the edits")
	f.Func("only", "only the edits whose names match this regular expression", func(text string) (err error) {
		o.only, err = regexp.Compile(text)
		return err
	})
	f.IntVar(&o.seeds, "seeds", 1000, "seeds of a sweep at most")
	f.IntVar(&o.sweeps, "sweeps", 5, "sweeps, of which medians are shown")
	f.IntVar(&o.runs, "runs", 3000, "runs that shrinking may use; 0: nothing is shrunk")
	f.IntVar(&o.jobs, "j", runtime.NumCPU(), "edits at the same time")
	f.BoolVar(&o.note, "note", false, "write into each edit by which run it was found first")
	f.StringVar(&c.subjects, "child", "", "for mutants itself: sweep these runs, given as flags of dessim run, a line each, in this process")
	f.Uint64Var(&c.first, "first", 1, "for mutants itself: the first seed of -child; a run that has a -seed is run alone")
	if err := f.Parse(args); err != nil {
		return err
	}
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("%q: want flags only", f.Arg(0))
	case o.seeds < 1, o.sweeps < 1, o.jobs < 1:
		return fmt.Errorf("-seeds %d -sweeps %d -j %d: want at least 1", o.seeds, o.sweeps, o.jobs)
	case o.runs < 0:
		return fmt.Errorf("-runs %d: want at least 0", o.runs)
	}
	if c.subjects != "" {
		c.seeds, c.runs = o.seeds, o.runs
		return child(c, out)
	}
	edits, err := bank.Load(o.bank)
	if err != nil {
		return err
	}
	var chosen []*bank.Edit
	for _, e := range edits {
		if o.only.MatchString(e.Name) {
			chosen = append(chosen, e)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("-only %v: no edit of %s has such a name", o.only, o.bank)
	}
	return compare(chosen, o, out, progress)
}
