package cmdline

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/files"
	"dessim/sim/swarm"
)

const maxFaultFile = 1 << 20 // bytes

// faultFlags returns the texts of the parameters faults and fault. -faults names the kinds
// to draw, or a file of faults in words; then nothing is drawn, and the file's faults come
// before those of -fault.
func (f *flags) faultFlags() (drawn, words string, err error) {
	drawn, words = f.find("faults").text, f.find("fault").text
	if !f.find("faults").given || !isFile(drawn) {
		return drawn, words, nil
	}
	text, _, err := readAll(drawn, maxFaultFile)
	if err != nil {
		return "", "", refuse("faults %s: %s", quote(drawn), files.Reason(err))
	}
	if _, err := fault.Parse(string(text)); err != nil {
		return "", "", refuse("faults %s: %v", quote(drawn), err)
	}
	return "none", strings.TrimSuffix(string(text), "\n") + "\n" + words, nil
}

// isFile reports whether text is a file's name, and not words for swarm.ParseMix.
func isFile(text string) bool {
	if _, err := swarm.ParseMix(text); err == nil {
		return false
	}
	info, err := os.Stat(text)
	return err == nil && !info.IsDir() || strings.ContainsAny(text, "./")
}

// listFaults prints two tables: what -faults draws, and the grammar of -fault.
func (t *tool) listFaults() {
	drawn := table{head: []string{"-faults", "what is drawn"}}
	for _, n := range swarm.Names() {
		drawn.add(n.Name, wrap(n.Meaning, 90))
	}
	drawn.add("FILE", "nothing; the file has faults in words, one a line")
	words := table{head: []string{"-fault", "what happens", "example"}}
	for _, g := range fault.Grammar() {
		words.add(wrap(g.Form, 44), wrap(g.Meaning, 44), wrap(g.Example, 32))
	}
	drawn.write(&t.out)
	fmt.Fprint(&t.out, `
Combine kinds with commas; -faults and -fault add up. Unless one of them says when
to heal, all faults end some time after the workload begins; but in scenario churn,
whose sessions go on, a fault in words without a D lasts until the end of the run.
No protocol here tolerates a byzantine node that equivocates or replays, since its lies
have valid checksums: what agrees or makes progress without it need not with it, and
a violation shows what it breaks. All holds against one that forges, alters or withholds.

`)
	words.write(&t.out)
	fmt.Fprint(&t.out, `
N is a node; SET some nodes, such as 0,1,5 or 0-4, or * for all; T the time since
the run began and D a duration, with a unit; R% a share, such as 0.5%; K a number
from 1; OP one of send, persist, sync, output and set-timer, and KIND a kind of
message or, after output, of output; brackets enclose what can be left out.
After an effect, a crash comes at once, and any other fault a nanosecond later. Of a
node's unsynced records, torn keeps the first ones and a part of the next; scattered
keeps some; any keeps some, and parts of others.
"3: crash 2 at 1s" numbers a fault, ";" separates faults, "#" begins a comment.
`)
	t.listKinds()
}

// listKinds prints the kinds that a fault can wait for, once for scenarios that share them.
func (t *tool) listKinds() {
	var listed []string
	for _, s := range t.Scenarios {
		if s.Kinds == nil {
			continue
		}
		sends, outputs := s.Kinds()
		text := fmt.Sprintf("send    %s\noutput  %s\n", indented(sends), indented(outputs))
		if slices.Contains(listed, text) {
			continue
		}
		listed = append(listed, text)
		fmt.Fprintf(&t.out, "\nMessage and output kinds of scenario %s and others like it\n%s", s.Name, text)
	}
}

// listedFaults returns what listFaults prints. Kinds stand with each scenario that knows them.
func (t *tool) listedFaults() ordered {
	drawn, written, kinds := []ordered{}, []ordered{}, []ordered{}
	for _, n := range swarm.Names() {
		drawn = append(drawn, ordered{{"name", n.Name}, {"meaning", n.Meaning}})
	}
	for _, g := range fault.Grammar() {
		written = append(written, ordered{{"form", g.Form}, {"meaning", g.Meaning}, {"example", g.Example}})
	}
	for _, s := range t.Scenarios {
		if s.Kinds != nil {
			sends, outputs := s.Kinds()
			kinds = append(kinds, ordered{{"scenario", s.Name}, {"send", kindNames(sends)}, {"output", kindNames(outputs)}})
		}
	}
	return ordered{{"drawn", drawn}, {"written", written}, {"kinds", kinds}}
}

func kindNames(kinds []protocol.Kind) []string {
	words := make([]string, 0, len(kinds))
	for _, k := range kinds {
		words = append(words, k.String())
	}
	return words
}

// indented returns the kinds in lines, all but the first one indented.
func indented(kinds []protocol.Kind) string {
	return strings.ReplaceAll(wrap(strings.Join(kindNames(kinds), ", "), 80), "\n", "\n        ")
}
