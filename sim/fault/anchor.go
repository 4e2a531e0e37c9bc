package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseAnchor reads an effect as the text of faults has it after "after": "send vote #3 of 2".
// All but the operation can be left out. Without "#3", N is 0, which stands for every such
// effect; without "of 2", Other is false, which stands for every node.
func ParseAnchor(text string) (Anchor, error) {
	const form = "OP [KIND] [#K] [of N]"
	short, _ := strings.CutPrefix(strings.TrimSpace(text), "after ")
	faults := cutLines(short)
	if len(faults) != 1 {
		return Anchor{}, fmt.Errorf("%q: want %s, such as output decided of 2", text, form)
	}
	p := parser{tokens: faults[0]}
	err := p.anchor("one of "+opList(), false)
	if t := p.tokens[0]; err == nil && t.text != "" {
		err = t.wrong("one effect: " + form)
	}
	if err != nil {
		return Anchor{}, fmt.Errorf("%q: %s", text, err.advice("its end"))
	}
	return p.f.On, nil
}

// anchor reads "send prepare #3", or "send prepare #3 of 1". want says what may be there in
// place of the operation. Only a numbered one must say which effect it is.
func (p *parser) anchor(want string, numbered bool) *SyntaxError {
	t := p.next()
	i := slices.Index(opWords(), t.text)
	if i < 0 {
		return t.wrong(want, opWords()...)
	}
	p.f.On.Op = anchorOps[i]
	if next := p.tokens[0].text; hasKind(anchorOps[i]) && next != "" && next[0] != '#' && (numbered || next != "of") {
		var err *SyntaxError
		if p.f.On.Kind, err = p.kind(p.next()); err != nil {
			return err
		}
	}
	if t = p.tokens[0]; numbered || strings.HasPrefix(t.text, "#") {
		p.next()
		digits, ok := strings.CutPrefix(t.text, "#")
		n, err := strconv.ParseUint(digits, 10, 64)
		if !ok || err != nil || n == 0 {
			return t.wrong("which one, such as #1")
		}
		p.f.On.N = n
	}
	if p.tokens[0].text == "of" {
		p.next()
		t = p.next()
		id, ok := parseNode(t.text)
		if !ok {
			return t.wrong("the number of the node whose effect it is")
		}
		p.f.On.Of, p.f.On.Other = id, true
	}
	return nil
}
