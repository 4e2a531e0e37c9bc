// Package kvstore is a key-value store of one server: the example of a protocol
// outside dessim. It has a bug. The server acknowledges a write before it syncs its
// disk, and syncs some time later for many writes together. A crash between the two
// loses acknowledged writes.
package kvstore

import (
	"encoding/binary"
	"fmt"
	"time"

	"dessim/protocol"
)

// Messages are a type and two numbers: a key and a value.
const (
	put   = iota + 1 // client to server: write
	acked            // server to client: written
	get              // client to server: read
	value            // server to client: read, 0 if there is none
)

// Kinds of messages and outputs.
var (
	KindRequest = protocol.KindOf("request")
	KindReply   = protocol.KindOf("reply")
	KindWritten = protocol.KindOf("written") // output of the client: a write was acknowledged
	KindRead    = protocol.KindOf("read")    // output of the client: what a key reads as
)

// Message is the body of messages between nodes, and of the client's outputs.
type Message struct {
	Type       byte
	Key, Value uint64
}

// Put and Get are inputs of the client.
func Put(key, v uint64) []byte { return Message{put, key, v}.encode() }

// Get asks for a key.
func Get(key uint64) []byte { return Message{get, key, 0}.encode() }

func (m Message) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{m.Type}, m.Key)
	return binary.BigEndian.AppendUint64(b, m.Value)
}

// String returns the key, and the value written or read.
func (m Message) String() string { return fmt.Sprintf("key %d: %d", m.Key, m.Value) }

// Decode decodes a message.
func Decode(b []byte) (m Message, ok bool) {
	if len(b) != 17 {
		return m, false
	}
	return Message{b[0], binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])}, true
}

// Server keeps the data.
type Server struct {
	data    map[uint64]uint64
	syncing bool // the timer of the next sync is set
}

const syncAfter = 20 * time.Millisecond

// Start reads the disk.
func (s *Server) Start(env *protocol.Env) {
	s.data = make(map[uint64]uint64)
	for _, rec := range env.Records() {
		if m, ok := Decode(rec); ok {
			s.data[m.Key] = m.Value
		}
	}
}

// Receive serves a request.
func (s *Server) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	m, ok := Decode(msg)
	switch {
	case ok && m.Type == put:
		s.data[m.Key] = m.Value
		env.Persist(msg)
		if !s.syncing {
			s.syncing = true
			env.SetTimer(syncAfter, 0)
		}
		env.Send(from, KindReply, Message{acked, m.Key, m.Value}.encode()) // the bug: it is not safe yet
	case ok && m.Type == get:
		env.Send(from, KindReply, Message{value, m.Key, s.data[m.Key]}.encode())
	}
}

// Timeout syncs everything so far.
func (s *Server) Timeout(env *protocol.Env, _ uint64) {
	s.syncing = false
	env.Sync()
}

// Client passes its inputs on to the server, which is node 0.
type Client struct{}

// Start does nothing.
func (Client) Start(*protocol.Env) {}

// Receive passes inputs on, and puts out replies.
func (Client) Receive(env *protocol.Env, from protocol.NodeID, msg []byte) {
	switch m, ok := Decode(msg); {
	case from == protocol.Outside:
		env.Send(0, KindRequest, msg)
	case ok && m.Type == acked:
		env.Output(KindWritten, msg)
	case ok && m.Type == value:
		env.Output(KindRead, msg)
	}
}

// Timeout does nothing.
func (Client) Timeout(*protocol.Env, uint64) {}
