package scenarios

import (
	"fmt"
	"os"
	"testing"

	"dessim/sim"
	"dessim/sim/source"
)

func TestTry(t *testing.T) {
	for _, name := range []string{"bootstrap", "concurrent"} {
		s := Find(name)
		p := s.Defaults
		var obs []sim.Observer
		if f := os.Getenv("TRACE"); f != "" {
			w, _ := os.Create(f + "." + name)
			obs = append(obs, &sim.Trace{W: w})
		}
		r, ok := s.Execute(42, p, source.Seed(42), Options{Observers: obs})
		fmt.Println(name, ok, r.Verdict, r.Failure, r.Sim)
		for _, c := range r.Checks {
			fmt.Printf("  %-60s %-14s %6d %s\n", c.Name, c.Verdict, c.Exercised, c.Detail)
		}
		for _, f := range r.Facts {
			fmt.Println("   ", f.Name, f.Value)
		}
		for _, n := range r.Nodes {
			fmt.Printf("   %d %x %d %x %d %d\n", n.ID, n.DHT[:4], n.LedgerLength, n.LedgerHash[:4], n.Balance, n.Messages)
		}
	}
}
