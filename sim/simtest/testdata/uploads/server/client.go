package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Client uploads to a server, and downloads.
type Client struct {
	server string
	http   *http.Client
	// Acknowledged is called when the server has said that it has the first bytes of an upload.
	Acknowledged func(path string, offset int64)
}

// NewClient returns a client of a server.
func NewClient(server string) *Client {
	return &Client{server: "http://" + server + port, http: &http.Client{Timeout: timeout, Transport: &http.Transport{IdleConnTimeout: 10 * time.Second}}}
}

const (
	tries = 60
	pause = 200 * time.Millisecond // between two of them
)

// StatusError is an answer that does not report success.
type StatusError struct {
	Status int
	Text   string
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %s", e.Status, e.Text) }

// gone reports whether the server says that it has no such upload.
func gone(err error) bool {
	var s *StatusError
	return errors.As(err, &s) && (s.Status == http.StatusNotFound || s.Status == http.StatusGone)
}

// Upload uploads data in chunks and returns its path. It asks what the server has after each failure,
// and goes on there.
func (c *Client) Upload(data []byte, chunk int) (path string, err error) {
	offset := int64(0)
	for range tries {
		if path == "" {
			path, err = c.create(len(data))
		} else if offset, err = c.offset(path); err == nil {
			c.Acknowledged(path, offset)
		}
		for err == nil && offset < int64(len(data)) {
			if offset, err = c.patch(path, data[offset:min(int(offset)+chunk, len(data))], offset); err == nil {
				c.Acknowledged(path, offset)
			}
		}
		if err == nil || gone(err) {
			return path, err
		}
		time.Sleep(pause)
	}
	return path, err
}

// Download returns what the server has.
func (c *Client) Download(path string) (data []byte, err error) {
	for range tries {
		if _, data, err = c.do(http.MethodGet, path, nil, nil); err == nil || gone(err) {
			return data, err
		}
		time.Sleep(pause)
	}
	return nil, err
}

func (c *Client) create(size int) (string, error) {
	h, _, err := c.do(http.MethodPost, path, http.Header{"Upload-Length": {strconv.Itoa(size)}}, nil)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(h.Get("Location"))
	if err != nil {
		return "", err
	}
	c.Acknowledged(u.Path, 0)
	return u.Path, nil
}

func (c *Client) offset(path string) (int64, error) {
	h, _, err := c.do(http.MethodHead, path, nil, nil)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(h.Get("Upload-Offset"), 10, 64)
}

func (c *Client) patch(path string, data []byte, offset int64) (int64, error) {
	h, _, err := c.do(http.MethodPatch, path, http.Header{
		"Upload-Offset": {strconv.FormatInt(offset, 10)}, "Content-Type": {"application/offset+octet-stream"},
	}, data)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(h.Get("Upload-Offset"), 10, 64)
}

func (c *Client) do(method, path string, h http.Header, body []byte) (http.Header, []byte, error) {
	req, err := http.NewRequest(method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	for k, v := range h {
		req.Header[k] = v
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = &StatusError{resp.StatusCode, string(data)}
	}
	return resp.Header, data, err
}
