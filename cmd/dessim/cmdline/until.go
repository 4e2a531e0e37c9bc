package cmdline

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/history"
	"dessim/sim/scenario"
)

// point is where a replay stops: after all events up to a time, or after a step.
type point struct {
	text string // as typed
	step uint64 // from 1; 0 is at the time
	at   protocol.Time
}

// parsePoint reads -until; a flag that is not given is nil.
func parsePoint(x *flag) (*point, error) {
	if !x.given {
		return nil, nil
	}
	if step, err := strconv.ParseUint(x.text, 10, 64); err == nil && step > 0 {
		return &point{text: x.text, step: step}, nil
	}
	d, err := time.ParseDuration(x.text)
	if err != nil || x.text == "0" || d < 0 || d > time.Duration(protocol.MaxTime) {
		return nil, refuse("%s %s: want a time such as 2.5s, of at most %v, or the number of a step such as 4711", x.name, quote(x.text), time.Duration(protocol.MaxTime))
	}
	return &point{text: x.text, at: protocol.Time(d)}, nil
}

// until replays up to a point and shows the last lines of the trace and the state of each
// node. A run that ends earlier is an ordinary replay.
func (j *job) until(to point) error {
	reached := func(events uint64, _ protocol.Time) bool { return events >= to.step }
	if to.step == 0 {
		reached = func(_ uint64, now protocol.Time) bool { return now > to.at }
	}
	if to.step == 0 || j.trace != nil {
		// The last event in time is known only once the next one is too late; and a run that ends
		// before must not be traced twice.
		stopped := j.upTo(reached, nil, nil)
		if stopped.interrupted != nil {
			return j.interrupted(stopped.interrupted)
		}
		if !stopped.early {
			return j.do()
		}
		if to.step == 0 {
			to.step = stopped.events - 1
		}
	}
	var state bytes.Buffer
	last := &tail{n: tailLines}
	stopped := j.upTo(func(events uint64, _ protocol.Time) bool { return events >= to.step }, last, func(m *sim.Sim) {
		describe(&state, m)
	})
	if stopped.interrupted != nil {
		return j.interrupted(stopped.interrupted)
	}
	if !stopped.early {
		return j.do()
	}
	j.trace.finish(j.shown, stopped.faults, "stopped by -until "+to.text)
	if j.json {
		writeJSON(&j.out, ordered{
			{"scenario", j.Scenario.Name}, {"step", stopped.events}, {"virtual_ns", int64(stopped.at)},
			{"trace", last.text()}, {"state", state.String()}, {"reproduce", j.command + " -until " + to.text},
		})
		return &exit{code: exitInconclusive}
	}
	fmt.Fprintf(&j.out, "stopped: scenario %s, seed %d, after step %d, %s ms\n\n", j.Scenario.Name, j.Seed, stopped.events, sim.Millis(stopped.at))
	fmt.Fprintf(&j.out, "%s\n%s", last.text(), state.String())
	return &exit{code: exitInconclusive}
}

const tailLines = 20

// stopped is where a run was stopped.
type stopped struct {
	early       bool             // before its end
	interrupted *scenario.Report // of a run that was interrupted, or nil
	faults      []fault.Fault    // of its plan
	events      uint64
	at          protocol.Time
}

// upTo runs until stop says so, which is asked after each event.
func (j *job) upTo(stop func(uint64, protocol.Time) bool, last *tail, see func(m *sim.Sim)) (s stopped) {
	o := scenario.Options{Cut: j.cut, Every: 1, Stopped: see, Watchdog: j.watchdog, Stop: func(events uint64, now protocol.Time) bool {
		s.events, s.at = events, now
		return stop(events, now)
	}}
	var answers protocol.Source = j.replay.source()
	if last != nil {
		o.Observers = append(o.Observers, &sim.Trace{W: last, Text: j.Scenario.Words(&j.Params)})
		o.Observers = append(o.Observers, j.trace.observers()...)
		if j.shown != nil {
			answers = j.shown.Attach(&o, answers)
		}
	}
	r, ok := j.Scenario.Execute(j.Seed, j.Params, answers, o)
	switch {
	case r.Interrupted():
		return stopped{interrupted: &r}
	case ok:
		return stopped{events: r.Sim.Events, at: r.Sim.End}
	}
	s.early, s.faults = true, r.Faults
	return s
}

// describe writes the states by the convention of protocol.Describer, a part for each node.
func describe(b *bytes.Buffer, m *sim.Sim) {
	for id := range m.Nodes() {
		n := m.Node(protocol.NodeID(id))
		text, can := history.Describe(n, nil)
		switch {
		case n == nil:
			fmt.Fprintf(b, "node %d: down\n", id)
			continue
		case !can:
			fmt.Fprintf(b, "node %d: does not describe its state\n", id)
			continue
		}
		fmt.Fprintf(b, "node %d:\n", id)
		for line := range strings.Lines(string(text)) {
			fmt.Fprintf(b, "  %s\n", plain(strings.TrimSuffix(line, "\n")))
		}
	}
}

// tail is a Writer that keeps the first line, which is the legend, and the last n.
type tail struct {
	n      int
	legend string
	lines  []string
}

// Write keeps b, which is whole lines.
func (t *tail) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		if t.legend == "" {
			t.legend = line
			continue
		}
		if len(t.lines) == t.n {
			t.lines = t.lines[1:]
		}
		t.lines = append(t.lines, line)
	}
	return len(b), nil
}

func (t *tail) text() string { return t.legend + strings.Join(t.lines, "") }
