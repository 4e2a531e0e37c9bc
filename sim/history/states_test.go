package history

import (
	"testing"

	"dessim/protocol"
)

// shy is a node whose description panics.
type shy struct{ protocol.Node }

func (shy) Describe([]byte) []byte { panic("not now") }

func TestADescriptionThatPanicsSaysSo(t *testing.T) {
	if text, can := Describe(shy{}, nil); !can || string(text) != "its Describe panicked: not now\n" {
		t.Errorf("%q, %v", text, can)
	}
	if text, can := Describe(struct{ protocol.Node }{}, nil); can || text != nil {
		t.Errorf("a node without words: %q, %v", text, can)
	}
	if text, can := Describe(nil, nil); can || text != nil {
		t.Errorf("a node that is down: %q, %v", text, can)
	}
}
