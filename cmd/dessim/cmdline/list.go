package cmdline

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/urfave/cli/v3"

	"dessim/sim/scenario"
)

func (t *tool) listCommand() *cli.Command {
	f := t.flags()
	f.add("json", "", "print one JSON object: scenarios, a list of name, shows, min_nodes, max_nodes, defaults; or with -faults: drawn, written, kinds")
	f.add("faults", "", "list the faults and how to write them")
	return f.command("list", "lists the scenarios", "dessim list [flags]", func(_ context.Context, args []string) error {
		if err := t.leftover(args); err != nil {
			return err
		}
		switch faults, json := f.find("faults").on(), f.find("json").on(); {
		case faults && json:
			writeJSON(&t.out, t.listedFaults())
		case faults:
			t.listFaults()
		case json:
			writeJSON(&t.out, ordered{{"scenarios", t.listed()}})
		default:
			t.list()
		}
		return nil
	})
}

func (p *Program) listed() (out []ordered) {
	for _, s := range p.Scenarios {
		least, most := s.NodeRange()
		out = append(out, ordered{
			{"name", s.Name}, {"shows", s.Shows}, {"min_nodes", least}, {"max_nodes", most},
			{"defaults", texts(params(s, &s.Defaults))},
		})
	}
	return out
}

// list prints two tables: what the scenarios show, and their defaults.
func (t *tool) list() {
	shows := table{head: []string{"scenario", "nodes", "shows"}}
	defaults := table{head: []string{"scenario"}}
	all := slices.DeleteFunc(scenario.AllParams(t.Scenarios), func(x *scenario.Param) bool { return x.Name == "fault" || x.Rare }) // no scenario has a default
	for _, x := range all {
		defaults.head = append(defaults.head, "-"+x.Name)
	}
	for _, s := range t.Scenarios {
		shows.add(s.Name, nodeRange(s), wrap(plain(s.Shows), 70))
		row := []string{s.Name}
		used := params(s, &s.Defaults)
		for _, x := range all {
			text := ""
			for _, u := range used {
				if u[0] == x.Name {
					text = u[1]
				}
			}
			row = append(row, text)
		}
		defaults.add(row...)
	}
	shows.write(&t.out)
	fmt.Fprintf(&t.out, "\nDefaults (blank: the scenario ignores this flag)\n")
	defaults.write(&t.out)
}

// nodeRange returns how many nodes a scenario can have: "3 to 1000", or "1".
func nodeRange(s *scenario.Scenario) string {
	least, most := s.NodeRange()
	if least == most {
		return strconv.Itoa(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}
