package scenarios

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
	"dessim/protocol/abcast"
	"dessim/sim/fault"
	"dessim/sim/swarm"
)

// Params are the parameters of a run. The seed stands beside them: it answers
// questions and salts identities.
type Params struct {
	Nodes  int            // without clients
	Txs    int            // transfers that the workload asks for
	Order  string         // how broadcasts are ordered: as abcast.ParseOrder knows it, or raft
	Delay  time.Duration  // least delay of a link
	Jitter time.Duration  // greatest addition to it
	Loss   protocol.Ratio // lost messages of all, per link
	Copy   protocol.Ratio // messages that arrive twice, of all, per link
	Abort  protocol.Ratio // probability that a participant votes abort at random
	Until  time.Duration  // virtual time at which the run ends at the latest
	Faults string         // which faults are drawn: see swarm.ParseMix; "" is none
	Fault  string         // further faults in words: see fault.Parse

	Cut *Cut // of Options, which sets it; no parameter that can be given
}

// Param is one parameter as text: how flags, replay files, JSON and the line that
// reproduces a run know it.
type Param struct {
	Name   string
	Usage  string
	Values []string // all that it can be, if they have names
	get    func(*Params) string
	set    func(*Params, string) error
}

// Get gives the canonical text of the parameter in p.
func (x *Param) Get(p *Params) string { return x.get(p) }

// Set reads text, which need not be canonical, into p. The error is one line
// that tells what would be right.
func (x *Param) Set(p *Params, text string) error {
	if err := x.set(p, text); err != nil {
		return fmt.Errorf("%s %q: %w", x.Name, text, err)
	}
	return nil
}

// AllParams gives the parameters in the order in which they are shown.
func AllParams() []*Param {
	return []*Param{
		count("nodes", "number of nodes", func(p *Params) *int { return &p.Nodes }),
		count("txs", "number of transfers", func(p *Params) *int { return &p.Txs }),
		choice("order", "how broadcasts are ordered", orders(), func(p *Params) *string { return &p.Order }),
		span("delay", "least delay of a link, 1us to 10m", func(p *Params) *time.Duration { return &p.Delay }),
		span("jitter", "greatest random addition to the delay, 0s to 10m", func(p *Params) *time.Duration { return &p.Jitter }),
		ratio("loss", "share of messages that links lose, at most 40%", func(p *Params) *protocol.Ratio { return &p.Loss }),
		ratio("copy", "share of messages that arrive twice", func(p *Params) *protocol.Ratio { return &p.Copy }),
		ratio("abort", "probability that a participant votes abort at random, at most 90%", func(p *Params) *protocol.Ratio { return &p.Abort }),
		span("until", "virtual time at which the run ends at the latest", func(p *Params) *time.Duration { return &p.Until }),
		drawnFaults(),
		toldFaults(),
	}
}

// orderRaft is the order that is not of package abcast.
const orderRaft = "raft"

// orders gives the names of the orders.
func orders() (names []string) {
	for _, o := range abcast.Orders() {
		names = append(names, o.String())
	}
	return append(names, orderRaft)
}

func count(name, usage string, of func(*Params) *int) *Param {
	return &Param{name, usage, nil,
		func(p *Params) string { return strconv.Itoa(*of(p)) },
		func(p *Params, s string) error {
			n, err := strconv.ParseUint(s, 10, 31)
			if err != nil {
				return errors.New("want a whole number of at least 0, such as 8")
			}
			*of(p) = int(n)
			return nil
		}}
}

func choice(name, usage string, values []string, of func(*Params) *string) *Param {
	return &Param{name, usage + ": " + strings.Join(values, ", "), values,
		func(p *Params) string { return *of(p) },
		func(p *Params, s string) error {
			if !slices.Contains(values, s) {
				return errors.New("want " + strings.Join(values, ", "))
			}
			*of(p) = s
			return nil
		}}
}

func span(name, usage string, of func(*Params) *time.Duration) *Param {
	return &Param{name, usage, nil,
		func(p *Params) string { return strings.ReplaceAll(of(p).String(), "µ", "u") }, // in ASCII, which all read back
		func(p *Params, s string) error {
			d, err := time.ParseDuration(s)
			if err != nil {
				return errors.New("want a duration with a unit, such as 10ms or 2s")
			}
			*of(p) = d
			return nil
		}}
}

func drawnFaults() *Param {
	return &Param{"faults", "faults that are drawn: none, swarm, or some of " + strings.Join(faultKinds(), ","), nil,
		func(p *Params) string { return cmp.Or(p.Faults, noFaults) },
		func(p *Params, s string) error {
			mix, err := swarm.ParseMix(s)
			if err == nil {
				p.Faults = mix.String()
			}
			if p.Faults == noFaults {
				p.Faults = ""
			}
			return err
		}}
}

func faultKinds() (names []string) {
	for _, n := range swarm.Names()[2:] { // none and swarm apart
		names = append(names, n.Name)
	}
	return names
}

func toldFaults() *Param {
	return &Param{"fault", "a fault in words, such as 'crash 2 at 3s for 1s'; several with ; between", nil,
		func(p *Params) string { return p.Fault },
		func(p *Params, s string) error {
			faults, err := fault.Parse(s)
			if err == nil {
				p.Fault = oneLine(faults)
			}
			return err
		}}
}

// oneLine gives the canonical text of faults.
func oneLine(faults []fault.Fault) string {
	return strings.ReplaceAll(strings.TrimSuffix(fault.Format(faults), "\n"), "\n", "; ")
}

func ratio(name, usage string, of func(*Params) *protocol.Ratio) *Param {
	return &Param{name, usage, nil,
		func(p *Params) string { return FormatRatio(*of(p)) },
		func(p *Params, s string) error {
			r, err := ParseRatio(s)
			if err == nil {
				*of(p) = r
			}
			return err
		}}
}

// ParseRatio reads a probability from 0 to 1 written as a percentage ("10%",
// "0.5%") or as a decimal fraction ("0.1"), of at most nine digits, exactly.
func ParseRatio(s string) (protocol.Ratio, error) {
	bad := errors.New("want a share from 0% to 100%, such as 10% or 0.5%")
	digits, percent := strings.CutSuffix(s, "%")
	whole, frac, point := strings.Cut(digits, ".")
	if whole == "" || point && frac == "" || len(whole)+len(frac) > 9 {
		return protocol.Ratio{}, bad
	}
	num, err := strconv.ParseUint(whole+frac, 10, 32)
	if err != nil {
		return protocol.Ratio{}, bad
	}
	den := uint64(1)
	if percent {
		den = 100
	}
	for range frac {
		den *= 10
	}
	for num%10 == 0 && den%10 == 0 && den > 100 {
		num, den = num/10, den/10
	}
	if num > den || den > math.MaxUint32 {
		return protocol.Ratio{}, bad
	}
	if num == 0 {
		return protocol.Ratio{}, nil // one value for one text
	}
	if den < 100 {
		num, den = num*(100/den), 100
	}
	return protocol.Ratio{Num: uint32(num), Den: uint32(den)}, nil
}

// FormatRatio gives the canonical text of a ratio whose Den is a power of ten of
// at least 100, or of the zero Ratio.
func FormatRatio(r protocol.Ratio) string {
	if r.Num == 0 {
		return "0%"
	}
	unit := r.Den / 100
	s := strconv.FormatUint(uint64(r.Num/unit), 10)
	if rest := r.Num % unit; rest != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%0*d", len(strconv.Itoa(int(unit)))-1, rest), "0")
	}
	return s + "%"
}
