package explore

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The slow twin makes all sites of each group before groups take turns.
func TestSitesAreTheFirstOfAllInTurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var groups []alike
		for n := range rapid.IntRange(0, 5).Draw(t, "groups") {
			a := alike{kind: n, variant: rapid.IntRange(0, 2).Draw(t, "variant")}
			for i := range rapid.Int32Range(0, 9).Draw(t, "places") {
				a.places = append(a.places, i)
			}
			groups = append(groups, a)
		}
		byVariant := slices.Clone(groups)
		slices.SortStableFunc(byVariant, func(a, b alike) int { return cmp.Compare(a.variant, b.variant) })
		var lists [][]site
		for _, a := range byVariant {
			var all []site
			for _, i := range a.places {
				all = append(all, site{a.kind, a.variant, int(i)})
			}
			lists = append(lists, spread(all))
		}
		want := inTurn(lists)
		most := rapid.IntRange(-1, 30).Draw(t, "most")
		if most >= 0 && len(want) > most {
			want = want[:most]
		}
		if got := sites(groups, most); !slices.Equal(got, want) {
			t.Fatalf("of %+v the first %d are %v, want %v", groups, most, got, want)
		}
	})
}
