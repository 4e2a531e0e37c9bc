package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// Client asks servers, the last leader that it knows first.
type Client struct {
	Servers []string
	leader  string
	next    int
}

// ErrUnknown says that a request may have been carried out, or not.
var ErrUnknown = errors.New("nobody knows whether it was done")

// Do carries out one request, if it finds the leader in a few tries.
func (c *Client) Do(req Command) (string, error) {
	for range 3 * len(c.Servers) {
		name := c.leader
		if name == "" {
			name = c.Servers[c.next%len(c.Servers)]
			c.next++
		}
		r, sent, err := ask(name, req)
		switch {
		case err != nil && sent, err == nil && r.Error != "" && r.Error != "no leader here":
			c.leader = ""
			return "", ErrUnknown
		case err != nil:
			c.leader = ""
		case r.Error == "":
			c.leader = name
			return r.Value, nil
		default:
			c.leader = r.Leader
			if r.Leader == name {
				c.leader = ""
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return "", errors.New("no leader found")
}

// ask sends one request. sent is false if the server cannot have got it.
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
