package determinism_test

import (
	"path/filepath"
	"runtime/debug"
	"testing"

	"dessim/sim/simtest/determinism"

	"golang.org/x/tools/go/analysis/analysistest"
)

// The heap grows with the packages that are loaded: to collect it less often takes a fifth of the
// CPU away.
func init() { debug.SetGCPercent(400) }

// TestAnalyzerBites holds one case for each rule, and beside it what is near
// enough to be refused by mistake: see the want comments in testdata.
func TestAnalyzerBites(t *testing.T) {
	analysistest.Run(t, filepath.Join(analysistest.TestData(), "analyzer"), determinism.Analyzer, "./...")
}

func TestSharedListsWherePackageVariablesChange(t *testing.T) {
	analysistest.Run(t, filepath.Join(analysistest.TestData(), "shared"), determinism.Shared, "./...")
}
