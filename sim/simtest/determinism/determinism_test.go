package determinism_test

import (
	"path/filepath"
	"testing"

	"dessim/sim/simtest/determinism"

	"golang.org/x/tools/go/analysis/analysistest"
)

// TestAnalyzerBites holds one case for each rule, and beside it what is near
// enough to be refused by mistake: see the want comments in testdata.
func TestAnalyzerBites(t *testing.T) {
	analysistest.Run(t, filepath.Join(analysistest.TestData(), "analyzer"), determinism.Analyzer, "./...")
}

func TestSharedListsWherePackageVariablesChange(t *testing.T) {
	analysistest.Run(t, filepath.Join(analysistest.TestData(), "shared"), determinism.Shared, "./...")
}
