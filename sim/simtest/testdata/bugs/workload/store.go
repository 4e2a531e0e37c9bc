package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
)

// Outputs of a node that keeps requests.
var (
	kindOpens = protocol.KindOf("opens") // its store, with what is in it, or not, and why
	kindKeeps = protocol.KindOf("keeps") // a request
)

// opened is what a life finds.
type opened struct {
	Has   []uint64 `json:",omitempty"` // ascending
	Wrong string   `json:",omitempty"`
}

// Store keeps requests in files.
type Store interface {
	// Put keeps a request. Without an error, it is kept from then on.
	Put(request uint64) error
	// All returns what is kept.
	All() ([]uint64, error)
}

// again is after how long a store is opened again that could not be opened.
const again = 10 * time.Millisecond

// failed reports whether an error is the disk's.
func failed(err error) bool {
	return err != nil && (strings.Contains(err.Error(), syscall.EIO.Error()) || strings.Contains(err.Error(), syscall.ENOSPC.Error()))
}

// Keep returns a program that opens a store, says what is in it, and puts each request in it. While the
// disk fails, it tries to open the store again.
func Keep(open func(h *host.Host) (Store, error)) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		s, err := open(h)
		for failed(err) {
			time.Sleep(again)
			s, err = open(h)
		}
		var found opened
		if err == nil {
			found.Has, err = s.All()
		}
		if err != nil {
			found.Wrong = err.Error()
		}
		slices.Sort(found.Has)
		text, _ := json.Marshal(found)
		h.Output(kindOpens, text)
		if err != nil {
			return nil
		}
		return Answer(ctx, h, func(request uint64) error {
			if err := s.Put(request); err == nil {
				h.Output(kindKeeps, fmt.Append(nil, request))
			}
			return nil
		})
	}
}

// Kept returns checks of a node whose program is one of Keep.
func Kept() []*check.Check {
	kept := make(map[uint64]bool)
	return []*check.Check{
		check.Always("the store opens", sim.Output, func(e *sim.Event) (bool, error) {
			if e.Kind != kindOpens {
				return false, nil
			}
			if found := read(e); found.Wrong != "" {
				return true, fmt.Errorf("it does not: %s", found.Wrong)
			}
			return true, nil
		}),
		check.Always("what was kept is in the store", sim.Output, func(e *sim.Event) (bool, error) {
			switch e.Kind {
			case kindKeeps:
				var n uint64
				fmt.Sscan(string(e.Body), &n)
				kept[n] = true
			case kindOpens:
				found := read(e)
				for _, n := range protocol.SortedKeys(kept) {
					if found.Wrong == "" && !slices.Contains(found.Has, n) {
						return true, fmt.Errorf("request %d was kept, and is lost", n)
					}
				}
				return true, nil
			}
			return false, nil
		}),
	}
}

func read(e *sim.Event) (found opened) {
	if err := json.Unmarshal(e.Body, &found); err != nil {
		panic(err)
	}
	return found
}
