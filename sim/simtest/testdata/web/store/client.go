package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client asks servers in turn.
type Client struct {
	servers []string
	next    int
	http    *http.Client
}

// NewClient returns a client of these servers, of which it asks the given one first.
func NewClient(servers []string, first int) *Client {
	return &Client{servers: servers, next: first, http: newClient()}
}

const (
	tries = 4
	pause = 200 * time.Millisecond // between two of them
)

// ErrUnknown says that nobody answered, so a write was carried out, or will be, or not.
var ErrUnknown = errors.New("no server answered")

// Put writes a value. A request that was repeated under its id is carried out once.
func (c *Client) Put(id, key, value string) (Entry, error) {
	return c.do(http.MethodPost, "/put", url.Values{"id": {id}, "key": {key}, "value": {value}})
}

// Get reads a value.
func (c *Client) Get(key string) (Entry, error) {
	return c.do(http.MethodGet, "/get", url.Values{"key": {key}})
}

func (c *Client) do(method, path string, q url.Values) (Entry, error) {
	for range tries {
		e, err := c.ask(method, "http://"+c.servers[c.next]+port+path+"?"+q.Encode())
		if err == nil {
			return e, nil
		}
		c.next = (c.next + 1) % len(c.servers)
		time.Sleep(pause)
	}
	return Entry{}, ErrUnknown
}

func (c *Client) ask(method, address string) (e Entry, err error) {
	req, err := http.NewRequest(method, address, nil)
	if err != nil {
		return e, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return e, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return e, err
	}
	if resp.StatusCode != http.StatusOK {
		return e, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	return e, json.Unmarshal(body, &e)
}
