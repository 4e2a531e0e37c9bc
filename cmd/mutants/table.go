//go:build unix

package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// unedited is the name of the code without a planted bug.
const unedited = "(unedited code)"

func (r *row) name() string {
	if r.edit == nil {
		return unedited
	}
	return r.edit.Name
}

// first returns the report of the first sweep that found something, or nil.
func (r *row) first() *report {
	for i := range r.reports {
		if r.reports[i].Found != "" {
			return &r.reports[i]
		}
	}
	return nil
}

func (r *row) found() (n int) {
	for _, p := range r.reports {
		if p.Found != "" {
			n++
		}
	}
	return n
}

// asWanted reports whether the bug was found by a check that should report it, or
// nothing if there is no bug.
func (r *row) asWanted() bool {
	first := r.first()
	if r.err != nil || r.edit == nil || first == nil {
		return r.err == nil && r.edit == nil && first == nil
	}
	return r.edit.Reports(first.Checks)
}

// seeds returns the median of what the sweeps took; if most found nothing, that is
// more than they tried.
func (r *row) seeds() (n int, more bool) {
	var all []int
	for _, p := range r.reports {
		n := p.Seeds
		if p.Found == "" {
			n++ // after all that found it with the last seed
		}
		all = append(all, n)
	}
	slices.Sort(all)
	most := r.reports[0].Seeds
	for _, p := range r.reports {
		most = max(most, p.Seeds)
	}
	if n = all[len(all)/2]; n > most {
		return most, true
	}
	return n, false
}

func (r *row) cpu() time.Duration {
	var all []time.Duration
	for _, p := range r.reports {
		all = append(all, p.CPU)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func (r *row) line(o options) string {
	if r.err != nil {
		return fmt.Sprintf("%s: %v", r.name(), r.err)
	}
	line := strings.Join(strings.Fields(strings.Join(r.cells(o), " ")), " ")
	if first := r.first(); first != nil {
		line += ": " + first.Found
	}
	return line
}

func table(rows []row, o options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sweeps of at most %d seeds for each bug; seeds and CPU time are medians\n\n", o.sweeps, o.seeds)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "bug\tfound\tseeds\tCPU s\tnodes\tinputs\tfaults\tanswers\tdelays\tshrunk from\tby check")
	for i := range rows {
		fmt.Fprintln(w, strings.Join(rows[i].cells(o), "\t"))
	}
	w.Flush() // to memory
	return b.String() + "\n" + summary(rows)
}

func (r *row) cells(o options) []string {
	if r.err != nil {
		text, _, _ := strings.Cut(r.err.Error(), "\n")
		return []string{r.name(), "error", "", "", "", "", "", "", "", "", text}
	}
	seeds, more := r.seeds()
	cells := []string{r.name(), fmt.Sprintf("%d/%d", r.found(), o.sweeps), fmt.Sprint(seeds), fmt.Sprintf("%.1f", r.cpu().Seconds())}
	if more {
		cells[2] = ">" + cells[2]
	}
	first := r.first()
	if first == nil {
		return append(cells, "", "", "", "", "", "", "")
	}
	return append(append(cells, first.sizes()...), r.reportedBy(first))
}

// sizes returns the cells of the shrunk run.
func (p *report) sizes() []string {
	a, b := p.After, p.Before
	if a == nil || b == nil {
		return []string{"", "", "", "", "", ""}
	}
	return []string{fmt.Sprint(a.Nodes), fmt.Sprint(a.Inputs), fmt.Sprint(a.Faults), fmt.Sprint(a.Answers), fmt.Sprint(a.Delays),
		fmt.Sprintf("%d %d %d %d", b.Nodes, b.Inputs, b.Faults, b.Answers)}
}

// reportedBy names the check that failed first, of those that the edit names if there
// is one.
func (r *row) reportedBy(first *report) string {
	if r.edit == nil {
		return first.Checks[0]
	}
	for _, name := range first.Checks {
		if r.edit.Reports([]string{name}) {
			return name
		}
	}
	return first.Checks[0] + " (which the edit does not name)"
}

func summary(rows []row) string {
	bugs, found, soon := 0, 0, 0
	var faults, delays []int
	for i := range rows {
		r := &rows[i]
		if r.edit == nil {
			continue
		}
		bugs++
		first := r.first()
		if first == nil {
			continue
		}
		found++
		if n, more := r.seeds(); !more && n <= 1000 {
			soon++
		}
		if first.After != nil {
			faults = append(faults, first.After.Faults)
			delays = append(delays, first.After.Delays)
		}
	}
	text := fmt.Sprintf("%d of %d bugs found, %d of them within 1000 seeds in the median", found, bugs, soon)
	if len(faults) > 0 {
		slices.Sort(faults)
		slices.Sort(delays)
		text += fmt.Sprintf("; shrunk to %d faults and %d delays in the median", faults[len(faults)/2], delays[len(delays)/2])
	}
	return text + "\n"
}
