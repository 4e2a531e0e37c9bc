package scenarios_test

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"dessim/protocol"
	"dessim/sim"
	"dessim/sim/explore"
)

// unsaid are the fields of machines that descriptions leave out, with the reason. One that
// begins with a dot is of any type.
var unsaid = map[string]string{
	".cfg":                        "configuration",
	".stats":                      "counts",
	"ledger.State.fold":           "follows from the coins",
	"abcast.view.self":            "configuration",
	"abcast.view.in":              "scratch",
	"abcast.isis.out":             "scratch",
	"abcast.lamport.out":          "scratch",
	"abcast.sequencer.out":        "scratch",
	"abcast.plain.out":            "scratch",
	"abcast.plain.ordered":        "empty between steps",
	"abcast.plain.handing":        "false between steps",
	"abcast.frame.kind":           "follows from the body",
	"abcast.journal.seqs":         "follows from the entries",
	"abcast.membership.ending":    "false between steps",
	"abcast.membership.seen":      "follows from hears",
	"abcast.membership.lens":      "scratch",
	"abcast.membership.out":       "scratch",
	"abcast.membership.body":      "scratch",
	"abcast.membership.sent":      "saves memory",
	"abcast.membership.in":        "scratch",
	"gossip.Gossip.out":           "scratch",
	"gossip.Gossip.in":            "scratch",
	"gossip.store.sum":            "follows from the ids",
	"gossip.store.sorted":         "follows from the ids",
	"gossip.store.fresh":          "saves work",
	"kademlia.DHT.key":            "derives from the node and its incarnation",
	"kademlia.DHT.verifying":      "follows from the queries",
	"kademlia.DHT.open":           "follows from the queries",
	"kademlia.DHT.salt":           "configuration",
	"kademlia.Known.twins":        "follows from the ids",
	"kademlia.Node.seeds":         "configuration",
	"kademlia.candidate.distance": "follows from the id",
	"kademlia.stranger.places":    "follows from the buckets",
	"kademlia.table.failed":       "follows from the contacts",
	"kademlia.DHT.idle":           "saves memory",
	"kademlia.Node.bad":           "counts",
	"kademlia.Node.dropped":       "counts",
	"kademlia.Node.records":       "shows on the disk",
	"kademlia.call.node":          "follows from the contact",
	"kademlia.contact.next":       "follows from the id",
	"kademlia.call.txn":           "shown in part",
	"kademlia.table.self":         "configuration",
	"kademlia.table.k":            "configuration",
	"kademlia.table.stale":        "configuration",
	"kv.Client.scratch":           "scratch",
	"kv.Node.scratch":             "scratch",
	"ledger.State.genesis":        "configuration",
	"link.Link.frame":             "scratch",
	"link.Link.spare":             "saves memory",
	"link.Link.r":                 "scratch",
	"peer.Client.scratch":         "scratch",
	"peer.Client.delay":           "configuration",
	"peer.Client.patience":        "configuration",
	"peer.Node.scratch":           "scratch",
	"peer.Node.records":           "shows on the disk",
	"peer.Node.ended":             "configuration",
	"raft.Group.out":              "scratch",
	"raft.Group.settling":         "false between steps",
	"raft.history.repeated":       "counts",
	"raft.history.early":          "counts",
	"twopc.Manager.buf":           "scratch",
	"twopc.Manager.records":       "shows on the disk",
	"abcast.ballot.count":         "follows from the promises",
	"abcast.entry.at":             "finds",
	"abcast.holdback.byID":        "finds",
	"abcast.tally.missing":        "follows from heard",
	"gossip.item.state":           "follows from the queue",
	"kademlia.call.token":         "another node's",
	"kademlia.candidate.token":    "finds",
	"kademlia.lookup.tokens":      "other nodes'",
	"kademlia.lookup.life":        "of a value found, with which the lookup ends",
	"kademlia.lookup.result":      "scratch",
	"kademlia.lookup.index":       "scratch",
	"kademlia.upkeep.within":      "false between steps",
	"kv.Command.Client":           "the node itself",
	"ledger.Tx.Endorsements":      "follows from the wtxid",
	"ledger.State.byID":           "finds",
	"ledger.coin.prev":            "follows from next",
	"ledger.wallet.last":          "follows from next",
	"link.peer.id":                "is the key",
	"peer.Request.Transfer":       "is in the id",
	"peer.Request.Attempt":        "is in the id",
	"peer.commit.body":            "follows from the wtxid",
	"peer.keyring.asking":         "false between steps",
	"peer.queue.timer":            "true while a body is lacking",
	"peer.transfers.asked":        "follows from the stages",
	"twopc.Manager.timers":        "finds",
	"twopc.past.limit":            "configuration",
}

// A prober finds the fields of machines that Describe does not show. It changes one after
// the other, where they are, sees whether the description changes, and restores them. A
// field is shown if that was so once: some matter at times only.
type prober struct {
	t      *testing.T
	nodes  map[protocol.NodeID]protocol.Node // in their last lives
	events int                               // of this run
	next   int                               // to be looked at
	shown  map[string]bool                   // by type and field: false if only changed in vain
	unsaid map[string]bool                   // of those that are met

	node    protocol.Describer
	before  string
	visited map[unsafe.Pointer]bool
}

func (p *prober) Watch() sim.What { return sim.Received | sim.Fired | sim.Output }

func (p *prober) Observe(e *sim.Event) {
	if p.events++; p.events < p.next {
		return
	}
	p.next += 1 + p.events/100 // ever rarer, since runs are of very different lengths
	n, ok := explore.Unwrap(p.nodes[e.Node]).(protocol.Describer)
	if !ok {
		return
	}
	p.node, p.before, p.visited = n, string(n.Describe(nil)), map[unsafe.Pointer]bool{}
	p.walk("", reflect.ValueOf(n), func() {})
	if after := string(n.Describe(nil)); after != p.before {
		p.t.Fatalf("node %v is not restored: it was\n%s\nand is\n%s", e.Node, p.before, after)
	}
}

// few is how many elements of a slice or map are changed, the first.
const few = 3

// walk changes what it finds in v, which is in the field of that name. commit puts v
// where it belongs if it is a copy.
func (p *prober) walk(name string, v reflect.Value, commit func()) {
	switch v.Kind() {
	case reflect.Pointer:
		if at := v.UnsafePointer(); at != nil && !p.visited[at] {
			p.visited[at] = true
			p.walk(name, v.Elem(), func() {})
		}
	case reflect.Interface:
		if v.Elem().Kind() == reflect.Pointer {
			p.walk(name, v.Elem(), func() {})
		}
	case reflect.Struct:
		if !strings.HasPrefix(v.Type().PkgPath(), "dessim/protocol") {
			return // of a library
		}
		for i := range v.NumField() {
			f := v.Field(i)
			name := v.Type().String() + "." + v.Type().Field(i).Name
			_, any := unsaid["."+v.Type().Field(i).Name]
			if _, ok := unsaid[name]; ok || any {
				p.unsaid[name] = true
				continue
			}
			p.walk(name, reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem(), commit)
		}
	case reflect.Slice:
		if v.Len() > 0 {
			p.change(name, v, v.Slice(0, v.Len()-1), commit)
		}
		p.elements(name, v, commit)
	case reflect.Array:
		p.elements(name, v, commit)
	case reflect.Map:
		p.entries(name, v, commit)
	case reflect.Bool:
		p.change(name, v, reflect.ValueOf(!v.Bool()).Convert(v.Type()), commit)
	case reflect.String:
		p.change(name, v, reflect.ValueOf("x"+v.String()).Convert(v.Type()), commit)
	case reflect.Int, reflect.Int64:
		p.change(name, v, reflect.ValueOf(v.Int()+1).Convert(v.Type()), commit)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.change(name, v, reflect.ValueOf(v.Uint()+1).Convert(v.Type()), commit)
	case reflect.Func:
	default:
		p.t.Fatalf("%s is a %v", name, v.Type())
	}
}

func (p *prober) elements(name string, v reflect.Value, commit func()) {
	for i := range min(v.Len(), few) {
		p.walk(name, v.Index(i), commit)
	}
}

func (p *prober) entries(name string, v reflect.Value, commit func()) {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for _, k := range keys[:min(len(keys), few)] {
		was := v.MapIndex(k)
		if !p.shown[name] {
			v.SetMapIndex(k, reflect.Value{})
			p.look(name)
			v.SetMapIndex(k, was)
		}
		value := reflect.New(was.Type()).Elem()
		value.Set(was)
		p.walk(name, value, func() { v.SetMapIndex(k, value); commit() })
	}
}

// change makes v other for a moment.
func (p *prober) change(name string, v, other reflect.Value, commit func()) {
	if p.shown[name] {
		return
	}
	was := reflect.New(v.Type()).Elem()
	was.Set(v)
	v.Set(other)
	commit()
	p.look(name)
	v.Set(was)
	commit()
}

// look notes whether the description shows the change. If the machine cannot describe
// what it never is, it looked at the field.
func (p *prober) look(name string) {
	defer func() {
		if recover() != nil {
			p.shown[name] = true
		}
	}()
	p.shown[name] = string(p.node.Describe(nil)) != p.before
}

func TestDescriptionsShowEveryFieldThatDecides(t *testing.T) {
	p := &prober{t: t, shown: map[string]bool{}, unsaid: map[string]bool{}}
	for _, flags := range describedRuns {
		s := mustParse(t, flags)
		p.nodes, p.events, p.next = map[protocol.NodeID]protocol.Node{}, 0, 1
		digest := s.withNodes(p.nodes).run(nil, p).Sim.Digest
		if want := s.run(nil).Sim.Digest; digest != want {
			t.Errorf("%s: the digest is %v if fields are changed and restored, and %v if not", flags, digest, want)
		}
	}
	for _, name := range protocol.SortedKeys(p.shown) {
		if !p.shown[name] {
			t.Errorf("no description shows %s", name)
		}
	}
	for _, name := range protocol.SortedKeys(unsaid) {
		if !p.unsaid[name] && name[0] != '.' {
			t.Errorf("%s, which is not shown since %s, is no field of a machine", name, unsaid[name])
		}
	}
}
