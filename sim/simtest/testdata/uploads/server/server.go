// Package server is a service for resumable uploads, tusd with its store in files, and a client of it:
// ordinary Go code that knows nothing of a simulator.
package server

import (
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	"golang.org/x/exp/slog"
)

const (
	port    = ":8080"
	path    = "/files/"
	timeout = 5 * time.Second
)

// Serve serves uploads, which are files of a directory, until it fails.
func Serve(dir string) error {
	h, err := Handler(dir)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: port, Handler: h, ReadHeaderTimeout: timeout, ErrorLog: log.New(os.Stderr, "http: ", 0)}
	return server.ListenAndServe()
}

// Handler returns what serves uploads.
func Handler(dir string) (http.Handler, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	composer := handler.NewStoreComposer()
	filestore.New(dir).UseIn(composer)
	memorylocker.New().UseIn(composer)
	h, err := handler.NewHandler(handler.Config{
		BasePath: path, StoreComposer: composer, NetworkTimeout: timeout, AcquireLockTimeout: timeout,
		GracefulRequestCompletionTimeout: timeout, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return nil, err
	}
	return http.StripPrefix(path, h), nil
}
