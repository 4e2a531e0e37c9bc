package cmdline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dessim/sim/scenario"
	"dessim/sim/wording"
)

// flaw returns the first mistake in the program itself, or nil.
func (p *Program) flaw() error {
	if err := scenario.ValidName(p.Name); err != nil {
		return fmt.Errorf("the program has the %w", err)
	}
	if len(p.Scenarios) == 0 {
		return errors.New("the program has no scenarios; want at least one")
	}
	taken := commandFlags()
	for i, s := range p.Scenarios {
		if err := s.Flaw(); err != nil {
			return err
		}
		if slices.Index(p.names(), s.Name) != i {
			return fmt.Errorf("two scenarios are called %s; want a different name for each", s.Name)
		}
		for _, x := range s.Own {
			if slices.Contains(taken, x.Name) {
				return fmt.Errorf("scenario %s: parameter %s has the name of a flag; want another name", s.Name, x.Name)
			}
		}
	}
	return p.flawOfCommands()
}

// commandFlags returns the names of the flags of all commands: those that a program has
// whose scenario declares no parameters.
func commandFlags() (names []string) {
	t := &tool{Program: &Program{Scenarios: []*scenario.Scenario{new(scenario.Scenario)}}}
	for _, c := range t.commands() {
		for _, x := range c.Flags {
			names = append(names, x.Names()...)
		}
	}
	return names
}

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

// named returns text with the program's name in place of dessim.
func (p *Program) named(text string) string {
	return strings.ReplaceAll(text, "dessim ", p.Name+" ")
}

// onlyOne refuses further arguments of a command that takes one.
func onlyOne(command, what string, further []string) error {
	if len(further) == 0 {
		return nil
	}
	return refuse("unexpected argument %s; %s takes one %s", quote(further[0]), command, what)
}

// leftover refuses the arguments that no flag took.
func (p *Program) leftover(args []string) error {
	if len(args) == 0 {
		return nil
	}
	word := args[0]
	switch {
	case slices.Contains(p.commandNames(), word):
		return refuse("unexpected argument %s; a command comes first: %s %s ...", quote(word), p.Name, word)
	case p.find(word) != nil:
		return refuse("unexpected argument %s; did you mean -scenario %s?", quote(word), word)
	}
	if near := wording.Near(word, p.commandNames()); near != "" {
		return refuse("unexpected argument %s; did you mean the command %s, which comes first?", quote(word), near)
	}
	if near := wording.Near(word, p.names()); near != "" {
		return refuse("unexpected argument %s; did you mean -scenario %s?", quote(word), near)
	}
	return refuse("unexpected argument %s; want only flags and their values", quote(word))
}
