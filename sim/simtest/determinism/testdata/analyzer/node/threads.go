package node

type inbox struct {
	c chan int // want `channel: a node neither waits nor spawns`
}

func threads(in <-chan int, b inbox) { // want `channel`
	go threads(in, b) // want `go statement`
	b.c <- 1          // want `send to a channel`
	_ = <-in          // want `receive from a channel`
	for range in {    // want `range over a channel`
	}
	select {} // want `select: it picks at random`
}

func over[C ~chan int](c C) { // want `channel`
	for range c { // want `range over a channel`
	}
}
