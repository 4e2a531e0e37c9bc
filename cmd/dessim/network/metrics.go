package network

import (
	"errors"
	"net"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dessim/cmd/dessim/cmdline"
	"dessim/protocol"
	"dessim/protocol/live"
	"dessim/protocol/peer"
)

// metrics are what -metrics serves. nil serves nothing.
type metrics struct {
	n        *node
	server   *http.Server
	sent     *prometheus.CounterVec
	received *prometheus.CounterVec
	outputs  *prometheus.CounterVec
	syncs    prometheus.Histogram
	asked    []gauge
	dropped  *prometheus.Desc
}

// gauge is a number that is asked of the node when someone looks.
type gauge struct {
	desc *prometheus.Desc
	sort prometheus.ValueType
	of   func(l *life, p *peer.Node) float64
}

func (n *node) openMetrics() error {
	if _, given := n.text("metrics"); !given {
		return nil
	}
	at, err := n.address("metrics", "", "allow-remote-metrics")
	if err != nil {
		return err
	}
	listen, err := net.Listen("tcp", at)
	if err != nil {
		return cmdline.Refuse("metrics %s: %s; want an address of this machine that no other program uses", at, reason(err))
	}
	m := newMetrics(n)
	registry := prometheus.NewRegistry()
	registry.MustRegister(m, m.sent, m.received, m.outputs, m.syncs)
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	m.server = &http.Server{Handler: mux, ReadHeaderTimeout: patience, MaxHeaderBytes: mostRequest}
	go m.server.Serve(listen)
	n.metrics = m
	return nil
}

func newMetrics(n *node) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "dessim", Name: name, Help: help}, labels)
	}
	m := &metrics{
		n:        n,
		sent:     counter("messages_sent_total", "Messages sent, by kind.", "kind"),
		dropped:  prometheus.NewDesc("dessim_dropped_total", "Messages and datagrams dropped in this incarnation, by reason.", []string{"reason"}, nil),
		received: counter("messages_received_total", "Messages and inputs taken up, by the part of the node that they are for.", "component"),
		outputs:  counter("outputs_total", "What the node made final, by kind.", "kind"),
		syncs: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "dessim", Name: "sync_seconds", Help: "How long syncs of the disk take.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2, 16),
		}),
	}
	add := func(sort prometheus.ValueType, name, help string, of func(l *life, p *peer.Node) float64) {
		m.asked = append(m.asked, gauge{prometheus.NewDesc("dessim_"+name, help, nil, nil), sort, of})
	}
	const now, total = prometheus.GaugeValue, prometheus.CounterValue
	add(now, "incarnation", "Number of the incarnation.", func(l *life, _ *peer.Node) float64 { return float64(l.node.Incarnation()) })
	add(now, "inbox_messages", "Messages and inputs that wait for the node.", func(l *life, _ *peer.Node) float64 { return float64(l.node.Stats().Waiting) })
	add(total, "steps_total", "Steps of this incarnation.", func(l *life, _ *peer.Node) float64 { return float64(l.node.Stats().Steps) })
	add(total, "udp_received_bytes_total", "Bytes of datagrams received, in this incarnation.", func(*life, *peer.Node) float64 { return float64(n.socket.stats().ReceivedBytes) })
	add(total, "udp_sent_bytes_total", "Bytes of datagrams sent, in this incarnation.", func(*life, *peer.Node) float64 { return float64(n.socket.stats().SentBytes) })
	add(now, "view", "Number of the last view of the order.", func(_ *life, p *peer.Node) float64 { v, _ := p.View(); return float64(v) })
	add(now, "view_members", "Members of it.", func(_ *life, p *peer.Node) float64 { _, m := p.View(); return float64(len(m)) })
	add(now, "term", "Term of Raft, or 0.", func(_ *life, p *peer.Node) float64 { return float64(p.Term()) })
	add(now, "ledger_height", "Transactions that the ledger has accepted.", func(_ *life, p *peer.Node) float64 { return float64(p.Ledger().ListLen()) })
	add(now, "transactions_undecided", "Transactions in two-phase commit that have not ended here.", func(_ *life, p *peer.Node) float64 { return float64(p.Undecided()) })
	add(now, "contacts", "Contacts in the routing table.", func(_ *life, p *peer.Node) float64 { return float64(len(p.DHT().Contacts())) })
	return m
}

// Describe is for prometheus.
func (m *metrics) Describe(c chan<- *prometheus.Desc) {
	for _, g := range m.asked {
		c <- g.desc
	}
	c <- m.dropped
}

// Collect asks the node, between two steps.
func (m *metrics) Collect(c chan<- prometheus.Metric) {
	l := m.n.current()
	if l == nil {
		return
	}
	values := make([]float64, len(m.asked))
	var drops []drop
	if !l.look(func(p *peer.Node) {
		for i, g := range m.asked {
			values[i] = g.of(l, p)
		}
		drops = m.n.drops(p, l)
	}) {
		return
	}
	for _, d := range drops {
		c <- prometheus.MustNewConstMetric(m.dropped, prometheus.CounterValue, float64(d.count), d.reason)
	}
	for i, g := range m.asked {
		c <- prometheus.MustNewConstMetric(g.desc, g.sort, values[i])
	}
}

// watch counts.
func (m *metrics) watch(ofNode bool, e *live.Event) {
	if m == nil || !ofNode {
		return
	}
	switch e.What {
	case live.Sent:
		m.sent.WithLabelValues(e.Kind.String()).Inc()
	case live.Received:
		m.received.WithLabelValues(componentOf(e)).Inc()
	case live.Synced:
		m.syncs.Observe(e.Took.Seconds())
	case live.Output:
		m.outputs.WithLabelValues(e.Kind.String()).Inc()
	}
}

func (m *metrics) close() error {
	err := m.server.Close()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// componentOf names the part of the node that a message is for. Anyone can send anything, so
// there are few names.
func componentOf(e *live.Event) string {
	switch {
	case e.Peer == protocol.Outside:
		return "input"
	case len(e.Body) == 0:
		return "other"
	case e.Body[0] == 'd':
		return protocol.Kademlia.String()
	case protocol.Component(e.Body[0]) <= protocol.Peer:
		return protocol.Component(e.Body[0]).String()
	}
	return "other"
}
