//go:build linux && (amd64 || arm64)

package host

import (
	"encoding/binary"
	"math"
	"net"
	"slices"
	"syscall"
	"time"
)

// Socket options. A socket has the options of Linux that change nothing that the node simulates, and those
// that have their effect here. Any other fails, so the program does without it.

// Options that package syscall does not have on all machines.
const (
	soReusePort    = 15
	soPeekOff      = 42
	soBusyPoll     = 46
	soMaxPacing    = 47
	soSndBufForce  = 32
	soRcvBufForce  = 33
	soProtocol     = 38
	soDomain       = 39
	soRxqOvfl      = 40
	ipBindNoPort   = 24
	tcpUserTimeout = 18
)

// optionRule says what value an option has at first, and which ones it can be set to.
type optionRule struct {
	words       []int32 // of 32 bits
	least, most int32
	how         optionHow
}

type optionHow uint8

const (
	number32 optionHow = iota
	flag               // 0 or 1
	fixed              // cannot be set
	buffer             // the size of one, which is twice what is asked for, as on Linux
	hops               // -1 stands for what it is at first
)

// Sizes of buffers, as on Linux: rmem_default and rmem_max, those of TCP, and the least that can be set.
const (
	tcpReceives = 131072
	tcpSends    = 16384
	leastBuffer = 2304
)

var anything = optionRule{words: []int32{0}, least: math.MinInt32, most: math.MaxInt32}

func flagOf(set int32) optionRule { return optionRule{words: []int32{set}, how: flag} }

func between(is, least, most int32) optionRule {
	return optionRule{words: []int32{is}, least: least, most: most}
}

// optionRules are those of all sockets. Where UDP and TCP differ, they are a UDP socket's.
var optionRules = map[option]optionRule{
	{syscall.SOL_SOCKET, syscall.SO_RCVBUF}:          {words: []int32{maxQueued}, how: buffer},
	{syscall.SOL_SOCKET, syscall.SO_SNDBUF}:          {words: []int32{maxQueued}, how: buffer},
	{syscall.SOL_SOCKET, syscall.SO_TYPE}:            {words: []int32{syscall.SOCK_DGRAM}, how: fixed},
	{syscall.SOL_SOCKET, soProtocol}:                 {words: []int32{syscall.IPPROTO_UDP}, how: fixed},
	{syscall.SOL_SOCKET, soDomain}:                   {words: []int32{syscall.AF_INET}, how: fixed},
	{syscall.SOL_SOCKET, syscall.SO_ERROR}:           {words: []int32{0}, how: fixed},
	{syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN}:      {words: []int32{0}, how: fixed},
	{syscall.SOL_SOCKET, syscall.SO_REUSEADDR}:       flagOf(0),
	{syscall.SOL_SOCKET, soReusePort}:                flagOf(0),
	{syscall.SOL_SOCKET, syscall.SO_BROADCAST}:       flagOf(1), // package net sets it
	{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE}:       flagOf(0),
	{syscall.SOL_SOCKET, syscall.SO_DONTROUTE}:       flagOf(0),
	{syscall.SOL_SOCKET, syscall.SO_OOBINLINE}:       flagOf(0),
	{syscall.SOL_SOCKET, syscall.SO_TIMESTAMP}:       flagOf(0),
	{syscall.SOL_SOCKET, soRxqOvfl}:                  flagOf(0),
	{syscall.SOL_SOCKET, syscall.SO_MARK}:            anything,
	{syscall.SOL_SOCKET, syscall.SO_PRIORITY}:        anything,
	{syscall.SOL_SOCKET, soBusyPoll}:                 between(0, 0, math.MaxInt32),
	{syscall.SOL_SOCKET, soMaxPacing}:                between(-1, math.MinInt32, math.MaxInt32),
	{syscall.SOL_SOCKET, syscall.SO_RCVLOWAT}:        between(1, 1, math.MaxInt32),
	{syscall.SOL_SOCKET, syscall.SO_LINGER}:          {words: []int32{0, 0}, least: math.MinInt32, most: math.MaxInt32},
	{syscall.SOL_SOCKET, syscall.SO_RCVTIMEO}:        {words: []int32{0, 0, 0, 0}, least: math.MinInt32, most: math.MaxInt32},
	{syscall.SOL_SOCKET, syscall.SO_SNDTIMEO}:        {words: []int32{0, 0, 0, 0}, least: math.MinInt32, most: math.MaxInt32},
	{syscall.IPPROTO_IP, syscall.IP_TOS}:             between(0, 0, 255),
	{syscall.IPPROTO_IP, syscall.IP_TTL}:             {words: []int32{64}, least: 1, most: 255, how: hops},
	{syscall.IPPROTO_IP, syscall.IP_MTU_DISCOVER}:    between(syscall.IP_PMTUDISC_WANT, 0, 5),
	{syscall.IPPROTO_IP, syscall.IP_MULTICAST_TTL}:   {words: []int32{1}, least: 0, most: 255, how: hops},
	{syscall.IPPROTO_IP, syscall.IP_MULTICAST_LOOP}:  flagOf(1),
	{syscall.IPPROTO_IP, syscall.IP_RECVTOS}:         flagOf(0),
	{syscall.IPPROTO_IP, syscall.IP_RECVTTL}:         flagOf(0),
	{syscall.IPPROTO_IP, syscall.IP_PKTINFO}:         flagOf(0),
	{syscall.IPPROTO_IP, syscall.IP_RECVORIGDSTADDR}: flagOf(0),
	{syscall.IPPROTO_IP, syscall.IP_RECVERR}:         flagOf(0),
	{syscall.IPPROTO_IP, syscall.IP_FREEBIND}:        flagOf(0),
	{syscall.IPPROTO_IP, ipBindNoPort}:               flagOf(0),
}

// streamRules are those of TCP.
var streamRules = map[option]optionRule{
	{syscall.SOL_SOCKET, syscall.SO_RCVBUF}:         {words: []int32{tcpReceives}, how: buffer},
	{syscall.SOL_SOCKET, syscall.SO_SNDBUF}:         {words: []int32{tcpSends}, how: buffer},
	{syscall.SOL_SOCKET, syscall.SO_TYPE}:           {words: []int32{syscall.SOCK_STREAM}, how: fixed},
	{syscall.SOL_SOCKET, soProtocol}:                {words: []int32{syscall.IPPROTO_TCP}, how: fixed},
	{syscall.SOL_SOCKET, syscall.SO_BROADCAST}:      flagOf(0),
	{syscall.IPPROTO_TCP, syscall.TCP_NODELAY}:      flagOf(1), // package net sets it
	{syscall.IPPROTO_TCP, syscall.TCP_QUICKACK}:     flagOf(1),
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE}:     between(7200, 1, 32767),
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL}:    between(75, 1, 32767),
	{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT}:      between(9, 1, 127),
	{syscall.IPPROTO_TCP, syscall.TCP_SYNCNT}:       between(synTries, 1, 127),
	{syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT}: anything,
	{syscall.IPPROTO_TCP, syscall.TCP_LINGER2}:      between(60, math.MinInt32, math.MaxInt32),
	{syscall.IPPROTO_TCP, tcpUserTimeout}:           between(0, 0, math.MaxInt32),
}

// rule returns the rule of a socket's option, and false if there is no such option.
func (k *socket) rule(o option) (optionRule, bool) {
	if _, datagrams := k.self.(*udpSocket); !datagrams {
		if r, ok := streamRules[o]; ok {
			return r, true
		}
	}
	r, ok := optionRules[o]
	return r, ok
}

// value returns an option.
func (k *socket) value(o option) ([]int32, bool) {
	r, ok := k.rule(o)
	if !ok {
		return nil, false
	}
	if words, ok := k.self.(raw).live(o); ok {
		return words, true
	}
	if words, ok := k.options[o]; ok {
		return words, true
	}
	return r.words, true
}

// set sets an option.
func (k *socket) set(o option, words []int32) syscall.Errno {
	forced := true
	switch o {
	case option{syscall.SOL_SOCKET, soRcvBufForce}:
		o.name = syscall.SO_RCVBUF
	case option{syscall.SOL_SOCKET, soSndBufForce}:
		o.name = syscall.SO_SNDBUF
	default:
		forced = false
	}
	r, ok := k.rule(o)
	switch {
	case !ok || r.how == fixed:
		return syscall.ENOPROTOOPT
	case len(words) < len(r.words):
		return syscall.EINVAL
	}
	words = append([]int32(nil), words[:len(r.words)]...)
	if r.how == hops && words[0] == -1 {
		words[0] = r.words[0]
	}
	switch v := &words[0]; r.how {
	case flag:
		if *v != 0 {
			*v = 1
		}
	case buffer:
		most := int32(math.MaxInt32 / 2)
		if !forced {
			most = maxQueued
		}
		if *v < 0 {
			*v = most
		}
		*v = max(2*min(*v, most), leastBuffer)
	default:
		if *v < r.least || *v > r.most {
			return syscall.EINVAL
		}
	}
	if is, _ := k.value(o); slices.Equal(is, words) {
		return 0
	}
	if k.options == nil {
		k.options = make(map[option][]int32)
	}
	k.options[o] = words
	k.self.(raw).apply(o, words)
	return 0
}

// SetOption sets an option of one number, for package net.
func (k *socket) SetOption(level, name, value int) error {
	defer k.w.unlock(k.w.lock())
	if k.closed {
		return net.ErrClosed
	}
	if err := k.set(option{level, name}, []int32{int32(value)}); err != 0 {
		return err
	}
	return nil
}

func (f *files) callSetsockopt(c *callArgs) (uintptr, syscall.Errno) {
	k, err := f.socket(c.int(0))
	switch {
	case err != 0:
		return 0, err
	case c.int(4) < 0:
		return 0, syscall.EINVAL
	case c.b[3] == nil:
		return 0, syscall.EFAULT
	}
	var words []int32
	p := c.b[3]
	if len(p) > 0 && len(p) < 4 && c.int(1) == syscall.IPPROTO_IP {
		words = []int32{int32(p[0])} // which may be a byte
	}
	for ; len(p) >= 4; p = p[4:] {
		words = append(words, int32(binary.NativeEndian.Uint32(p)))
	}
	w := k.common().w
	defer w.unlock(w.lock())
	return 0, k.common().set(option{c.int(1), c.int(2)}, words)
}

func (f *files) callGetsockopt(c *callArgs) (uintptr, syscall.Errno) {
	k, err := f.socket(c.int(0))
	switch {
	case err != 0:
		return 0, err
	case c.b[3] == nil || c.b[4] == nil:
		return 0, syscall.EFAULT
	}
	w := k.common().w
	defer w.unlock(w.lock())
	words, ok := k.common().value(option{c.int(1), c.int(2)})
	if !ok {
		own, _ := k.common().rule(option{syscall.SOL_SOCKET, soProtocol})
		if level := c.int(1); level != syscall.SOL_SOCKET && level != syscall.IPPROTO_IP && level != int(own.words[0]) {
			return 0, syscall.EOPNOTSUPP
		}
		return 0, syscall.ENOPROTOOPT
	}
	var value []byte
	for _, v := range words {
		value = binary.NativeEndian.AppendUint32(value, uint32(v))
	}
	n := copy(c.b[3], value)
	if c.int(1) == syscall.IPPROTO_IP && len(c.b[3]) > 0 && len(c.b[3]) < 4 && words[0] >= 0 && words[0] <= 255 {
		n = 1
		c.b[3][0] = byte(words[0])
	}
	binary.NativeEndian.PutUint32(c.b[4], uint32(n))
	return 0, 0
}

// Options that do something.

func (k *udpSocket) live(option) ([]int32, bool) { return nil, false }

func (k *udpSocket) apply(o option, value []int32) {
	if o == (option{syscall.SOL_SOCKET, syscall.SO_RCVBUF}) {
		k.room = int(value[0])
	}
}

func (l *listener) live(o option) ([]int32, bool) {
	switch o {
	case option{syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN}:
		return []int32{1}, true
	case option{syscall.SOL_SOCKET, syscall.SO_REUSEADDR}: // package net sets it
		if _, set := l.options[o]; !set {
			return []int32{1}, true
		}
	}
	return nil, false
}

func (l *listener) apply(option, []int32) {}

func (s *stream) live(o option) ([]int32, bool) {
	keep := &s.conn.keep
	seconds := func(d time.Duration) ([]int32, bool) { return []int32{int32(d / time.Second)}, true }
	switch o {
	case option{syscall.SOL_SOCKET, syscall.SO_ERROR}:
		return []int32{int32(errno(s.conn.takeErr()))}, true
	case option{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE}:
		if keep.on {
			return []int32{1}, true
		}
		return []int32{0}, true
	case option{syscall.SOL_SOCKET, syscall.SO_LINGER}:
		if s.drop {
			return []int32{1, 0}, true
		}
	case option{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE}:
		return seconds(keep.idle)
	case option{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL}:
		return seconds(keep.interval)
	case option{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT}:
		return []int32{int32(keep.count)}, true
	}
	return nil, false
}

func (s *stream) apply(o option, value []int32) {
	keep, seconds := &s.conn.keep, time.Duration(value[0])*time.Second
	switch o {
	case option{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE}:
		keep.on = value[0] != 0
	case option{syscall.SOL_SOCKET, syscall.SO_LINGER}:
		s.drop = value[0] != 0 && value[1] == 0
	case option{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE}:
		keep.idle = seconds
	case option{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL}:
		keep.interval = seconds
	case option{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT}:
		keep.count = int(value[0])
	default:
		return
	}
	s.settle()
}
