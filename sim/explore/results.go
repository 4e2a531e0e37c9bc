package explore

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"dessim/sim/check"
	"dessim/sim/files"
)

// A results file has one JSON object a line: a Header, then a seedLine for each seed from
// Header.From on, in order and without a gap. A sweep that continues the file with other
// seeds begins with its own Header: the last one says which seeds the file is of. Whether
// it has them all is seen from its last line. Lines are appended whole, so a killed process
// leaves at most a torn line at the end, which readers ignore and the process that continues
// removes. Lines in the file survive a kill; syncEvery bounds how many a power cut takes, and
// syncing the folder keeps it from taking the file.

// resultsFormat is the first key's value of every results file.
const resultsFormat = "dessim results 1"

const syncEvery = 256 // lines

// maxLine is more than any line needs.
const maxLine = 1 << 20

// Header says which sweep the results of a file come from.
type Header struct {
	Format   string   `json:"format"`
	Version  string   `json:"version"` // of the program
	Command  string   `json:"command"` // without the seeds
	Scenario string   `json:"scenario"`
	Params   []string `json:"params"`           // name, value, name, value ...
	Checks   []string `json:"checks,omitempty"` // World.Checks
	Strategy string   `json:"strategy"`
	From     uint64   `json:"from"` // the first seed
	// Seeds are the seeds that were asked for, of all shards, and Shard is the part of them
	// that the file is of, unless it is nil. Old files have neither: their range is unknown.
	Seeds *Span  `json:"seeds,omitempty"`
	Shard *Shard `json:"shard,omitempty"`
}

// flaw says what is wrong with the range, or returns "".
func (h *Header) flaw() string {
	switch {
	case h.Seeds == nil && h.Shard == nil:
		return ""
	case h.Seeds == nil || h.Seeds.To < h.Seeds.From || h.Seeds.To-h.Seeds.From >= MaxSeeds:
		return "has no range of seeds"
	case h.Shard != nil && (h.Shard.Index < 1 || h.Shard.Index > h.Shard.Of):
		return fmt.Sprintf("is of shard %d of %d", h.Shard.Index, h.Shard.Of)
	}
	first := h.Seeds.From
	if h.Shard != nil {
		first, _, _ = h.Shard.Part(h.Seeds.From, h.Seeds.To)
	}
	if first != h.From {
		return fmt.Sprintf("begins with seed %d, which is not the first of its range, %d", h.From, first)
	}
	return ""
}

// sameRange reports whether both are of the same part of the same seeds.
func (h *Header) sameRange(o *Header) bool {
	return (h.Seeds == nil) == (o.Seeds == nil) && (h.Seeds == nil || *h.Seeds == *o.Seeds) &&
		(h.Shard == nil) == (o.Shard == nil) && (h.Shard == nil || *h.Shard == *o.Shard)
}

// line returns the header as the file's first line.
func (h Header) line() []byte {
	h.Format = resultsFormat
	return jsonLine(h)
}

func jsonLine(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("explore: encoding JSON: %v", err)) // the types here can all be encoded
	}
	return b.Bytes()
}

// differs says why the results under h and under o are not parts of one sweep, or returns
// "". It does not compare first seeds, since shards begin at different ones. Runs of a
// guided sweep depend on the seeds before them, so its shards are separate sweeps, each
// with a corpus of its own: see Merged.Shards.
func (h *Header) differs(o *Header) string {
	switch {
	case h.Version != o.Version:
		return fmt.Sprintf("version %q, not %q", o.Version, h.Version)
	case h.Scenario != o.Scenario:
		return fmt.Sprintf("scenario %q, not %q", o.Scenario, h.Scenario)
	case h.Strategy != o.Strategy:
		return fmt.Sprintf("strategy %q, not %q", o.Strategy, h.Strategy)
	case !slices.Equal(h.Params, o.Params):
		return fmt.Sprintf("parameters of %q, not of %q", o.Command, h.Command)
	case !slices.Equal(h.Checks, o.Checks):
		return "other checks"
	}
	return ""
}

// seedLine is what a sweep keeps about a run.
type seedLine struct {
	Seed         uint64   `json:"seed"`
	Verdict      string   `json:"verdict"`
	Check        string   `json:"check,omitempty"`
	Signature    string   `json:"signature,omitempty"`
	Doubt        string   `json:"doubt,omitempty"` // of an inconclusive run
	Digest       string   `json:"digest"`
	Events       uint64   `json:"events"`
	Sent         uint64   `json:"sent,omitempty"`   // messages
	End          uint64   `json:"end,omitempty"`    // virtual time
	Checks       string   `json:"checks,omitempty"` // a verdict for each of Header.Checks: see verdictsOf
	Others       []string `json:"others,omitempty"` // verdicts of other checks
	Unseen       []string `json:"unseen,omitempty"` // checks
	Unjudged     bool     `json:"unjudged,omitempty"`
	Counts       counts   `json:"counts,omitempty"`
	Impacts      counts   `json:"impacts,omitempty"`
	Misaddressed uint64   `json:"misaddressed,omitempty"` // messages to nodes that do not exist
	Ancestors    []uint64 `json:"ancestors,omitempty"`    // of a guided sweep's run
	Fresh        []uint32 `json:"fresh,omitempty"`        // coverage that a guided sweep's run was the first to reach
}

// counts is an object whose keys keep their order.
type counts []Count

func (c counts) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, x := range c {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(x.Name)
		if err != nil {
			return nil, err
		}
		b = fmt.Appendf(b, "%s:%d", name, x.N)
	}
	return append(b, '}'), nil
}

func (c *counts) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("counts are not an object")
	}
	*c = nil
	for d.More() {
		var x Count
		name, err := d.Token()
		if err != nil {
			return err
		}
		x.Name, _ = name.(string) // keys of objects are strings
		if err := d.Decode(&x.N); err != nil {
			return err
		}
		*c = append(*c, x)
	}
	return nil
}

type reader struct {
	name   string
	r      *bufio.Reader
	header Header
	lines  uint64 // read so far, with the header
	whole  int64  // bytes of them
	next   uint64 // the seed of the next line
}

// errNoHeader is the error of a file without a whole line.
var errNoHeader = errors.New("is empty")

func newReader(name string, r io.Reader) *reader {
	return &reader{name: name, r: bufio.NewReaderSize(r, maxLine)}
}

// raw returns the next whole line, borrowed and ending in a newline alone, or io.EOF.
func (r *reader) raw() ([]byte, error) {
	b, err := r.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, r.damaged("is longer than %d bytes", maxLine)
	case err != nil:
		return nil, err // what is left after the last newline is torn
	}
	r.lines++
	r.whole += int64(len(b))
	if line, windows := bytes.CutSuffix(b, []byte("\r\n")); windows {
		b = append(line, '\n')
	}
	return b, nil
}

func (r *reader) damaged(format string, args ...any) error {
	return fmt.Errorf("line %d %s; want a line that a sweep wrote", r.lines+1, fmt.Sprintf(format, args...))
}

func (r *reader) readHeader() error {
	b, err := r.raw()
	if errors.Is(err, io.EOF) {
		return errNoHeader
	}
	if err != nil {
		return err
	}
	if err := r.parseHeader(b); err != nil {
		return err
	}
	r.next = r.header.From
	return nil
}

// parseHeader reads the line just read, which is a header.
func (r *reader) parseHeader(b []byte) error {
	r.header = Header{}
	if err := json.Unmarshal(b, &r.header); err != nil || r.header.Format == "" {
		return errors.New("is not a results file; want one that a sweep wrote")
	}
	if r.header.Format != resultsFormat {
		return fmt.Errorf("has the format %q, want %q", r.header.Format, resultsFormat)
	}
	if !bytes.Equal(b, r.header.line()) {
		return fmt.Errorf("line %d is not what a sweep writes", r.lines)
	}
	if flaw := r.header.flaw(); flaw != "" {
		return fmt.Errorf("line %d %s", r.lines, flaw)
	}
	return nil
}

// read returns the next result. A header on the way replaces the one before.
func (r *reader) read() (l seedLine, err error) {
	b, err := r.raw()
	if err != nil {
		return l, err
	}
	if bytes.HasPrefix(b, []byte(`{"format":`)) {
		first := r.header
		if err := r.parseHeader(b); err != nil {
			return l, err
		}
		if differs := first.differs(&r.header); differs != "" || first.From != r.header.From {
			return l, fmt.Errorf("line %d continues another sweep", r.lines)
		}
		return r.read()
	}
	r.lines--
	defer func() { r.lines++ }()
	if err := json.Unmarshal(b, &l); err != nil {
		return l, r.damaged("is damaged")
	}
	if l.Seed != r.next || !bytes.Equal(b, jsonLine(l)) {
		return l, r.damaged("is not the result of seed %d", r.next)
	}
	if slices.Contains(l.Others, "") {
		return l, r.damaged("is damaged: it has a check without a verdict")
	}
	if _, ok := check.ParseVerdict(l.Verdict); !ok && check.Verdict(l.Verdict) != Failed {
		return l, r.damaged("is damaged: it has the verdict %q", l.Verdict)
	}
	r.next++
	return l, nil
}

// Results is a results file that a sweep reads, continues and appends to.
type Results struct {
	f      *os.File
	r      *reader
	header Header
	begun  bool // the file has its header
	unsafe int  // lines since the last sync
}

// OpenResults opens the file, or creates it. The error says that it belongs to another sweep
// or another process, or is damaged. OpenResults writes nothing.
func OpenResults(path string, h Header) (*Results, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return nil, err
	}
	x := &Results{f: f, r: newReader(path, f), header: h}
	if err := x.check(); err != nil {
		f.Close()
		return nil, err
	}
	return x, nil
}

func (x *Results) check() error {
	if info, err := x.f.Stat(); err != nil {
		return err
	} else if !info.Mode().IsRegular() {
		return errors.New("is not a regular file")
	}
	if held, _ := files.Lock(x.f); held {
		return errors.New("another process is writing to it")
	}
	switch err := x.r.readHeader(); {
	case errors.Is(err, errNoHeader):
		return x.checkTorn()
	case err != nil:
		return err
	}
	x.begun = true
	if differs := x.header.differs(&x.r.header); differs != "" {
		return fmt.Errorf("has results of %s", differs)
	}
	if x.r.header.From != x.header.From {
		return fmt.Errorf("begins with seed %d, not %d", x.r.header.From, x.header.From)
	}
	return nil
}

// checkTorn refuses a file without a whole line, unless it is the beginning of the header: a
// mistyped name must not cost its file.
func (x *Results) checkTorn() error {
	torn := make([]byte, maxLine)
	n, err := x.f.ReadAt(torn, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !bytes.HasPrefix(x.header.line(), torn[:n]) {
		return errors.New("is not a results file; want one that a sweep wrote")
	}
	return nil
}

// read returns the next result in the file, or io.EOF.
func (x *Results) read() (seedLine, error) {
	if !x.begun {
		return seedLine{}, io.EOF
	}
	return x.r.read()
}

// begin prepares for appending, after the last result was read.
func (x *Results) begin() error {
	if err := x.f.Truncate(x.r.whole); err != nil {
		return err
	}
	if x.begun && x.header.sameRange(&x.r.header) {
		return nil
	}
	x.begun = true
	if _, err := x.f.Write(x.header.line()); err != nil {
		return err
	}
	if err := x.f.Sync(); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(x.f.Name())) // or a power cut could take the file with all its lines
}

func (x *Results) append(l *seedLine) error {
	if _, err := x.f.Write(jsonLine(l)); err != nil {
		return err
	}
	if x.unsafe++; x.unsafe < syncEvery {
		return nil
	}
	return x.sync()
}

func (x *Results) sync() error {
	x.unsafe = 0
	return x.f.Sync()
}

// Close closes the file.
func (x *Results) Close() error { return x.f.Close() }
