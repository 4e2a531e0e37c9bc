package scenario

import "fmt"

// part asks for the run in parts, or returns why it must be serial.
func (s *Scenario) part(run *Run, o *Options) (why string) {
	switch {
	case o.Threads < 2:
	case !run.Apart:
		return fmt.Sprintf("scenario %s does not say that its nodes can be parted", s.Name)
	case o.Until != "":
		return "it ends when a check fails"
	case o.Every != 0:
		return "it is looked at after a number of events"
	case o.Begun != nil:
		return "it is looked at while it goes on"
	default:
		run.Plan.Threads = o.Threads
	}
	return ""
}

// fewer tells that the run has only that many threads, for a reason.
func (o *Options) fewer(threads int, why string) {
	switch {
	case why == "" || o.Fewer == nil:
	case threads < 2:
		o.Fewer(fmt.Sprintf("%d threads asked, the run is serial: %s", o.Threads, why))
	case threads == o.Threads:
		o.Fewer(fmt.Sprintf("%d threads asked: %s", o.Threads, why))
	default:
		o.Fewer(fmt.Sprintf("%d threads asked, the run has %d: %s", o.Threads, threads, why))
	}
}

// serially returns the options of a run that is made again on one thread, whose observers have
// seen it.
func (o *Options) serially() Options {
	again := *o
	again.Threads, again.Fewer, again.Forewarn, again.Observers, again.Meter = 0, nil, nil, nil, nil
	return again
}
