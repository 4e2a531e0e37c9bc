package story_test

import (
	"strings"
	"testing"

	"dessim/protocol"
)

// filing is a register with files: of each letter it writes the data and then the name, and has
// only the name made safe. What it finds under a name when it starts, it holds.
type filing struct {
	next   uint64
	letter []byte
}

func (n *filing) Start(env *protocol.Env) {
	var found []byte
	for i, rec := range env.Records() {
		n.next = i + 1
		if found = append(found, rec...); len(rec) > 4 && string(rec[:4]) == "name" {
			env.Output(protocol.KindOf("holds"), found)
			found = nil
		}
	}
}

func (n *filing) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from == protocol.Outside {
		env.Send(1, protocol.KindOf("set"), msg)
		return
	}
	n.letter = append(n.letter[:0], msg...)
	env.Persist([]byte("data of " + string(msg)))
	env.Persist([]byte("name of " + string(msg)))
	env.Flush(1, []uint64{n.next + 1})
	n.next += 2
}

func (n *filing) Timeout(*protocol.Env, uint64) {}

func (n *filing) Flushed(env *protocol.Env, _ uint64, failed bool) {
	if failed {
		env.Output(protocol.KindOf("holds"), []byte("A, since the flush failed"))
	} else {
		env.Output(protocol.KindOf("holds"), n.letter)
	}
}

func TestAStorySaysWhichRecordsACrashKeepsAndLoses(t *testing.T) {
	node := func() protocol.Node { return new(filing) }
	for faults, want := range map[string][]string{
		"crash 1 at 3500ms for 1ms":           {"node 1 crashes between steps, and of its unsynced records loses data of a and data of b and data of c", "node 1 restarts, incarnation 2"},
		"crash 1 after flush #3 for 1ms torn": {"node 1 receives set c from 0; crashes after effect 3, its flush, and of its unsynced records keeps data of b and data of c and name of c and 1 earlier"},
		"failsync 1 after flush #2 for 1ms":   {"node 1 is told that the flush of record 5 failed; holds A, since the flush failed"},
	} {
		s, _ := made(t, registers(node), "-faults none -fault '"+faults+"'", 1)
		wantLines(t, s.Lines(), want...)
	}
}

// careless is a register that persists what it hears, and never syncs.
type careless struct{ register }

func (c *careless) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	if from != protocol.Outside {
		env.Persist(append([]byte("letter "), msg...))
	}
	c.register.Receive(env, from, msg)
}

func TestAStoryNamesTheLatestUnsyncedRecordsAndCountsTheEarlier(t *testing.T) {
	node := func() protocol.Node { return new(careless) }
	for at, want := range map[string]string{
		"3500ms": "node 1 crashes between steps, without a sync of letter a and letter b and letter c",
		"5500ms": "node 1 crashes between steps, without a sync of letter c and letter d and letter e and 2 earlier",
	} {
		s, _ := made(t, registers(node), "-faults none -fault 'crash 1 at "+at+" for 800ms'", 1) // it misses a letter
		if lines := strings.Join(s.Lines(), "\n"); !strings.Contains(lines, want+"\n") {
			t.Errorf("crash at %s:\n%s\nwant a line that ends in %q", at, lines, want)
		}
	}
}
