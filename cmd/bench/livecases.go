//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// liveCases returns the loads of a live network, in the order of the tables.
func liveCases() (list []*testCase) {
	for _, clients := range []int{1, 8, 32} {
		for _, order := range liveOrders {
			list = append(list, loadCase(order, clients))
		}
		list = append(list, etcdCase(clients))
	}
	for _, order := range liveOrders {
		list = append(list, recordingCase(order))
	}
	for _, order := range liveOrders {
		list = append(list, idleCase(order))
	}
	return append(list, floodCase())
}

// span returns for how long something is measured.
func (o options) span(usual time.Duration) time.Duration {
	if o.quick {
		return usual / 4
	}
	return usual
}

var latencies = []figure{
	{"transfers", "transfers/s", 1}, {"p50", "p50 ms", 1e-3}, {"p90", "p90 ms", 1e-3}, {"p99", "p99 ms", 1e-3}, {"max", "max ms", 1e-3},
}

// withNet calls f with a network that has settled.
func withNet(order string, client, recorded bool, f func(n *ledgerNet) error) error {
	dir, err := os.MkdirTemp("", "dessim-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	n, err := openNet(dir, order, client, recorded)
	if err != nil {
		return err
	}
	err = f(n)
	if bad := n.close(); err == nil {
		err = bad
	}
	return err
}

// warm is how long a load lasts before it is measured. By then nodes know each other's keys.
const warm = 2 * time.Second

func loadCase(order string, clients int) *testCase {
	return &testCase{
		name:    fmt.Sprintf("load/%s/clients=%d", order, clients),
		figures: append(latencies[:len(latencies):len(latencies)], figure{"cpu", "CPU ms each", 1e-3}, figure{"steps", "steps each", 1}, figure{"syncs", "syncs each", 1}),
		measure: func(o options) (figures map[string]float64, err error) {
			return figures, withNet(order, true, false, func(n *ledgerNet) error {
				l := newLoad(n)
				l.keep(clients)
				time.Sleep(o.span(warm))
				l.collect()
				steps, syncs := n.counts()
				cpu, span := cpuTime(), o.span(8*time.Second)
				time.Sleep(span)
				took := l.collect()
				cpu = cpuTime() - cpu
				moreSteps, moreSyncs := n.counts()
				if len(took) == 0 {
					return fmt.Errorf("no transfer ended within %v", span)
				}
				each := float64(len(took))
				figures = map[string]float64{
					"transfers": each / span.Seconds(), "cpu": cpu.Seconds() / each,
					"p50": quantile(took, 0.5), "p90": quantile(took, 0.9), "p99": quantile(took, 0.99), "max": quantile(took, 1),
					"steps": (moreSteps - steps) / each, "syncs": (moreSyncs - syncs) / each,
				}
				return l.drain()
			})
		},
	}
}

// etcdCase is etcd's raft with its log, in a process of its own: see the command in etcd.
func etcdCase(clients int) *testCase {
	return &testCase{
		name:    fmt.Sprintf("load/etcd/clients=%d", clients),
		figures: latencies,
		measure: func(o options) (map[string]float64, error) {
			dir, err := os.MkdirTemp("", "dessim-bench-")
			if err != nil {
				return nil, err
			}
			defer os.RemoveAll(dir)
			exe := filepath.Join(dir, "etcd")
			if _, err := output(exec.Command("go", "build", "-C", "cmd/bench/etcd", "-o", exe, ".")); err != nil {
				return nil, err
			}
			figures, _, err := runChild(exec.Command(exe, "-dir", filepath.Join(dir, "logs"), "-clients", fmt.Sprint(clients),
				"-warm", o.span(warm).String(), "-for", o.span(8*time.Second).String()))
			return figures, err
		},
	}
}

// recordingCase compares a network that is recorded with one that is not. Both are in this
// process and have the load in turns.
func recordingCase(order string) *testCase {
	return &testCase{
		name: "recording/" + order,
		figures: []figure{
			{"throughput", "x throughput", 1}, {"least", "least", 1}, {"most", "most", 1}, {"cpu", "x CPU each", 1}, {"bytes", "bytes each", 1},
		},
		measure: func(o options) (figures map[string]float64, err error) {
			return figures, withNet(order, true, false, func(plain *ledgerNet) error {
				return withNet(order, true, true, func(taped *ledgerNet) (err error) {
					figures, err = compareNets(o, newLoad(plain), newLoad(taped))
					return err
				})
			})
		},
	}
}

// compareNets returns what the second network achieves as a part of what the first does.
func compareNets(o options, plain, taped *load) (map[string]float64, error) {
	const clients = 8
	pairs := 20
	if o.quick {
		pairs = 2
	}
	var rates, costs [2][]float64
	for i := range pairs + 1 {
		for turn := range 2 {
			side := (turn + i) % 2
			l := [...]*load{plain, taped}[side]
			began, cpu := time.Now(), cpuTime()
			l.keep(clients)
			time.Sleep(o.span(time.Second))
			if err := l.drain(); err != nil {
				return nil, err
			}
			count := float64(len(l.collect()))
			if i > 0 { // the first is to warm up
				rates[side] = append(rates[side], count/time.Since(began).Seconds())
				costs[side] = append(costs[side], (cpuTime()-cpu).Seconds()/count)
			}
		}
	}
	rate := spreadOf(paired(rates[0], rates[1]))
	size, err := taped.net.recorded()
	return map[string]float64{
		"throughput": rate.Median, "least": rate.Low, "most": rate.High, "cpu": spreadOf(paired(costs[0], costs[1])).Median,
		"bytes": size / float64(taped.next),
	}, err
}

// recorded returns the bytes of the recordings so far.
func (n *ledgerNet) recorded() (sum float64, err error) {
	for id := range n.hosts {
		info, err := os.Stat(n.recording(id))
		if err != nil {
			return 0, err
		}
		sum += float64(info.Size())
	}
	return sum, nil
}

// idleCase measures a network without a client, in which nothing happens.
func idleCase(order string) *testCase {
	return &testCase{
		name:    "idle/" + order,
		figures: []figure{{"cpu", "CPU ms/s", 1e-3}, {"wakeups", "wakeups/s", 1}, {"steps", "steps/s", 1}, {"syncs", "syncs/s", 1}},
		measure: func(o options) (figures map[string]float64, err error) {
			return figures, withNet(order, false, false, func(n *ledgerNet) error {
				time.Sleep(o.span(10 * time.Second)) // the network has more to settle than a node knows
				span := o.span(10 * time.Second)
				steps, syncs := n.counts()
				before := usage()
				time.Sleep(span)
				after := usage()
				moreSteps, moreSyncs := n.counts()
				each := span.Seconds() * liveNodes
				figures = map[string]float64{
					"cpu":     float64(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano()) / 1e9 / each,
					"wakeups": float64(after.Nvcsw-before.Nvcsw) / each,
					"steps":   (moreSteps - steps) / each, "syncs": (moreSyncs - syncs) / each,
				}
				return nil
			})
		},
	}
}

// floodCase measures a network in which one node gets a million rubbish datagrams, and before.
func floodCase() *testCase {
	return &testCase{
		name: "flood/isis/clients=8",
		figures: []figure{
			{"quiet", "transfers/s before", 1}, {"quiet memory", "MiB more", 1 << 20},
			{"rubbish", "datagrams/s", 1}, {"transfers", "transfers/s", 1}, {"max", "max ms", 1e-3}, {"memory", "MiB more", 1 << 20},
		},
		measure: func(o options) (figures map[string]float64, err error) {
			return figures, withNet("isis", true, false, func(n *ledgerNet) error {
				l := newLoad(n)
				l.keep(8)
				time.Sleep(o.span(warm))
				l.collect()
				span := o.span(10 * time.Second)
				memory := peakMemory()
				time.Sleep(span)
				quiet, more := l.collect(), peakMemory()-memory
				sent, err := flood(n.conns[0].LocalAddr().(*net.UDPAddr).AddrPort(), int(span.Seconds()*100_000), span)
				if err != nil {
					return err
				}
				took := l.collect()
				figures = map[string]float64{
					"quiet": float64(len(quiet)) / span.Seconds(), "quiet memory": more,
					"rubbish": sent / span.Seconds(), "transfers": float64(len(took)) / span.Seconds(),
					"memory": peakMemory() - memory - more,
				}
				if len(took) > 0 {
					figures["max"] = quantile(took, 1)
				}
				return l.drain()
			})
		},
	}
}
