//go:build !linux || !(amd64 || arm64)

package host

import (
	"io/fs"

	"dessim/protocol"
)

// No program runs on such a machine: see Unable. So there are no files.
type files struct{}

type imageFile struct{}

func readImage(fs.FS) []imageFile { return nil }

func newFiles(*life, []imageFile) *files { return nil }

func (*files) begin(*protocol.Env)                           {}
func (*files) goOn(*life)                                    {}
func (*files) records()                                      {}
func (*files) ofPrograms() bool                              { return false }
func (*files) flushed(uint64, bool)                          {}
func (*files) settled(uint64, bool)                          {}
func (*files) describe() []string                            { return nil }
func (*socket) leave()                                       {}
func (*files) waitsFor(name uint64) (what string, wait bool) { return "", false }
