// Package settings has the latest request in a file that is replaced by natefinch/atomic.
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/natefinch/atomic"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

const (
	name = "/settings"
	last = "end\n" // of a file that is whole
)

type settings struct{}

// Put replaces the file.
func (settings) Put(request uint64) error {
	if err := atomic.WriteFile(name, strings.NewReader(fmt.Sprint(request, strings.Repeat(" ", 5000), last))); err != nil {
		return err
	}
	return errors.New("the package does not promise that the new file outlasts a crash")
}

// All reads the file, which is the old one or the new one: "either fully written, or not written at
// all".
func (settings) All() ([]uint64, error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(string(b), last) {
		return nil, fmt.Errorf("the file is half of one: it has %d bytes", len(b))
	}
	var n uint64
	_, err = fmt.Sscan(string(b), &n)
	return []uint64{n}, err
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "settings", Shows: "a file that is replaced is the old one or the new one after a crash",
		Nodes:    []host.Program{workload.Keep(func(*host.Host) (workload.Store, error) { return settings{}, nil })},
		Requests: 40, AtOnce: 1, Every: 10 * time.Millisecond, Faults: "crash,restart,disk",
		For: -55 * time.Second, Short: true, Checks: workload.Kept,
	}.Scenario()}
}
