package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/fault"
	"dessim/sim/source"
	"dessim/sim/swarm"
)

// Recording is a run in the form of a replay file: see source.File. The fields of its header
// are, in this order,
//
//	test      the test that found it, if one did
//	scenario  its name
//	seed      what identities derive from
//	...       each parameter by its name
//	verdict   pass, violation, inconclusive or error
//	check     the check that failed, of a test's file
//	digest    of the run
//	without   identities of inputs that are left out, if there are any: 1,3
//	fault     one a line, with its identity: 3: crash 2 at 1s; or "none"
//	hash      of the fields before and the answers: it distinguishes an edited file from a changed program
//
// The faults are data, so that they can be edited and shrunk; the answers that drew them are
// left out. In a file without fault lines like these, the answers draw the faults.
type Recording struct {
	Test string
	Subject
	Without []uint64
	Faults  []fault.Fault // nil: the answers draw them
	Answers []source.Answer
	Verdict check.Verdict // or Failed
	Check   string
	Digest  string // 16 hex digits

	// Edited says that the file was changed after it was written.
	Edited bool
}

// Record returns the recording of a trial of s, with its verdict and digest.
func Record(s Subject, t *explore.Trial, verdict check.Verdict, digest sim.Digest) *Recording {
	s.Params.shrinkTo(t.Nodes)
	r := &Recording{Subject: s, Without: t.Without, Faults: t.Faults, Verdict: verdict, Digest: digest.String()}
	if r.Faults == nil {
		r.Faults = []fault.Fault{}
	}
	r.Answers = undrawn(t.Answers)
	return r
}

// undrawn returns the answers without those that draw faults: a trial has its faults as data.
func undrawn(answers []source.Answer) []source.Answer {
	return slices.DeleteFunc(slices.Clone(answers), func(a source.Answer) bool { return swarm.Draws(a.Key.Kind) })
}

// Trial returns what the run is made of. If Drawn, it lacks the faults.
func (r *Recording) Trial() *explore.Trial {
	return &explore.Trial{Nodes: r.Params.Nodes, Without: r.Without, Faults: r.Faults, Answers: r.Answers}
}

// Drawn reports whether the answers draw the faults, which the file does not list then.
func (r *Recording) Drawn() bool { return r.Faults == nil && r.Params.Failing() }

// Cut returns the change to the run that the parameters make, or nil.
func (r *Recording) Cut() *Cut {
	if r.Faults == nil && r.Without == nil {
		return nil
	}
	return &Cut{Without: r.Without, Faults: r.Faults}
}

// The names of fields of the header that stand beside the parameters.
const (
	testField    = "test"
	faultField   = "fault"
	withoutField = "without"
	checkField   = "check"
	hashField    = "hash"
	noFault      = "none"
)

// AppendText appends the replay file, whose first line is a comment for people.
func (r *Recording) AppendText(b []byte, comment string) ([]byte, error) {
	f := source.File{Answers: r.Answers}
	add := func(name, value string) {
		f.Header = append(f.Header, source.Field{Name: name, Value: printable(value)})
	}
	if r.Test != "" {
		add(testField, r.Test)
	}
	add("scenario", r.Scenario.Name)
	add("seed", strconv.FormatUint(r.Seed, 10))
	for _, x := range r.Scenario.Params() {
		if text := x.Get(&r.Params); text != "" || !x.Rare {
			add(x.Name, text)
		}
	}
	for _, x := range r.ignored() { // a search may have changed it
		if text := x.Get(&r.Params); text != x.Get(&r.Scenario.Defaults) {
			add(x.Name, text)
		}
	}
	add("verdict", string(r.Verdict))
	if r.Check != "" {
		add(checkField, r.Check)
	}
	add("digest", r.Digest)
	if len(r.Without) > 0 {
		add(withoutField, strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Without), " ", ","), "[]"))
	}
	for i := range r.Faults {
		add(faultField, fmt.Sprintf("%d: %v", r.Faults[i].ID, r.Faults[i]))
	}
	if r.Faults != nil && len(r.Faults) == 0 {
		add(faultField, noFault)
	}
	add(hashField, hashOf(f.Header, f.Answers))
	return f.AppendText(append(b, "# "+printable(comment)+"\n"...))
}

// ignored returns the parameters that mean nothing to the scenario. A line named fault is
// never one of them: it is a fault of the run.
func (r *Recording) ignored() []*Param {
	return slices.DeleteFunc(fields(), func(x *Param) bool {
		return x.Name == faultField || !slices.Contains(r.Scenario.Unused, x.Name)
	})
}

// printable makes text a line of a file, whatever a check or a test is called.
func printable(text string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if strconv.IsPrint(c) {
			return c
		}
		return ' '
	}, text))
}

// hashOf folds the content of a file, without its comments and its hash.
func hashOf(header []source.Field, answers []source.Answer) string {
	h := uint64(0)
	for _, f := range header {
		h = protocol.Hash3(h, protocol.HashBytes([]byte(f.Name)), protocol.HashBytes([]byte(f.Value)))
	}
	for _, a := range answers {
		h = protocol.Hash3(h, uint64(a.Key.Kind), uint64(a.Key.A)<<32|uint64(a.Key.B))
		h = protocol.Hash3(h, a.Key.N, a.Range)
		h = protocol.Hash2(h, a.Value)
	}
	return fmt.Sprintf("%016x", h)
}

// ParseRecording reads a replay file, which people may have edited, and validates it. find
// returns the scenario of a name, which is "" in old files of tests.
func ParseRecording(text []byte, find func(name string) (*Scenario, error)) (*Recording, error) {
	file, err := source.ParseFile(text)
	if err != nil {
		return nil, err
	}
	r := &Recording{Answers: file.Answers}
	h := header{fields: slices.Clone(file.Header)}
	hash := h.optional(hashField)
	r.Edited = hash != hashOf(h.fields, file.Answers)
	if err := r.read(&h, find); err != nil {
		return nil, fmt.Errorf("replay file: %w", err)
	}
	if hash != "" && !isHex(hash) {
		return nil, fmt.Errorf("replay file: %s %q; want 16 hex digits", hashField, hash)
	}
	return r, nil
}

// header is the fields of a replay file that have not been read.
type header struct{ fields []source.Field }

// take removes the first field of that name and returns its value.
func (h *header) take(name string) (value string, there bool) {
	i := slices.IndexFunc(h.fields, func(f source.Field) bool { return f.Name == name })
	if i < 0 {
		return "", false
	}
	value = h.fields[i].Value
	h.fields = slices.Delete(h.fields, i, i+1)
	return value, true
}

func (h *header) optional(name string) string {
	value, _ := h.take(name)
	return value
}

func (r *Recording) read(h *header, find func(name string) (*Scenario, error)) (err error) {
	r.Test = h.optional(testField)
	name, there := h.take("scenario")
	if !there && r.Test == "" {
		return errors.New("the header has no scenario")
	}
	if r.Scenario, err = find(name); err != nil {
		return err
	}
	if err := r.readParams(h, r.Test != "" && !there); err != nil {
		return err
	}
	r.Verdict, r.Check, r.Digest = check.Verdict(h.optional("verdict")), h.optional(checkField), h.optional("digest")
	_, known := check.ParseVerdict(string(r.Verdict))
	switch {
	case r.Digest == "":
		return errors.New("the header has no digest")
	case !isHex(r.Digest):
		return fmt.Errorf("digest %q; want 16 hex digits", r.Digest)
	case r.Verdict == "" && r.Test == "":
		return errors.New("the header has no verdict")
	case r.Verdict != "" && !known && r.Verdict != Failed:
		return fmt.Errorf("verdict %q; want pass, violation, inconclusive or error", r.Verdict)
	}
	if err := r.readCut(h); err != nil {
		return err
	}
	if r.Test != "" && r.Faults == nil {
		r.Faults = []fault.Fault{} // files of tests have always had them
	}
	if len(h.fields) > 0 {
		return fmt.Errorf("header field %q means nothing to scenario %s, or comes twice", h.fields[0].Name, r.Scenario.Name)
	}
	return nil
}

// readParams reads the seed and the parameters. In the old file of a test, only the number of
// nodes is required.
func (r *Recording) readParams(h *header, missing bool) (err error) {
	text, there := h.take("seed")
	if !there {
		return errors.New("the header has no seed")
	}
	if r.Seed, err = source.ParseSeed(text); err != nil {
		return err
	}
	r.Params = r.Scenario.Defaults
	params := r.Scenario.Params()
	if missing {
		params = fields()[:1] // the number of nodes; a field named fault is not the parameter
	}
	faultless := !slices.ContainsFunc(h.fields, func(f source.Field) bool { return f.Name == "faults" })
	for _, x := range params {
		if faultless && (x.Name == "faults" || x.Name == "fault") {
			r.Params.Faults, r.Params.Fault = "", "" // the scenario took no faults then; a field "fault" is one of the run
			continue
		}
		text, there := h.take(x.Name)
		switch {
		case there:
			err = x.Set(&r.Params, text)
		case isField(x.Name) && !x.Rare:
			err = fmt.Errorf("the header has no %s", x.Name)
		} // a parameter that was declared since keeps its initial value
		if err != nil {
			return err
		}
	}
	for _, x := range r.ignored() {
		if text, there := h.take(x.Name); there {
			if err := x.Set(&r.Params, text); err != nil {
				return err
			}
		}
	}
	return r.Scenario.Validate(&r.Params)
}

// readCut reads what the run is made of, beyond the parameters.
func (r *Recording) readCut(h *header) error {
	if text, there := h.take(withoutField); there {
		for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ',' || c == ' ' }) {
			id, err := strconv.ParseUint(word, 10, 64)
			if err != nil || len(r.Without) > 0 && id <= r.Without[len(r.Without)-1] {
				return fmt.Errorf("without %q; want ascending numbers, such as 1,3", text)
			}
			r.Without = append(r.Without, id)
		}
		if len(r.Without) == 0 {
			return fmt.Errorf("without %q; want ascending numbers, such as 1,3", text)
		}
	}
	for text, there := h.take(faultField); there; text, there = h.take(faultField) {
		if r.Faults == nil {
			r.Faults = []fault.Fault{}
		}
		if text == noFault {
			continue
		}
		faults, err := fault.Parse(text)
		if err == nil && len(faults) != 1 {
			err = fmt.Errorf("%q; want one fault a line", text)
		}
		if err != nil {
			return err
		}
		r.Faults = append(r.Faults, faults...)
	}
	return fault.Validate(r.Faults, fault.AnyNodes, protocol.Time(r.Params.Until), nil) // some hit clients
}

// isHex reports whether text is 64 bits as digests are written.
func isHex(text string) bool {
	n, err := strconv.ParseUint(text, 16, 64)
	return err == nil && fmt.Sprintf("%016x", n) == text
}
