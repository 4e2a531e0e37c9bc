package cmdline

import (
	"fmt"
	"slices"
	"strings"

	"dessim/sim/scenario"
	"dessim/sim/wording"
)

// fault says what is wrong with the program itself, or gives "".
func (p *Program) fault() string {
	const safe = "abcdefghijklmnopqrstuvwxyz0123456789-"
	if p.Name == "" || strings.Trim(p.Name, safe) != "" {
		return fmt.Sprintf("a program is called %q; want small letters, digits and hyphens", p.Name)
	}
	if len(p.Scenarios) == 0 {
		return "a program has no scenarios; want one at least"
	}
	for i, name := range p.names() {
		switch {
		case name == "" || strings.Trim(name, safe) != "":
			return fmt.Sprintf("a scenario is called %q; want small letters, digits and hyphens", name)
		case slices.Index(p.names(), name) != i:
			return fmt.Sprintf("two scenarios are called %s; want each of another name", name)
		}
	}
	return ""
}

// names returns those of the scenario.
func (p *Program) names() []string {
	var names []string
	for _, s := range p.Scenarios {
		names = append(names, s.Name)
	}
	return names
}

// find returns the scenario of that name, or nil.
func (p *Program) find(name string) *scenario.Scenario { return scenario.Find(p.Scenarios, name) }

// lookup returns the scenario of that name, or refuses it.
func (p *Program) lookup(name string) (*scenario.Scenario, error) {
	if s := p.find(name); s != nil {
		return s, nil
	}
	return nil, refuse("unknown scenario %s; %s", quote(name), didYouMean(name, "", p.names()))
}

// named returns text, in which commands begin with dessim, with the name of the program.
func (p *Program) named(text string) string {
	return strings.ReplaceAll(text, "dessim ", p.Name+" ")
}

// leftover refuses the arguments that no flag took.
func (p *Program) leftover(args []string) error {
	if len(args) == 0 {
		return nil
	}
	word := args[0]
	switch {
	case slices.Contains(commandNames(), word):
		return refuse("unexpected argument %s; a command comes first: %s %s ...", quote(word), p.Name, word)
	case p.find(word) != nil:
		return refuse("unexpected argument %s; did you mean -scenario %s?", quote(word), word)
	}
	if near := wording.Near(word, commandNames()); near != "" {
		return refuse("unexpected argument %s; did you mean the command %s, which comes first?", quote(word), near)
	}
	if near := wording.Near(word, p.names()); near != "" {
		return refuse("unexpected argument %s; did you mean -scenario %s?", quote(word), near)
	}
	return refuse("unexpected argument %s; want nothing but flags and their values", quote(word))
}
