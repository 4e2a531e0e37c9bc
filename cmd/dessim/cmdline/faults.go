package cmdline

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim/fault"
	"dessim/sim/swarm"
)

const maxFaultFile = 1 << 20 // bytes

// faultFlags returns the texts of the parameters faults and fault. -faults names what
// is drawn, or a file of faults in words, instead of which nothing is drawn; then
// come those of -fault.
func (f *flags) faultFlags() (drawn, told string, err error) {
	drawn, told = f.find("faults").text, f.find("fault").text
	if !f.find("faults").given || !isFile(drawn) {
		return drawn, told, nil
	}
	text, _, err := readAll(drawn, maxFaultFile)
	if err != nil {
		return "", "", refuse("faults %s: %s", quote(drawn), reason(err))
	}
	if _, err := fault.Parse(string(text)); err != nil {
		return "", "", refuse("faults %s: %v", quote(drawn), err)
	}
	return "none", strings.TrimSuffix(string(text), "\n") + "\n" + told, nil
}

// isFile tells a file's name from the words of swarm.ParseMix.
func isFile(text string) bool {
	if _, err := swarm.ParseMix(text); err == nil {
		return false
	}
	info, err := os.Stat(text)
	return err == nil && !info.IsDir() || strings.ContainsAny(text, "./")
}

// listFaults draws two tables: what -faults draws, and the grammar of -fault.
func (t *tool) listFaults() {
	drawn := table{head: []string{"-faults", "what is drawn"}}
	for _, n := range swarm.Names() {
		drawn.add(n.Name, wrap(n.Meaning, 90))
	}
	drawn.add("FILE", "nothing; the file tells faults in words, one a line")
	words := table{head: []string{"-fault", "what happens", "example"}}
	for _, g := range fault.Grammar() {
		words.add(wrap(g.Form, 44), wrap(g.Meaning, 44), wrap(g.Example, 32))
	}
	drawn.write(&t.out)
	fmt.Fprint(&t.out, `
kinds are combined with commas; -faults and -fault add up; unless one of them
says when to heal, all faults end some time after the workload began

`)
	words.write(&t.out)
	fmt.Fprint(&t.out, `
N is a node; SET some nodes, such as 0,1,5 or 0-4, or * for all; T the time since
the run began and D a duration, with a unit; R% a share, such as 0.5%; K a number
from 1; OP one of send, persist, sync, output and set-timer, and KIND, of send and
output, a kind of message or output; what stands in brackets can be left out.
After an effect a crash comes at once, any other fault a nanosecond later. Of what a
node has not synced there survive, if torn, a beginning and a part of the next
record; if scattered, some records; if any, some records and parts of others.
"3: crash 2 at 1s" numbers a fault, ";" parts several, "#" begins a comment.
`)
	t.listKinds()
}

// listKinds says what crashes can wait for, once for all scenarios with the same nodes.
func (t *tool) listKinds() {
	var told []string
	for _, s := range t.Scenarios {
		if s.Kinds == nil {
			continue
		}
		sends, outputs := s.Kinds()
		text := fmt.Sprintf("send    %s\noutput  %s\n", indented(sends), indented(outputs))
		if slices.Contains(told, text) {
			continue
		}
		told = append(told, text)
		fmt.Fprintf(&t.out, "\nkinds of scenario %s, and of others with such nodes\n%s", s.Name, text)
	}
}

// indented returns the kinds in lines, all but the first one indented.
func indented(kinds []protocol.Kind) string {
	words := make([]string, 0, len(kinds))
	for _, k := range kinds {
		words = append(words, k.String())
	}
	return strings.ReplaceAll(wrap(strings.Join(words, ", "), 80), "\n", "\n        ")
}
