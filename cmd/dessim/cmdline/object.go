package cmdline

import (
	"cmp"
	_ "embed" // of this file
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"reflect"
	"strings"

	"dessim/sim"
	"dessim/sim/scenario"
)

// runObject is what -json prints of a run: all that the summary has, and more. Its keys have
// this order; new ones come last. The help shows the comments: see keysOfRun.
type runObject struct {
	Scenario     string    `json:"scenario"`           // its name
	Seed         string    `json:"seed"`               // decimal, as a text, since 64 bits are too many for some readers
	Params       ordered   `json:"params"`             // each parameter by its name, as a text
	Verdict      string    `json:"verdict"`            // pass, violation, inconclusive or error
	Digest       string    `json:"digest"`             // of all events: 16 hex digits
	Digests      ordered   `json:"digests"`            // of the decisions, the network and the outputs
	Events       uint64    `json:"events"`             // messages, timers, starts, faults and syncs
	VirtualNS    int64     `json:"virtual_ns"`         // when the run ended, in nanoseconds
	Checks       []ordered `json:"checks"`             // name, verdict, exercised and detail of each
	Nodes        []ordered `json:"nodes"`              // id and columns of each, and the messages that it sent
	Counts       []ordered `json:"counts,omitempty"`   // how often faults struck: name and n of each, if the scenario counts them
	Reproduce    string    `json:"reproduce"`          // the command that repeats the run
	Replay       string    `json:"replay,omitempty"`   // the command that replays a failure, if its file was written
	Error        string    `json:"error,omitempty"`    // what went wrong, if the verdict is error
	Recorded     ordered   `json:"recorded,omitempty"` // of a replay: verdict and digest of the recorded run, whether the digest is the same now, stale answers, and the comparison in words
	Reason       string    `json:"reason"`             // why the run ended
	Received     uint64    `json:"received"`           // messages and inputs that nodes consumed
	Timers       uint64    `json:"timers"`             // that fired
	Others       uint64    `json:"others"`             // events that are neither: starts, faults and syncs
	Sent         uint64    `json:"sent"`               // messages sent by nodes, lost ones included
	Bytes        uint64    `json:"bytes"`              // in the messages sent
	Lost         uint64    `json:"lost"`               // messages lost by the network
	Copied       uint64    `json:"copied"`             // messages copied by the network
	Dropped      uint64    `json:"dropped"`            // messages and inputs that came to a node that was down
	Outputs      uint64    `json:"outputs"`            // records that nodes made final
	Syncs        uint64    `json:"syncs"`              // of whole disks
	Flushes      uint64    `json:"flushes"`            // of single records, such as those of a file
	Crashes      uint64    `json:"crashes"`            // of nodes
	Restarts     uint64    `json:"restarts"`           // of nodes
	Facts        []ordered `json:"facts"`              // figures of the scenario, such as attempts: name and value of each
	Story        []string  `json:"story"`              // what happened, a sentence each, if the run passed and the scenario tells it
	Misaddressed uint64    `json:"misaddressed"`       // messages to nodes that do not exist, which are lost
	Warnings     []string  `json:"warnings"`           // why not to rely on a pass, a sentence each; -strict makes it inconclusive
	Faults       []ordered `json:"faults"`             // of -fault: id, text, what it did, how often, and why not if it did nothing
	Verified     bool      `json:"verified"`           // with -verify: a second process had the same events
	Panic        ordered   `json:"panic,omitempty"`    // if a node panicked: node, step, virtual_ns, doing, message, and stack, its lines in the node's code
	Stuck        ordered   `json:"stuck,omitempty"`    // if the run was interrupted in a step that did not end: node, step, virtual_ns, doing and stack; digests, nodes, counts and what else is not known then are left out
	Report       string    `json:"report,omitempty"`   // the page of -report, if it was written
}

func (s *summary) object() runObject {
	r, d := &s.Sim, s.Sim.Digest
	o := runObject{
		Scenario: s.Scenario.Name, Seed: fmt.Sprint(s.Seed), Params: texts(params(s.Scenario, &s.Params)),
		Verdict: string(s.verdict()), Digest: d.String(), Digests: layers(d),
		Events: r.Events, VirtualNS: int64(r.End), Checks: checkObjects(s.Checks), Nodes: s.nodeObjects(), Counts: countObjects(s.Counts),
		Reproduce: s.command, Replay: s.saved, Report: s.reported,
		Reason: r.Reason.String(), Received: r.Received, Timers: r.Fired, Others: r.Events - r.Received - r.Fired,
		Sent: r.Sent, Bytes: r.Bytes, Lost: r.Lost, Copied: r.Copied, Dropped: r.Dropped,
		Outputs: r.Outputs, Syncs: r.Syncs, Flushes: r.Flushes, Crashes: r.Crashes, Restarts: r.Restarts,
		Facts: []ordered{}, Story: append([]string{}, s.Story...), Warnings: append([]string{}, s.Warnings()...), Faults: []ordered{},
		Misaddressed: r.Misaddressed.Sent, Verified: s.verified,
	}
	if s.Report.Verdict == scenario.Failed {
		o.Error = s.Failure
	}
	if p := s.Panic; p != nil {
		o.Panic = moment(&p.Moment, p.Frames, field{"message", fmt.Sprint(p.Value)})
	}
	if x := s.Stuck; x != nil {
		o.Stuck = moment(&x.Moment, x.Frames)
		return o
	}
	if x := s.replay; x != nil {
		o.Recorded = ordered{{"verdict", x.Verdict}, {"digest", x.Digest}, {"same", x.same(s.Report)}, {"stale", x.stale()}, {"text", s.recorded()}}
	}
	for _, f := range s.Facts {
		o.Facts = append(o.Facts, ordered{{"name", f.Name}, {"value", f.Value}})
	}
	for i := range s.Written {
		f := &s.Written[i]
		o.Faults = append(o.Faults, ordered{{"id", f.Fault.ID}, {"text", f.Fault.String()}, {"did", f.Fault.Op.Impact()}, {"n", f.N}}.with("why", f.Why))
	}
	return o
}

// stuckObject is the runObject of a run whose last step did not end, without what only that
// step could tell.
type stuckObject struct {
	Scenario  string    `json:"scenario"`
	Seed      string    `json:"seed"`
	Params    ordered   `json:"params"`
	Verdict   string    `json:"verdict"`
	Events    uint64    `json:"events"`
	VirtualNS int64     `json:"virtual_ns"`
	Checks    []ordered `json:"checks"`
	Reproduce string    `json:"reproduce"`
	Reason    string    `json:"reason"`
	Stuck     ordered   `json:"stuck"`
}

// json writes the object.
func (s *summary) json(w io.Writer) {
	o := s.object()
	if s.Stuck != nil {
		w.Write(encoded(stuckObject{o.Scenario, o.Seed, o.Params, o.Verdict, o.Events, o.VirtualNS, o.Checks, o.Reproduce, o.Reason, o.Stuck}, nil))
		return
	}
	w.Write(encoded(o, nil))
}

func layers(d sim.Digest) ordered {
	return ordered{{"decisions", layer(d.Decisions)}, {"network", layer(d.Network)}, {"outputs", layer(d.Outputs)}}
}

func (s *summary) nodeObjects() []ordered {
	nodes := []ordered{}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		row := ordered{{"id", uint32(n.ID)}}
		for c, column := range s.Scenario.Columns {
			if column.Number {
				row = append(row, field{column.Key, json.Number(cmp.Or(cell(n, c), "0"))})
			} else {
				row = append(row, field{column.Key, cell(n, c)})
			}
		}
		nodes = append(nodes, append(row, field{"messages", n.Messages}))
	}
	return nodes
}

//go:embed object.go
var objectSource string

// keysOfRun returns the keys of runObject and what they mean, as its source says.
func keysOfRun() (keys [][2]string) {
	file, err := parser.ParseFile(token.NewFileSet(), "object.go", objectSource, parser.ParseComments)
	if err != nil {
		panic(err) // it was compiled
	}
	ast.Inspect(file, func(n ast.Node) bool {
		t, ok := n.(*ast.TypeSpec)
		if !ok || t.Name.Name != "runObject" {
			return true
		}
		for _, f := range t.Type.(*ast.StructType).Fields.List {
			tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
			key, _, _ := strings.Cut(tag.Get("json"), ",")
			keys = append(keys, [2]string{key, strings.TrimSpace(f.Comment.Text())})
		}
		return false
	})
	return keys
}

// keysText returns the section of the help that lists the keys.
func keysText() string {
	var b strings.Builder
	b.WriteString("\n\nThe object of -json has these keys, in this order:\n")
	const width = 14
	for _, k := range keysOfRun() {
		for i, line := range strings.Split(wrap(k[1], 88-width), "\n") {
			if i > 0 {
				k[0] = ""
			}
			fmt.Fprintf(&b, "\n%-*s%s", width, k[0], line)
		}
	}
	return b.String()
}
