//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// measureLive measures live networks, and prints a table for each group of cases. A case that
// fails is left out of its round.
func measureLive(ctx context.Context, o options, out, progress io.Writer) error {
	var cases []*testCase
	for _, c := range liveCases() {
		if o.only.MatchString(c.name) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return usagef("-only %v: no case has such a name", o.only)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ours := &dessim{self: self}
	t := newTable(cases, []contender{ours})
	for round := range o.rounds {
		for _, c := range cases {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintf(progress, "round %d of %d: %s\n", round+1, o.rounds, c.name)
			figures, err := ours.measure(c, o)
			if err != nil {
				fmt.Fprintf(progress, "without %s: %s\n", c.name, oneLine(err))
				continue
			}
			t.add(c, ours, figures)
		}
	}
	if len(t.samples) == 0 {
		return errors.New("nothing could be measured")
	}
	text := fmt.Sprintf("live networks of %d nodes: medians of %d rounds; %s %s/%s\n", liveNodes, o.rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, rows := range t.groups() {
		text += "\n" + draw(rows, from(rows, 1)...)
	}
	_, err = io.WriteString(out, text)
	return err
}

// groups returns a table for each group of cases, whose names begin with the same word. Its
// columns are the figures of the first.
func (t *table) groups() (all [][][]string) {
	last := ""
	for _, c := range t.cases {
		group, name, _ := strings.Cut(c.name, "/")
		if group != last {
			head := []string{group}
			for _, f := range c.figures {
				head = append(head, f.unit)
			}
			all = append(all, [][]string{head})
			last = group
		}
		rows := all[len(all)-1]
		row := []string{name}
		for _, f := range c.figures {
			text := ""
			if m, ok := t.median("dessim", c, f); ok {
				text = digits(m)
			}
			row = append(row, text)
		}
		row = append(row, make([]string, len(rows[0])-len(row))...)
		all[len(all)-1] = append(rows, row)
	}
	return all
}
