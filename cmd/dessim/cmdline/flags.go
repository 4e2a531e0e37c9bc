package cmdline

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"dessim/sim/scenario"
	"dessim/sim/source"
)

// flags are the flags of one command, as text: urfave/cli finds them and this package
// reads them, since cli reads 010 as 8 and takes the last of a flag given twice.
type flags struct {
	program *Program
	all     []*flag
	bad     error // the first one that Set refused
}

// flag is one flag. It is a cli.Value.
type flag struct {
	name, sample, usage string
	alone               bool // without a value
	many                bool // can be given several times: texts are joined by "; "
	hidden              bool
	given               bool
	text                string
	of                  *flags
}

// add declares a flag; without a sample of its value it takes none.
func (f *flags) add(name, sample, usage string) *flag {
	x := &flag{name: name, sample: sample, usage: usage, alone: sample == "", of: f}
	f.all = append(f.all, x)
	return x
}

func (f *flags) find(name string) *flag {
	for _, x := range f.all {
		if x.name == name {
			return x
		}
	}
	return nil
}

// Set reads the flag's text. cli wraps its error, so usage takes it from bad.
func (x *flag) Set(text string) error {
	if err := x.take(text); err != nil && x.of.bad == nil {
		x.of.bad = err
		return err
	}
	return nil
}

func (x *flag) take(text string) error {
	name, _, _ := strings.Cut(strings.TrimLeft(text, "-"), "=")
	switch {
	case x.given && !x.many:
		return refuse("-%s is given twice; give it once", x.name)
	case !x.alone && strings.HasPrefix(text, "-") && x.of.find(name) != nil:
		return refuse("-%s has no value, -%s follows; want one such as -%s %s", x.name, name, x.name, x.sample)
	case x.alone && text != "true" && text != "false":
		return refuse("-%s=%s: want -%s alone", x.name, unquoted(quote(text)), x.name)
	}
	if x.given {
		text = x.text + "; " + text
	}
	x.given, x.text = true, text
	return nil
}

// Get, String and IsBoolFlag are for cli.
func (x *flag) Get() any         { return x.text }
func (x *flag) String() string   { return x.text }
func (x *flag) IsBoolFlag() bool { return x.alone }

// on reports whether a flag without a value is given.
func (x *flag) on() bool { return x.text == "true" }

// cli returns the flags as urfave/cli wants them, with one for help.
func (f *flags) cli() []cli.Flag {
	var out []cli.Flag
	for _, x := range f.all {
		g := &cli.GenericFlag{Name: x.name, Value: x, Hidden: x.hidden}
		g.SetStringer(func(cli.Flag) string {
			return strings.TrimSpace("-"+x.name+" "+x.sample) + "\t" + f.program.named(x.usage)
		})
		out = append(out, g)
	}
	help := &cli.BoolFlag{Name: "help", Aliases: []string{"h"}}
	help.SetStringer(func(cli.Flag) string { return "-h, -help\tshow this" })
	return append(out, help)
}

// usage turns cli's error into one of this package. Every command needs it, since
// OnUsageError is not inherited.
func (f *flags) usage(_ context.Context, _ *cli.Command, err error, _ bool) error {
	if f.bad != nil {
		return f.bad
	}
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return refuse("unknown flag %s; %s", quote("-"+name), didYouMean(name, "-", f.names()))
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: "); ok {
		name = strings.TrimLeft(name, "-")
		return refuse("-%s has no value; want one such as -%s %s", name, name, f.find(name).sample)
	}
	return refuse("%s", text)
}

// count reads a flag that is a number from 1 to most, or returns unless.
func count[N int | uint64](x *flag, unless, most N) (N, error) {
	if !x.given {
		return unless, nil
	}
	n, err := strconv.ParseUint(x.text, 10, 63)
	if err != nil || n < 1 || n > uint64(most) {
		return 0, refuse("%s %s: want a number from 1 to %d", x.name, quote(x.text), most)
	}
	return N(n), nil
}

func (f *flags) names() []string {
	var names []string
	for _, x := range f.all {
		if !x.hidden {
			names = append(names, x.name)
		}
	}
	return append(names, "help")
}

// subject is what to run.
type subject struct {
	program *Program
	scenario.Subject
}

// subject reads -scenario, -seed and the parameters.
func (f *flags) subject() (s subject, err error) {
	s.program = f.program
	name := f.find("scenario")
	if !name.given {
		return s, refuse("no scenario; want -scenario with %s", strings.Join(f.program.names(), ", "))
	}
	if s.Scenario, err = f.program.lookup(name.text); err != nil {
		return s, err
	}
	s.Seed = 1
	if seed := f.find("seed"); seed.given && !seed.many { // several are read one by one
		if s.Seed, err = source.ParseSeed(seed.text); err != nil {
			return s, refuse("%v", err)
		}
	}
	s.Params = s.Scenario.Defaults
	texts := make(map[string]string)
	for _, x := range f.all {
		if x.given {
			texts[x.name] = x.text
		}
	}
	if texts["faults"] != "" {
		drawn, written, err := f.faultFlags()
		if err != nil {
			return s, err
		}
		texts["faults"] = drawn
		if written != "" {
			texts["fault"] = written
		}
	}
	for _, x := range scenario.AllParams(s.program.Scenarios) {
		if text, given := texts[x.Name]; given {
			if x.Rare && text == "" {
				return s, refuse("%s \"\": want a value, or no -%s", x.Name, x.Name)
			}
			if err := s.set(x, text); err != nil {
				return s, err
			}
			if x.Name == "fault" && s.Params.Fault == "" { // as of a variable that is not set
				return s, refuse("fault %s: has no fault; want one, such as -fault 'crash 1 at 3s', or no -fault", quote(text))
			}
		}
	}
	return s, cmp.Or(s.validate(), s.fits(available()))
}

func (s *subject) set(x *scenario.Param, text string) error {
	name := x.Name
	if x = s.Scenario.Param(name); x == nil { // and not that of another scenario
		return refuse("%s means nothing to scenario %s; leave it out", name, s.Scenario.Name)
	}
	lists := x.Name == "fault" || x.Name == "faults" // the scenarios' own kinds of faults are many
	if quoted := quote(text); strings.HasSuffix(quoted, "...") && !lists {
		return refuse("%s %s: too long; want one such as %s", x.Name, quoted, x.Get(&s.Scenario.Defaults))
	}
	if err := x.Set(&s.Params, text); err != nil {
		return refuse("%v", err)
	}
	return nil
}

func (s *subject) validate() error {
	if err := s.Scenario.Validate(&s.Params); err != nil {
		return refuse("%v", err)
	}
	return nil
}

// reproduce returns the command that repeats the run.
func (s *subject) reproduce() string { return s.program.Name + " run " + s.Subject.String() }
