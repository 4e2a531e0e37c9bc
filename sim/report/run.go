package report

import "dessim/protocol"

// Run is the data of one run, as the page's script reads it. The script is the other half of
// this declaration: see page/decode.js.
//
// Steps count from 1. A row is one event of an observer. Rows have columns, and a column has a
// value only for the rows of those sorts that use it: see sorts.
type Run struct {
	Label    string      `json:"label"`
	Scenario string      `json:"scenario"`
	Seed     string      `json:"seed"`
	Command  string      `json:"command"` // repeats the run
	Params   [][2]string `json:"params"`
	Verdict  string      `json:"verdict"`
	Failure  string      `json:"failure"` // what broke within the simulation, or ""
	Digest   string      `json:"digest"`
	End      int64       `json:"end"` // ns, like all times
	Reason   string      `json:"reason"`
	Focus    int         `json:"focus"` // the step at which the page opens; 0 is the whole run
	Names    []string    `json:"names"` // of each node, beside its number; "" if it has none
	Checks   []Check     `json:"checks"`
	Facts    [][2]string `json:"facts"`
	Warnings []string    `json:"warnings"`
	Story    []string    `json:"story"`
	Notes    []string    `json:"notes"` // what the page lacks

	Figures Figures `json:"figures"`

	Kinds  []string `json:"kinds"`
	Eras   []int    `json:"eras"` // indices of Kinds
	Texts  []string `json:"texts"`
	Timers []string `json:"timers"`
	Lines  []string `json:"lines"` // of states
	Faults []Fault  `json:"faults"`

	Dt   []int64 `json:"dt"`   // from each step's predecessor
	Rows []int   `json:"rows"` // of each step, after those before the first
	What string  `json:"what"` // a letter a row
	Node []int   `json:"node"` // of each row: the difference to the row before; -1 is none
	Peer []int   `json:"peer"`
	Kind []int   `json:"kind"`
	Text []int   `json:"text"`
	Link []int   `json:"link"` // how many rows before is the row where it comes from; 0: unknown, or an input
	Num  []int64 `json:"num"`

	Answers   Answers `json:"answers"`
	States    States  `json:"states"`
	Described bool    `json:"described"`
	Kept      Kept    `json:"kept"`
}

// Check is the result of a check.
type Check struct {
	Name      string    `json:"name"`
	Verdict   string    `json:"verdict"`
	Exercised uint64    `json:"exercised"`
	Detail    string    `json:"detail"`
	At        int64     `json:"at"`
	Step      uint64    `json:"step"`
	Evidence  *Evidence `json:"evidence"`
}

// Evidence is what a violation is about: sequences that differ, or a history.
type Evidence struct {
	Kind       string      `json:"kind"` // "sequences" or "history"
	First      uint64      `json:"first"`
	Differ     int         `json:"differ"` // index of the first difference
	Sequences  []Sequence  `json:"sequences,omitempty"`
	Title      string      `json:"title"`
	Operations []Operation `json:"operations,omitempty"`
}

// Sequence is what one node has put out.
type Sequence struct {
	Name  string `json:"name"`
	Items []Item `json:"items"`
}

// Item is one place of a Sequence.
type Item struct {
	Text string `json:"text"`
	Step uint64 `json:"step"`
}

// Operation is a bar of a history.
type Operation struct {
	Who    string `json:"who"`
	Text   string `json:"text"`
	Call   int64  `json:"call"`
	Return int64  `json:"return"` // -1: it did not end
	Bad    bool   `json:"bad"`
}

// Fault is a fault of the plan, and the steps between which it was open.
type Fault struct {
	ID    uint64              `json:"id"`
	Op    string              `json:"op"`
	Text  string              `json:"text"`
	From  int                 `json:"from"` // 0: it never began
	To    int                 `json:"to"`   // 0: to the end
	Sides [][]protocol.NodeID `json:"sides"`
	Node  int                 `json:"node"` // -1: it hits no single node
}

// Answers are the answers that were not benign. Row says after which row each was asked for, as
// the difference to the one before; the first can be -1, before all rows.
type Answers struct {
	Row  []int    `json:"row"`
	Line []string `json:"line"` // of the replay file
}

// States are states of nodes after a step, ascending. Each is an edit of the one before of the
// same node: a list of hunks, each of which keeps so many lines, drops so many, and has so many
// new ones, whose indices follow. What is left is kept.
type States struct {
	Step []int   `json:"step"` // the difference to the one before
	Node []int   `json:"node"`
	Edit [][]int `json:"edit"`
}

// Kept says between which steps something is whole. Both are 0 if it is nowhere.
type Kept struct {
	States  [3]int `json:"states"` // and how many steps apart they are elsewhere; 0: nowhere else
	Texts   [2]int `json:"texts"`
	Answers [2]int `json:"answers"`
}

// Figures are what the scenario measures. Messages are counted from the rows.
type Figures struct {
	Times   []Spread `json:"times"` // in ns
	Numbers []Spread `json:"numbers"`
}

// Spread is how the values of one name are spread. Its bins are those of timeBin, or as wide as
// Width says.
type Spread struct {
	Name   string `json:"name"`
	What   string `json:"what"`
	Count  int    `json:"count"`
	Open   int    `json:"open"` // that had not ended
	Min    uint64 `json:"min"`
	P50    uint64 `json:"p50"`
	P90    uint64 `json:"p90"`
	P99    uint64 `json:"p99"`
	Max    uint64 `json:"max"`
	Sum    uint64 `json:"sum"`
	Width  uint64 `json:"width"`
	From   uint64 `json:"from"` // the first bin; of numbers, its least value
	Counts []int  `json:"counts"`
}
