//go:build unix

// Command growth measures how bootstrap grows with its network, and prints one table in Markdown.
// From the root of the module:
//
//	go run ./cmd/growth                       1,000 to 100,000 nodes
//	go run ./cmd/growth -nodes 1000,1000000   these; a million take some 7 GB and an hour or two
//	go run ./cmd/growth -threads 2            each run on two cores
//
// Each run is a process of its own, one after the other. The table has the mean hops of the lookups
// that the scenario judges, beside those of a model: see hops. Messages and bytes are what all nodes
// sent, join and lookups, for each node. The time is the CPU's and the wall clock's; the memory is
// the greatest resident size, with the runtime's garbage.
//
// Exit codes: 0 all passed, 1 a run did not, 2 refused before any run.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	sizes := flag.String("nodes", "1000,10000,100000", "sizes of the networks, with commas between")
	threads := flag.Int("threads", 1, "goroutines among which the nodes of a run are parted")
	flag.Parse()
	code, err := grow(*sizes, *threads)
	if err != nil {
		fmt.Fprintln(os.Stderr, "growth:", err)
	}
	os.Exit(code)
}

// grow measures all sizes and returns the exit code.
func grow(sizes string, threads int) (code int, err error) {
	const refused = 2
	var nodes []int
	for _, text := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 2 {
			return refused, fmt.Errorf("-nodes %q: want numbers of 2 or more, such as 1000,10000", sizes)
		}
		nodes = append(nodes, n)
	}
	if threads < 1 {
		return refused, fmt.Errorf("-threads %d: want 1 or more", threads)
	}
	dir, err := os.MkdirTemp("", "growth")
	if err != nil {
		return refused, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "dessim")
	if out, err := exec.Command("go", "build", "-o", binary, "./cmd/dessim").CombinedOutput(); err != nil {
		return refused, fmt.Errorf("go build ./cmd/dessim: %w\n%s", err, out)
	}
	fmt.Println("| nodes | hops | hops, model | messages a node | bytes a node | CPU | wall | peak memory | memory a node |")
	fmt.Println("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, n := range nodes {
		f, err := run(binary, n, threads)
		if err != nil {
			return 1, err
		}
		fmt.Println(f.row(n))
	}
	return 0, nil
}

// figures are those of one run.
type figures struct {
	hops        string
	sent, bytes uint64
	cpu, wall   time.Duration
	memory      uint64
}

var (
	hopsLine     = regexp.MustCompile(`(?m)^hops, mean +(\S+)$`)
	messagesLine = regexp.MustCompile(`(?m)^messages +sent (\d+) \((\d+) bytes\)`)
)

// run makes a run in another process.
func run(binary string, nodes, threads int) (f figures, err error) {
	cmd := exec.Command(binary, "run", "-scenario", "bootstrap", "-nodes", strconv.Itoa(nodes), "-seed", "1", "-threads", strconv.Itoa(threads))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return f, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args[1:], " "), err, out.Bytes())
	}
	f.wall = time.Since(began)
	hops, sent := hopsLine.FindSubmatch(out.Bytes()), messagesLine.FindSubmatch(out.Bytes())
	if hops == nil || sent == nil {
		return f, fmt.Errorf("%s prints no hops or no messages:\n%s", strings.Join(cmd.Args[1:], " "), out.Bytes())
	}
	f.hops = string(hops[1])
	f.sent, _ = strconv.ParseUint(string(sent[1]), 10, 64)
	f.bytes, _ = strconv.ParseUint(string(sent[2]), 10, 64)
	f.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	f.memory = uint64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	if runtime.GOOS != "darwin" && runtime.GOOS != "ios" {
		f.memory *= 1024
	}
	return f, nil
}

// row returns a line of the table.
func (f *figures) row(nodes int) string {
	n := uint64(nodes)
	return fmt.Sprintf("| %d | %s | %.2f | %d | %d | %v | %v | %d MB | %.1f KB |", nodes, f.hops, hops(nodes, usualK),
		f.sent/n, f.bytes/n, f.cpu.Round(time.Second/10), f.wall.Round(time.Second/10), f.memory/1_000_000, float64(f.memory)/float64(n)/1000)
}
