package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/swarm"
	"dessim/sim/wording"
)

// Params are the values of a run's parameters, without the seed. They are compared and copied
// as values.
type Params struct {
	Nodes  int            // without clients
	Delay  time.Duration  // least delay of a link
	Jitter time.Duration  // greatest addition to it
	Loss   protocol.Ratio // share of messages that a link loses
	Copy   protocol.Ratio // share of messages that a link delivers twice
	Until  time.Duration  // virtual time at which the run ends at the latest
	Faults string         // kinds of faults to draw: see swarm.ParseMix; "" is none
	Fault  string         // further faults in words: see fault.Parse
	Events uint64         // ends the run after that many: see sim.Plan.Events; 0 is no bound
	Timing string         // "" or Recorded
	Shadow string         // share of the nodes' promises that are looked at: "" is that of the scenario

	// own has a line "name value" for each of Scenario.Own that has been set, in the
	// order of the names: a string, so that Params stay comparable.
	own string
}

// Equal reports whether p and o are the same values: go-cmp calls it.
func (p Params) Equal(o Params) bool { return p == o }

// shrinkTo leaves that many nodes, of which the faults in words must be.
func (p *Params) shrinkTo(nodes int) {
	if faults, err := fault.Parse(p.Fault); err == nil && nodes < p.Nodes && len(faults) > 0 {
		p.Fault = faultText(fault.Within(faults, nodes))
	}
	p.Nodes = nodes
}

// faultText returns the faults as the parameter has them.
func faultText(faults []fault.Fault) string {
	return strings.ReplaceAll(strings.TrimSuffix(fault.Format(faults), "\n"), "\n", "; ")
}

// Param is a parameter as text: in flags, replay files, JSON and the command that reproduces
// a run.
type Param struct {
	Name    string
	Usage   string
	Values  []string // all its values, if they are words
	Chance  bool     // a probability, or a choice of what is drawn
	Rare    bool     // left out where it is not set, in files and objects too
	Kept    bool     // in replay files alone: it has no flag, and nothing shows it, since it may be long or secret
	initial string   // of a declared parameter
	get     func(*Params) string
	set     func(*Params, string) error
}

// Get returns the canonical text of the parameter in p.
func (x *Param) Get(p *Params) string { return x.get(p) }

// Shown reports whether summaries, objects and reports show the parameter.
func (x *Param) Shown(p *Params) bool { return !x.Kept && (!x.Rare || x.get(p) != "") }

// Private reports whether p has what the scenario keeps in replay files alone, such as the
// secrets of nodes: it is shown nowhere, and a file that has it must be private.
func (s *Scenario) Private(p *Params) bool {
	return slices.ContainsFunc(s.Own, func(x *Param) bool { return x.Kept && x.get(p) != "" })
}

// Set reads text, which need not be canonical, into p. An error is one line that says what
// would be right; p is unchanged then.
func (x *Param) Set(p *Params, text string) error {
	err := x.set(p, text)
	if err == nil {
		return nil
	}
	if near := wording.Near(text, x.Values); near != "" {
		return fmt.Errorf("%s %q: %w; did you mean %s?", x.Name, text, err, near)
	}
	return fmt.Errorf("%s %q: %w", x.Name, text, err)
}

// fields are the parameters that are fields of Params.
func fields() []*Param {
	all := []*Param{
		field("nodes", "number of nodes", readCount, func(p *Params) *int { return &p.Nodes }, strconv.Itoa),
		field("delay", "least delay of a link, 1us to 10m", readSpan, func(p *Params) *time.Duration { return &p.Delay }, fault.FormatSpan),
		field("jitter", "greatest random addition to the delay, 0s to 10m", readSpan, func(p *Params) *time.Duration { return &p.Jitter }, fault.FormatSpan),
		field("loss", "share of messages that links lose", readRatio, func(p *Params) *protocol.Ratio { return &p.Loss }, fault.FormatRatio),
		field("copy", "share of messages that arrive twice", readRatio, func(p *Params) *protocol.Ratio { return &p.Copy }, fault.FormatRatio),
		field("until", "virtual time at which the run ends at the latest", readSpan, func(p *Params) *time.Duration { return &p.Until }, fault.FormatSpan),
		field("faults", "kinds of faults to draw, or a file of faults in words: see list -faults", readMix, func(p *Params) *string { return &p.Faults }, func(s string) string { return cmp.Or(s, noFaults) }),
		field("fault", "a fault in words; repeat the flag for several", readFaults, func(p *Params) *string { return &p.Fault }, func(s string) string { return s }),
		field("timing", "recorded: links, disks and nodes take as long as the recording of a live run says; for its replay file", readTiming, func(p *Params) *string { return &p.Timing }, func(s string) string { return s }),
		field("shadow", "share of what nodes promise that is compared with what is safe on their disks: every, off, or such as 10%; the default is the scenario's", readShadow, func(p *Params) *string { return &p.Shadow }, func(s string) string { return s }),
		field("events", "end a run after this many events; it is inconclusive then; the default is no bound", readEvents, func(p *Params) *uint64 { return &p.Events }, formatEvents),
	}
	for _, x := range all {
		x.Chance = slices.Contains([]string{"loss", "copy", "faults", "fault"}, x.Name)
		x.Kept = x.Name == "timing"
		x.Rare = x.Kept || x.Name == "shadow" || x.Name == "events"
	}
	return all
}

// field makes a parameter of a field of Params.
func field[T any](name, usage string, read func(string) (T, error), of func(*Params) *T, format func(T) string) *Param {
	return &Param{Name: name, Usage: usage,
		get: func(p *Params) string { return format(*of(p)) },
		set: func(p *Params, text string) error {
			v, err := read(text)
			if err == nil {
				*of(p) = v
			}
			return err
		}}
}

// own makes a parameter that a scenario declares.
func own[T any](name, usage string, initial T, read func(string) (T, error), format func(T) string) *Param {
	x := &Param{Name: name, Usage: usage, initial: format(initial)}
	x.get = func(p *Params) string {
		if text, set := p.Text(name); set {
			return text
		}
		return x.initial
	}
	x.set = func(p *Params, text string) error {
		v, err := read(text)
		if err == nil {
			p.put(name, format(v), x.initial)
		}
		return err
	}
	return x
}

// Int declares a whole number from least to most, which usage need not say: Params.Int reads it.
func Int(name string, initial, least, most int, usage string) *Param {
	return own(name, fmt.Sprintf("%s, %d to %d", usage, least, most), initial, func(text string) (int, error) {
		n, err := readCount(text)
		if err != nil || n < least || n > most {
			err = fmt.Errorf("want %d to %d", least, most)
		}
		return n, err
	}, strconv.Itoa)
}

// Duration declares a span of virtual time from least to most: Params.Duration reads it.
func Duration(name string, initial, least, most time.Duration, usage string) *Param {
	return own(name, usage, initial, func(text string) (time.Duration, error) {
		d, err := readSpan(text)
		if err == nil && (d < least || d > most) {
			err = fmt.Errorf("want %s to %s", fault.FormatSpan(least), fault.FormatSpan(most))
		}
		return d, err
	}, fault.FormatSpan)
}

// Ratio declares a probability from 0 to most: Params.Ratio reads it.
func Ratio(name string, initial, most protocol.Ratio, usage string) *Param {
	if initial.Num == 0 {
		initial = protocol.Ratio{} // written as 0%
	}
	x := own(name, usage, initial, func(text string) (protocol.Ratio, error) {
		r, err := readRatio(text)
		if err == nil && r.Above(most) {
			err = fmt.Errorf("want at most %s", fault.FormatRatio(most))
		}
		return r, err
	}, fault.FormatRatio)
	x.Chance = true
	return x
}

// Choice declares one of some words: Params.Choice reads it.
func Choice(name, initial string, values []string, usage string) *Param {
	x := own(name, usage+": "+strings.Join(values, ", "), initial, func(text string) (string, error) {
		if !slices.Contains(values, text) {
			return "", errors.New("want " + strings.Join(values, ", "))
		}
		return text, nil
	}, func(s string) string { return s })
	x.Values = values
	return x
}

// Words declares one line of text that only replay files have: Params.Text reads it. check
// returns an error for a text that is of no use.
func Words(name, usage string, check func(text string) error) *Param {
	x := own(name, usage, "", func(text string) (string, error) {
		if text == "" {
			return text, nil
		}
		if printable(text) != text {
			return text, errors.New("want one line of printable characters")
		}
		return text, check(text)
	}, func(s string) string { return s })
	x.Rare, x.Kept = true, true
	return x
}

// Int returns the value of a parameter that the scenario declares by Int, and panics without
// one. So do Duration, Ratio and Choice.
func (p *Params) Int(name string) int { return mustRead(p, name, readCount) }

// Duration returns the value of a parameter that the scenario declares by Duration.
func (p *Params) Duration(name string) time.Duration { return mustRead(p, name, readSpan) }

// Ratio returns the value of a parameter that the scenario declares by Ratio.
func (p *Params) Ratio(name string) protocol.Ratio { return mustRead(p, name, readRatio) }

// Choice returns the value of a parameter that the scenario declares by Choice.
func (p *Params) Choice(name string) string {
	return mustRead(p, name, func(text string) (string, error) { return text, nil })
}

func mustRead[T any](p *Params, name string, read func(string) (T, error)) T {
	text, set := p.Text(name)
	v, err := read(text)
	if !set || err != nil {
		panic(fmt.Sprintf("scenario: parameter %s is %q: declare it in Scenario.Own, read it as it is declared, and from the Params that Build, Check, Moot or Text get", name, text))
	}
	return v
}

// Text returns the text of a declared parameter, and whether it is set.
func (p *Params) Text(name string) (text string, set bool) {
	for line := range strings.Lines(p.own) {
		if text, is := strings.CutPrefix(line, name+" "); is {
			return strings.TrimSuffix(text, "\n"), true
		}
	}
	return "", false
}

// put sets the text of a declared parameter, or unsets the parameter if the text is its
// initial one: so equal values are equal Params.
func (p *Params) put(name, text, initial string) {
	lines := slices.DeleteFunc(slices.Collect(strings.Lines(p.own)), func(line string) bool { return strings.HasPrefix(line, name+" ") })
	if text != initial {
		lines = append(lines, name+" "+text+"\n")
	}
	slices.Sort(lines)
	p.own = strings.Join(lines, "")
}

// Params returns the parameters of the scenario, in the order in which they are shown: the
// number of nodes, those that it declares, and the others.
func (s *Scenario) Params() []*Param {
	all := slices.Insert(fields(), 1, s.own()...)
	return slices.DeleteFunc(all, func(x *Param) bool { return slices.Contains(s.Unused, x.Name) })
}

// own returns the parameters that the scenario declares, and what its Exhaust declares.
func (s *Scenario) own() []*Param {
	if s.Exhaust == nil {
		return s.Own
	}
	return append(slices.Clip(s.Own), Choice(adversary, off, []string{off, on}, "makes the order of messages and crashes answers of the run, as explore -search all does"))
}

// Param returns the parameter of that name, or nil if it means nothing to the scenario.
func (s *Scenario) Param(name string) *Param {
	all := s.Params()
	if i := slices.IndexFunc(all, func(x *Param) bool { return x.Name == name }); i >= 0 {
		return all[i]
	}
	return nil
}

// Set reads text into the parameter of that name. An error is one line.
func (s *Scenario) Set(p *Params, name, text string) error {
	if x := s.Param(name); x != nil {
		return x.Set(p, text)
	}
	return fmt.Errorf("%s means nothing to scenario %s; leave it out", name, s.Name)
}

// AllParams returns the parameters of all the scenarios, in the order in which they are shown.
// Of those with one name, it returns the first.
func AllParams(all []*Scenario) []*Param {
	out := fields()
	at := 1
	for _, s := range all {
		for _, x := range s.own() {
			if !slices.ContainsFunc(out, func(o *Param) bool { return o.Name == x.Name }) {
				out = slices.Insert(out, at, x)
				at++
			}
		}
	}
	return out
}

// complete returns p with every declared parameter set.
func (s *Scenario) complete(p Params) Params {
	for _, x := range s.own() {
		if _, set := p.Text(x.Name); !set {
			p.put(x.Name, x.initial, "\n")
		}
	}
	return p
}

// Needs returns about how many bytes a run takes at most, or 0 if it is small, or nobody knows. See
// Memory.
func (s *Scenario) Needs(p Params) uint64 {
	if s.Memory == nil {
		return 0
	}
	full := s.complete(p)
	return s.Memory(&full)
}

func readCount(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("want a whole number from 0 to %d, such as 8", math.MaxInt32)
	}
	return int(n), nil
}

// readEvents reads a bound, or no text for none.
func readEvents(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 53)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("want a whole number from 1 to %d, such as 10000000", uint64(1<<53-1))
	}
	return n, nil
}

func formatEvents(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// Recorded is the Timing of a run that repeats a live one: how long anything takes, and what
// is lost, is an answer of its own, and no longer the plan's. Package enact answers. With
// other sources such a run is of no use.
const Recorded = "recorded"

func readTiming(text string) (string, error) {
	if text != "" && text != Recorded {
		return "", errors.New("want " + Recorded + ", or leave it out")
	}
	return text, nil
}

// free makes all times of p answers, in nanoseconds, and loss and copies.
func free(p *sim.Plan) {
	even := protocol.Ratio{Num: 1, Den: 2}
	p.Link, p.Links = sim.Link{Delay: 1, Jitter: fault.MaxSpan, Loss: even, Copy: even}, nil
	p.Disk = sim.Disk{Jitter: fault.MaxSpan}
	p.Lag = fault.MaxSpan
}

func readSpan(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("want a duration with a unit, such as 10ms or 2s, of at most %v", time.Duration(protocol.MaxTime))
	}
	return d, nil
}

func readRatio(text string) (protocol.Ratio, error) {
	r, ok := fault.ParseRatio(text)
	if !ok {
		return r, errors.New("want a share from 0% to 100%, such as 10% or 0.5%")
	}
	return r, nil
}

const noFaults = "none"

func readMix(text string) (string, error) {
	mix, err := swarm.ParseMix(text)
	if err != nil || mix.String() == noFaults {
		return "", err
	}
	return mix.String(), nil
}

func readFaults(text string) (string, error) {
	faults, err := fault.Parse(text)
	if err != nil {
		return "", err
	}
	return faultText(faults), nil
}
