package reached

import (
	"slices"
	"testing"
)

func TestWhatIsReachedIsTakenOnce(t *testing.T) {
	t.Setenv(Env, "1")
	p := New(10)
	p.Mark(7)
	p.Mark(3)
	p.Mark(7)
	if got := Take(); !slices.Equal(got, []int{3, 7}) {
		t.Errorf("taken %v, want 3 and 7", got)
	}
	p.Mark(3)
	if got, again := Take(), Take(); !slices.Equal(got, []int{3}) || again != nil {
		t.Errorf("taken %v, then %v, want 3, then nothing", got, again)
	}
}

func TestWithoutTheVariableNothingIsNoted(t *testing.T) {
	t.Setenv(Env, "")
	if p := New(10); p != nil {
		t.Error("places are noted")
	} else {
		p.Mark(3) // which must not panic
	}
}
