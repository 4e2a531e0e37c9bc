//go:build unix

package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/tw"
)

// table collects figures and prints their medians.
type table struct {
	cases      []*testCase
	contenders []contender
	samples    map[cell][]float64
}

type cell struct{ contender, name, figure string }

func newTable(cases []*testCase, contenders []contender) *table {
	return &table{cases, contenders, map[cell][]float64{}}
}

func (t *table) add(c *testCase, p contender, figures map[string]float64) {
	for _, f := range c.figures {
		if value, ok := figures[f.name]; ok {
			at := cell{p.name(), c.name, f.name}
			t.samples[at] = append(t.samples[at], value/f.scale)
		}
	}
}

// print writes the cases with their peers, then the queue alone.
func (t *table) print(out io.Writer, o options) error {
	text := fmt.Sprintf("CPU time: medians of %d interleaved rounds, %d events or operations; %s %s/%s\n",
		o.rounds, o.events, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, rows := range [][][]string{t.main(), t.queue()} {
		if len(rows) > 1 {
			text += "\n" + draw(rows, from(rows, 2)...) // all columns but the case and its unit
		}
	}
	_, err := io.WriteString(out, text)
	return err
}

// main returns a line for each figure of the whole simulator.
func (t *table) main() [][]string {
	head := []string{"case", "unit", "dessim", "spread"}
	for _, p := range t.contenders[1:] {
		head = append(head, p.name(), "x "+p.name())
	}
	rows := [][]string{head}
	for _, c := range t.cases {
		if c.queue != nil {
			continue
		}
		for _, f := range c.figures {
			ours, ok := t.median("dessim", c, f)
			if !ok {
				continue
			}
			all := t.samples[cell{"dessim", c.name, f.name}]
			row := []string{c.name, f.unit, digits(ours), fmt.Sprintf("%.0f%%", 100*(slices.Max(all)-slices.Min(all))/ours)}
			for _, p := range t.contenders[1:] {
				if theirs, ok := t.median(p.name(), c, f); ok {
					row = append(row, digits(theirs), digits(ours/theirs))
				} else {
					row = append(row, "", "")
				}
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// queue returns a line for each distribution of delays.
func (t *table) queue() [][]string {
	head := []string{"queue alone", "unit"}
	for tens := queueLeast; tens <= queueMost; tens++ {
		head = append(head, fmt.Sprintf("1e%d", tens))
	}
	rows := [][]string{append(head, "1e6/1e4")}
	for _, dist := range queueDists {
		row, seen, medians := []string{dist, "ns"}, false, map[int]float64{}
		for tens := queueLeast; tens <= queueMost; tens++ {
			row = append(row, "")
			if m, ok := median(t.samples[cell{"dessim", queueName(dist, tens), "op"}]); ok {
				row[len(row)-1], medians[tens], seen = digits(m), m, true
			}
		}
		ratio := ""
		if medians[4] > 0 && medians[6] > 0 {
			ratio = digits(medians[6] / medians[4])
		}
		if seen {
			rows = append(rows, append(row, ratio))
		}
	}
	return rows
}

func (t *table) median(contender string, c *testCase, f figure) (float64, bool) {
	return median(t.samples[cell{contender, c.name, f.name}])
}

// median returns the middle of list, or the mean of the middle two.
func median(list []float64) (m float64, ok bool) {
	if len(list) == 0 {
		return 0, false
	}
	return quantile(list, 0.5), true
}

// digits formats x with two decimals at most, and three digits where possible.
func digits(x float64) string {
	switch {
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	case x < 100:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// from returns the columns of rows from the given one on.
func from(rows [][]string, first int) (columns []int) {
	for i := first; i < len(rows[0]); i++ {
		columns = append(columns, i)
	}
	return columns
}

// draw draws rows, the first of which is the head, with some columns aligned right.
func draw(rows [][]string, right ...int) string {
	align := make([]tw.Align, len(rows[0]))
	for i := range align {
		align[i] = tw.AlignLeft
	}
	for _, i := range right {
		align[i] = tw.AlignRight
	}
	cells := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{PerColumn: align},
	}
	var b strings.Builder
	w := tablewriter.NewTable(&b,
		tablewriter.WithConfig(tablewriter.Config{Header: cells, Row: cells}),
		tablewriter.WithSymbols(tw.NewSymbols(tw.StyleASCII)),
		tablewriter.WithEastAsian(tw.Off))
	w.Header(rows[0])
	err := w.Bulk(rows[1:])
	if err == nil {
		err = w.Render()
	}
	if err != nil {
		panic(fmt.Sprintf("bench: drawing a table: %v", err))
	}
	return b.String()
}
