package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dessim/protocol"
	"dessim/sim/wording"
)

// SyntaxError says where the text of a fault is wrong, and what was expected.
type SyntaxError struct {
	Line, Column int    // from 1; columns count characters
	Found        string // "" is the fault's end
	Want         string
	Near         string // a word that may have been meant, or ""
}

// Error returns one line.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.advice("the end of the fault"))
}

// advice is the error without its place. end is what was found if Found is empty.
func (e *SyntaxError) advice(end string) string {
	found := end
	const long = 40
	switch {
	case len(e.Found) > long:
		found = strconv.QuoteToASCII(e.Found[:long]) + "..."
	case e.Found != "":
		found = strconv.QuoteToASCII(e.Found)
	}
	if e.Near != "" {
		return fmt.Sprintf("found %s; did you mean %s?", found, e.Near)
	}
	return fmt.Sprintf("found %s, want %s", found, e.Want)
}

// Parse parses faults, one to a line or separated by ";"; "#" begins a comment. A fault's
// identity is its position in the text, from 1, or the number before it, as in "3: crash
// 2 at 30ms", so that it stays the same when others are removed. Parse does not validate
// the faults. Errors are a *SyntaxError.
func Parse(text string) ([]Fault, error) {
	var faults []Fault
	lines := make(map[uint64]int) // of identities
	for _, tokens := range cutLines(text) {
		id, first := uint64(len(faults)+1), tokens[0]
		if len(tokens) > 2 && tokens[1].text == ":" {
			n, err := strconv.ParseUint(first.text, 10, 62)
			if err != nil {
				return nil, first.wrong("an identity from 0 to 2^62 - 1")
			}
			id, tokens = n, tokens[2:]
		}
		f, err := parseTokens(tokens)
		if err != nil {
			return nil, err
		}
		if line := lines[id]; line != 0 {
			return nil, first.wrong(fmt.Sprintf("an identity other than %d, which line %d has", id, line))
		}
		lines[id] = first.line
		f.ID = id
		faults = append(faults, f)
	}
	return faults, nil
}

// token is a word of a fault and its place. A token without text ends the fault.
type token struct {
	text         string
	line, column int
}

func (t token) wrong(want string, words ...string) *SyntaxError {
	return &SyntaxError{Line: t.line, Column: t.column, Found: t.text, Want: want, Near: wording.Near(t.text, words)}
}

// cutLines splits a text into faults and these into words. A "#" begins a comment, unless
// it is within a fault and digits follow, as in "after send #3".
func cutLines(text string) [][]token {
	var all [][]token
	line := 0
	for s := range strings.Lines(text) {
		line++
		var tokens []token
		at, column := 0, 1 // column of the byte at
		place := func(i int, word string) token {
			column += utf8.RuneCountInString(s[at:i])
			at = i
			return token{word, line, column}
		}
		finish := func(i int) {
			if len(tokens) > 0 {
				all = append(all, append(tokens, place(i, "")))
			}
			tokens = nil
		}
		i := 0
	words:
		for i < len(s) {
			n := 1
			switch c := s[i]; {
			case strings.IndexByte(" \t\r\n", c) >= 0:
			case c == ';':
				finish(i)
			case c == ':':
				tokens = append(tokens, place(i, ":"))
			case c == '#' && (len(tokens) == 0 || i+1 == len(s) || !isDigit(s[i+1])):
				break words
			default:
				if n = strings.IndexAny(s[i+1:], " \t\r\n;:#") + 1; n == 0 {
					n = len(s) - i
				}
				tokens = append(tokens, place(i, s[i:i+n]))
			}
			i += n
		}
		finish(i)
	}
	return all
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// parser reads the words of one fault.
type parser struct {
	f      Fault
	rule   *rule
	tokens []token // the remaining ones, including the end
	got    clause
	listed int // nodes in sets so far
}

func wantWord() string {
	return "a fault: " + strings.Join(words(), ", ")
}

func words() []string {
	var words []string
	for _, r := range rules {
		words = append(words, r.word)
	}
	return words
}

func parseTokens(tokens []token) (Fault, error) {
	p := parser{tokens: tokens}
	if err := p.fault(); err != nil {
		return Fault{}, err
	}
	return p.f, nil
}

// next takes the next word; it never takes the end.
func (p *parser) next() token {
	t := p.tokens[0]
	if t.text != "" {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) fault() *SyntaxError {
	first := p.next()
	i := slices.IndexFunc(rules[:], func(r rule) bool { return r.word == first.text })
	if i < 0 {
		return first.wrong(wantWord(), words()...)
	}
	r := rules[i]
	p.rule, p.f.Op = &r, r.op
	if err := p.head(); err != nil {
		return err
	}
	for p.tokens[0].text != "" {
		if err := p.clause(p.next()); err != nil {
			return err
		}
	}
	missing := r.must &^ p.got
	if r.may&clauseAnchors != 0 && p.got&(clauseAt|clauseAnchors) == 0 {
		missing = clauseAt
	}
	for i, form := range clauseForms {
		if missing&(1<<i) != 0 {
			return p.tokens[0].wrong(form + ", as in: " + r.form())
		}
	}
	return nil
}

func (p *parser) head() (err *SyntaxError) {
	switch p.rule.head {
	case headNone:
	case headNode:
		t := p.next()
		id, ok := parseNode(t.text)
		if !ok {
			return t.wrong(fmt.Sprintf("a node's number from 0 to %d, as in: %s", MaxNodes-1, p.rule.form()))
		}
		p.f.Node = id
	case headSet:
		p.f.Groups, err = p.sets("", 1)
	case headPair:
		p.f.Groups, err = p.sets(">", 2)
	case headParts:
		p.f.Groups, err = p.sets("|", 0)
	}
	return err
}

// sets reads that many sets separated by a sign; 0 means two or more. Blanks around the
// signs are ignored.
func (p *parser) sets(between string, want int) ([][]protocol.NodeID, *SyntaxError) {
	t := p.next()
	const signs = "|>,"
	text := t.text
	for text != "" && p.tokens[0].text != "" &&
		(strings.ContainsRune(signs, rune(text[len(text)-1])) || strings.IndexByte(signs, p.tokens[0].text[0]) >= 0) {
		text += p.next().text
	}
	t.text = text
	parts := []string{text}
	if between != "" {
		parts = strings.Split(text, between)
	}
	if want > 0 && len(parts) != want || want == 0 && len(parts) < 2 {
		return nil, t.wrong("nodes such as 0,1,5 or 0-4 or *, as in: " + p.rule.form())
	}
	var sets [][]protocol.NodeID
	for _, part := range parts {
		set, ok := p.set(part)
		if !ok {
			return nil, t.wrong(fmt.Sprintf("nodes such as 0,1,5 or 0-4 or * for %q", part))
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// maxListed bounds the nodes that the sets of one fault list, so that a short text
// cannot demand much memory. In a larger run, "*" means all nodes.
const maxListed = 1 << 20

func (p *parser) set(text string) ([]protocol.NodeID, bool) {
	if text == "*" {
		return nil, true
	}
	var set []protocol.NodeID
	for _, part := range strings.Split(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		low, ok := parseNode(first)
		high := low
		if ok && isRange {
			high, ok = parseNode(last)
		}
		if !ok || high < low {
			return nil, false
		}
		if p.listed += int(high-low) + 1; p.listed > maxListed {
			return nil, false
		}
		for id := low; id <= high; id++ {
			set = append(set, id)
		}
	}
	slices.Sort(set)
	return slices.Compact(set), true
}

func parseNode(text string) (protocol.NodeID, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return protocol.NodeID(n), err == nil && n < MaxNodes
}

// clauseOf returns the clause of this fault that begins with a word; 0 if none does. A
// word that begins with a digit is a share.
func (p *parser) clauseOf(word string) clause {
	var c clause
	switch {
	case word == "at":
		c = clauseAt
	case word == "after":
		c = clauseAnchors
	case word == "for":
		c = clauseFor
	case word == "every":
		c = clauseEvery
	case word == "by":
		c = clauseBy | clauseSigned | clausePPM
	case word == "only":
		c = clauseOnly
	case slices.Contains(survivalWords[1:], word):
		c = clauseDisk
	case slices.Contains(traitWords[1:], word):
		c = clauseTrait
	case isDigit(word[0]):
		c = clauseRate
	}
	return c & (p.rule.must | p.rule.may)
}

// clauseWords returns the words that can begin a clause of this fault.
func (p *parser) clauseWords() []string {
	var words []string
	for _, w := range slices.Concat([]string{"only", "at", "after", "for", "every", "by"}, survivalWords[1:], traitWords[1:]) {
		if p.clauseOf(w) != 0 {
			words = append(words, w)
		}
	}
	return words
}

func (p *parser) clause(t token) (err *SyntaxError) {
	c := p.clauseOf(t.text)
	switch {
	case c == 0:
		return t.wrong(p.rule.form(), p.clauseWords()...)
	case p.got&c != 0:
		return t.wrong("each clause once, as in: " + p.rule.form())
	}
	p.got |= c
	var span time.Duration
	switch c {
	case clauseTrait:
		p.f.Trait = Trait(slices.Index(traitWords[:], t.text))
	case clauseDisk:
		p.f.Disk = Survival(slices.Index(survivalWords[:], t.text))
	case clauseRate:
		var ok bool
		if p.f.Rate, ok = ParseRatio(t.text); !ok {
			return t.wrong("a share such as 10%, 0.5% or 1/3")
		}
	case clauseAt:
		if p.f.Op == Heal && p.tokens[0].text == neverText {
			p.next()
			span = time.Duration(Never)
		} else {
			span, err = p.span(false)
		}
		p.f.At = protocol.Time(span)
	case clauseFor:
		p.f.For, err = p.span(false)
	case clauseEvery:
		p.f.Every, err = p.span(false)
	case clauseBy:
		p.f.By, err = p.span(false)
	case clauseSigned:
		p.f.By, err = p.span(true)
	case clausePPM:
		p.f.PPM, err = p.ppm()
	case clauseOnly:
		p.f.Only, err = p.kind(p.next())
	case clauseAfter, clauseOn, clauseOnOf:
		err = p.after(c)
	}
	return err
}

func (p *parser) span(signed bool) (time.Duration, *SyntaxError) {
	t := p.next()
	d, err := time.ParseDuration(t.text)
	if err != nil || !signed && strings.ContainsAny(t.text, "+-") {
		if signed {
			return 0, t.wrong("a duration such as 50ms or -2s")
		}
		return 0, t.wrong(fmt.Sprintf("a time with its unit, such as 30ms or 1.5s, of at most %v", time.Duration(protocol.MaxTime)))
	}
	return d, nil
}

func (p *parser) ppm() (int32, *SyntaxError) {
	t := p.next()
	digits, ok := strings.CutSuffix(t.text, "ppm")
	n, err := strconv.ParseInt(digits, 10, 32)
	if !ok || err != nil {
		return 0, t.wrong("parts per million such as 200ppm or -50ppm")
	}
	return int32(n), nil
}

// kind reads a kind.
func (p *parser) kind(t token) (protocol.Kind, *SyntaxError) {
	k, err := protocol.ParseKind(t.text)
	if err != nil {
		return 0, t.wrong("a kind of characters a-z, 0-9, '-', '.' and '_'")
	}
	return k, nil
}

// after reads "3 effects", "send prepare #3" or "send prepare #3 of 1", whichever the
// clause allows.
func (p *parser) after(c clause) *SyntaxError {
	t := p.tokens[0]
	if n, err := strconv.ParseUint(t.text, 10, 31); err == nil && c == clauseAfter {
		p.next()
		if n == 0 {
			return t.wrong("1 effect or more")
		}
		p.f.After = int(n)
		if t = p.next(); t.text != "effects" && t.text != "effect" {
			return t.wrong(wording.Count(n, "effect"))
		}
		return nil
	}
	want := "one of " + opList()
	if c == clauseAfter {
		want = "a number of effects, or " + want
	}
	if err := p.anchor(want, true); err != nil {
		return err
	}
	if c == clauseOnOf && !p.f.On.Other {
		return p.tokens[0].wrong(`"of" and the number of the node whose effect it is`)
	}
	return nil
}
