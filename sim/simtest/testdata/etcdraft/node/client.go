package node

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// Client asks nodes in turn, and stays with one that answers.
type Client struct {
	Nodes []string
	next  int
}

// ErrUnknown says that a request may have been carried out, or not.
var ErrUnknown = errors.New("nobody knows whether it was done")

// Do carries out one request.
func (c *Client) Do(req Command) (string, error) {
	for range 2 * len(c.Nodes) {
		r, sent, err := ask(c.Nodes[c.next%len(c.Nodes)], req)
		switch {
		case err == nil && r.Error == "":
			return r.Value, nil
		case sent:
			c.next++
			return "", ErrUnknown
		}
		c.next++
		time.Sleep(100 * time.Millisecond)
	}
	return "", errors.New("no node can be reached")
}

// ask sends one request. sent is false if the node cannot have got it.
func ask(name string, req Command) (r Reply, sent bool, err error) {
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("%s:%d", name, clientPort), time.Second)
	if err != nil {
		return r, false, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	if err := json.NewEncoder(conn).Encode(req); err != nil {
		return r, true, err
	}
	err = json.NewDecoder(bufio.NewReader(conn)).Decode(&r)
	return r, true, err
}
