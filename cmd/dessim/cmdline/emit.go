package cmdline

import (
	"bytes"
	"fmt"
	"go/format"
	"path/filepath"
	"strings"
	"text/template"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/source"
)

// emit prints the test: dessim replay -emit-test.
func (t *tool) emit(s subject, x *replay) error {
	if t.Package == "" {
		return refuse("-emit-test: no package is known that a test can import scenario %s from; want Package in the cmdline.Program of %s", s.Scenario.Name, t.Name)
	}
	text, err := emitTest(s, x)
	t.out.Write(text)
	return err
}

// emitTest returns a Go test that makes the run of a replay file and fails while the run
// violates a check. The test does not need the file.
//
// Parameters, faults and answers appear in it as in the file, so that a reader can remove
// one and see what happens.
func emitTest(s subject, x *replay) ([]byte, error) {
	answers, err := (&source.File{Answers: x.Answers}).AppendText(nil)
	if err != nil {
		return nil, &exit{exitInternal, err.Error()}
	}
	data := struct {
		Name, Scenario, File, Verdict, Digest, Answers string
		Program, Package                               string // the latter finds the scenario
		Seed                                           uint64
		Params                                         [][2]string
		Cut                                            bool
		Without                                        []uint64 // inputs
		Faults                                         string   // one a line
		Replaced                                       bool     // the faults are replaced, perhaps by none
	}{
		Scenario: s.Scenario.Name,
		File:     plain(filepath.Base(x.path)),
		Verdict:  string(x.Verdict),
		Digest:   x.Digest,
		Answers:  string(answers),
		Seed:     s.Seed,
		Program:  s.program.Name,
		Package:  s.program.Package,
		Cut:      x.Cut() != nil,
	}
	if s.Scenario.Private(&s.Params) {
		return nil, refuse("-emit-test: scenario %s keeps in replay files what may be secret, and has no place in a test; replay the file", s.Scenario.Name)
	}
	for _, p := range s.Scenario.Params() {
		if text := p.Get(&s.Params); text != p.Get(&s.Scenario.Defaults) {
			data.Params = append(data.Params, [2]string{p.Name, text})
		}
	}
	if x.Cut() != nil {
		data.Without = x.Without
		data.Faults, data.Replaced = faultLines(x.Faults), x.Faults != nil
	}
	data.Name = testName(s, data.Params, data.Faults, data.Without, data.Answers)
	var b bytes.Buffer
	if err := template.Must(template.New("test").Parse(emitted)).Execute(&b, data); err != nil {
		return nil, &exit{exitInternal, "emit: " + err.Error()}
	}
	text, err := format.Source(b.Bytes())
	if err != nil {
		return nil, &exit{exitInternal, "emit: " + err.Error()}
	}
	return text, nil
}

// testName names scenario and seed, and a hash of the rest: the run of a seed and the run
// that it shrinks to are two tests.
func testName(s subject, rest ...any) string {
	words := strings.Split(s.Scenario.Name, "-")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return fmt.Sprintf("Test%sSeed%dRun%08x", strings.Join(words, ""), s.Seed, uint32(protocol.HashBytes(fmt.Append(nil, rest...))))
}

// faultLines returns faults, one a line, with their identities.
func faultLines(faults []fault.Fault) string {
	var b strings.Builder
	for i := range faults {
		fmt.Fprintf(&b, "%d: %v\n", faults[i].ID, faults[i])
	}
	return b.String()
}

// emitted is the test's template. Faults, and answers without comments, contain no
// backquotes.
const emitted = `package regression_test

import (
	"testing"

	catalogue {{printf "%q" .Package}}
	"dessim/sim/scenario"
	{{- if .Replaced}}
	"dessim/sim/fault"
	{{- end}}
	"dessim/sim/check"
	"dessim/sim/source"
)

// {{.Name}} makes the run of {{.File}}, whose verdict was {{.Verdict}}.
// It was written by {{.Program}} replay -emit-test.
func {{.Name}}(t *testing.T) {
	s := catalogue.Find({{printf "%q" .Scenario}})
	p := s.Defaults
	{{- if .Params}}
	given := map[string]string{
		{{- range .Params}}
		{{printf "%q" (index . 0)}}: {{printf "%q" (index . 1)}},
		{{- end}}
	}
	for _, x := range s.Params() {
		if text, ok := given[x.Name]; ok {
			if err := x.Set(&p, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	{{- end}}
	if err := s.Validate(&p); err != nil {
		t.Fatal(err)
	}
	{{- if .Faults}}
	faults, err := fault.Parse(` + "`{{.Faults}}`" + `)
	if err != nil {
		t.Fatal(err)
	}
	{{- end}}
	file, err := source.ParseFile([]byte(` + "`{{.Answers}}`" + `))
	if err != nil {
		t.Fatal(err)
	}
	src := source.NewReplay(file.Answers)
	r, _ := s.Execute({{.Seed}}, p, src, scenario.Options{
		{{- if .Cut}}Cut: &scenario.Cut{
			{{- if .Without}}
			Without: {{printf "%#v" .Without}},
			{{- end}}
			{{- if .Faults}}
			Faults: faults,
			{{- else if .Replaced}}
			Faults: []fault.Fault{},
			{{- end}}
		}{{end -}}
	})
	t.Logf("digest %v, was {{.Digest}}; %d of %d answers are stale", r.Sim.Digest, len(src.Unused()), len(file.Answers))
	if r.Verdict == scenario.Failed {
		t.Errorf("error: %s", r.Failure)
	}
	for _, c := range r.Checks {
		if c.Verdict == check.Violation {
			t.Errorf("violation: %s: %s (at %v, step %d)", c.Name, c.Detail, c.At, c.Step)
		}
	}
}
`
