package members

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/members/member"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/check"
)

const (
	// settles is how long it may take until two servers that hear each other list each other. A
	// failure detector is allowed to be wrong: a third server that hears less can declare one of them
	// dead. But then that one hears of it, and objects; or the other joins it again.
	settles = 30 * time.Second
	// noticed is how long it may take until all have noticed that a server stopped. One finds out when
	// it probes that one, which is one probe in as many as there are servers, and then suspects it for
	// up to 24 seconds: less if others confirm it.
	noticed = 40 * time.Second
)

// views is what servers list. As an observer, it sees each event before its checks do.
type views struct {
	*check.Core
	names []string
	up    []bool
	live  [][]member.Member // by server
	lacks [][]protocol.Time // by server and other: since when it does not list that
}

func newViews(plan *sim.Plan, names []string) *views {
	n := len(names)
	v := &views{Core: check.NewCore(plan, n, false), names: names, up: make([]bool, n), live: make([][]member.Member, n), lacks: make([][]protocol.Time, n)}
	for i := range v.lacks {
		v.lacks[i] = make([]protocol.Time, n)
	}
	return v
}

// Watch returns the events that Observe needs.
func (v *views) Watch() sim.What { return v.Core.Watch() | sim.Output }

// Observe follows a change.
func (v *views) Observe(e *sim.Event) {
	if e.What != sim.Output {
		v.Core.Observe(e)
	}
	switch e.What {
	case sim.Started, sim.Crashed, sim.Damaged:
		v.up[e.Node] = e.What == sim.Started
		v.lists(e, nil)
	case sim.Output:
		if e.Kind == kindStopped {
			v.up[e.Node] = false
			return
		}
		v.lists(e, listed(e))
	}
}

// listed returns the list that an output is: nil unless it is one.
func listed(e *sim.Event) (live []member.Member) {
	if e.Kind != kindLive {
		return nil
	}
	if err := json.Unmarshal(e.Body, &live); err != nil {
		panic(err)
	}
	return live
}

func namesOf(live []member.Member) (names []string) {
	for _, m := range live {
		names = append(names, m.Name)
	}
	return names
}

// lists notes what a server lists from now on.
func (v *views) lists(e *sim.Event, live []member.Member) {
	for id, name := range v.names {
		if was := named(v.live[e.Node], name); was || e.What == sim.Started {
			v.lacks[e.Node][id] = e.At
		}
	}
	v.live[e.Node] = live
}

func named(live []member.Member, name string) bool {
	return slices.ContainsFunc(live, func(m member.Member) bool { return m.Name == name })
}

// rightAddresses requires that a name stands with its own address.
func (v *views) rightAddresses() *check.Check {
	return check.Always("each member is listed under its own address", sim.Output, func(e *sim.Event) (bool, error) {
		if e.Kind != kindLive {
			return false, nil
		}
		for _, m := range v.live[e.Node] {
			id := protocol.NodeID(slices.Index(v.names, m.Name))
			ip := protocol.SimBook{}.Endpoint(id)
			if want := fmt.Sprintf("%d.%d.%d.%d:7946", ip[0], ip[1], ip[2], ip[3]); m.Address != want {
				return true, fmt.Errorf("%s lists %s at %s, which is %s", v.names[e.Node], m.Name, m.Address, want)
			}
		}
		return true, nil
	})
}

// knowEachOther requires that a server lists those with which it has long been connected, faults or
// not: it may declare them dead by mistake, but not for long.
func (v *views) knowEachOther() *check.Check {
	return check.Always("servers that hear each other list each other", sim.Fired, func(e *sim.Event) (bool, error) {
		judged := false
		for id, name := range v.names {
			other := protocol.NodeID(id)
			if other == e.Node || !v.up[other] || !v.Reaches(e.Node, 1<<id, e.At, settles) {
				continue
			}
			judged = true
			if since := v.lacks[e.Node][id]; !named(v.live[e.Node], name) && e.At.Sub(since) >= settles {
				return true, fmt.Errorf("%s has heard %s for %v, and has not listed it since %v", v.names[e.Node], name, settles, since)
			}
		}
		return judged, nil
	})
}

// exact requires that when all has healed, each server that is up lists those that are up.
func (v *views) exact(bound protocol.Time) *check.Check {
	return check.Eventually("after the faults, the live servers are listed", bound, func() (n uint64, missing error) {
		var up []string
		for id, name := range v.names {
			if v.up[id] {
				up = append(up, name)
			}
		}
		slices.Sort(up) // as lists are: n10 before n2
		for id, name := range v.names {
			if live := namesOf(v.live[id]); v.up[id] && !slices.Equal(live, up) {
				return n, fmt.Errorf("%s lists %s, but %s are up", name, strings.Join(live, ", "), strings.Join(up, ", "))
			}
			n++
		}
		return n, nil
	})
}
