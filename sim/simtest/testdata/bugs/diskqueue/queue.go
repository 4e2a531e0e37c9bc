// Package queue has requests in a go-diskqueue, from which a consumer takes them.
package queue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/nsqio/go-diskqueue"

	"example.com/bugs/workload"

	"dessim/sim/host"
	"dessim/sim/scenario"
)

const dir = "/queue"

// message is of one of several sizes.
func message(request uint64) string {
	return fmt.Sprintf("request %d %s.", request, strings.Repeat("-", int(request*7%50)))
}

// serve puts each request in the queue, and takes messages from it. Messages of an earlier life may
// be lost, or come twice; what comes is a message, though.
func serve(ctx context.Context, h *host.Host) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	wrong := make(chan error, 1)
	q := diskqueue.New("q", dir, 1<<20, 10, 100, 4, time.Second, func(l diskqueue.LogLevel, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); l >= diskqueue.ERROR && !strings.Contains(text, syscall.EIO.Error()) {
			select {
			case wrong <- errors.New(text):
			default:
			}
		}
	})
	go func() {
		for b := range q.ReadChan() {
			var n uint64
			fmt.Sscanf(string(b), "request %d", &n)
			if string(b) != message(n) {
				select {
				case wrong <- fmt.Errorf("%q is no message", b):
				default:
				}
			}
			time.Sleep(8 * time.Millisecond)
		}
	}()
	return workload.Answer(ctx, h, func(request uint64) error {
		q.Put([]byte(message(request)))
		select {
		case err := <-wrong:
			return err
		default:
			return nil
		}
	})
}

// All is the table of scenarios.
func All() []*scenario.Scenario {
	return []*scenario.Scenario{workload.Workload{
		Name: "queue", Shows: "a queue has nothing but messages in it, after crashes too",
		Nodes: []host.Program{serve}, Requests: 60, AtOnce: 2, Every: 10 * time.Millisecond, Faults: "crash,restart",
		For: -55 * time.Second, Short: true,
	}.Scenario()}
}
