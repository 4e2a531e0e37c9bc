// Package cache has clients that read a few keys through a group of groupcache.
package cache

import (
	"context"
	"fmt"
	"time"

	"github.com/golang/groupcache"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

const keys = 4

// serve answers each request with the value of a key. The group is new in each life of a node, and
// its name is the life's.
func serve(ctx context.Context, h *host.Host) error {
	text := func(key string) string { return "the value of " + key }
	g := groupcache.NewGroup(fmt.Sprintf("%p", h), 1<<20, groupcache.GetterFunc(
		func(_ groupcache.Context, key string, to groupcache.Sink) error {
			return to.SetString(text(key))
		}))
	return workload.Answer(ctx, h, func(request uint64) error {
		key := fmt.Sprint("key ", request%keys)
		var got string
		if err := g.Get(nil, key, groupcache.StringSink(&got)); err != nil {
			return err
		}
		if got != text(key) {
			return fmt.Errorf("%s has the value %q", key, got)
		}
		// What the cache says of itself: all entries are of one size.
		if s, want := g.CacheStats(groupcache.MainCache), int64(len(key)+len(text(key))); s.Bytes != s.Items*want {
			return fmt.Errorf("the cache counts %d bytes, and has %d entries of %d", s.Bytes, s.Items, want)
		}
		return nil
	})
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "cache", Shows: "a cache counts the bytes that it has",
		Nodes: []host.Program{serve}, Requests: 40, AtOnce: 8, Every: 10 * time.Millisecond, Faults: "order,yield",
	}.Scenario()}
}
