// Package store is a key-value store over HTTP: ordinary Go code on the standard library alone,
// that knows nothing of a simulator. One server, the leader, has the data; the others forward
// requests to it.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

const port = ":8080"

// timeout is how long a server waits for the leader, and a client for a server.
const timeout = 2 * time.Second

// Disk is where the leader keeps what was written. What was persisted may be lost until Sync returns.
type Disk interface {
	Records() [][]byte // that survived
	Persist(rec []byte)
	Sync()
}

// Config configures a server.
type Config struct {
	Name   string // its host name
	Leader string // the leader's
	Disk   Disk
	// AnswerEarly has the leader answer a write before it is safe, and sync the disk once in a
	// while for many writes: a mistake.
	AnswerEarly bool
}

// syncEvery is for AnswerEarly.
const syncEvery = 50 * time.Millisecond

// Entry is a write, and the answer to reads and writes.
type Entry struct {
	Version uint64 `json:",omitempty"` // writes are numbered from 1 on; 0 is none
	Key     string `json:",omitempty"`
	Value   string `json:",omitempty"`
	ID      string `json:",omitempty"` // of the request; one that is repeated is carried out once
}

// Serve runs a server until it fails.
func Serve(ctx context.Context, c Config) error {
	mux := http.NewServeMux()
	if c.Name == c.Leader {
		s := open(c)
		mux.HandleFunc("POST /put", s.put)
		mux.HandleFunc("GET /get", s.get)
	} else {
		mux.Handle("/", forward(c.Leader))
	}
	server := &http.Server{Addr: port, Handler: mux, ReadHeaderTimeout: timeout, ErrorLog: log.New(os.Stderr, "http: ", 0)}
	return server.ListenAndServe()
}

// leader has the data.
type leader struct {
	Config
	mu      sync.Mutex
	version uint64
	latest  map[string]Entry // by key
	done    map[string]Entry // by request
}

// open returns the store with what is on the disk.
func open(c Config) *leader {
	s := &leader{Config: c, latest: map[string]Entry{}, done: map[string]Entry{}}
	for _, rec := range c.Disk.Records() {
		var e Entry
		if json.Unmarshal(rec, &e) != nil {
			continue // a crash tore it, so it was never acknowledged: no part of an object is an object
		}
		s.apply(e)
	}
	if c.AnswerEarly {
		go func() {
			for range time.Tick(syncEvery) {
				c.Disk.Sync()
			}
		}()
	}
	return s
}

func (s *leader) apply(e Entry) {
	s.version = e.Version
	s.latest[e.Key], s.done[e.ID] = e, e
}

func (s *leader) put(w http.ResponseWriter, r *http.Request) {
	e := Entry{Key: r.FormValue("key"), Value: r.FormValue("value"), ID: r.FormValue("id")}
	if e.Key == "" || e.ID == "" {
		http.Error(w, "a write needs a key and an id", http.StatusBadRequest)
		return
	}
	e, err := s.write(e)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, e)
}

// write carries out a write, unless it has been.
func (s *leader) write(e Entry) (Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, ok := s.done[e.ID]; ok {
		return was, nil
	}
	e.Version = s.version + 1
	rec, err := json.Marshal(e)
	if err != nil {
		return Entry{}, err
	}
	s.Disk.Persist(rec)
	if !s.AnswerEarly {
		s.Disk.Sync()
	}
	s.apply(e)
	return e, nil
}

func (s *leader) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	e := s.latest[r.FormValue("key")]
	s.mu.Unlock()
	answer(w, e)
}

func answer(w http.ResponseWriter, e Entry) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(e); err != nil {
		log.Print("a client is gone: ", err)
	}
}

// forward hands requests to the leader, over connections that it keeps.
func forward(leader string) http.HandlerFunc {
	client := newClient()
	return func(w http.ResponseWriter, r *http.Request) {
		to := url.URL{Scheme: "http", Host: leader + port, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
		req, err := http.NewRequestWithContext(r.Context(), r.Method, to.String(), r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		resp, err := client.Do(req)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		if _, err := io.Copy(w, resp.Body); err != nil && !errors.Is(err, context.Canceled) {
			log.Print("an answer is lost: ", err)
		}
	}
}

// newClient returns a client with connections of its own.
func newClient() *http.Client {
	return &http.Client{Timeout: timeout, Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: 10 * time.Second}}
}
