package judge

import (
	"strconv"
	"time"

	"dessim/protocol"
	"dessim/protocol/kademlia"
)

// The longest strings of a KRPC message, by package kademlia.
const (
	longestTxn    = 32
	longestToken  = 64
	longestMethod = 32
	longestLife   = 100 * 24 * time.Hour
)

// query makes forms of a KRPC message: see BEP 5, BEP 32 and BEP 44, and package
// kademlia for life and spare.
func (m *maker) query(msg []byte) {
	m.first = ""
	m.whole, _ = parse(msg)
	m.ends()
	m.vary("keys in no order", false, func(v *value) bool {
		n := len(v.parts)
		v.parts[n-4], v.parts[n-3], v.parts[n-2], v.parts[n-1] = v.parts[n-2], v.parts[n-1], v.parts[n-4], v.parts[n-3]
		return true
	})
	m.vary("an unknown key", true, with("zz", number("1")))
	m.vary("an unknown type", false, with("y", text("x")))
	m.vary("a type of two letters", false, with("y", text("qq")))
	m.vary("no type", false, without("y"))
	m.vary("no transaction", false, without("t"))
	m.vary("the longest transaction", true, with("t", text(long(longestTxn))))
	m.vary("too long a transaction", false, with("t", text(long(longestTxn+1))))
	switch m.whole.get("y").text {
	case "q":
		m.queries()
	case "r":
		m.fields("r")
		m.answers()
	default:
		m.vary("no text", false, func(v *value) bool { e := v.get("e"); e.parts = e.parts[:1]; return true })
		m.vary("three parts", false, func(v *value) bool { e := v.get("e"); e.parts = append(e.parts, number("1")); return true })
		m.vary("no error", false, without("e"))
	}
}

func with(key string, to value) func(v *value) bool {
	return func(v *value) bool { v.set(key, to); return true }
}

func without(key string) func(v *value) bool {
	return func(v *value) bool { v.drop(key); return true }
}

// in changes the value of a key.
func in(key string, change func(v *value) bool) func(v *value) bool {
	return func(v *value) bool { return change(v.get(key)) }
}

// queries adds forms of a query.
func (m *maker) queries() {
	m.fields("a")
	m.vary("no arguments", false, without("a"))
	m.vary("no method", false, without("q"))
	m.vary("an unknown method", true, with("q", text(long(longestMethod))))
	m.vary("too long a method", false, with("q", text(long(longestMethod+1))))
	switch m.whole.get("q").text {
	case "find_node", "get":
		m.vary("no target", false, in("a", without("target")))
		for _, n := range []int{0, 19, 21} {
			m.vary("a target of "+strconv.Itoa(n)+" bytes", false, in("a", with("target", text(long(n)))))
		}
	case "put":
		m.vary("no token", false, in("a", without("token")))
		m.vary("no value", false, in("a", without("v")))
		m.vary("the longest token", true, in("a", with("token", text(long(longestToken)))))
	}
}

// fields adds forms of what the arguments of queries and the answers under key have in common.
func (m *maker) fields(key string) {
	m.vary("no id", false, in(key, without("id")))
	for _, n := range []int{0, 19, 21} {
		m.vary("an id of "+strconv.Itoa(n)+" bytes", false, in(key, with("id", text(long(n)))))
	}
	most := int64(longestLife / time.Millisecond)
	m.vary("the longest life", true, in(key, with("life", number(strconv.FormatInt(most, 10)))))
	m.vary("too long a life", false, in(key, with("life", number(strconv.FormatInt(most+1, 10)))))
	m.vary("a negative life", false, in(key, with("life", number("-1"))))
	m.vary("a life with a leading zero", false, in(key, with("life", number("01"))))
	m.vary("a spare value", true, in(key, with("spare", number("1"))))
	m.vary("a value that is spare twice", false, in(key, with("spare", number("2"))))
	m.vary("too long a token", false, in(key, with("token", text(long(longestToken+1)))))
	m.vary("an unknown field", true, in(key, with("zz", list())))
}

// answers adds forms of the contacts in an answer.
func (m *maker) answers() {
	const id, port = len(kademlia.ID{}), 2
	short, wide := id+len(protocol.Endpoint{}), id+len(protocol.Endpoint6{})
	contacts := func(what, key string, good bool, b string) { m.vary(what, good, in("r", with(key, text(b)))) }
	for _, n := range []int{0, 1, 2} {
		contacts(strconv.Itoa(n)+" contacts", "nodes", true, long(n*short))
		contacts(strconv.Itoa(n)+" IPv6 contacts", "nodes6", true, long(n*wide))
		contacts(strconv.Itoa(n)+" contacts and a byte", "nodes", false, long(n*short+1))
		contacts(strconv.Itoa(n)+" IPv6 contacts and a byte", "nodes6", false, long(n*wide+1))
	}
	mapped := long(id) + string(make([]byte, 10)) + "\xff\xff" + long(4+port)
	contacts("an IPv4 contact that poses as IPv6", "nodes6", false, mapped)
	contacts("an IPv4 contact that poses as IPv6 after another", "nodes6", false, long(wide)+mapped)
}
