package live

import (
	"fmt"
	"time"

	"dessim/protocol"
)

// flush is what a node is told of one.
type flush struct {
	tag    uint64
	failed bool
}

// flushRecords has the disk make all records durable, which is more than a flush asks for, and tells
// the node afterwards.
func (h *Host) flushRecords(f *protocol.Effect) *Ending {
	if _, ok := h.node.(protocol.Flusher); !ok && f.Tag != 0 {
		panic(fmt.Sprintf("live: node %v flushes under tag %d, and a %T is no Flusher", h.cfg.ID, f.Tag, h.node))
	}
	if h.cfg.Tape != nil {
		return &Ending{Reason: Failed, Err: fmt.Errorf("recording: node %v flushes single records, and a recording does not tell when that is done", h.cfg.ID)}
	}
	failed := false
	if s := h.cfg.Saboteur; s != nil && f.Tag != 0 {
		var longer time.Duration
		longer, failed = s.Sync(h.at)
		time.Sleep(longer)
	}
	if !failed {
		if end := h.syncAll(); end != nil {
			return end
		}
	}
	if f.Tag != 0 {
		h.mu.Lock()
		h.queue = append(h.queue, event{Arrival: Arrival{From: h.cfg.ID}, flush: &flush{f.Tag, failed}})
		h.mu.Unlock()
	}
	return nil
}

// flushed tells the node that a flush is done.
func (h *Host) flushed(f *flush) *Ending {
	e := Event{What: Flushed, Tag: f.tag}
	if f.failed {
		e.Text = "failed"
	}
	return h.step(nil, &e, func() {
		h.node.(protocol.Flusher).Flushed(&h.env, f.tag, f.failed)
	})
}
