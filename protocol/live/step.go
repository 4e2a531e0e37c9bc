package live

import (
	"fmt"
	"runtime/debug"
	"time"

	"dessim/protocol"
	"dessim/protocol/live/record"
)

// tick moves the time on: to that of the clock, or by 1 ns.
func (h *Host) tick() { h.at = max(h.cfg.Clock(), h.at+1) }

// tape is the Source of a recorded step: it records the answers.
type tape struct {
	protocol.Source
	w *record.Writer
}

func (t tape) Choose(k protocol.Key, n uint64) uint64 {
	a := t.Source.Choose(k, n)
	t.w.Append(&record.Entry{Op: record.Answer, Seq: a})
	return a
}

func (t tape) Chance(k protocol.Key, p protocol.Ratio) bool {
	a := t.Source.Chance(k, p)
	e := record.Entry{Op: record.Answer}
	if a {
		e.Seq = 1
	}
	t.w.Append(&e)
	return a
}

// start is the first step.
func (h *Host) start() *Ending {
	next := uint64(0)
	for i := range h.cfg.Disk.Records() {
		next = i + 1
	}
	return h.step(&record.Entry{Op: record.Start, Incarnation: h.inc, Seq: next}, &Event{What: Started}, func() {
		h.env.Mount(h.cfg.Disk.Records())
		h.node = h.cfg.Make()
		h.node.Start(&h.env)
	})
}

func (h *Host) receive(e *event) *Ending {
	r := record.Entry{Op: record.Message, From: e.From, Incarnation: e.Incarnation, Seq: e.Seq}
	if e.From == protocol.Outside {
		r = record.Entry{Op: record.Input, Seq: e.input, Body: e.Body}
	}
	return h.step(&r, &Event{What: Received, Peer: e.From, Body: e.Body}, func() {
		h.node.Receive(&h.env, e.From, e.Body)
	})
}

func (h *Host) timeout() *Ending {
	tag := h.timers.pop()
	return h.step(&record.Entry{Op: record.Timer, Tag: tag}, &Event{What: Fired, Tag: tag}, func() {
		h.node.Timeout(&h.env, tag)
	})
}

// step makes one step: do has the node consume what r and e tell. It returns how the Host
// ends there, or nil.
func (h *Host) step(r *record.Entry, e *Event, do func()) *Ending {
	h.tick()
	h.steps++
	if h.cfg.Tape != nil {
		r.At, r.Fold = h.at, h.fold
		h.cfg.Tape.Append(r)
	}
	h.show(e)
	if h.cfg.Saboteur != nil {
		h.cfg.Saboteur.Step(h.at)
	}
	h.env.Enter(h.cfg.ID, h.inc, h.at, h.cfg.Source)
	h.env.Name(h.steps)
	if end := h.guard(do); end != nil {
		return end
	}
	end := h.perform(h.env.Effects())
	h.count()
	return end
}

func (h *Host) count() {
	h.mu.Lock()
	h.stats.Steps++
	h.mu.Unlock()
}

// guard calls do, and returns how the Host ends if the node panics.
func (h *Host) guard(do func()) (end *Ending) {
	defer func() {
		if v := recover(); v != nil {
			end = &Ending{Reason: Panicked, Panic: v, Stack: debug.Stack()}
		}
	}()
	do()
	return nil
}

// leaves reports whether others, or the next incarnation, can see an effect. A recording must have
// all before it by then, else it could not explain the effect if the process is killed.
func (h *Host) leaves(f *protocol.Effect) bool {
	switch f.Op {
	case protocol.OpSetTimer, protocol.OpCancelTimer, protocol.OpDiscard:
		return false
	case protocol.OpSend:
		return f.To != h.cfg.ID
	}
	return true
}

// flush writes what is to be recorded so far.
func (h *Host) flush() *Ending {
	if h.cfg.Tape == nil {
		return nil
	}
	if err := h.cfg.Tape.Flush(); err != nil {
		return &Ending{Reason: Failed, Err: fmt.Errorf("recording: %w", err)}
	}
	return nil
}

// perform carries out the effects of a step, in their order.
func (h *Host) perform(effects []protocol.Effect) *Ending {
	for i := range effects {
		h.notes(i)
		f := &effects[i]
		if h.leaves(f) {
			if end := h.flush(); end != nil {
				return end
			}
		}
		if f.Op == protocol.OpSync {
			if end := h.sync(i); end != nil {
				return end
			}
		} else if f.Op == protocol.OpFlush {
			if end := h.flushRecords(f); end != nil {
				return end
			}
		} else if err := h.effect(f); err != nil {
			return &Ending{Reason: Failed, Err: err}
		}
		if h.fails(f, i+1, len(effects)) {
			return &Ending{Reason: Crashed}
		}
	}
	h.notes(len(effects))
	if len(effects) == 0 && h.fails(nil, 0, 0) {
		return &Ending{Reason: Crashed}
	}
	return nil
}

// fails asks the saboteur whether the node crashes after an effect, the i-th of n.
func (h *Host) fails(f *protocol.Effect, i, n int) bool {
	if h.cfg.Saboteur == nil || !h.cfg.Saboteur.Done(h.at, f, i, n) {
		return false
	}
	if n == 0 { // the step is over
		h.tick()
		h.recordCrash(record.Between)
	} else {
		h.recordCrash(uint64(i))
	}
	return true
}

func (h *Host) recordCrash(done uint64) {
	if h.cfg.Tape != nil {
		h.cfg.Tape.Append(&record.Entry{Op: record.Crash, At: h.at, Fold: h.fold, Seq: done})
	}
}

// effect carries out an effect other than a sync.
func (h *Host) effect(f *protocol.Effect) error {
	if h.cfg.Tape != nil {
		h.fold = record.Fold(h.fold, f)
	}
	switch f.Op {
	case protocol.OpSend:
		h.send(f)
	case protocol.OpSetTimer:
		h.timers.set(f.Tag, h.at.Add(min(f.After, protocol.MaxTime.Sub(h.at))))
	case protocol.OpCancelTimer:
		h.timers.cancel(f.Tag)
	case protocol.OpPersist:
		if err := h.cfg.Disk.Append(f.Body); err != nil {
			return err
		}
		h.show(&Event{What: Persisted, Body: f.Body})
	case protocol.OpDiscard:
		h.cfg.Disk.Discard(f.Tag)
	case protocol.OpOutput:
		h.show(&Event{What: Output, Kind: f.Kind, Body: f.Body})
	default:
		panic(fmt.Sprintf("live: node %v: effect is %v", h.cfg.ID, f.Op))
	}
	return nil
}

func (h *Host) send(f *protocol.Effect) {
	h.show(&Event{What: Sent, Peer: f.To, Kind: f.Kind, Body: f.Body})
	if f.To != h.cfg.ID {
		h.sent[f.To]++
		if s := h.cfg.Saboteur; s != nil {
			s.Send(h.net, h.at, f.To, h.sent[f.To], f.Body)
		} else {
			h.net.Send(f.To, h.sent[f.To], f.Body)
		}
		return
	}
	h.mu.Lock()
	h.queue = append(h.queue, event{Arrival: Arrival{From: f.To, Incarnation: h.inc, Body: append([]byte(nil), f.Body...)}})
	h.mu.Unlock()
}

// sync has the disk make durable what was persisted before effect i.
func (h *Host) sync(i int) *Ending {
	if s := h.cfg.Saboteur; s != nil {
		longer, fails := s.Sync(h.at)
		if fails {
			h.recordCrash(uint64(i))
			return &Ending{Reason: Crashed}
		}
		time.Sleep(longer)
	}
	return h.syncAll()
}

func (h *Host) syncAll() *Ending {
	began := h.cfg.Clock()
	if err := h.cfg.Disk.Sync(); err != nil {
		return &Ending{Reason: Failed, Err: err}
	}
	took := h.cfg.Clock().Sub(began)
	h.tick()
	if h.cfg.Tape != nil {
		h.cfg.Tape.Append(&record.Entry{Op: record.Synced, At: h.at})
	}
	h.show(&Event{What: Synced, Took: took})
	h.mu.Lock()
	h.stats.Syncs++
	h.mu.Unlock()
	return nil
}

// notes shows the notes made before effect i.
func (h *Host) notes(i int) {
	for _, n := range h.env.Notes() {
		if n.Before == i {
			h.show(&Event{What: Noted, Kind: n.Kind, Text: n.Text})
		}
	}
}

// show shows an event.
func (h *Host) show(e *Event) {
	if h.cfg.Watch != nil {
		e.At, e.Incarnation = h.at, h.inc
		h.cfg.Watch(e)
	}
}
