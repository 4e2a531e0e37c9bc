package cmdline

import (
	"fmt"
	"slices"
	"strings"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/explore"
	"dessim/sim/watch"
)

// storyLines is how long a story may be.
const storyLines = 24

// story describes the shrunk run up to its failure, in the words of the trace: faults,
// outputs, the step in which the check fails, and the check's sentence.
func (k *shrinking) story(out *explore.Shrunk) []scene {
	end := ending(out)
	params := k.Params
	params.Nodes = out.After.Nodes
	teller := &teller{text: k.Scenario.Words(&params), end: end, about: namesIn(end.Detail), lost: make(map[[2]protocol.NodeID]int)}
	k.world.Try(out.After, teller)
	scenes := teller.scenes()
	if out.Is.Failure != "" {
		return append(scenes, scene{words: out.Is.Failure})
	}
	scenes = append(scenes, scene{words: fmt.Sprintf("%s: %s: %s", place(&end), end.Name, end.Detail)})
	if out.Is.Panic != nil && end.Name == explore.Panicked {
		for _, line := range watch.Callers(out.Is.Panic.Frames) {
			scenes = append(scenes, scene{words: line})
		}
	}
	return scenes
}

// told returns the lines of a story. With steps, those that happen in one begin with it, as
// pages link it.
func told(scenes []scene, steps bool) []string {
	var lines []string
	for _, s := range scenes {
		if s.more > 0 {
			s.words = fmt.Sprintf("%s, and %d more on that link", s.words, s.more)
		}
		if steps && s.step > 0 {
			s.words = fmt.Sprintf("step %d, %s", s.step, s.words)
		}
		lines = append(lines, s.words)
	}
	return lines
}

// ending returns the failure that a story leads to.
func ending(out *explore.Shrunk) check.Result {
	for _, c := range out.Is.Checks {
		if c.Name == out.Check && c.Verdict == check.Violation {
			return c
		}
	}
	return check.Result{Name: out.Check, At: out.Is.Sim.End}
}

// teller is an observer that keeps the events that may enter a story.
type teller struct {
	text  func(e *sim.Event) string
	end   check.Result
	about []string // the names that the failure's sentence has, such as 5/3.1
	all   []scene
	lost  map[[2]protocol.NodeID]int // number in all, from 1, of the scene that stands for all losses on a link
}

// scene is one event in words.
type scene struct {
	weight int // the lightest are left out first
	words  string
	more   int // others like it that it stands for
	step   uint64
}

// The weights of scenes.
const (
	sceneNone     = iota
	sceneOutput   // something that a node made final
	sceneNamed    // something that the failure's sentence names
	sceneFault    // a fault, a loss or a copy
	sceneDecisive // something that the failure's sentence names, made final
	sceneLast     // in the step that shows the failure
)

func (t *teller) Watch() sim.What {
	return sim.Started | sim.Crashed | sim.Lost | sim.Copied | sim.Corrupted | sim.Injected | sim.Lifted | sim.Damaged | sim.Output |
		sim.Persisted | sim.Received | sim.Fired | sim.Sent
}

// Observe keeps an event that may enter the story, up to the failure.
func (t *teller) Observe(e *sim.Event) {
	if t.end.Step != 0 && e.Step > t.end.Step {
		return
	}
	weight := t.weigh(e)
	if weight == sceneNone && e.What&(sim.Persisted|sim.Output) == 0 {
		return
	}
	words := t.words(e)
	if t.named(words) && weight <= sceneOutput {
		weight = sceneNamed
		if e.What == sim.Output {
			weight = sceneDecisive
		}
	}
	switch {
	case weight == sceneNone:
	case e.What == sim.Lost && weight != sceneLast && t.again(e):
	default:
		t.all = append(t.all, scene{weight: weight, words: roughly(e.At) + "  " + words, step: e.Step})
	}
}

// again reports whether the link has lost a message before, and counts this one there.
func (t *teller) again(e *sim.Event) bool {
	link := [2]protocol.NodeID{e.Node, e.Peer}
	if i := t.lost[link]; i > 0 {
		t.all[i-1].more++
		return true
	}
	t.lost[link] = len(t.all) + 1
	return false
}

// named reports whether the words have a name that the failure's sentence has.
func (t *teller) named(words string) bool {
	return slices.ContainsFunc(t.about, func(name string) bool { return strings.Contains(words, name) })
}

// namesIn returns the names in a sentence that look like "5/3.1" or "1f32822f".
func namesIn(sentence string) (names []string) {
	for word := range strings.FieldsFuncSeq(sentence, func(c rune) bool { return strings.ContainsRune(" ,;:()", c) }) {
		digits := strings.ContainsAny(word, "0123456789")
		hex := len(word) >= 8 && strings.Trim(word, "0123456789abcdef") == ""
		if digits && (strings.Contains(word, "/") || hex) {
			names = append(names, word)
		}
	}
	return names
}

func (t *teller) weigh(e *sim.Event) int {
	if t.end.Step != 0 && e.Step == t.end.Step && e.What != sim.Sent {
		return sceneLast
	}
	switch e.What {
	case sim.Crashed, sim.Injected, sim.Damaged, sim.Corrupted, sim.Lost, sim.Copied:
		return sceneFault
	case sim.Started:
		if e.Incarnation > 1 {
			return sceneFault
		}
	case sim.Output:
		return sceneOutput
	}
	return sceneNone
}

func (t *teller) words(e *sim.Event) string {
	text := t.text(e)
	switch e.What {
	case sim.Started:
		return fmt.Sprintf("node %v restarts, incarnation %d", e.Node, e.Incarnation)
	case sim.Crashed:
		return fmt.Sprintf("node %v crashes %s", e.Node, e.Text)
	case sim.Injected:
		return "fault: " + e.Text
	case sim.Damaged:
		return fmt.Sprintf("node %v is down for good: %s", e.Node, e.Text)
	case sim.Lost, sim.Copied, sim.Corrupted:
		return fmt.Sprintf("%v: %v to %v, %v %s", e.What, e.Node, e.Peer, e.Kind, text)
	case sim.Received:
		if e.Peer == protocol.Outside {
			return fmt.Sprintf("node %v receives an input: %s", e.Node, text)
		}
		return fmt.Sprintf("node %v receives %v from %v: %s", e.Node, e.Kind, e.Peer, text)
	case sim.Fired:
		return fmt.Sprintf("node %v's timer fires: %s", e.Node, text)
	case sim.Persisted:
		return fmt.Sprintf("node %v persists: %s", e.Node, text)
	}
	return fmt.Sprintf("node %v: %v %s", e.Node, e.Kind, text)
}

// scenes returns the story. If there are too many scenes, it leaves out the lightest first,
// and among them the earliest: the rest leads to the failure. Where enough scenes are about
// what the failure names, it leaves out all other outputs.
func (t *teller) scenes() []scene {
	const most, enough = storyLines - 1, 6 // one is for the failure
	var of [sceneLast + 1]int
	for _, s := range t.all {
		of[s.weight]++
	}
	left := len(t.all)
	drop := func(weight, down int) {
		t.all = slices.DeleteFunc(t.all, func(s scene) bool {
			gone := left > down && s.weight == weight
			if gone {
				left--
			}
			return gone
		})
	}
	if of[sceneNamed]+of[sceneDecisive]+of[sceneLast] >= enough {
		drop(sceneOutput, 0)
	}
	for weight := sceneOutput; weight <= sceneLast; weight++ {
		drop(weight, most)
	}
	return t.all
}

// roughly returns a time to the microsecond.
func roughly(at protocol.Time) string {
	text := sim.Millis(at)
	return text[:len(text)-len("000")] + " ms"
}
