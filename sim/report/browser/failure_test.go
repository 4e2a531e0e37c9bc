package browser

import (
	"testing"
)

func TestAPageOpensAtTheViolation(t *testing.T) {
	b := open(t, ledgers(t), "")
	focus := eval[int](b, "dessim.run().focus")
	if focus == 0 {
		t.Fatal("vacuous: the run has no step to open at")
	}
	b.at(focus, "opened")
	b.shoot("violation")
}
