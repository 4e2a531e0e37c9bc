package twopc

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/words"
)

// Text returns a message in words: "prepare 3/0.1 among 0,1,2", "vote 3/0.1 yes". The
// coordinator of a PREPARE is its sender, which the message does not name. It returns
// "" for a message that is not canonical.
func Text(msg []byte) string {
	v, ok := decodeMessage(msg)
	if !ok {
		return ""
	}
	s := fmt.Sprintf("%v %v", v.kind.name(), v.id)
	switch v.kind {
	case msgPrepare:
		return s + " among " + textNodes(v.participants)
	case msgVote:
		return s + " " + textVote(v.yes)
	case msgDecision:
		return s + " " + textDecision(v.yes)
	case msgAsk:
		return fmt.Sprintf("%s, coordinator %v", s, v.coordinator)
	case msgAnswer:
		return s + " " + [...]string{saysDoubt: "in doubt", saysCommit: "commit", saysAbort: "abort"}[v.outcome]
	}
	return s
}

// TextRecord returns a record on disk in words: "prepared 3/0.1 among 0,1,2,
// coordinator 1, reserving 2 keys", or "" if it is not canonical.
func TextRecord(rec []byte) string {
	v, ok := openRecord(rec)
	if !ok {
		return ""
	}
	text := textRecord(&v)
	if v.again {
		text += ", again"
	}
	return text
}

func textRecord(v *record) string {
	switch v.kind {
	case recPrepared:
		return fmt.Sprintf("prepared %v among %s, coordinator %v, reserving %s", v.id, textNodes(v.participants), v.coordinator, textKeys(v.keys))
	case recCommit:
		return fmt.Sprintf("commit %v among %s", v.id, textNodes(v.participants))
	case recDecided:
		return fmt.Sprintf("decided %v commit", v.id)
	case recAbort:
		return fmt.Sprintf("abort %v", v.id)
	case recEnded:
		return fmt.Sprintf("ended %v commit", v.id)
	case recFloor:
		return fmt.Sprintf("forgot up to %v", v.id)
	}
	return fmt.Sprintf("end %v", v.id)
}

// TextOutput returns the words that follow kind, for an output of this package, or ""
// for another and for one that is not canonical.
func TextOutput(kind protocol.Kind, rec []byte) string {
	v, ok := DecodeOutput(kind, rec)
	if !ok {
		return ""
	}
	switch {
	case kind == KindBegun:
		return fmt.Sprintf("%v by %v among %s", v.ID, v.Coordinator, textNodes(v.Participants))
	case kind == KindVoted && v.Yes:
		return fmt.Sprintf("%v yes, coordinator %v, reserving %s", v.ID, v.Coordinator, textKeys(v.Keys))
	case kind == KindVoted:
		return fmt.Sprintf("%v no, coordinator %v", v.ID, v.Coordinator)
	}
	return fmt.Sprintf("%v %s, coordinator %v", v.ID, textDecision(v.Yes), v.Coordinator)
}

func textVote(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func textDecision(commit bool) string {
	if commit {
		return "commit"
	}
	return "abort"
}

func textKeys(keys [][]byte) string { return words.Count(uint64(len(keys)), "key") }

func textNodes(nodes []protocol.NodeID) string {
	return words.List(len(nodes), func(i int) string { return nodes[i].String() })
}
