package overlay

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
)

// Reach returns the release by a path at which the go command allows an overlay. It allows none below
// the module cache, where GOTOOLCHAIN puts releases: such a release is reached by a link in dir. The go
// command of the result must be called by that path and with that GOROOT.
func Reach(dir string, r Release, modcache string) (Release, error) {
	below, err := filepath.Rel(modcache, r.Root)
	if err != nil || below == ".." || strings.HasPrefix(below, ".."+string(filepath.Separator)) {
		return r, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return r, err
	}
	h := sha256.Sum256([]byte(r.Root))
	link := filepath.Join(dir, "goroot-"+r.Version+"-"+hex.EncodeToString(h[:6]))
	err = os.Symlink(r.Root, link)
	if to, _ := os.Readlink(link); to == r.Root { // perhaps of an earlier call
		return Release{Version: r.Version, Root: link}, nil
	}
	return r, err
}
