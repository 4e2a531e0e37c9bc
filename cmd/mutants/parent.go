//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"

	"dessim/cmd/mutants/bank"
	"dessim/sim/files"
)

// apart is the distance between the first seeds of two sweeps.
const apart = 100_000

// row is the result of one edit, or of the unedited code.
type row struct {
	edit    *bank.Edit // nil: none
	reports []report   // a sweep each
	err     error      // then there are fewer of them
}

// compare sweeps with every edit and without one, and prints the table.
func compare(edits []*bank.Edit, o options, out, progress io.Writer) error {
	dir, err := os.MkdirTemp("", "dessim-mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	rows := make([]row, len(edits)+1)
	for i, e := range edits {
		rows[i].edit = e
	}
	var wg sync.WaitGroup
	next := make(chan int)
	for range o.jobs {
		wg.Go(func() {
			for i := range next {
				r := &rows[i]
				r.reports, r.err = measure(r.edit, filepath.Join(dir, strconv.Itoa(i)), o)
				fmt.Fprintf(progress, "%s\n", r.line(o))
			}
		})
	}
	for i := range rows {
		next <- i
	}
	close(next)
	wg.Wait()
	if _, err := io.WriteString(out, table(rows, o)); err != nil {
		return err
	}
	if o.note { // after the table, which is printed in any case
		if err := note(rows, o.bank); err != nil {
			return err
		}
	}
	for i := range rows {
		if !rows[i].asWanted() {
			return errMissed
		}
	}
	return nil
}

// measure builds this program with an edit, and has it sweep.
func measure(e *bank.Edit, dir string, o options) (reports []report, err error) {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return nil, err
	}
	exe := filepath.Join(dir, "mutants")
	args := []string{"build", "-ldflags=-s -w", "-o", exe}
	if e != nil {
		overlay, err := e.Overlay(".", dir)
		if err != nil {
			return nil, err
		}
		args = append(args, "-overlay", overlay)
	}
	if _, err := output(exec.Command("go", append(args, "./cmd/mutants")...)); err != nil {
		return nil, err
	}
	defer os.Remove(exe)
	shrunk := false
	for i := range o.sweeps {
		runs := 0
		if !shrunk {
			runs = o.runs
		}
		text, err := output(exec.Command(exe, "-child", bank.Settings(),
			"-first", strconv.Itoa(1+i*apart), "-seeds", strconv.Itoa(o.seeds), "-runs", strconv.Itoa(runs)))
		if err != nil {
			return reports, err
		}
		var r report
		if err := json.Unmarshal(text, &r); err != nil {
			return reports, fmt.Errorf("a child printed %q: %w", text, err)
		}
		shrunk = shrunk || r.Found != ""
		reports = append(reports, r)
	}
	return reports, nil
}

func output(c *exec.Cmd) ([]byte, error) {
	var failed bytes.Buffer
	c.Stderr = &failed
	text, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", c, err, bytes.TrimSpace(failed.Bytes()))
	}
	return text, nil
}

// note writes into each edit the run that found it first.
func note(rows []row, dir string) error {
	for _, r := range rows {
		first := r.first()
		if r.edit == nil || first == nil || r.edit.Found == first.Found {
			continue
		}
		r.edit.Found = first.Found
		if _, err := files.Write(filepath.Join(dir, r.edit.Name+".txt"), []byte(r.edit.Text())); err != nil {
			return err
		}
	}
	return nil
}
