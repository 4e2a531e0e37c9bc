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

// own is the package whose Find gives the scenarios of dessim.
const own = "dessim/scenarios"

// emit prints the test: dessim replay -emit-test.
func (t *tool) emit(s subject, x *replay) error {
	if t.Package == "" {
		return refuse("-emit-test: no package is known from which a test gets scenario %s; want one in the cmdline.Program of %s", s.scenario.Name, t.Name)
	}
	text, err := emitTest(s, x)
	t.out.Write(text)
	return err
}

// emitTest gives a Go test that makes the run of a replay file and fails while it
// violates a check. It stands alone: the file need not be kept.
//
// Parameters, faults and answers stand in it as the file has them, so that a reader
// can take something away and see what comes of it.
func emitTest(s subject, x *replay) ([]byte, error) {
	answers, err := (&source.File{Answers: x.file.Answers}).AppendText(nil)
	if err != nil {
		return nil, &exit{exitInternal, err.Error()}
	}
	data := struct {
		Name, Scenario, File, Verdict, Digest, Answers string
		Program, Package, Catalogue                    string // the latter two find the scenario
		Foreign                                        bool   // it is not that of dessim
		Seed                                           uint64
		Params                                         [][2]string
		Cut                                            bool
		Without                                        []uint64 // inputs
		Faults                                         string   // lines
		Told                                           bool     // the faults are these, even if none
	}{
		Scenario:  s.scenario.Name,
		File:      plain(filepath.Base(x.path)),
		Verdict:   string(x.verdict),
		Digest:    x.digest,
		Answers:   string(answers),
		Seed:      s.seed,
		Program:   s.program.Name,
		Package:   s.program.Package,
		Catalogue: "scenarios",
		Foreign:   s.program.Package != own,
		Cut:       x.cut != nil,
	}
	for _, p := range s.scenario.Params() {
		if text := p.Get(&s.params); text != p.Get(&s.scenario.Defaults) {
			data.Params = append(data.Params, [2]string{p.Name, text})
		}
	}
	if x.cut != nil {
		data.Without = x.cut.Without
		data.Faults, data.Told = faultLines(x.cut.Faults), x.cut.Faults != nil
	}
	if data.Foreign {
		data.Catalogue = "catalogue"
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

// testName tells scenario and seed, and a hash of the rest: a run of a seed and what it
// was shrunk to are two tests.
func testName(s subject, rest ...any) string {
	words := strings.Split(s.scenario.Name, "-")
	for i, w := range words {
		words[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	return fmt.Sprintf("Test%sSeed%dRun%08x", strings.Join(words, ""), s.seed, uint32(protocol.HashBytes(fmt.Append(nil, rest...))))
}

// faultLines gives faults with their identities, by which what follows from them is
// named, whatever they are.
func faultLines(faults []fault.Fault) string {
	var b strings.Builder
	for i := range faults {
		fmt.Fprintf(&b, "%d: %v\n", faults[i].ID, faults[i])
	}
	return b.String()
}

// emitted is the test. What goes between backquotes has none: faults, and answers
// without comments, are of a smaller alphabet.
const emitted = `package regression_test

import (
	"testing"

	{{- if .Foreign}}
	{{.Catalogue}} {{printf "%q" .Package}}
	{{- end}}
	"dessim/scenarios"
	{{- if .Told}}
	"dessim/sim/fault"
	{{- end}}
	"dessim/sim/check"
	"dessim/sim/source"
)

// {{.Name}} makes the run of {{.File}}, whose verdict was {{.Verdict}}.
// It was written by {{.Program}} replay -emit-test.
func {{.Name}}(t *testing.T) {
	s := {{.Catalogue}}.Find({{printf "%q" .Scenario}})
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
	r, _ := s.Execute({{.Seed}}, p, src, scenarios.Options{
		{{- if .Cut}}Cut: &scenarios.Cut{
			{{- if .Without}}
			Without: {{printf "%#v" .Without}},
			{{- end}}
			{{- if .Faults}}
			Faults: faults,
			{{- else if .Told}}
			Faults: []fault.Fault{},
			{{- end}}
		}{{end -}}
	})
	t.Logf("digest %v, was {{.Digest}}; %d of %d answers are stale", r.Sim.Digest, len(src.Unused()), len(file.Answers))
	if r.Verdict == scenarios.Failed {
		t.Errorf("error: %s", r.Failure)
	}
	for _, c := range r.Checks {
		if c.Verdict == check.Violation {
			t.Errorf("violation: %s: %s (at %v, step %d)", c.Name, c.Detail, c.At, c.Step)
		}
	}
}
`
