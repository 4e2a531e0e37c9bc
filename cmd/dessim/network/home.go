package network

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dessim/cmd/dessim/cmdline"
	"dessim/protocol"
	"dessim/protocol/abcast"
	"dessim/protocol/ledger"
	"dessim/protocol/live/disk"
	"dessim/protocol/peer"
	"dessim/protocol/raft"
	"dessim/sim/files"
)

// A home is the folder of a node:
//
//	key       its private key, which package disk makes and keeps
//	log-...   its records, by package disk
//	client    a folder like that, of its client, which only has incarnations
//	genesis   a copy of the genesis of its network
//	ctl       where the running node listens for ctl, and the secret of that: see desk.go
type home struct {
	dir     string
	genesis *genesis
	order   string
	id      protocol.NodeID
	key     ledger.Key
	raw     [disk.KeySize]byte // what the secrets derive from
	secret  uint64             // of the DHT
	disk    *disk.Disk
	client  *disk.Disk
}

const (
	genesisFile = "genesis"
	clientDir   = "client"
	ctlFile     = "ctl"
)

// keyOf returns the key of a folder, which is made if the folder is new.
func keyOf(d *disk.Disk) (ledger.Key, [disk.KeySize]byte, error) {
	secret, err := d.Key()
	if err != nil {
		return ledger.Key{}, secret, err
	}
	return ledger.NewKey(secret), secret, nil
}

// publicKey returns the public key of a folder, without its network.
func publicKey(dir string) ([]byte, error) {
	d, err := disk.Open(dir, disk.Options{})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	key, _, err := keyOf(d)
	if err != nil {
		return nil, err
	}
	return key.Public(), nil
}

// know derives from the secret of a node what it is.
func (h *home) know(secret [disk.KeySize]byte) {
	h.raw, h.key = secret, ledger.NewKey(secret)
	derived := sha256.Sum256(append([]byte("dessim dht "), secret[:]...))
	h.secret = binary.BigEndian.Uint64(derived[:])
}

// genesisOf returns the genesis of a folder: its copy, or at the first start that of path.
func genesisOf(dir, path string) (*genesis, error) {
	own := filepath.Join(dir, genesisFile)
	g, err := readGenesis(own)
	switch {
	case err == nil && path == "":
		return g, nil
	case errors.Is(err, fs.ErrNotExist) && path == "":
		return nil, fmt.Errorf("folder %s has no genesis; want -genesis with the file that the members share", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	other, err := readGenesis(path)
	if err != nil {
		return nil, err
	}
	if g != nil && string(g.text) != string(other.text) {
		return nil, fmt.Errorf("folder %s belongs to the network of another genesis than %s; want that one, or a new folder", dir, path)
	}
	return other, nil
}

// openHome opens the folder of a node, which it makes if there is none.
func openHome(dir, genesisPath, order string) (*home, error) {
	g, err := genesisOf(dir, genesisPath)
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir, genesis: g, order: order}
	if err := h.open(); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *home) open() (err error) {
	network := h.genesis.hash(h.order)
	owner := fmt.Sprintf("network %x with order %s", network[:8], h.order)
	if h.disk, err = disk.Open(h.dir, disk.Options{Owner: owner}); err != nil {
		return err
	}
	key, secret, err := keyOf(h.disk)
	if err != nil {
		return err
	}
	h.know(secret)
	id, ok := h.genesis.find(key.Public())
	if !ok {
		return fmt.Errorf("the key of folder %s is not in the genesis: want a genesis with the member %x", h.dir, key.Public())
	}
	h.id = id
	if h.client, err = disk.Open(filepath.Join(h.dir, clientDir), disk.Options{Owner: owner + ", client"}); err != nil {
		return err
	}
	path := filepath.Join(h.dir, genesisFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if _, err := files.Write(path, h.genesis.text); err != nil {
		return fmt.Errorf("genesis of folder %s: %w", h.dir, err)
	}
	return nil
}

func (h *home) close() error {
	var errs []error
	for _, d := range []*disk.Disk{h.disk, h.client} {
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}

// self returns the member that the node is.
func (h *home) self() *member { return &h.genesis.members[h.id] }

// What the nodes of a network have in common beside the genesis.
const (
	settleDelays = 100     // after a start: others may take longer, and are found later
	rpcTries     = 8       // sends of an RPC of the DHT
	maxVerified  = 1 << 16 // signatures that are remembered
	raftSnapshot = 1000    // log entries behind a snapshot
	orderRaft    = "raft"
)

// orders returns how broadcasts can be ordered.
func orders() (names []string) {
	for _, o := range abcast.Orders() {
		names = append(names, o.String())
	}
	return append(names, orderRaft)
}

// parseOrder returns the order of that name, or refuses it.
func parseOrder(name string) error {
	for _, o := range orders() {
		if o == name {
			return nil
		}
	}
	return cmdline.Refuse("order %s: %s", cmdline.Quote(name), cmdline.DidYouMean(name, orders()))
}

// node returns a function that makes a fresh node, which joins through first.
func (h *home) node(b protocol.Book, first protocol.NodeID) func() protocol.Node {
	cfg := peer.Config{
		Members:  h.genesis.ids(),
		First:    first,
		Book:     b,
		Key:      h.key,
		Genesis:  h.genesis.ledger(),
		Verifier: ledger.NewVerifier(maxVerified),
		Secret:   h.secret,
		Delay:    h.genesis.delay,
		Settle:   settleDelays * h.genesis.delay,
		Tries:    rpcTries,
		Survive:  true,
	}
	if h.order == orderRaft {
		cfg.Group = func(c abcast.Config) abcast.Orderer {
			return raft.New(raft.Config{Members: c.Members, Datagram: c.Views.Datagram, Tick: c.Views.Tick,
				Snapshot: raftSnapshot, Deliver: c.Deliver, Changed: c.Views.Changed})
		}
	} else {
		cfg.Order, _ = abcast.ParseOrder(h.order) // checked by parseOrder
	}
	return func() protocol.Node { return peer.New(cfg) }
}

// makeClient makes a fresh client of the node.
func (h *home) makeClient() protocol.Node { return peer.NewClient(h.genesis.delay, true) }

// writeSecret makes a file that its owner alone may read, in place of an older one.
func writeSecret(path string, text []byte) error {
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
