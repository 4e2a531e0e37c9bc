package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	mrand "math/rand"
	mrand2 "math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// toys are named like the group that they show.
var toys = map[string]toy{
	"files":     {run: opens},
	"processes": {run: starts},
	"finalizer": {run: cleans},
	"weak":      {run: forgets},
	"inexact":   {run: addresses, inexact: true},
	"machine":   {run: asks},
	"output":    {run: prints},
	"turn":      {run: turns},
	"rand":      {run: maps},
	"process":   {run: packageMap},
	"lazy":      {run: draws},
	"select":    {run: selects},
	"timers":    {run: timers},
	"mutex":     {run: starves},
	"pool":      {run: pools},
	"crypto":    {run: secrets},
	"idle":      {run: deadlock},
	"clock":     {run: clock, jumps: int64(time.Hour)},
	"end":       {run: ends},
	"yield":     {run: lostUpdate, yields: true},
}

// kept keeps garbage from being optimized away.
var kept [][]byte

// turns has many goroutines run, with garbage for the collector.
func turns(p *printer) {
	var wg sync.WaitGroup
	handed := make(chan int)
	for i := range 8 {
		wg.Go(func() {
			for k := range 30 {
				p.say("%d", i)
				for range 20 {
					kept = append(kept[:0], make([]byte, 2000+k*10))
				}
				runtime.Gosched()
				select {
				case handed <- i:
				case j := <-handed:
					p.say("%d from %d", i, j)
				case <-time.After(time.Duration(k) * time.Microsecond):
					p.say("%d alone", i)
				}
			}
		})
	}
	wg.Wait()
}

// maps iterates over maps, and hashes with seeds.
func maps(p *printer) {
	m := make(map[string]int)
	var s sync.Map
	for i := range 40 {
		m[fmt.Sprint(i)] = i
		s.Store(i, i)
	}
	for k := range m {
		p.say("%s", k)
	}
	s.Range(func(k, _ any) bool {
		p.say("%v", k)
		return true
	})
	p.say("%d", maphash.String(maphash.MakeSeed(), "x"))
}

// cities is made before any bubble begins.
var cities = func() map[string]int {
	m := make(map[string]int)
	for i := range 20 {
		m[fmt.Sprint("city ", i)] = i
	}
	return m
}()

func packageMap(p *printer) {
	for k := range cities {
		p.say("%s", k)
	}
}

// draws wants numbers that differ within one turn.
func draws(p *printer) {
	a, b, c, d := mrand.Uint64(), mrand.Uint64(), mrand2.Uint64(), mrand2.Uint64()
	p.say("%d %d %d %d", a, b, c, d)
	if a == b || c == d {
		p.fail("math/rand repeats itself")
		return
	}
	odd := make(map[float64]bool)
	for range 3000 {
		odd[math.NaN()] = true
	}
}

func selects(p *printer) {
	a, b := make(chan int, 50), make(chan int, 50)
	for i := range 50 {
		a <- i
		b <- i
	}
	for range 50 {
		select {
		case <-a:
			p.say("a")
		case <-b:
			p.say("b")
		}
	}
}

// timers has timers of one instant.
func timers(p *printer) {
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Add(1)
		time.AfterFunc(time.Millisecond, func() {
			p.say("%d", i)
			wg.Done()
		})
	}
	wg.Wait()
	for i := range 300 {
		a, b := time.NewTimer(time.Millisecond), time.NewTimer(time.Millisecond)
		kept = append(kept[:i%100], make([]byte, 50)) // timers come to stand here and there
		select {
		case <-a.C:
			p.say("a")
		case <-b.C:
			p.say("b")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for i := range 10 {
		wg.Go(func() {
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			p.say("%d", i)
		})
	}
	wg.Wait()
}

// starves holds a lock for about as long as a mutex takes for starvation, a millisecond, and lets
// others wait meanwhile.
func starves(p *printer) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for k := range 10 {
				mu.Lock()
				work(k * 40_000)
				runtime.Gosched()
				p.say("%d", i)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

var worked uint64

func work(n int) {
	for i := range n {
		worked = worked*31 + uint64(i)
	}
}

var pool = sync.Pool{New: func() any { return new(int) }}

func pools(p *printer) {
	for range 20 {
		n := pool.Get().(*int)
		p.say("%d", *n)
		*n++
		pool.Put(n)
	}
}

func secrets(p *printer) {
	p.say("%s", rand.Text())
}

// deadlock has two goroutines wait for each other for ever, while a third goes on.
func deadlock(p *printer) {
	var a, b sync.Mutex
	for _, x := range [][2]*sync.Mutex{{&a, &b}, {&b, &a}} {
		go func() {
			x[0].Lock()
			time.Sleep(time.Second)
			x[1].Lock()
			p.say("no deadlock")
		}()
	}
	time.Sleep(time.Minute)
	p.say("goes on")
}

// clock sees a pause of a second, in which a ticker is missed many times, and a jump of the wall
// clock.
func clock(p *printer) {
	begun := time.Now()
	tick := time.NewTicker(300 * time.Millisecond)
	for range 6 {
		at := <-tick.C
		p.say("%v, %v since the start, %v by the wall clock", at.UnixNano(), time.Since(begun), time.Now().Round(0).Sub(begun.Round(0)))
	}
	if d := time.Since(begun); d > time.Minute {
		p.fail("%v have passed by the monotonic clock, which does not jump", d)
		return
	}
	if d := time.Now().Round(0).Sub(begun.Round(0)); d < time.Hour {
		p.fail("%v have passed by the wall clock, which jumps by an hour", d)
	}
}

// ends panics.
func ends(p *printer) {
	defer p.say("a deferred call")
	go func() { panic(errors.New("a panic ends the node alone")) }()
	time.Sleep(time.Second)
	p.say("not reached")
}

// lostUpdate counts with locks that part what belongs together. In the order of arrival no update is
// lost.
func lostUpdate(p *printer) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	n := 0
	for range 3 {
		wg.Go(func() {
			for range 5 {
				mu.Lock()
				old := n
				mu.Unlock()
				mu.Lock()
				n = old + 1
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	p.say("%d", n)
	if n == 15 {
		p.fail("nobody gives the turn away")
	}
}

// opens opens a file of the machine.
func opens(p *printer) {
	if _, err := os.Open(os.Args[0]); err == nil {
		p.fail("a program opens a file of the machine")
	}
}

// starts starts a process.
func starts(p *printer) {
	_, err := os.StartProcess(os.Args[0], os.Args, new(os.ProcAttr))
	if err == nil || !strings.Contains(err.Error(), "no processes") {
		p.fail("a program starts a process, or is not told that there are none: %v", err)
	}
}

// cleans has the collector find what is to be cleaned up.
func cleans(p *printer) {
	var n atomic.Int64
	for range 100 {
		runtime.AddCleanup(new([1000]int), func(int) { n.Add(1) }, 0)
	}
	for range 5 {
		runtime.GC()
		p.say("%d are clean", n.Load())
	}
}

// forgets has weak pointers to what nothing else keeps.
func forgets(p *printer) {
	var all []weak.Pointer[[1000]int]
	for range 100 {
		all = append(all, weak.Make(new([1000]int)))
	}
	for range 5 {
		runtime.GC()
		n := 0
		for _, w := range all {
			if w.Value() != nil {
				n++
			}
		}
		p.say("%d are there", n)
		if n < len(all) {
			p.fail("a weak pointer lets go")
			return
		}
	}
}

func addresses(*printer) {
	m := make(map[*int]int)
	for i := range 20 {
		m[new(int)] = i
	}
	for range m {
	}
}

// asks asks the machine what it is like.
func asks(p *printer) {
	host, err := os.Hostname()
	p.say("%d %d %d %d %s %v %v", runtime.GOMAXPROCS(0), runtime.NumCPU(), runtime.NumGoroutine(), os.Getpid(), host, err, time.Local)
}

func prints(p *printer) {
	fmt.Println("hello")
	if string(p.printed) != "hello\n" {
		p.fail("a program prints to the standard output of the simulator")
	}
}
