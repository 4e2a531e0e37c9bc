//go:build unix

// Command mutants shows that planted bugs are found: for each edit of a bank, it builds
// the program with the edit, sweeps seeds until a check fails, shrinks the first failing
// run, and adds a row to one table. From the root of the module:
//
//	go run ./cmd/mutants                 the bank scenarios/testdata/edits
//	go run ./cmd/mutants -bank DIR       another bank
//	go run ./cmd/mutants -only 'isis'    the edits whose names match
//	go run ./cmd/mutants -only isis-lowest-proposal -build buggy
//	                                     dessim with one bug, to look at; how to find it is printed
//
// The columns of the table:
//
//	found        in how many of the sweeps, which begin at distant seeds
//	seeds        runs that it took, the median of the sweeps
//	CPU s        processor time of these, the median too
//	nodes ...    what the first failing run was reduced to: nodes, inputs, faults,
//	             answers that are not benign, and delays among these
//	shrunk from  nodes, inputs, faults and answers of that run before
//	by check     the check that failed in it
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
	"os/exec"
	"regexp"
	"runtime"

	"dessim/cmd/mutants/bank"
)

type options struct {
	bank   string
	only   *regexp.Regexp
	seeds  int
	sweeps int
	runs   int
	jobs   int
	note   bool
	build  string
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

// errMissed means that the table shows what is wrong.
var errMissed = errors.New("a bug was missed")

// run does what args say. The table goes to out, and progress to progress.
func run(args []string, out, progress io.Writer) error {
	o := options{only: regexp.MustCompile("")}
	var c childOptions
	f := flag.NewFlagSet("mutants", flag.ContinueOnError)
	f.SetOutput(progress)
	f.StringVar(&o.bank, "bank", "scenarios/testdata/edits", "folder with the edits")
	f.Func("only", "use only the edits whose names match this regular expression", func(text string) (err error) {
		o.only, err = regexp.Compile(text)
		return err
	})
	f.IntVar(&o.seeds, "seeds", 1000, "most seeds of a sweep")
	f.IntVar(&o.sweeps, "sweeps", 5, "sweeps for each edit; the table shows medians")
	f.IntVar(&o.runs, "runs", 3000, "most runs of shrinking; 0 shrinks nothing")
	f.IntVar(&o.jobs, "j", runtime.NumCPU(), "edits at a time")
	f.BoolVar(&o.note, "note", false, "write into each edit the run that found it first")
	f.StringVar(&o.build, "build", "", "only build dessim with the one edit of -only, as this file")
	f.StringVar(&c.subjects, "child", "", "for mutants itself: sweep these runs in this process; each line has flags of dessim run")
	f.Uint64Var(&c.first, "first", 1, "for mutants itself: the first seed of -child; a run with a -seed is run alone")
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
	if o.build != "" {
		if len(chosen) > 1 {
			return fmt.Errorf("-build %s: -only %v matches %d edits, want one", o.build, o.only, len(chosen))
		}
		return build(chosen[0], o.build, out)
	}
	return compare(chosen, o, out, progress)
}

// build builds dessim with an edit, and prints what the bug is and a run that it breaks.
func build(e *bank.Edit, path string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "dessim-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	overlay, err := e.Overlay(".", dir)
	if err != nil {
		return err
	}
	if _, err := output(exec.Command("go", "build", "-o", path, "-overlay", overlay, "./cmd/dessim")); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n\n%s run %s\n", e.Why, path, e.Found)
	return err
}
