package host

import "time"

// Constants of the simulated UDP and TCP. Where Linux has such a number, it is Linux's.

// Ports that a program gets if it asks for any, as on Linux. A node's next life goes on where
// the last one would be after some hundred connections, so that peers rarely see a port again.
const (
	firstPort    = 32768
	ports        = 61000 - firstPort
	portsPerLife = 997
)

const (
	maxDatagram  = 65507  // bytes of a datagram: 64 KiB less the headers of IP and UDP
	maxQueued    = 212992 // of all unread datagrams of a socket (rmem_default); what comes then is dropped
	datagramCost = 256    // what each counts beside its length
)

const (
	maxSegment = 16 << 10 // bytes of a segment: several packets, as a machine hands them to its network card
	maxWindow  = 64 << 10 // bytes that a connection holds unread; as much waits to be acknowledged
	maxOffset  = 1 << 62  // of a stream
	backlog    = 4096     // connections of a listener that are not accepted (somaxconn); other SYNs are dropped
)

const (
	firstRTO = time.Second            // until a round trip has been measured (RFC 6298)
	minRTO   = 200 * time.Millisecond // beside the round trip (TCP_RTO_MIN)
	maxRTO   = 120 * time.Second      // it doubles up to this (TCP_RTO_MAX)
	dupAcks  = 3                      // so many equal acknowledgements cause a retransmission at once (RFC 5681)

	synTries    = 6  // tcp_syn_retries: a dial ends in ETIMEDOUT after 127 s
	synAckTries = 5  // tcp_synack_retries
	dataTries   = 15 // tcp_retries2: a write ends in ETIMEDOUT after at least 924.6 s
	orphanTries = 8  // tcp_orphan_retries: once the program has closed the connection

	lingering = 60 * time.Second // how long a connection is known that has ended (tcp_fin_timeout, TIME-WAIT)
)

// defaultKeepAlive are the times of Linux: tcp_keepalive_time, _intvl and _probes.
var defaultKeepAlive = keepAlive{idle: 2 * time.Hour, interval: 75 * time.Second, count: 9}
