//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"dessim/sim/files"
)

// pairing is one workload and the samples of both revisions.
type pairing struct {
	workload
	load       string
	known      bool   // whether both report what happened in their runs
	difference string // of what happened, or ""
	samples    [2][]float64
}

// comparison collects what the table shows. Index 0 is base, 1 is new.
type comparison struct {
	sides    [2]*revision
	rounds   int
	pairings []*pairing
	leftOut  []omission
	progress io.Writer
}

// omission is a case without a line in the table.
type omission struct {
	Cases  []string `json:"cases"`
	Reason string   `json:"reason"`
}

// compareRevisions builds base and the working tree, measures them in turn, and prints
// the table.
func compareRevisions(ctx context.Context, o options, out, progress io.Writer) error {
	list := slices.DeleteFunc(allWorkloads(o.events), func(w workload) bool { return !o.only.MatchString(w.name()) })
	if len(list) == 0 {
		return usagef("-only %v: no case has such a name", o.only)
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	commit, err := findRevision(ctx, root, o.base)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "dessim-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	var file *files.File
	if o.json != "" { // fails now if it cannot be written, not after ten minutes
		if file, err = files.Create(o.json); err != nil {
			return fmt.Errorf("-json %s: %w", o.json, err)
		}
		defer file.Discard()
	}
	fmt.Fprintf(progress, "building %s and the working tree\n", o.base)
	base, err := baseRevision(ctx, root, o.base, commit, scratch)
	if err != nil {
		return err
	}
	changed, err := newRevision(ctx, root, scratch)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c := &comparison{sides: [2]*revision{base, changed}, rounds: o.rounds, progress: progress}
	for _, side := range c.sides {
		list = c.without(list, side.failed)
	}
	if err := c.measure(ctx, list); err != nil {
		return err
	}
	if _, err := io.WriteString(out, c.text()); err != nil || file == nil {
		return err
	}
	if err := c.save(file); err != nil { // after the table, which is printed in any case
		return fmt.Errorf("-json %s: %w", o.json, err)
	}
	return nil
}

// without leaves out the workloads whose programs could not be built.
func (c *comparison) without(list []workload, failed map[string]error) (kept []workload) {
	names := map[string][]string{}
	for _, w := range list {
		if failed[w.program()] == nil {
			kept = append(kept, w)
		} else {
			names[w.program()] = append(names[w.program()], w.name())
		}
	}
	for _, p := range programs {
		if len(names[p]) > 0 {
			c.leaveOut(oneLine(failed[p]), names[p]...)
		}
	}
	return kept
}

func (c *comparison) leaveOut(reason string, names ...string) {
	o := omission{names, reason}
	c.leftOut = append(c.leftOut, o)
	fmt.Fprintln(c.progress, o)
}

func (o omission) String() string {
	return fmt.Sprintf("left out: %s: %s", strings.Join(o.Cases, ", "), o.Reason)
}

// measure runs the workloads that both revisions have, round by round.
func (c *comparison) measure(ctx context.Context, list []workload) error {
	if err := c.prepare(ctx, list); err != nil {
		return err
	}
	for round := range c.rounds {
		fmt.Fprintf(c.progress, "round %d of %d\n", round+1, c.rounds)
		for _, d := range slices.Clone(c.pairings) {
			if err := c.round(ctx, d, round); err != nil {
				return err
			}
		}
	}
	return c.remaining()
}

func (c *comparison) prepare(ctx context.Context, list []workload) error {
	fmt.Fprintln(c.progress, "looking at the loads")
	for _, w := range list {
		var made [2]work
		var failed error
		for i, side := range c.sides {
			if made[i], failed = w.inspect(ctx, side); failed != nil {
				failed = fmt.Errorf("%s: %w", side.side, failed)
				break
			}
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case failed != nil:
			c.leaveOut(oneLine(failed), w.name())
		default:
			d := &pairing{workload: w, load: made[1].load}
			d.difference, d.known = differs(made[0], made[1])
			c.pairings = append(c.pairings, d)
		}
	}
	return c.remaining()
}

func (c *comparison) remaining() error {
	if len(c.pairings) == 0 {
		return errors.New("nothing could be compared")
	}
	return nil
}

// round measures each side twice, in the order base new new base, and in every other
// round new base base new: a machine that grows steadily slower favours neither. The
// sample is the mean of the two.
func (c *comparison) round(ctx context.Context, d *pairing, round int) error {
	var sum [2]float64
	order := [...]int{0, 1, 1, 0}
	for _, place := range order {
		side := (place + round) % len(c.sides)
		took, err := d.measure(ctx, c.sides[side])
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			c.pairings = slices.DeleteFunc(c.pairings, func(x *pairing) bool { return x == d })
			c.leaveOut(c.sides[side].side+": "+oneLine(err), d.name())
			return nil
		}
		sum[side] += took
	}
	for side := range c.sides {
		d.samples[side] = append(d.samples[side], sum[side]/float64(len(order)/2))
	}
	return nil
}

// text returns the table with its notes.
func (c *comparison) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "base is %s, commit %s; new is the working tree, commit %s\n", c.sides[0].Name, c.sides[0].Commit, c.sides[1].Commit)
	fmt.Fprintf(&b, "rounds of base new new base: %d; medians and quartiles, less is better; ratios are new to base; %s %s/%s\n\n",
		c.rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	rows := [][]string{{"case", "load", "digests", "unit", "base", "quartiles", "new", "quartiles", "ratio", "paired", "least..greatest", "verdict"}}
	for _, d := range c.pairings {
		r := d.result()
		rows = append(rows, []string{r.Case, r.Load, r.Digests, r.Unit, digits(r.Base.Median), r.Base.quartiles(),
			digits(r.New.Median), r.New.quartiles(), ratio(r.Ratio), ratio(r.Paired.Median),
			ratio(slices.Min(r.Ratios)) + ".." + ratio(slices.Max(r.Ratios)), r.Verdict})
	}
	b.WriteString(draw(rows, 4, 5, 6, 7, 8, 9, 10))
	for _, d := range c.pairings {
		if d.difference != "" {
			fmt.Fprintf(&b, "%s: the load is not the same: %s\n", d.name(), d.difference)
		}
	}
	for _, o := range c.leftOut {
		fmt.Fprintln(&b, o)
	}
	return b.String()
}

func (s spread) quartiles() string { return digits(s.Low) + ".." + digits(s.High) }

func ratio(x float64) string { return fmt.Sprintf("%.3f", x) }

// result is a line of the table.
type result struct {
	Case       string    `json:"case"`
	Load       string    `json:"load"`
	Digests    string    `json:"digests"` // equal, differ or unknown
	Difference string    `json:"difference,omitempty"`
	Unit       string    `json:"unit"`
	Base       spread    `json:"base"`
	New        spread    `json:"new"`
	Ratio      float64   `json:"ratio"`  // of the medians
	Paired     spread    `json:"paired"` // of Ratios
	Verdict    string    `json:"verdict"`
	Bases      []float64 `json:"base_rounds"`
	News       []float64 `json:"new_rounds"`
	Ratios     []float64 `json:"paired_rounds"`
}

func (d *pairing) result() result {
	base, changed := d.samples[0], d.samples[1]
	r := result{
		Case: d.name(), Load: d.load, Digests: "equal", Difference: d.difference, Unit: d.unit(),
		Base: spreadOf(base), New: spreadOf(changed),
		Bases: base, News: changed, Ratios: paired(base, changed),
	}
	r.Ratio, r.Paired, r.Verdict = r.New.Median/r.Base.Median, spreadOf(r.Ratios), verdict(r.Ratios)
	switch {
	case d.difference != "":
		r.Digests, r.Verdict = "differ", anotherLoad
	case !d.known:
		r.Digests = "unknown"
	}
	return r
}

// save writes the table and every sample as JSON.
func (c *comparison) save(file *files.File) error {
	report := struct {
		Base    *revision  `json:"base"`
		New     *revision  `json:"new"`
		Go      string     `json:"go"`
		Rounds  int        `json:"rounds"`
		Cases   []result   `json:"cases"`
		LeftOut []omission `json:"left_out,omitempty"`
	}{Base: c.sides[0], New: c.sides[1], Go: runtime.Version(), Rounds: c.rounds, LeftOut: c.leftOut}
	for _, d := range c.pairings {
		report.Cases = append(report.Cases, d.result())
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	file.Write(append(text, '\n')) // Commit has the error
	_, err = file.Commit()
	return err
}
