package source

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dessim/protocol"
)

// File is a replay file: a header that says what was run, and the answers. Its text is for
// people to read, compare and edit:
//
//	dessim replay v1
//	scenario bank
//	seed 17
//	answers
//	net.delay 0 3 00a1b2c3d4e5f607 1500 of 2000000 # 1.203ms
//	net.loss 0 3 8899aabbccddeeff true # 1.9ms
//	end 2 answers
//
// After the version come the header's fields, one a line: a name, a space and
// the value. After "answers" comes one line an answer: kind, A, B ("outside" for
// protocol.Outside), N in hex, and the value "of" its range, or "true" for a
// Chance. The last line counts them, to detect a file that was cut short. Single spaces
// separate words. Empty lines and lines that begin with # are skipped, and in an answer's
// line # begins a comment. Lines may end as Windows ends them.
type File struct {
	Header  []Field
	Answers []Answer // no question twice
}

// Field is one line of a File's header. The File does not interpret names, their order or
// their number.
type Field struct {
	Name  string // a-z, 0-9 and '-', beginning with a letter; not "answers" or "end"
	Value string // one line of UTF-8, printable, without space at either end; may be empty
}

const (
	fileMagic   = "dessim replay v"
	fileVersion = "1"
	answersLine = "answers"
	maxName     = 40 // bytes of a field's name
)

// AppendText appends the file's text to b. Its errors are mistakes in the File, and name the
// field or answer.
func (f *File) AppendText(b []byte) ([]byte, error) {
	b = append(b, fileMagic+fileVersion+"\n"...)
	for i, h := range f.Header {
		if flaw := h.flaw(); flaw != "" {
			return nil, fmt.Errorf("replay file: header field %d, %s: %s", i, quote(h.Name), flaw)
		}
		b = append(b, h.Name...)
		if h.Value != "" {
			b = append(b, ' ')
			b = append(b, h.Value...)
		}
		b = append(b, '\n')
	}
	b = append(b, answersLine+"\n"...)
	asked := make(map[question]int, len(f.Answers))
	for i := range f.Answers {
		a := &f.Answers[i]
		flaw := a.flaw()
		if flaw == "" {
			flaw = a.writeFlaw()
		}
		if flaw != "" {
			return nil, fmt.Errorf("replay file: answer %d: %s", i, flaw)
		}
		if j, twice := asked[a.question()]; twice {
			return nil, fmt.Errorf("replay file: answer %d: answers the same question as answer %d", i, j)
		}
		asked[a.question()] = i
		b = a.append(b)
	}
	return append(b, endLine(len(f.Answers))+"\n"...), nil
}

// question is the question that an answer answers.
type question struct {
	key protocol.Key
	n   uint64
}

func (a *Answer) question() question { return question{a.Key, a.Range} }

func endLine(n int) string { return fmt.Sprintf("end %d answers", n) }

// Line returns the answer as a line of a file.
func (a *Answer) Line() string { return strings.TrimSuffix(string(a.append(nil)), "\n") }

func (a *Answer) append(b []byte) []byte {
	b = append(b, a.Key.Kind.String()...)
	b = append(b, ' ')
	b = append(b, a.Key.A.String()...)
	b = append(b, ' ')
	b = append(b, a.Key.B.String()...)
	b = fmt.Appendf(b, " %016x ", a.Key.N)
	if a.Range == 0 {
		b = append(b, "true"...)
	} else {
		b = strconv.AppendUint(b, a.Value, 10)
		b = append(b, " of "...)
		b = strconv.AppendUint(b, a.Range, 10)
	}
	if a.Comment != "" {
		b = append(b, " # "...)
		b = append(b, a.Comment...)
	}
	return append(b, '\n')
}

// writeFlaw says why a cannot be a line, or returns "".
func (a *Answer) writeFlaw() string {
	if k, err := protocol.ParseKind(a.Key.Kind.String()); err != nil || k != a.Key.Kind {
		return fmt.Sprintf("kind %#x has no name", uint64(a.Key.Kind))
	}
	return textFlaw("comment", a.Comment)
}

func (h *Field) flaw() string {
	if flaw := nameFlaw(h.Name); flaw != "" {
		return flaw
	}
	return textFlaw("value", h.Value)
}

func nameFlaw(name string) string {
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		return "a field's name begins with a letter a to z"
	}
	if len(name) > maxName {
		return fmt.Sprintf("a field's name has at most %d bytes", maxName)
	}
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return "a field's name consists of a-z, 0-9 and '-'"
		}
	}
	if name == answersLine || name == "end" {
		return "the name is taken by the file's own lines"
	}
	return ""
}

func textFlaw(what, s string) string {
	if !utf8.ValidString(s) {
		return what + " is not UTF-8"
	}
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return fmt.Sprintf("%s has %+q, want printable characters and single-byte spaces", what, c)
		}
	}
	if s != "" && (s[0] == ' ' || s[len(s)-1] == ' ') {
		return what + " begins or ends with a space"
	}
	return ""
}

// ParseFile reads a replay file. Its errors name the line and say what would be right. It does
// not retain text.
func ParseFile(text []byte) (*File, error) {
	p := parser{rest: text, file: new(File), asked: make(map[question]int)}
	for _, part := range []func(*parser) error{
		(*parser).version, (*parser).header, (*parser).answers, (*parser).ending,
	} {
		if err := part(&p); err != nil {
			return nil, err
		}
	}
	return p.file, nil
}

// IsFile reports whether text begins like a replay file of any version.
func IsFile(text []byte) bool {
	p := parser{rest: text}
	line, _ := p.line()
	return bytes.HasPrefix(line, []byte(fileMagic))
}

type parser struct {
	rest  []byte // unread lines
	n     int    // number of the last line read, from 1
	file  *File
	asked map[question]int // line of each answer
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("replay file: line %d: %s", p.n, fmt.Sprintf(format, args...))
}

// line returns the next line that is neither empty nor a comment; ok is false at the end of
// the file.
func (p *parser) line() (line []byte, ok bool) {
	for len(p.rest) > 0 {
		line, p.rest, _ = bytes.Cut(p.rest, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		p.n++
		if len(line) > 0 && line[0] != '#' {
			return line, true
		}
	}
	p.n++
	return nil, false
}

func (p *parser) version() error {
	line, ok := p.line()
	version, magic := bytes.CutPrefix(line, []byte(fileMagic))
	if !ok || !magic {
		return p.errorf("%s does not begin a replay file; want %q", quote(string(line)), fileMagic+fileVersion)
	}
	if string(version) == fileVersion {
		return nil
	}
	if _, err := parseUint(string(version), math.MaxUint64); err != nil || string(version) == "0" {
		return p.errorf("%s is not a version; want %q", quote(string(version)), fileMagic+fileVersion)
	}
	return p.errorf("the file has version %s, made by a newer dessim; this one reads version %s", version, fileVersion)
}

func (p *parser) header() error {
	for {
		line, ok := p.line()
		if !ok {
			return p.errorf("the file ends in its header, perhaps cut short; want %q here", answersLine)
		}
		if string(line) == answersLine {
			return nil
		}
		name, value, parted := bytes.Cut(line, []byte(" "))
		f := Field{Name: string(name), Value: string(value)}
		flaw := f.flaw()
		if parted && f.Value == "" {
			flaw = "the line ends in a space"
		}
		if flaw != "" {
			return p.errorf("%s: %s; want a header field such as \"seed 17\", or %q", quote(string(line)), flaw, answersLine)
		}
		p.file.Header = append(p.file.Header, f)
	}
}

func (p *parser) answers() error {
	for {
		line, ok := p.line()
		if !ok {
			return p.errorf("the file ends without %q: it was cut short, or the line was removed", endLine(len(p.file.Answers)))
		}
		if bytes.HasPrefix(line, []byte("end ")) && len(bytes.Fields(line)) == 3 {
			return p.end(string(line))
		}
		a, flaw := parseAnswer(line)
		if flaw != "" {
			return p.errorf("%s: %s; want \"kind A B name value of range\", or \"true\" for value and range, or %q",
				quote(string(line)), flaw, endLine(len(p.file.Answers)))
		}
		if first, twice := p.asked[a.question()]; twice {
			return p.errorf("answers the same question as line %d; remove one of the two lines", first)
		}
		p.asked[a.question()] = p.n
		p.file.Answers = append(p.file.Answers, a)
	}
}

func (p *parser) end(line string) error {
	if want := endLine(len(p.file.Answers)); line != want {
		return p.errorf("%s, but there are %d; want %q, or the missing answers", quote(line), len(p.file.Answers), want)
	}
	return nil
}

func (p *parser) ending() error {
	if line, ok := p.line(); ok {
		return p.errorf("%s comes after the end; want nothing but comments", quote(string(line)))
	}
	return nil
}

// parseAnswer reads a line, or returns its flaw.
func parseAnswer(line []byte) (a Answer, flaw string) {
	if i := bytes.IndexByte(line, '#'); i >= 0 {
		line = bytes.TrimRight(line[:i], " ")
	}
	var words [7]string
	n := 0
	for word := range bytes.SplitSeq(line, []byte(" ")) {
		if n == len(words) {
			return a, "too many words"
		}
		words[n] = string(word)
		n++
	}
	chance := n == 5 && words[4] == "true"
	if !chance && !(n == 7 && words[5] == "of") {
		return a, "not the words of an answer"
	}
	if flaw := a.parseKey(words[:4]); flaw != "" {
		return a, flaw
	}
	if chance {
		a.Value = 1
		return a, ""
	}
	var err error
	if a.Value, err = parseUint(words[4], math.MaxUint64); err != nil {
		return a, "value " + err.Error()
	}
	if a.Range, err = parseUint(words[6], math.MaxUint64); err != nil {
		return a, "range " + err.Error()
	}
	if a.Range < 2 {
		return a, "a choice has a range of at least 2"
	}
	return a, a.flaw()
}

func (a *Answer) parseKey(words []string) (flaw string) {
	var err error
	if a.Key.Kind, err = protocol.ParseKind(words[0]); err != nil {
		return err.Error()
	}
	if a.Key.A, err = parseNode(words[1]); err != nil {
		return "A " + err.Error()
	}
	if a.Key.B, err = parseNode(words[2]); err != nil {
		return "B " + err.Error()
	}
	name := words[3]
	n, err := strconv.ParseUint(name, 16, 64)
	if err != nil || fmt.Sprintf("%016x", n) != name {
		return fmt.Sprintf("name %s is not 16 digits of 0-9 and a-f", quote(name))
	}
	a.Key.N = n
	return ""
}

func parseNode(s string) (protocol.NodeID, error) {
	if s == protocol.Outside.String() {
		return protocol.Outside, nil
	}
	n, err := parseUint(s, uint64(protocol.Outside)-1)
	return protocol.NodeID(n), err
}

// parseUint reads a decimal number in canonical form.
func parseUint(s string, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > most || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("%s is not a number from 0 to %d without leading zeros", quote(s), most)
	}
	return n, nil
}
