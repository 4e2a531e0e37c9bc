package cmdline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"dessim/scenarios"
	"dessim/sim"
	"dessim/sim/check"
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
		Nodes     []jsonNode    `json:"nodes"`
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
	jsonNode struct {
		ID           uint32 `json:"id"`
		DHT          string `json:"dht_id"`
		LedgerLength int    `json:"ledger_length"`
		LedgerHash   string `json:"ledger_hash"`
		Balance      uint64 `json:"balance"`
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

// ordered is an object of texts whose keys keep their order.
type ordered [][2]string

// MarshalJSON writes the object.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, kv := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(kv[0])
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(kv[1])
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

// params gives the parameters that mean something to the scenario.
func params(s *scenarios.Scenario, p *scenarios.Params) ordered {
	var o ordered
	for _, x := range s.Params() {
		o = append(o, [2]string{x.Name, x.Get(p)})
	}
	return o
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
		Scenario: s.Scenario.Name, Seed: fmt.Sprint(s.Seed), Params: params(s.Scenario, &s.Params),
		Verdict: s.Verdict, Digest: d.String(),
		Digests: jsonDigests{layer(d.Decisions), layer(d.Network), layer(d.Outputs)},
		Events:  s.Sim.Events, VirtualNS: int64(s.Sim.End),
		Checks: []jsonCheck{}, Nodes: []jsonNode{}, Reproduce: s.command, Replay: s.saved,
	}
	for i := range s.Checks {
		c := &s.Checks[i]
		o.Checks = append(o.Checks, jsonCheck{c.Name, c.Verdict, c.Exercised, detail(c)})
	}
	for _, c := range s.Counts {
		o.Counts = append(o.Counts, jsonCount(c))
	}
	for _, n := range s.Nodes {
		o.Nodes = append(o.Nodes, jsonNode{uint32(n.ID), fmt.Sprintf("%x", n.DHT), n.LedgerLength, fmt.Sprintf("%x", n.LedgerHash), n.Balance})
	}
	if s.Verdict == scenarios.Failed {
		o.Error = s.Failure
	}
	if x := s.replay; x != nil {
		o.Recorded = &jsonRecorded{x.verdict, x.digest, x.same(s.Report), x.stale()}
	}
	writeJSON(w, o)
}

func layer(d uint64) string { return fmt.Sprintf("%016x", d) }

// detail gives a check's sentence, with the place if it is a violation.
func detail(c *check.Result) string {
	if c.Verdict != check.Violation {
		return c.Detail
	}
	return place(c) + ": " + c.Detail
}

// place tells where a violation is in words that are found in a trace.
func place(c *check.Result) string {
	at := fmt.Sprintf("step %d", c.Step)
	if c.Step == 0 {
		at = "the end"
	}
	return fmt.Sprintf("at %s, %s ms", at, sim.Millis(c.At))
}
