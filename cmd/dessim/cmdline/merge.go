package cmdline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/sim/explore"
	"dessim/sim/files"
)

const mergeUsage = `dessim merge RESULTS... [flags]

Joins files of dessim sweep -results, in any order, into one report. A seed that is in
several files counts once: a shard that ran twice changes nothing. If their results
differ, the exit code is 4. Each file says which seeds it is of. Seeds that nobody ran
leave the report inconclusive, unless there are violations. -report writes the page that one
sweep of all seeds writes. Guided sweeps that began at
different seeds learned nothing from one another: their report is their sum.`

func (t *tool) mergeCommand() *cli.Command {
	f := t.flags()
	f.add("out", "DIR", "write replay files here; created if needed, the default is this folder")
	f.addSweepReport()
	f.addStrict()
	f.add("json", "", "print one JSON object")
	return f.command("merge", "joins the results of shards", mergeUsage, func(_ context.Context, args []string) error {
		if len(args) == 0 {
			return refuse("no results files; want %s merge RESULTS...", t.Name)
		}
		x, err := t.merge(args)
		if err != nil {
			return err
		}
		x.strict = f.find("strict").on()
		if out := f.find("out"); out.given { // else the report needs no folder that can be written
			if err := x.open(out); err != nil {
				return err
			}
		}
		if err := x.openPage(f.find("report"), args); err != nil {
			return err
		}
		defer x.page.discard()
		if err := x.write(); err != nil {
			return err
		}
		x.writePage()
		x.print(f.find("json").on())
		if err := x.unwritten(); err != nil {
			return err
		}
		return verdictExit(x.conclusion())
	})
}

func (t *tool) merge(names []string) (*found, error) {
	var read []explore.ResultsFile
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, refuse("results %s: %s", quote(name), files.Reason(err))
		}
		defer f.Close()
		read = append(read, explore.ResultsFile{Name: name, R: io.Reader(f)})
	}
	m, err := explore.Merge(read)
	var differs *explore.NotDeterministicError
	var file *explore.FileError
	switch {
	case errors.As(err, &differs):
		return nil, &exit{exitInternal, err.Error()}
	case errors.As(err, &file):
		return nil, refuse("results %s: %s", quote(file.Name), files.Reason(file.Err))
	case err != nil:
		return nil, refuse("results: %v", err)
	}
	x := &found{tool: t, command: m.Header.Command, report: m.SweepReport}
	if err := x.readHeader(&m.Header); err != nil {
		return nil, refuse("results %s: %v", quote(names[0]), err)
	}
	if x.strategy == explore.Guided && m.Shards > 1 {
		x.note = fmt.Sprintf("the sum of %d guided sweeps that learned separately: one sweep of all these seeds makes other runs", m.Shards)
	}
	if len(m.Unknown) > 0 {
		x.note = strings.TrimPrefix(x.note+"; "+unknownRange(m.Unknown), "; ")
	}
	return x, nil
}

// unknownRange says that seeds of some files could be missing unnoticed.
func unknownRange(names []string) string {
	var quoted []string
	for _, name := range names {
		quoted = append(quoted, quote(name))
	}
	return "an older version wrote " + strings.Join(quoted, ", ") + ": which seeds they are of is unknown, so some could be missing"
}

// readHeader reads what was swept.
func (x *found) readHeader(h *explore.Header) (err error) {
	if by, _, _ := strings.Cut(h.Command, " "); by != x.Name {
		return refuse("written by another program, %s; want %s merge", quote(by), unquoted(quote(by)))
	}
	if h.Version != revision() {
		return refuse("written by %s %s; this one, %s, might not replay its failures", x.Name, quote(h.Version), revision())
	}
	if x.strategy, err = explore.ParseStrategy(h.Strategy); err != nil {
		return err
	}
	x.subject.program = x.Program
	if x.Scenario, err = x.lookup(h.Scenario); err != nil {
		return err
	}
	x.Params = x.Scenario.Defaults
	for i := 0; i+1 < len(h.Params); i += 2 {
		if p := x.Scenario.Param(h.Params[i]); p != nil {
			if err := x.set(p, h.Params[i+1]); err != nil {
				return err
			}
		}
	}
	return x.validate()
}
