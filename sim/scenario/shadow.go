package scenario

import (
	"errors"
	"fmt"

	"dessim/protocol"
	"dessim/sim/check"
	"dessim/sim/fault"
	"dessim/sim/wording"
)

// The words for a share of the promises.
const (
	shadowEvery = "every"
	shadowOff   = "off"
)

func readShadow(text string) (string, error) {
	r, ok := fault.ParseRatio(text)
	switch {
	case text == "" || text == shadowEvery || text == shadowOff:
		return text, nil
	case !ok:
		if near := wording.Near(text, []string{shadowEvery, shadowOff}); near != "" {
			return "", fmt.Errorf("want every, off, or a share such as 10%%; did you mean %s?", near)
		}
		return "", errors.New("want every, off, or a share such as 10%")
	case r.Never():
		return shadowOff, nil
	case r.Sure():
		return shadowEvery, nil
	}
	return fault.FormatRatio(r), nil
}

// shadowed returns the share of promises that a run looks at. A live run that is made again
// has no shadows: what its nodes do is recorded.
func (s *Scenario) shadowed(p *Params) protocol.Ratio {
	switch {
	case p.Shadow == shadowOff || p.Timing == Recorded:
		return protocol.Ratio{}
	case p.Shadow == shadowEvery || p.Shadow == "" && s.Shadow.Never():
		return protocol.Percent(100)
	case p.Shadow == "":
		return s.Shadow
	}
	r, _ := fault.ParseRatio(p.Shadow)
	return r
}

// shadow has the run look at that share of the promises.
func (run *Run) shadow(share protocol.Ratio) {
	if run.Plan.Shadow = share; !share.Never() {
		run.Checks = append(run.Checks[:len(run.Checks):len(run.Checks)], check.Promises())
	}
}
