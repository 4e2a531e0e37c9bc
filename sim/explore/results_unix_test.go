//go:build unix && !aix && (!solaris || illumos)

package explore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dessim/sim/explore"
)

// A folder that is gone cannot be synced, which shows that somebody tries.
func TestTheFolderOfANewResultsFileIsSynced(t *testing.T) {
	o := explore.SweepOptions{From: 1, To: 2}
	for _, gone := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "made")
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		results, err := explore.OpenResults(filepath.Join(dir, "results"), header(o))
		if err != nil {
			t.Fatal(err)
		}
		defer results.Close()
		if gone {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
		with := o
		with.Results = results
		_, err = explore.Sweep(t.Context(), coin(), with)
		if write := new(explore.WriteError); errors.As(err, &write) != gone {
			t.Errorf("folder gone %v: %v", gone, err)
		}
	}
}
