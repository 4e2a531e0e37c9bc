package swarm

import (
	"fmt"
	"slices"
	"strings"

	"dessim/sim/wording"
)

// Mix is the kinds of faults that can be drawn. The zero Mix has none.
type Mix struct {
	kinds uint32 // a bit each
	swarm bool   // each run draws which of them are on, and how often they come
}

// wholeSwarm returns the Mix "swarm": each run first draws which kinds are on, and how often
// they come, of all kinds but those that most protocols do not claim to tolerate. A run
// with few kinds of faults gets deeper into them than one with all (Groce, Zhang, Eide,
// Chen, Regehr: Swarm testing, ISSTA 2012).
func wholeSwarm() Mix {
	m := Mix{swarm: true}
	for i, k := range kinds() {
		if !k.beyond {
			m.kinds |= 1 << i
		}
	}
	return m
}

// Name is a word for ParseMix.
type Name struct{ Name, Meaning string }

// Names returns the words that ParseMix knows.
func Names() []Name {
	var beyond []string
	for _, k := range kinds() {
		if k.beyond {
			beyond = append(beyond, k.name)
		}
	}
	last := len(beyond) - 1
	names := []Name{
		{"none", "none, except those that the scenario is about"},
		{"swarm", fmt.Sprintf("each run draws which of all kinds but %s and %s are on, and how often they come", strings.Join(beyond[:last], ", "), beyond[last])},
	}
	for _, k := range kinds() {
		names = append(names, Name{k.name, k.meaning})
	}
	return names
}

// ParseMix reads "none", or names of kinds separated by commas, "crash,restart". "swarm"
// among them adds the kinds of a whole swarm, and each run draws which kinds are on; so
// "swarm,byzantine" draws from both.
func ParseMix(text string) (Mix, error) {
	if text == "none" {
		return Mix{}, nil
	}
	var m Mix
	for word := range strings.SplitSeq(text, ",") {
		if word == "swarm" {
			m.kinds, m.swarm = m.kinds|wholeSwarm().kinds, true
			continue
		}
		found := false
		for i, k := range kinds() {
			if k.name == word {
				m.kinds, found = m.kinds|1<<i, true
			}
		}
		if !found {
			return Mix{}, unknown(word)
		}
	}
	return m, nil
}

func unknown(word string) error {
	if word == "none" {
		return fmt.Errorf("swarm: none comes with others; want it alone")
	}
	var words []string
	for _, n := range Names() {
		words = append(words, n.Name)
	}
	if near := wording.Near(word, words); near != "" {
		return fmt.Errorf("swarm: no kind of faults is called %q; did you mean %s?", word, near)
	}
	return fmt.Errorf("swarm: no kind of faults is called %q, want %s", word, strings.Join(words, ", "))
}

// Kinds returns the names of the kinds that can be drawn.
func (m Mix) Kinds() (names []string) {
	for i, k := range kinds() {
		if m.kinds&(1<<i) != 0 {
			names = append(names, k.name)
		}
	}
	return names
}

// Undrawn has kinds of a Mix that are never drawn, for one reason.
type Undrawn struct {
	Kinds []string
	Why   string // what follows their names: "need 2 nodes, and faults hit 1"
	Swarm bool   // they belong to the word swarm, which has other kinds too; nobody named them
}

// String returns one line: "partition, lose: need 2 nodes, and faults hit 1".
func (u *Undrawn) String() string { return strings.Join(u.Kinds, ", ") + ": " + u.Why }

// Undrawn returns the kinds that Draw never draws under c, grouped by the reason.
func (m Mix) Undrawn(c Config) (all []Undrawn) {
	for i, k := range kinds() {
		why := ""
		switch {
		case m.kinds&(1<<i) == 0:
			continue
		case len(c.Nodes) < k.fewest:
			why = fmt.Sprintf("%s, and faults hit %d", wording.Count(k.fewest, "node"), len(c.Nodes))
		case i == repair && len(c.First) == 0:
			why = "messages whose loss is repaired, and the scenario names none"
		default:
			continue
		}
		of := m.swarm && !k.beyond
		at := slices.IndexFunc(all, func(u Undrawn) bool { return u.Swarm == of && u.Why == why })
		if at < 0 {
			at = len(all)
			all = append(all, Undrawn{Swarm: of, Why: why})
		}
		all[at].Kinds = append(all[at].Kinds, k.name)
	}
	for i := range all {
		verb := "need "
		if len(all[i].Kinds) == 1 {
			verb = "needs "
		}
		all[i].Why = verb + all[i].Why
	}
	return all
}

// String returns the text that ParseMix reads.
func (m Mix) String() string {
	var words []string
	rest := m.kinds
	if m.swarm {
		words, rest = append(words, "swarm"), rest&^wholeSwarm().kinds
	}
	for i, k := range kinds() {
		if rest&(1<<i) != 0 {
			words = append(words, k.name)
		}
	}
	if words == nil {
		return "none"
	}
	return strings.Join(words, ",")
}
