package source_test

import (
	"fmt"
	"testing"

	"dessim/protocol"
	"dessim/sim/simtest"
	"dessim/sim/source"
)

// TestEverySourcePassesTheCommonTable: those that rapid draws are tested in
// package simtest, by the same simtest.TestSource.
func TestEverySourcePassesTheCommonTable(t *testing.T) {
	recorded := &source.Recorder{Source: source.Seed(3)}
	if err := simtest.TestSource(recorded); err != nil {
		t.Fatal(err)
	}
	sources := []struct {
		name string
		src  protocol.Source
	}{
		{"benign", protocol.Benign{}},
		{"seed 0", source.Seed(0)},
		{"seed 1", source.Seed(1)},
		{"last seed", source.Seed(1<<64 - 1)},
		{"recorder", &source.Recorder{Source: source.Seed(2)}},
		{"recorder of a recorder", &source.Recorder{Source: &source.Recorder{Source: source.Seed(2)}}},
		{"empty replay", source.NewReplay(nil)},
		{"replay", source.NewReplay(recorded.Answers())},
		{"recorder of a replay", &source.Recorder{Source: source.NewReplay(recorded.Answers())}},
	}
	for _, s := range sources {
		if err := simtest.TestSource(s.src); err != nil {
			t.Errorf("%s:\n%v", s.name, err)
		}
	}
}

func TestReplayAnswersBenignlyWhatItDoesNotList(t *testing.T) {
	r := source.NewReplay(nil)
	for i := range uint64(100) {
		k := protocol.Key{Kind: protocol.KindOf("a"), N: i}
		if r.Choose(k, 1<<60) != 0 || r.Chance(k, protocol.Ratio{Num: 99, Den: 100}) {
			t.Fatalf("%+v is not answered benignly", k)
		}
	}
}

// A run's misfortunes are recorded, kept as text, and met again.
func Example() {
	delay, loss := protocol.KindOf("net.delay"), protocol.KindOf("net.loss")
	run := func(src protocol.Source) {
		for n := range uint64(6) {
			k := protocol.Key{Kind: loss, A: 0, B: 1, N: n}
			if src.Chance(k, protocol.Percent(20)) {
				fmt.Println("message", n, "is lost")
				continue
			}
			k.Kind = delay
			if d := src.Choose(k, 3); d > 0 {
				fmt.Println("message", n, "is late by", d)
			}
		}
	}

	recorder := &source.Recorder{Source: source.Seed(17)}
	run(recorder)

	file := source.File{
		Header:  []source.Field{{Name: "scenario", Value: "example"}, {Name: "seed", Value: "17"}},
		Answers: recorder.Answers(),
	}
	text, err := file.AppendText(nil)
	if err != nil {
		panic(err)
	}
	fmt.Printf("\n%s\n", text)

	back, err := source.ParseFile(text)
	if err != nil {
		panic(err)
	}
	run(source.NewReplay(back.Answers[3:4])) // the loss alone
	// Output:
	// message 0 is late by 1
	// message 1 is late by 1
	// message 2 is late by 2
	// message 3 is lost
	// message 4 is late by 2
	//
	// dessim replay v1
	// scenario example
	// seed 17
	// answers
	// net.delay 0 1 0000000000000000 1 of 3
	// net.delay 0 1 0000000000000001 1 of 3
	// net.delay 0 1 0000000000000002 2 of 3
	// net.loss 0 1 0000000000000003 true
	// net.delay 0 1 0000000000000004 2 of 3
	// end 5 answers
	//
	// message 3 is lost
}
