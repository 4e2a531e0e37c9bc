package main

import (
	"testing"

	"dessim/sim/simtest"
	"example.com/raftgroup"
)

func TestNodesKeepOneLog(t *testing.T) {
	simtest.Run(t, raftgroup.Scenario(newNode), simtest.Options{Seeds: 100, ShrinkRuns: 500})
}
