package node

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

const (
	raftPort   = 7000
	clientPort = 8000
	timeout    = time.Second
	maxMessage = 1 << 24
)

// peer sends messages to another node, over a connection that it makes when it needs one.
type peer struct {
	address string
	queue   chan *raftpb.Message // what does not fit is lost
}

func newPeer(name string, r raft.Node, id uint64) *peer {
	p := &peer{address: fmt.Sprintf("%s:%d", name, raftPort), queue: make(chan *raftpb.Message, 256)}
	go p.run(r, id)
	return p
}

func (p *peer) send(m *raftpb.Message) bool {
	select {
	case p.queue <- m:
		return true
	default:
		return false
	}
}

func (p *peer) run(r raft.Node, id uint64) {
	var conn net.Conn
	for m := range p.queue {
		err := error(nil)
		if conn == nil {
			conn, err = net.DialTimeout("tcp", p.address, timeout)
		}
		if err == nil {
			err = write(conn, m)
		}
		if m.GetType() == raftpb.MsgSnap {
			status := raft.SnapshotFinish
			if err != nil {
				status = raft.SnapshotFailure
			}
			r.ReportSnapshot(id, status)
		}
		if err != nil {
			r.ReportUnreachable(id)
			if conn != nil {
				conn.Close()
			}
			conn = nil
		}
	}
}

func write(conn net.Conn, m *raftpb.Message) error {
	b, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	conn.SetWriteDeadline(time.Now().Add(timeout))
	_, err = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

// receive hands messages of a connection to a function.
func receive(conn net.Conn, step func(*raftpb.Message) error) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(size[:])
		if n > maxMessage {
			log.Print("a message is too long")
			return
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return
		}
		m := new(raftpb.Message)
		if err := proto.Unmarshal(b, m); err != nil {
			log.Print("bad message: ", err)
			return
		}
		if step(m) != nil {
			return
		}
	}
}
