package cmdline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/scenario"
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

// with returns the object with one more field, unless its text is empty.
func (o ordered) with(key, text string) ordered {
	if text == "" {
		return o
	}
	return append(o, field{key, text})
}

func (o ordered) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range o {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(bytes.TrimSuffix(encoded(f.key, b), []byte("\n")), ':')
		b = bytes.TrimSuffix(encoded(f.value, b), []byte("\n"))
	}
	return append(b, '}'), nil
}

// params returns the parameters of the scenario, as pairs of name and text.
func params(s *scenario.Scenario, p *scenario.Params) (all [][2]string) {
	for _, x := range s.Params() {
		if x.Shown(p) {
			all = append(all, [2]string{x.Name, x.Get(p)})
		}
	}
	return all
}

// encoded appends v as JSON on one line.
func encoded(v any, to []byte) []byte {
	b := bytes.NewBuffer(to)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("encoding JSON: %v", err)) // what is printed here can all be encoded
	}
	return b.Bytes()
}

// writeJSON writes one object on one line. The writer keeps its errors.
func writeJSON(w io.Writer, o ordered) { w.Write(encoded(o, nil)) }

// moment describes a step with its place in the node's code.
func moment(m *sim.Moment, stack []string, more ...field) ordered {
	o := ordered{{"node", uint32(m.Node)}, {"step", m.Step}, {"virtual_ns", int64(m.At)}, {"doing", m.Doing()}}
	return append(append(o, more...), field{"stack", append([]string{}, stack...)})
}

func checkObjects(checks []check.Result) []ordered {
	out := []ordered{}
	for i := range checks {
		c := &checks[i]
		out = append(out, ordered{{"name", c.Name}, {"verdict", c.Verdict}, {"exercised", c.Exercised}, {"detail", detail(c)}})
	}
	return out
}

func countObjects(counts []explore.Count) []ordered {
	out := []ordered{}
	for _, c := range counts {
		out = append(out, ordered{{"name", c.Name}, {"n", c.N}})
	}
	return out
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
