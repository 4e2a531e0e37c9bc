package kv

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	timeout = time.Second // of a try
	tries   = 5
	pause   = 200 * time.Millisecond // before another
)

// ErrUnknown says that the server did not answer, so a write was carried out, or will be, or not.
var ErrUnknown = errors.New("the server did not answer")

// Client asks a server, over one connection that is made again whenever it is lost.
type Client struct{ conn *grpc.ClientConn }

// Dial returns a client of the server on a host. It does not wait for it.
func Dial(host string) (*Client, error) {
	retry := backoff.DefaultConfig
	retry.BaseDelay, retry.MaxDelay = 100*time.Millisecond, 2*time.Second
	conn, err := grpc.NewClient(host+port,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(codec{}), grpc.WaitForReady(true)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: retry, MinConnectTimeout: time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 2 * time.Second, PermitWithoutStream: true}),
	)
	return &Client{conn}, err
}

// Put writes. A request that was repeated under its ID is carried out once.
func (c *Client) Put(ctx context.Context, id, key, value string) (Entry, error) {
	return c.call(ctx, "/kv/Put", &Entry{ID: id, Key: key, Value: value})
}

// Get returns the latest write of a key.
func (c *Client) Get(ctx context.Context, key string) (Entry, error) {
	return c.call(ctx, "/kv/Get", &Query{Key: key})
}

func (c *Client) call(ctx context.Context, method string, in any) (e Entry, err error) {
	for range tries {
		if e, err = c.try(ctx, method, in); err == nil {
			return e, nil
		}
		time.Sleep(pause)
	}
	return e, errors.Join(ErrUnknown, err)
}

func (c *Client) try(ctx context.Context, method string, in any) (e Entry, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = c.conn.Invoke(ctx, method, in, &e)
	return e, err
}

// Watch calls f with all writes, in their order, until ctx is done.
func (c *Client) Watch(ctx context.Context, f func(Entry)) error {
	for next := uint64(1); ctx.Err() == nil; time.Sleep(pause) {
		stream, err := c.conn.NewStream(ctx, &desc.Streams[0], "/kv/Watch")
		if err == nil {
			err = stream.SendMsg(&Query{From: next})
		}
		if err == nil {
			err = stream.CloseSend()
		}
		for err == nil {
			var e Entry
			if err = stream.RecvMsg(&e); err == nil {
				next = e.Version + 1
				f(e)
			}
		}
	}
	return ctx.Err()
}
