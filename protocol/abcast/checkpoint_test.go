package abcast

import (
	"bytes"
	"slices"
	"testing"

	"dessim/protocol"

	"pgregory.net/rapid"
)

// drawRecords draws what the records of a node can be: of the log some are cut again.
func drawRecords(t *rapid.T) (recs [][]byte) {
	add := func(rec []byte) { recs = append(recs, bytes.Clone(rec)) }
	view, length, seq, inc := uint64(0), 0, uint64(0), uint32(0)
	draw := func() logEntry {
		seq++
		return logEntry{m: Message{ID: MsgID{Node: 1, Incarnation: 1, Seq: seq}, Payload: []byte{byte(seq)}}}
	}
	for range rapid.IntRange(0, 30).Draw(t, "records") {
		switch rapid.IntRange(0, 5).Draw(t, "record") {
		case 0:
			inc++
			add(appendStart(nil, inc))
		case 1:
			view++
			add(appendPromised(nil, view))
		case 2:
			view++
			base := rapid.IntRange(0, length).Draw(t, "base")
			length = base + 1 + rapid.IntRange(0, 3).Draw(t, "entries")
			entries := []logEntry{{view: view, members: []Member{{0, 1}, {1, 1}}}}
			for len(entries) < length-base {
				entries = append(entries, draw())
			}
			add(appendAdopt(nil, view, base, entries))
		case 3, 4:
			if length > 0 {
				e := draw()
				add(appendAppended(nil, length, &e))
				length++
			}
		case 5:
			if length > 0 {
				add(appendCommit(nil, rapid.IntRange(1, length).Draw(t, "stable")))
			}
		}
	}
	return recs
}

// restored returns what a member knows from records, as text.
func restored(recs [][]byte) string {
	m := unstarted()
	for _, rec := range recs {
		m.Restore(rec)
	}
	m.log.settle(&m.stats)
	return string(m.AppendState(nil))
}

func unstarted() *membership {
	cfg := Config{Members: []protocol.NodeID{0, 1, 2}, Order: ISIS, Deliver: func(*protocol.Env, uint64, Message) {}}
	cfg.Views = &Views{Tick: 1, Datagram: func(*protocol.Env, protocol.NodeID, protocol.Kind, []byte) {}}
	return New(cfg).(*membership)
}

func TestACheckpointSaysWhatTheRecordsBeforeItSay(t *testing.T) {
	long := 0
	rapid.Check(t, func(t *rapid.T) {
		recs := drawRecords(t)
		m := unstarted()
		for _, rec := range recs {
			m.Restore(rec)
		}
		var env protocol.Env
		env.Enter(1, m.recorded+1, 0, nil)
		m.Start(&env)
		old := append(slices.Clone(recs), persisted(&env)...)
		env.Enter(1, m.inc, 1, nil)
		m.Checkpoint(&env)
		again := persisted(&env)
		long = max(long, len(old)-len(again))
		want := restored(old)
		if got := restored(again); got != want {
			t.Fatalf("the checkpoint says\n%s\nthe records say\n%s", got, want)
		}
		// A crash before the sync keeps the old records and any of the new ones.
		for _, rec := range again {
			if rapid.Bool().Draw(t, "survives") {
				old = append(old, rec)
			}
		}
		if got := restored(old); got != want {
			t.Fatalf("with records that survived a crash, the disk says\n%s\nwithout\n%s", got, want)
		}
	})
	if long == 0 {
		t.Error("vacuous: no checkpoint is shorter than the records before")
	}
}

// persisted returns the records of a step.
func persisted(env *protocol.Env) (recs [][]byte) {
	for _, f := range env.Effects() {
		if f.Op == protocol.OpPersist {
			recs = append(recs, bytes.Clone(f.Body))
		}
	}
	return recs
}
