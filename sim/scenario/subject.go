package scenario

import (
	"fmt"
	"strings"

	"dessim/protocol"
	"dessim/sim/explore"
	"dessim/sim/source"
	"dessim/sim/wording"
)

// Subject names a run, without the source of its answers.
type Subject struct {
	Scenario *Scenario
	Seed     uint64
	Params   Params
}

// String returns the flags that repeat the run, quoted for a shell. It leaves out parameters
// with default values.
func (s *Subject) String() string {
	flags := fmt.Sprintf("-seed %d -scenario %s", s.Seed, s.Scenario.Name)
	for _, x := range s.Scenario.Params() {
		if text := x.Get(&s.Params); !x.Kept && text != x.Get(&s.Scenario.Defaults) {
			flags += " -" + x.Name + " " + wording.Shell(text)
		}
	}
	return flags
}

// ParseSubject reads flags as String writes them, for one of the scenarios. The seed is 0
// without -seed.
func ParseSubject(all []*Scenario, flags string) (s Subject, err error) {
	texts, err := cutFlags(flags)
	if err != nil {
		return s, err
	}
	take := func(name string) (string, bool) {
		text, given := texts[name]
		delete(texts, name)
		return text, given
	}
	name, _ := take("scenario")
	if s.Scenario = Find(all, name); s.Scenario == nil {
		return s, fmt.Errorf("%.100q: no scenario %q", flags, name)
	}
	if text, given := take("seed"); given {
		if s.Seed, err = source.ParseSeed(text); err != nil {
			return s, fmt.Errorf("%q: %w", flags, err)
		}
	}
	if s.Params, err = s.Scenario.with(texts); err != nil {
		return s, fmt.Errorf("%q: %w", flags, err)
	}
	return s, nil
}

// with returns the scenario's defaults, but for the parameters in texts.
func (s *Scenario) with(texts map[string]string) (Params, error) {
	p := s.Defaults
	for _, name := range protocol.SortedKeys(texts) {
		if err := s.Set(&p, name, texts[name]); err != nil {
			return p, err
		}
	}
	return p, s.Validate(&p)
}

// cutFlags reads flags by name. A value ends at the next word that looks like a flag, and may
// have single quotes around it.
func cutFlags(flags string) (map[string]string, error) {
	texts := make(map[string]string)
	name := ""
	for _, word := range strings.Fields(flags) {
		if strings.HasPrefix(word, "--") {
			word = word[1:]
		}
		switch {
		case len(word) > 1 && word[0] == '-' && 'a' <= word[1] && word[1] <= 'z':
			var value string
			name, value, _ = strings.Cut(word[1:], "=")
			before, twice := texts[name]
			if twice && name != "fault" {
				return nil, fmt.Errorf("%q: flag -%s comes twice", flags, name)
			}
			if twice {
				value = strings.TrimSuffix(before, "'") + ";" + value
			}
			texts[name] = value
		case name == "":
			return nil, fmt.Errorf("%q: want flags, not %q", flags, word)
		default:
			texts[name] = strings.TrimPrefix(texts[name]+" "+word, " ")
		}
	}
	for _, name := range protocol.SortedKeys(texts) {
		if texts[name] == "" {
			return nil, fmt.Errorf("%q: flag -%s has no value", flags, name)
		}
		texts[name] = strings.Trim(strings.ReplaceAll(texts[name], "; '", "; "), "'")
	}
	return texts, nil
}

// ParseParams reads the flags of parameters, as for the command line: "-nodes 5 -loss 1%".
func (s *Scenario) ParseParams(flags string) (Params, error) {
	texts, err := cutFlags(flags)
	if err != nil {
		return s.Defaults, err
	}
	return s.with(texts)
}

// SmallWorkload returns the flags of Scenario.Small by name.
func (s *Scenario) SmallWorkload() map[string]string {
	texts, err := cutFlags(s.Small)
	if err != nil {
		panic("scenario: " + s.Name + ": Small: " + err.Error())
	}
	return texts
}

// World returns the runs of the subject for package explore.
func (s *Subject) World() *explore.World { return s.Scenario.World(s.Seed, s.Params) }
