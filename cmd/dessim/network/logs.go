package network

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"dessim/cmd/dessim/cmdline"
	"dessim/protocol"
	"dessim/protocol/live"
)

// logs are those of a node and its client, in files that go on over restarts. nil writes
// nothing.
type logs struct {
	files []*os.File
	of    map[protocol.NodeID]*slog.Logger
}

// openLogs opens the logs that -logs asks for: of the node by its id for all time, of the
// client by its number.
func openLogs(s *settings, h *home) (*logs, error) {
	dir, given := s.text("logs")
	if !given {
		return nil, nil
	}
	if err := makeDir("logs", dir); err != nil {
		return nil, err
	}
	l := &logs{of: make(map[protocol.NodeID]*slog.Logger)}
	client := h.genesis.client(h.id)
	for id, name := range map[protocol.NodeID]string{h.id: h.self().owner().String(), client: fmt.Sprintf("client-%v", client)} {
		path := filepath.Join(dir, name+".txt")
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
		if err != nil {
			return nil, errors.Join(cmdline.Refuse("logs %s: %s", cmdline.Quote(path), reason(err)), l.close())
		}
		l.files = append(l.files, f)
		w := &lines{f: f, complain: s.complain, path: path}
		if now, err := f.Stat(); err == nil && now.Size() == 0 {
			w.write([]byte(cmdline.LogLegend))
		}
		l.of[id] = slog.New(w)
	}
	return l, nil
}

// timeKey is the attribute that has the time of a node's clock. Nothing else has a time in a
// log: what is compared between nodes is what they thought it was.
const timeKey = "at"

// watch logs what a simulated run would.
func (l *logs) watch(id protocol.NodeID, e *live.Event) {
	if l == nil {
		return
	}
	switch e.What {
	case live.Started:
		l.line(id, slog.LevelInfo, e.At, fmt.Sprintf("started, incarnation %d", e.Incarnation))
	case live.Noted:
		l.line(id, slog.LevelDebug, e.At, fmt.Sprintf("%v: %s", e.Kind, e.Text))
	case live.Ended:
		l.line(id, slog.LevelInfo, e.At, "ended: "+e.Text)
	}
}

func (l *logs) line(id protocol.NodeID, level slog.Level, at protocol.Time, what string) {
	l.of[id].LogAttrs(context.Background(), level, what, slog.Int64(timeKey, int64(at)))
}

// stack logs where a node panicked.
func (l *logs) stack(id protocol.NodeID, end *live.Ending) {
	if l != nil {
		l.line(id, slog.LevelError, end.At, string(end.Stack))
	}
}

func (l *logs) close() error {
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// lines is a slog.Handler that writes the lines of a simulated node's log.
type lines struct {
	mu       sync.Mutex
	f        *os.File
	path     string
	complain func(string)
	buf      []byte
	broken   bool
}

// Enabled lets all through.
func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

// Handle writes a line: the message, and attributes other than the time after it.
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	at, text := protocol.Time(0), r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == timeKey {
			at = protocol.Time(a.Value.Int64())
		} else {
			text += " " + a.String()
		}
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = cmdline.AppendLog(l.buf[:0], at, text)
	l.write(l.buf)
	return nil
}

// write writes, and says it once if it cannot: the node goes on without a log.
func (l *lines) write(b []byte) {
	if _, err := l.f.Write(b); err != nil && !l.broken {
		l.broken = true
		l.complain(fmt.Sprintf("log %s: %s; lines are missing from here on", l.path, reason(err)))
	}
}

// WithAttrs and WithGroup are for slog; nothing here uses them.
func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup does nothing.
func (l *lines) WithGroup(string) slog.Handler { return l }
