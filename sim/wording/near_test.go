package wording

import "testing"

func TestNearFindsWhatWasMeant(t *testing.T) {
	words := []string{"crash", "cut", "clog", "copy", "partition", "equivocates", "bootstrap", "concurrent"}
	for _, test := range []struct{ typed, want string }{
		{"chrash", "crash"}, {"crahs", "crash"}, {"cras", "crash"}, {"cutt", "cut"}, {"partiton", "partition"},
		{"equivokates", "equivocates"}, {"clot", "clog"}, {"cop", "copy"}, {"cot", "cut"},
		{"concurent", "concurrent"}, {"concurrnet", "concurrent"}, {"Crash", "crash"}, {"boot", "bootstrap"}, {"cash", "crash"},
		{"", ""}, {"c", ""}, {"x", ""}, {"xyz", ""}, {"reboot", ""}, {"crashes-and-burns", ""},
		{"partitionpartitionpartitionpartitionpartition", ""},
	} {
		if got := Near(test.typed, words); got != test.want {
			t.Errorf("Near(%q) is %q, want %q", test.typed, got, test.want)
		}
	}
}

func TestSlipsAreTheLeastNumberOfChanges(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1},
		{"abcd", "abd", 1}, {"kitten", "sitting", 3}, {"ca", "abc", 3}, // 3: no letter slips twice
	} {
		if got := slips(test.a, test.b); got != test.want {
			t.Errorf("slips(%q, %q) is %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
