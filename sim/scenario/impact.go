package scenario

import (
	"fmt"
	"slices"
	"strings"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/swarm"
)

// Impact is what a fault that the parameters write in words did in a run.
type Impact struct {
	Fault fault.Fault
	sim.Impact
}

// String returns the fault with its identity: "fault 3 (rot 1 at 3s)".
func (d *Impact) String() string { return fmt.Sprintf("fault %d (%v)", d.Fault.ID, d.Fault) }

// ineffective reports whether the fault did nothing. "heal at never" asks for nothing.
func (d *Impact) ineffective() bool {
	return d.N == 0 && (d.Fault.Op != fault.Heal || d.Fault.At != fault.Never)
}

// written returns what the faults did that the parameters write in words, in a run with these
// faults. One that a search removed is left out; one that the scenario removed is not.
func written(p *Params, cut *Cut, faults []fault.Fault, did []sim.Impact) (impacts []Impact) {
	for _, f := range p.Written() {
		i := slices.IndexFunc(faults, func(g fault.Fault) bool { return g.ID == f.ID })
		switch {
		case i >= 0:
			impacts = append(impacts, Impact{faults[i], did[i]})
		case cut == nil || cut.Faults == nil:
			impacts = append(impacts, Impact{f, sim.Impact{Why: "the scenario leaves it out"}})
		}
	}
	return impacts
}

// drawn adds up what the faults of each kind did that the parameters have drawn. Kinds of
// which none was drawn are among them; those that cannot be are one, with the reason.
func drawn(p *Params, undrawn []swarm.Undrawn, faults []fault.Fault, did []sim.Impact) (sums []Count) {
	mix, err := p.parseMix()
	if err != nil {
		return nil
	}
	never := make(map[string]bool)
	for _, u := range undrawn {
		for _, kind := range u.Kinds {
			never[kind] = true
		}
	}
	for _, kind := range mix.Kinds() {
		if !never[kind] {
			sums = append(sums, Count{Name: "-faults " + kind})
		}
	}
	for i := range faults {
		name := "-faults " + swarm.KindOf(faults[i].ID)
		if k := slices.IndexFunc(sums, func(c Count) bool { return c.Name == name }); k >= 0 {
			sums[k].N += did[i].N
		}
	}
	for i := range undrawn {
		sums = append(sums, Count{Name: fmt.Sprintf("-faults %s (%s)", strings.Join(undrawn[i].Kinds, ", "), undrawn[i].Why)})
	}
	return sums
}

// Warnings returns the reasons not to rely on a run that passed, a sentence each: faults that
// the parameters write in words and that did nothing, kinds of faults that they name and that cannot
// be drawn, and messages to nodes that do not exist, unless damaged messages explain them.
func (r *Report) Warnings() (sentences []string) {
	for i := range r.Written {
		d := &r.Written[i]
		if !d.ineffective() || r.Sim.Reason == sim.Broken {
			continue // a panic ended the run before its time
		}
		s := fmt.Sprintf("fault %d: %v did nothing", d.Fault.ID, d.Fault)
		if d.Why != "" {
			s += ": " + d.Why
		}
		sentences = append(sentences, s)
	}
	for i := range r.Undrawn {
		if u := &r.Undrawn[i]; !u.Swarm {
			sentences = append(sentences, "-faults "+u.String())
		}
	}
	if text := r.Sim.MisaddressedText(); text != "" {
		sentences = append(sentences, text)
	}
	return sentences
}

// Strict returns the verdict if warnings count: with one, a pass is inconclusive.
func (r *Report) Strict() check.Verdict {
	if r.Verdict == check.Pass && len(r.Warnings()) > 0 {
		return check.Inconclusive
	}
	return r.Verdict
}

// impacts returns what the faults did that the parameters ask for, for the sums of a sweep:
// each that they write in words, and each kind that they have drawn.
func (r *Report) impacts() (sums []Count) {
	for i := range r.Written {
		if d := &r.Written[i]; d.N > 0 || d.ineffective() {
			sums = append(sums, Count{Name: d.String(), N: d.N})
		}
	}
	return append(sums, r.Drawn...)
}
