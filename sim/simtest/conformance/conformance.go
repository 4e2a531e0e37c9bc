// Package conformance judges runtimes by the numbered list of package protocol: the
// simulator, package live, or one of your own.
//
// A Play is a script: what is done to a few nodes, and what they do then. The nodes belong to
// the package. They note each of their steps, and the runtime tells of each output and each
// node that went down. A slow, obvious model then says what the list allows, and names the
// obligation that was broken. So the judgement rests on what nodes and their consumers see,
// and on nothing that the runtime says of itself.
//
// Run plays a script for each obligation that can be tested alone, and scripts drawn at
// random for all of them together. To judge a runtime, implement Runtime and call Run from a
// test; a runtime on a real clock can use Play.Await.
//
// # What is not tested
//
// Nothing is required to be fast. Time is judged in one direction: a timer is not early.
//
// These obligations are not tested here, or not whole:
//
//	 4  the order of Enter, Name and Mount: a node does not see it, only what comes of it
//	 6  names that survive the removal of a step: a runtime need not repeat its runs. That names
//	    differ is demanded of one script alone, since in the simulator they can recur: timers
//	    of one tag have one name if they are set by steps that consumed messages of one step
//	 7  Answers, and notes that are shown (8): no node sees whether a runtime keeps them. That
//	    notes do not count as effects is tested
//	17  damage and messages that are too long: a matter of networks. That messages to other
//	    nodes arrive at all cannot be demanded, only that the network is not dead
//	18  a sender that is not known, for a runtime that does not do Forge
//	20  messages to a node that is down: one that arrives later may have been late. Inputs are
//	    tested
//	21  memory that is used again: the runtime may, and need not
//	22  likewise; but bodies must arrive as they were sent
//	25  power failures: the disk of a test loses what the test tells it to lose
//	26  damaged disks: tests of disks damage them
//	27  jumps of clocks: the clocks of a test do not jump. They may drift
//	31  goroutines: the nodes of a test have none
//	28  ends of runs: a runtime that ends by itself must be asked whether it did
package conformance

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"dessim/protocol"
)

// A Runtime plays one script on fresh disks.
type Runtime interface {
	// Play carries out p.Actions in their order. For each start of a node it takes a node
	// from p.Make, and it answers the questions of kind Questions by p.Source. It calls
	// p.Output for each output, and p.Down for each node that went down, before the node is
	// started again. At last it stops all nodes, of which it need not tell. An error is a
	// failure of its own.
	Play(p *Play) error
}

// Do is what an Action does.
type Do uint8

// The actions. None waits for what follows from it, but that the node is down after Crash and
// Stop.
const (
	Start    Do = iota + 1 // begins the next incarnation of Node, which is down
	Input                  // gives Node the input Body; it is lost if the node is down
	Crash                  // crashes Node where it is; unsynced records may survive
	Stop                   // ends Node as the runtime does when asked nicely: a crash, too
	CrashIn                // has Node crash in the step that it begins next, after effect K, or after the last if there are fewer
	FailSync               // has the next sync of Node fail
	Forge                  // has the network give Node the message Body, allegedly from From; a runtime that cannot do so does nothing
	Wait                   // lets the nodes go on until they rest: see Play.Owed
)

// An Action is a thing that the runtime does. Nodes are numbered from 0, and all are down at
// first.
type Action struct {
	Do   Do
	Node protocol.NodeID
	K    int
	From protocol.NodeID
	Body []byte
	acts []Act
}

// String writes the action for reports.
func (a *Action) String() string {
	names := [...]string{"nothing", "start", "input", "crash", "stop", "crash in", "fail sync", "forge", "wait"}
	switch a.Do {
	case Wait:
		return names[Wait]
	case CrashIn:
		return fmt.Sprintf("crash %v in its next step after %d effects", a.Node, a.K)
	case Input:
		return fmt.Sprintf("input to %v: %s", a.Node, a.Body)
	case Forge:
		return fmt.Sprintf("forge from %v to %v: %s", a.From, a.Node, a.Body)
	}
	return fmt.Sprintf("%s %v", names[a.Do], a.Node)
}

// Questions is the kind of the questions that nodes of this package ask.
var Questions = protocol.KindOf("conformance")

// A Play is a script, and what happened when it was played. Its methods may be called from any
// goroutine.
type Play struct {
	Nodes   int
	Actions []Action
	// Sync is how long each sync takes at least, by the node's clock. The runtime sets it if it
	// knows: timers that are set behind a sync are due that much later.
	Sync time.Duration
	// boot is what each node does in each Start.
	boot []Act
	// named demands that no two steps have one name.
	named bool
	// endings are how each life of each node ends, and given the inputs by identity.
	endings [][]Action
	given   map[int]given
	ids     int

	mu    sync.Mutex
	log   []event
	asked map[protocol.Key]bool
	flaws []string
	// owed is what the Wait with number waited last waited for. What comes between the end of
	// the last Wait and the stop of the nodes begins things that they owe to nobody.
	owed   []string
	waited int
	busy   []bool
}

// given is what the script says of an input or a forged message.
type given struct {
	node   protocol.NodeID
	life   int // of the node: how many starts came before
	action int
	forged bool
	body   string
}

// script makes a play. It numbers all messages, so that each can be told from others.
func script(nodes int, boot []Act, actions ...Action) *Play {
	p := &Play{
		Nodes: nodes, boot: boot, endings: make([][]Action, nodes), given: make(map[int]given),
		asked: make(map[protocol.Key]bool), busy: make([]bool, nodes),
	}
	p.number(p.boot)
	lives := make([]int, nodes)
	for i, a := range actions {
		switch a.Do {
		case Start:
			lives[a.Node]++
		case Input, Forge:
			p.ids++
			id := p.ids
			a.Body = message{ID: id, Acts: p.number(a.acts)}.bytes()
			p.given[id] = given{a.Node, lives[a.Node], i, a.Do == Forge, string(a.Body)}
			if panics(a.acts) {
				p.endings[a.Node] = append(p.endings[a.Node], a)
			}
		case Crash, Stop, CrashIn, FailSync:
			p.endings[a.Node] = append(p.endings[a.Node], a)
		}
		p.Actions = append(p.Actions, a)
	}
	return p
}

func (p *Play) number(acts []Act) []Act {
	for i := range acts {
		if acts[i].Do == send {
			p.ids++
			acts[i].ID = p.ids
		}
		p.number(acts[i].Then)
	}
	return acts
}

func panics(acts []Act) bool {
	for i := range acts {
		if acts[i].Do == boom {
			return true
		}
	}
	return false
}

// Make returns a fresh node.
func (p *Play) Make(id protocol.NodeID) protocol.Node { return &node{p: p, id: id} }

// Source answers the questions of nodes.
func (p *Play) Source() protocol.Source { return source{p} }

// Output takes an output of a node.
func (p *Play) Output(id protocol.NodeID, rec []byte) {
	p.add(event{what: outputs, node: id, body: string(rec)})
}

// Down is told that an incarnation has ended. panicked is what its node panicked with, or nil.
func (p *Play) Down(id protocol.NodeID, panicked any) {
	e := event{what: down, node: id}
	if panicked != nil {
		e.body = fmt.Sprint(panicked)
	}
	p.add(e)
	p.mu.Lock()
	p.busy[id] = false // one that panicked never left its step
	p.mu.Unlock()
}

func (p *Play) add(e event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, e)
}

func (p *Play) flaw(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flaws = append(p.flaws, fmt.Sprintf(format, args...))
}

// Owed returns what the Wait that is action i waits for: must is how many things have yet to
// happen (starts, inputs, timers, messages to oneself, outputs, crashes), may how many
// messages to other nodes might still arrive.
func (p *Play) Owed(i int) (must, may int) {
	j := p.judge(p.history(), i)
	p.mu.Lock()
	p.waited, p.owed = i, j.owed
	p.mu.Unlock()
	return len(j.owed), j.travelling
}

func (p *Play) history() []event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log[:len(p.log):len(p.log)]
}

// Await does the Wait that is action i on a real clock. It returns when nothing is owed and
// no message may arrive, or nothing has happened for the time of grace. After a minute it
// gives up: what is missing is then found by the judgement.
func (p *Play) Await(i int, grace time.Duration) {
	began := time.Now()
	seen, since, must, may := -1, began, 1, 1
	for {
		if n := len(p.history()); n != seen {
			seen, since = n, time.Now()
			must, may = p.Owed(i)
		}
		if must == 0 && (may == 0 || time.Since(since) > grace) || time.Since(began) > time.Minute {
			return
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// message is what travels. Inc and N, the number of messages that this incarnation had sent,
// tell a message from another one that the same Act sends.
type message struct {
	ID   int
	Inc  uint32 `json:",omitempty"`
	N    int    `json:",omitempty"`
	Acts []Act
}

func (m message) bytes() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}
