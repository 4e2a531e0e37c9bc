// Package members puts servers of hashicorp/memberlist, with the library's own transport over
// UDP and TCP, under dessim. Package member is the code under test.
package members

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"example.com/members/member"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
	"dessim/sim/host"
	"dessim/sim/scenario"
	"dessim/sim/swarm"
)

const (
	begun = protocol.Time(10 * time.Second) // faults come after
	storm = begun + protocol.Time(time.Minute)
	stop  = storm + protocol.Time(5*time.Second) // the last server stops
	// span is the unit of the lengths of faults, which are up to 486 times as long. The library's own
	// timers are of some seconds.
	span = 100 * time.Millisecond
)

// Outputs.
var (
	kindLive    = protocol.KindOf("live")    // a server's list, whenever it changes
	kindStopped = protocol.KindOf("stopped") // a server, since it was told to
)

// serve runs a server on a simulated host. Any input stops it.
func serve(servers []string, once bool) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		ctx, cancel := context.WithCancel(ctx)
		go func() {
			if _, err := h.Input(ctx); err == nil {
				h.Output(kindStopped, nil)
			}
			cancel()
		}()
		return member.Serve(ctx, member.Config{
			Name: h.Name(), Servers: servers, JoinsOnce: once,
			Changed: func(live []member.Member) {
				text, err := json.Marshal(live)
				if err != nil {
					panic(err)
				}
				h.Output(kindLive, text)
			},
		})
	}
}

// Scenario has servers list each other while they crash and links fail.
func Scenario() *scenario.Scenario {
	return &scenario.Scenario{
		Name:     "members",
		Shows:    "servers with hashicorp/memberlist list the servers that are alive",
		MinNodes: 3, MaxNodes: 20,
		Defaults: scenario.Params{Nodes: 5, Delay: time.Millisecond, Jitter: 9 * time.Millisecond, Until: 2 * time.Minute, Faults: "crash,restart,partition,lose,copy"},
		Own: []*scenario.Param{
			scenario.Choice("joins", "again", []string{"again", "once"}, "when a server joins others: whenever it does not list them, or when it starts, which is a mistake"),
		},
		Text: func(_ *scenario.Params, e *sim.Event) string {
			if e.What != sim.Output {
				return host.Text(e)
			}
			return strings.Join(namesOf(listed(e)), " ")
		},
		Eras:  []protocol.Kind{kindLive},
		Build: build,
	}
}

// Find returns the scenario of that name, or nil.
func Find(name string) *scenario.Scenario {
	return scenario.Find([]*scenario.Scenario{Scenario()}, name)
}

func build(b *scenario.Setup) *scenario.Run {
	var names []string
	var ids []protocol.NodeID
	for i := range b.Nodes {
		ids = append(ids, protocol.NodeID(i))
		names = append(names, host.Name(protocol.NodeID(i)))
	}
	run := &scenario.Run{Isolation: scenario.EachRun, Unable: host.Unable()}
	run.Plan = sim.Plan{
		Nodes: b.Nodes,
		Node: func(protocol.NodeID) protocol.Node {
			return host.New(serve(names, b.Choice("joins") == "once"), host.Options{Salt: b.Seed})
		},
		Link:   sim.Link{Delay: b.Delay, Jitter: b.Jitter, Loss: b.Loss, Copy: b.Copy},
		Until:  protocol.Time(b.Until),
		Inputs: []sim.Input{{ID: 0, At: stop, Node: protocol.NodeID(b.Nodes - 1)}},
		Faults: b.DrawFaults(swarm.Config{Nodes: ids, From: begun, To: storm, Heal: storm, Delay: span, Most: 6}),
	}
	v := newViews(&run.Plan, names)
	run.Watch = []sim.Observer{v}
	run.Checks = check.Suite{v.rightAddresses(), v.knowEachOther(), v.exact(stop.Add(noticed))}
	return run
}
