//go:build dessim_overlay

package host_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"dessim/protocol"
	"dessim/sim/host"
)

// httpServer counts on package variables, as many programs do.
func httpServer(ctx context.Context, h *host.Host) error {
	n := 0
	http.HandleFunc("/n", func(w http.ResponseWriter, r *http.Request) {
		n++
		fmt.Fprintf(w, "%d.%d from %v", h.Incarnation(), n, r.RemoteAddr)
	})
	return http.ListenAndServe(":80", nil)
}

// get fetches a page, and says whether the connection was a new one.
func get(ctx context.Context, h *host.Host, c *http.Client, url string) {
	var how string
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		how = "fresh" // it is called again where the first one fails
		if i.Reused {
			how = "kept"
		}
	}})
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		say(h, "%v", err)
		return
	}
	r, err := c.Do(req)
	if err != nil {
		say(h, "%v", err)
		return
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	say(h, "%v %s %s %v", r.Proto, how, body, err)
}

func TestHTTPKeepsConnectionsUntilTheServerRestarts(t *testing.T) {
	client := func(ctx context.Context, h *host.Host) error {
		http.HandleFunc("/n", http.NotFound) // another than the server's
		for range 2 {
			get(ctx, h, http.DefaultClient, "http://n0/n")
			get(ctx, h, http.DefaultClient, "http://n0/n")
			time.Sleep(2 * time.Second)
		}
		return wait(ctx)
	}
	for seed := range uint64(10) {
		said, _ := play(t, seed, "crash 0 at 1s for 500ms", plain, httpServer, client, client)
		for node, address := range map[protocol.NodeID]string{1: "10.0.0.1", 2: "10.0.0.2"} {
			var got []string
			for _, text := range said[node] {
				before, after, _ := strings.Cut(text, " from ")
				proto, how, _ := strings.Cut(before, " ")
				how, _, _ = strings.Cut(how, " ")
				if !strings.HasPrefix(after, address+":") {
					t.Errorf("seed %d: node %d said %q", seed, node, text)
				}
				got = append(got, proto+" "+how)
			}
			// After the restart the kept connection is reset, and the request is made again.
			if want := "HTTP/1.1 fresh,HTTP/1.1 kept,HTTP/1.1 fresh,HTTP/1.1 kept"; strings.Join(got, ",") != want {
				t.Errorf("seed %d: node %d said %q, want %s", seed, node, said[node], want)
			}
		}
	}
}

// certificate makes a certificate that is its own authority.
func TestGoroutinesThatTheLibraryBeginsAreNamedByItsLines(t *testing.T) {
	s := run(t, 1, 2, func(ctx context.Context, h *host.Host) error {
		if h.ID() == 1 {
			return httpServer(ctx, h)
		}
		time.Sleep(time.Second)
		get(ctx, h, http.DefaultClient, "http://n1/n")
		time.Sleep(time.Hour)
		return nil
	})
	got := string(s.Node(0).(protocol.Describer).Describe(nil))
	if !strings.Contains(got, "  http/transport.go:") || strings.Contains(got, "  runtime/") {
		t.Errorf("the goroutines of a connection that is kept are described as\n%s", got)
	}
}

func certificate(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func tlsServer(ctx context.Context, h *host.Host) error {
	cert, err := certificate("n0")
	if err != nil {
		return err
	}
	go func() { // clients learn the certificate here
		l, err := net.Listen("tcp", ":81")
		if err != nil {
			return
		}
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Write(cert.Certificate[0])
			c.Close()
		}
	}()
	n := 0
	s := &http.Server{Addr: ":443", TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		io.Copy(w, io.LimitReader(r.Body, 10))
		fmt.Fprint(w, n)
	})}
	return s.ListenAndServeTLS("", "")
}

func tlsClient(http2 bool) host.Program {
	return func(ctx context.Context, h *host.Host) error {
		c, err := net.Dial("tcp", "n0:81")
		if err != nil {
			return err
		}
		der, err := io.ReadAll(c)
		if err != nil {
			return err
		}
		c.Close()
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		roots := x509.NewCertPool()
		roots.AddCert(cert)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: http2}, Timeout: time.Minute}
		for range 3 {
			get(ctx, h, client, "https://n0/")
		}
		return wait(ctx)
	}
}

func TestTLSAndHTTP2RunOverBadLinks(t *testing.T) {
	for seed := range uint64(10) {
		said, _ := play(t, seed, "crash 1 at 200ms for 1s", rough, tlsServer, tlsClient(false), tlsClient(true))
		for node, proto := range map[protocol.NodeID]string{1: "HTTP/1.1", 2: "HTTP/2.0"} {
			text := said[node]
			if n := len(text); n < 3 || !strings.HasPrefix(text[n-3], proto+" fresh ") || !strings.HasPrefix(text[n-1], proto+" kept ") {
				t.Errorf("seed %d: node %d said %q, want three answers in %s", seed, node, text, proto)
			}
		}
	}
}
