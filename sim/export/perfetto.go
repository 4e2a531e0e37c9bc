package export

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/fault"
	"dessim/sim/history"
)

// Processes and threads have numbers from 1: 0 is the idle one of Perfetto.
const (
	pidOfFaults = 1
	pidOfFirst  = 2 // of node 0
)

// The kinds of tracks of a process.
const (
	stepTrack  = "steps"
	downTrack  = "down"
	faultTrack = "faults"
)

// traceEvent is an event of the Trace Event Format, as far as it is used here.
type traceEvent struct {
	Phase string      `json:"ph"`
	Name  string      `json:"name"`
	Cat   string      `json:"cat,omitempty"`
	Pid   uint64      `json:"pid"`
	Tid   int         `json:"tid,omitempty"`
	Ts    json.Number `json:"ts,omitempty"` // microseconds
	Dur   json.Number `json:"dur,omitempty"`
	ID    int         `json:"id,omitempty"`
	Bind  string      `json:"bp,omitempty"` // to the slice around it
	Scope string      `json:"s,omitempty"`
	Args  any         `json:"args,omitempty"`
}

// perfetto writes a run in the Trace Event Format. A node is a process. A step, which takes no
// time, is a slice of 1 us, and those that overlap on one node lie on several tracks. A message is
// a flow from the slice that sends it to the one that receives it, and its id is that of no other.
// While a node is down there is a slice too. The faults of the plan are one more process.
type perfetto struct {
	printer
	*history.History
	about  *About
	wanted []bool             // rows whose message arrives
	tracks map[uint64][]track // of each process; a thread's number is its place, from 1
	down   map[protocol.NodeID]protocol.Time
	open   map[uint64]protocol.Time // faults, since when
	events int
}

// track is a thread, in which no slices overlap.
type track struct {
	kind string
	end  protocol.Time // of the last slice
}

// slice is the part that a node has in a step.
type slice struct {
	node protocol.NodeID
	at   protocol.Time
	rows []int
}

// shortest is how long a slice lasts at least: a microsecond.
const shortest = 1000

func writePerfetto(w io.Writer, h *history.History, a *About) error {
	x := &perfetto{
		printer: printer{w: w}, History: h, about: a, wanted: wanted(h), tracks: make(map[uint64][]track),
		down: make(map[protocol.NodeID]protocol.Time), open: make(map[uint64]protocol.Time),
	}
	x.print(`{"displayTimeUnit":"ns","otherData":`, string(encode(headerOf(a))), `,"traceEvents":[`)
	for step := range h.Steps {
		x.step(step)
	}
	x.close(h.Steps[h.Last()].At)
	x.metadata()
	x.print("\n]}\n")
	return x.err
}

// step writes the slices of a step: one for each node that has a part in it.
func (x *perfetto) step(step int) {
	at := x.Steps[step].At
	var all []slice
	from, to := x.RowsOf(step)
	for i := from; i < to; i++ {
		r := &x.Rows[i]
		x.window(r, at)
		if r.Node == protocol.Outside {
			continue
		}
		k := 0
		for k < len(all) && all[k].node != r.Node {
			k++
		}
		if k == len(all) {
			all = append(all, slice{node: r.Node, at: at})
		}
		all[k].rows = append(all[k].rows, i)
	}
	for i := range all {
		x.slice(step, &all[i])
	}
}

// args are what Perfetto shows of a slice that is selected.
type args struct {
	Step int      `json:"step"`
	Ms   string   `json:"ms"`
	What []string `json:"what"`
}

func (x *perfetto) slice(step int, s *slice) {
	pid := pidOf(s.node)
	a := args{Step: step, Ms: sim.Millis(s.at)}
	for _, i := range s.rows {
		a.What = append(a.What, words(x.History, i))
	}
	tid := x.span(traceEvent{Name: x.title(s.rows[0]), Cat: "step", Pid: pid, Args: a}, stepTrack, s.at, s.at)
	for _, i := range s.rows {
		r := &x.Rows[i]
		flow := traceEvent{Cat: "message", Pid: pid, Tid: tid, Ts: micros(s.at)}
		switch {
		case r.What&(sim.Sent|sim.Copied) != 0 && x.wanted[i]:
			flow.Phase, flow.ID, flow.Name = "s", i+1, x.kind(i)
			x.event(flow)
		case r.What&(sim.Received|sim.Dropped) != 0 && r.Origin != history.None:
			flow.Phase, flow.Bind, flow.ID, flow.Name = "f", "e", int(r.Origin)+1, x.kind(int(r.Origin))
			x.event(flow)
		case r.What&(sim.Lost|sim.Output|sim.Crashed) != 0:
			x.event(traceEvent{Phase: "i", Scope: "t", Name: x.title(i), Cat: r.What.String(), Pid: pid, Tid: tid, Ts: micros(s.at)})
		}
	}
}

// kind returns the kind of the message that row i sent or copied.
func (x *perfetto) kind(i int) string {
	return x.Kinds.All[x.Rows[sentRow(x.History, i, sim.Sent)].Kind].String()
}

// title names a slice by its first row, or a moment in it: without the text of a message, so
// that those of one kind have one colour.
func (x *perfetto) title(i int) string {
	r := &x.Rows[i]
	switch r.What {
	case sim.Received, sim.Dropped, sim.Sent, sim.Lost, sim.Copied, sim.Corrupted:
		return r.What.String() + " " + ends(x.History, i)
	case sim.Output:
		return "output " + x.Kinds.All[r.Kind].String()
	case sim.Persisted, sim.Salvaged, sim.Noted, sim.Crashed:
		return r.What.String()
	}
	return words(x.History, i)
}

// window opens or closes the slice of a fault, or of a node that is down.
func (x *perfetto) window(r *history.Row, at protocol.Time) {
	switch r.What {
	case sim.Crashed:
		x.down[r.Node] = at
	case sim.Started:
		if _, was := x.down[r.Node]; was {
			x.up(r.Node, at)
		}
	case sim.Injected:
		x.open[r.Num] = at
		if !x.fault(r.Num).Op.Lasts() {
			x.lift(r.Num, at)
		}
	case sim.Lifted:
		x.lift(r.Num, at)
	}
}

// close ends, with the run, what has not ended.
func (x *perfetto) close(at protocol.Time) {
	for _, id := range protocol.SortedKeys(x.down) {
		x.up(id, at)
	}
	for _, id := range protocol.SortedKeys(x.open) {
		x.lift(id, at)
	}
}

func (x *perfetto) up(id protocol.NodeID, at protocol.Time) {
	x.span(traceEvent{Name: "down", Cat: "down", Pid: pidOf(id)}, downTrack, x.down[id], at)
	delete(x.down, id)
}

func (x *perfetto) lift(id uint64, at protocol.Time) {
	x.span(traceEvent{Name: line(x.fault(id).String()), Cat: "fault", Pid: pidOfFaults}, faultTrack, x.open[id], at)
	delete(x.open, id)
}

// fault returns the fault of the plan with that identity.
func (x *perfetto) fault(id uint64) *fault.Fault {
	i := slices.IndexFunc(x.about.Faults, func(f fault.Fault) bool { return f.ID == id })
	if i < 0 {
		panic(fmt.Sprintf("export: the plan has no fault %d", id))
	}
	return &x.about.Faults[i]
}

// span writes e as a slice on a track of that kind, and returns the track.
func (x *perfetto) span(e traceEvent, kind string, from, to protocol.Time) (tid int) {
	to = max(to, from+shortest)
	all := x.tracks[e.Pid]
	tid = 1 + slices.IndexFunc(all, func(t track) bool { return t.kind == kind && t.end <= from })
	if tid == 0 {
		all = append(all, track{kind: kind})
		tid = len(all)
	}
	all[tid-1].end = to
	x.tracks[e.Pid] = all
	e.Phase, e.Tid, e.Ts, e.Dur = "X", tid, micros(from), micros(to-from)
	x.event(e)
	return tid
}

// metadata writes the names of processes and threads, and their order.
func (x *perfetto) metadata() {
	for _, pid := range protocol.SortedKeys(x.tracks) {
		name := "faults"
		if pid != pidOfFaults {
			name = x.about.name(protocol.NodeID(pid - pidOfFirst))
		}
		x.event(traceEvent{Phase: "M", Name: "process_name", Pid: pid, Args: named{name}})
		x.event(traceEvent{Phase: "M", Name: "process_sort_index", Pid: pid, Args: sorted{pid}})
		for i, t := range x.tracks[pid] {
			x.event(traceEvent{Phase: "M", Name: "thread_name", Pid: pid, Tid: i + 1, Args: named{t.kind}})
		}
	}
}

type named struct {
	Name string `json:"name"`
}

type sorted struct {
	Index uint64 `json:"sort_index"`
}

func (x *perfetto) event(e traceEvent) {
	if x.events > 0 {
		x.print(",")
	}
	x.events++
	x.print("\n", string(encode(e)))
}

func pidOf(id protocol.NodeID) uint64 { return uint64(id) + pidOfFirst }

// micros returns a time in microseconds, with all its digits.
func micros(t protocol.Time) json.Number {
	text := strconv.FormatInt(int64(t)/1000, 10)
	if rest := int64(t) % 1000; rest > 0 {
		text += strings.TrimRight("."+strconv.FormatInt(1000+rest, 10)[1:], "0")
	}
	return json.Number(text)
}
