package host

import "dessim/protocol"

type network struct{ l *life }

func newNetwork(l *life) *network { return &network{l} }

func (w *network) receive(from protocol.NodeID, msg []byte) {}
