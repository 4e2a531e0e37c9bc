package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dessim/sim/source"
	"dessim/sim/wording"
)

// ValidName reports what keeps a text from being the name of a scenario, a parameter or
// a program, as one line, or nil.
func ValidName(text string) error {
	const letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
	ok := text != "" && strings.Contains(letters, text[:1])
	for word := range strings.SplitSeq(text, "-") {
		ok = ok && word != "" && strings.Trim(word, letters+digits) == ""
	}
	if !ok {
		return fmt.Errorf("name %q; want small letters, digits and single hyphens, a letter first", text)
	}
	return nil
}

// headerFields are the names that lines of a replay file have, beyond the parameters: see
// Recording and source.Field.
func headerFields() []string {
	return []string{testField, "scenario", "seed", "verdict", checkField, "digest", withoutField, faultField, hashField, "answers", "end"}
}

// Flaw returns the first mistake in how the scenario is declared, as one line, or nil. A
// program that takes scenarios from others asks before it runs any.
func (s *Scenario) Flaw() error {
	if err := ValidName(s.Name); err != nil {
		return fmt.Errorf("a scenario has the %w", err)
	}
	if s.Build == nil {
		return fmt.Errorf("scenario %s has no Build; want a function that makes its runs", s.Name)
	}
	for _, flaw := range []func() error{s.ownFlaw, s.unusedFlaw, s.defaultsFlaw, s.smallFlaw, s.compareFlaw} {
		if err := flaw(); err != nil {
			return fmt.Errorf("scenario %s: %w", s.Name, err)
		}
	}
	return nil
}

func isField(name string) bool {
	return slices.ContainsFunc(fields(), func(x *Param) bool { return x.Name == name })
}

// ownFlaw looks at the names of the parameters in Own, and at their initial values.
func (s *Scenario) ownFlaw() error {
	own := s.own()
	for i, x := range own {
		switch {
		case x == nil || x.set == nil:
			return errors.New("a parameter in Own is not made by Int, Duration, Ratio or Choice")
		case ValidName(x.Name) != nil:
			return fmt.Errorf("a parameter has the %w", ValidName(x.Name))
		case isField(x.Name):
			return fmt.Errorf("parameter %s is a field of Params; want another name", x.Name)
		case slices.Contains(headerFields(), x.Name):
			return fmt.Errorf("parameter %s has the name of a line in replay files; want another name", x.Name)
		case slices.IndexFunc(own, func(o *Param) bool { return o.Name == x.Name }) != i:
			return fmt.Errorf("two parameters are called %s; want a different name for each", x.Name)
		}
		line := source.File{Header: []source.Field{{Name: x.Name}}}
		if _, err := line.AppendText(nil); err != nil {
			return fmt.Errorf("parameter %s cannot be written: %w", x.Name, err)
		}
		for _, value := range x.Values {
			if ValidName(value) != nil {
				return fmt.Errorf("parameter %s has the value with the %w", x.Name, ValidName(value))
			}
		}
		if err := x.Set(new(Params), x.initial); err != nil {
			return fmt.Errorf("initial value of %w", err)
		}
	}
	return nil
}

func (s *Scenario) unusedFlaw() error {
	var names []string
	for _, x := range fields() {
		names = append(names, x.Name)
	}
	for _, name := range s.Unused {
		if isField(name) {
			continue
		}
		if near := wording.Near(name, names); near != "" {
			return fmt.Errorf("field Unused names %q, which is no field of Params; did you mean %s?", name, near)
		}
		return fmt.Errorf("field Unused names %q, which is no field of Params; want some of %s", name, strings.Join(names, ", "))
	}
	return nil
}

// defaultsFlaw looks for values that a replay file or a command line could not hold: each must
// be the same once it is written and read.
func (s *Scenario) defaultsFlaw() error {
	if err := s.Validate(&s.Defaults); err != nil {
		return fmt.Errorf("in Defaults: %w", err)
	}
	for _, x := range append(fields(), s.own()...) {
		read := s.Defaults
		text := x.Get(&s.Defaults)
		if err := x.Set(&read, text); err != nil {
			return fmt.Errorf("in Defaults: %w", err)
		}
		if read == s.Defaults {
			continue
		}
		if x.Name == "faults" && read.Faults == "" {
			return fmt.Errorf("in Defaults: faults is %q; want \"\", which is none", s.Defaults.Faults)
		}
		if now := x.Get(&read); now != text {
			return fmt.Errorf("in Defaults: %s is %q; want it as it is read: %q", x.Name, text, now)
		}
		return fmt.Errorf("in Defaults: %s is written as %q and read as another value; want the one that is read", x.Name, text)
	}
	return nil
}

func (s *Scenario) smallFlaw() error {
	texts, err := cutFlags(s.Small)
	if err == nil {
		_, err = s.with(texts)
	}
	for _, x := range s.Params() {
		if _, given := texts[x.Name]; given && x.Chance && err == nil {
			err = fmt.Errorf("%s: nothing is drawn in a small workload; leave it out", x.Name)
		}
	}
	if err != nil {
		return fmt.Errorf("in Small: %w", err)
	}
	return nil
}

func (s *Scenario) compareFlaw() error {
	c := s.Compare
	if c == nil {
		return nil
	}
	x := s.Param(c.Param)
	switch {
	case x == nil:
		return fmt.Errorf("field Compare names parameter %q, which the scenario does not have; want one declared by Choice", c.Param)
	case len(x.Values) == 0:
		return fmt.Errorf("field Compare names parameter %s, which has no Values; want one declared by Choice", c.Param)
	case c.Meter == nil:
		return errors.New("field Compare has no Meter; want a function that makes one")
	}
	return nil
}
