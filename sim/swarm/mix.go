package swarm

import (
	"fmt"
	"strings"

	"dessim/sim/wording"
)

// Mix says which kinds of faults can be drawn. The zero Mix is none.
type Mix struct {
	kinds uint32 // a bit each
	swarm bool   // each run draws which of them are on, and how often they come
}

// kind is a kind of faults.
type kind struct {
	name     string
	meaning  string
	beyond   bool // what most protocols do not promise to stand, so that Swarm leaves it out
	fewest   int  // nodes that it needs
	generate func(d *drawer) bool
}

// The kinds. Their numbers are part of the faults' identities: new ones come last.
const (
	crash = iota
	restart
	pause
	disk
	partition
	cut
	ring
	flap
	clog
	slow
	lose
	copies
	corrupt
	clock
	byzantine
	rot
	kindCount
)

// kinds gives the table; a variable could not hold functions that look into it.
func kinds() [kindCount]kind {
	return [kindCount]kind{
		crash:     {"crash", "nodes crash between steps, after an effect, after a record or at a failing sync, and come back", false, 1, (*drawer).crash},
		restart:   {"restart", "nodes that are down come back early", false, 1, (*drawer).restart},
		pause:     {"pause", "nodes do nothing for a time", false, 1, (*drawer).pause},
		disk:      {"disk", "syncs are slow or fail; crashes leave torn or scattered records", false, 1, (*drawer).disk},
		partition: {"partition", "the network falls into two parts or more", false, 2, (*drawer).partition},
		cut:       {"cut", "messages one way are lost", false, 2, (*drawer).cut},
		ring:      {"ring", "each node hears only its two neighbours", false, 4, (*drawer).ring},
		flap:      {"flap", "partitions and cuts come and go", false, 2, (*drawer).flap},
		clog:      {"clog", "messages wait, then come all together", false, 2, (*drawer).clog},
		slow:      {"slow", "messages travel longer", false, 2, (*drawer).slow},
		lose:      {"lose", "messages are lost", false, 2, (*drawer).lose},
		copies:    {"copy", "messages arrive twice", false, 2, (*drawer).copies},
		corrupt:   {"corrupt", "messages arrive with other bytes", false, 2, (*drawer).corrupt},
		clock:     {"clock", "clocks jump and drift", false, 1, (*drawer).clock},
		byzantine: {"byzantine", "less than a third of the nodes lie", true, 4, (*drawer).byzantine},
		rot:       {"rot", "bits of synced records flip, and the damage keeps their nodes from starting again", true, 1, (*drawer).rot},
	}
}

// Swarm gives the Mix of which each run first draws what is on, and how often it
// comes: of all kinds but those that most protocols do not promise to stand. A run
// with few kinds of faults gets deeper into them than one with all (Groce, Zhang,
// Eide, Chen, Regehr: Swarm testing, ISSTA 2012).
func Swarm() Mix {
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

// Names gives the words that ParseMix knows.
func Names() []Name {
	names := []Name{
		{"none", "none, but for what the scenario is about"},
		{"swarm", "each run draws which of all kinds but byzantine and rot are on, and how often they come"},
	}
	for _, k := range kinds() {
		names = append(names, Name{k.name, k.meaning})
	}
	return names
}

// ParseMix reads "none", or names of kinds with commas between, "crash,restart".
// "swarm" among them adds all kinds of Swarm and has each run draw which of the
// kinds named are on; so "swarm,byzantine" is both.
func ParseMix(text string) (Mix, error) {
	if text == "none" {
		return Mix{}, nil
	}
	var m Mix
	for word := range strings.SplitSeq(text, ",") {
		if word == "swarm" {
			m.kinds, m.swarm = m.kinds|Swarm().kinds, true
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
		return fmt.Errorf("swarm: none is given with others, want it alone")
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

// String gives the text that ParseMix reads.
func (m Mix) String() string {
	var words []string
	rest := m.kinds
	if m.swarm {
		words, rest = append(words, "swarm"), rest&^Swarm().kinds
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
