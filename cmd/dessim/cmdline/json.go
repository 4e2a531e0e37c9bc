package cmdline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/scenario"
)

// The objects of -json. Their fields stand in the order of the keys.
type (
	jsonRun struct {
		Scenario  string        `json:"scenario"`
		Seed      string        `json:"seed"`
		Params    ordered       `json:"params"`
		Verdict   check.Verdict `json:"verdict"`
		Digest    string        `json:"digest"`
		Digests   jsonDigests   `json:"digests"`
		Events    uint64        `json:"events"`
		VirtualNS int64         `json:"virtual_ns"`
		Checks    []jsonCheck   `json:"checks"`
		Nodes     []ordered     `json:"nodes"`
		Counts    []jsonCount   `json:"counts,omitempty"`
		Reproduce string        `json:"reproduce"`
		Replay    string        `json:"replay,omitempty"`
		Error     string        `json:"error,omitempty"`
		Recorded  *jsonRecorded `json:"recorded,omitempty"`
	}
	jsonDigests struct {
		Decisions string `json:"decisions"`
		Network   string `json:"network"`
		Outputs   string `json:"outputs"`
	}
	jsonCheck struct {
		Name      string        `json:"name"`
		Verdict   check.Verdict `json:"verdict"`
		Exercised uint64        `json:"exercised"`
		Detail    string        `json:"detail"`
	}
	jsonCount struct {
		Name string `json:"name"`
		N    uint64 `json:"n"`
	}
	jsonRecorded struct {
		Verdict check.Verdict `json:"verdict"`
		Digest  string        `json:"digest"`
		Same    bool          `json:"same"`
		Stale   int           `json:"stale"`
	}
	jsonScenario struct {
		Name     string  `json:"name"`
		Shows    string  `json:"shows"`
		MinNodes int     `json:"min_nodes"`
		MaxNodes int     `json:"max_nodes"`
		Defaults ordered `json:"defaults"`
	}
)

// ordered is an object whose keys keep their order.
type ordered []field

type field struct {
	key   string
	value any
}

// texts returns an object of texts.
func texts(pairs [][2]string) (o ordered) {
	for _, p := range pairs {
		o = append(o, field{p[0], p[1]})
	}
	return o
}

// MarshalJSON writes the object.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(f.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// params returns the parameters of the scenario, as pairs of name and text.
func params(s *scenario.Scenario, p *scenario.Params) (all [][2]string) {
	for _, x := range s.Params() {
		all = append(all, [2]string{x.Name, x.Get(p)})
	}
	return all
}

// writeJSON writes one object on one line. The writer keeps its errors.
func writeJSON(w io.Writer, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("encoding JSON: %v", err)) // the types above can all be encoded
	}
	w.Write(b.Bytes())
}

// json writes the report as one JSON object.
func (s *summary) json(w io.Writer) {
	d := s.Sim.Digest
	o := jsonRun{
		Scenario: s.Scenario.Name, Seed: fmt.Sprint(s.Seed), Params: texts(params(s.Scenario, &s.Params)),
		Verdict: s.Verdict, Digest: d.String(),
		Digests: jsonDigests{layer(d.Decisions), layer(d.Network), layer(d.Outputs)},
		Events:  s.Sim.Events, VirtualNS: int64(s.Sim.End),
		Checks: []jsonCheck{}, Nodes: []ordered{}, Reproduce: s.command, Replay: s.saved,
	}
	for i := range s.Checks {
		c := &s.Checks[i]
		o.Checks = append(o.Checks, jsonCheck{c.Name, c.Verdict, c.Exercised, detail(c)})
	}
	for _, c := range s.Counts {
		o.Counts = append(o.Counts, jsonCount(c))
	}
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
		o.Nodes = append(o.Nodes, row)
	}
	if s.Verdict == scenario.Failed {
		o.Error = s.Failure
	}
	if x := s.replay; x != nil {
		o.Recorded = &jsonRecorded{x.Verdict, x.Digest, x.same(s.Report), x.stale()}
	}
	writeJSON(w, o)
}

func layer(d uint64) string { return fmt.Sprintf("%016x", d) }

// detail returns a check's sentence, with its place if it is a violation.
func detail(c *check.Result) string {
	if c.Verdict != check.Violation {
		return c.Detail
	}
	return place(c) + ": " + c.Detail
}

// place says where a violation is, as a trace does.
func place(c *check.Result) string {
	at := fmt.Sprintf("step %d", c.Step)
	if c.Step == 0 {
		at = "the end"
	}
	return fmt.Sprintf("at %s, %s ms", at, sim.Millis(c.At))
}
