package peer_test

import (
	"fmt"
	"time"

	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/ledger"
	"dessim/protocol/peer"
	"dessim/sim"
	"dessim/sim/source"
)

// Three nodes with a coin of 100 each join into one network; then a client, node
// 3, has node 0 pay 30 to node 1 before node 2.
func Example() {
	members := []protocol.NodeID{0, 1, 2}
	var keys []ledger.Key
	var coins []ledger.TxOut
	for i := range members {
		key := ledger.NewKey([32]byte{byte(i + 1)}) // a test's key: everybody knows it
		keys = append(keys, key)
		coins = append(coins, ledger.TxOut{Owner: key.Owner(), Amount: 100})
	}
	genesis := ledger.NewGenesis("example", coins)
	const delay = 10 * time.Millisecond
	pay := peer.Request{Transfer: 1, Receiver: keys[1].Owner(), Witness: keys[2].Owner(), Amount: 30}
	s, err := sim.New(sim.Plan{
		Nodes: len(members) + 1,
		Node: func(id protocol.NodeID) protocol.Node {
			if id == 3 {
				return peer.NewClient(delay, false)
			}
			return peer.New(peer.Config{
				Members: members, First: 0, Book: protocol.SimBook{}, Key: keys[id], Genesis: genesis,
				Order: abcast.ISIS, Secret: uint64(id) + 1, Delay: delay, Tries: 8, Settle: 2 * time.Second,
			})
		},
		Link:   sim.Link{Delay: delay / 10, Jitter: delay - delay/10},
		Inputs: []sim.Input{{At: protocol.Time(3 * time.Second), Node: 3, Body: peer.TransferInput(0, pay)}},
		Until:  protocol.Time(time.Minute),
	}, source.Seed(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	s.Run()
	for _, id := range members {
		l := s.Node(id).(*peer.Node).Ledger()
		fmt.Println("node", id, "knows balances", l.Balance(keys[0].Owner()), l.Balance(keys[1].Owner()), l.Balance(keys[2].Owner()))
	}
	// Output:
	// node 0 knows balances 70 130 100
	// node 1 knows balances 70 130 100
	// node 2 knows balances 70 130 100
}
