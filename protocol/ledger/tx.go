package ledger

import (
	"bytes"
	"crypto/sha256"
	"math"
	"slices"

	"dessim/protocol/bencode"
)

// A Tx is a transaction. Its ids and digest are computed from the fields each time,
// so that an id never outlives a change; keep them if they are needed often. Methods
// that do not say otherwise leave it unchanged.
type Tx struct {
	Version uint8
	Network string // name of the network whose genesis it belongs to
	// Sender owns every input. With Seq it is the Lamport pair, which names the
	// transaction for people and clients; a sender uses a Seq once.
	Sender       Owner
	Seq          uint64
	Inputs       []Input
	Outputs      []TxOut
	Witness      Owner // neither Sender nor an output's owner
	Endorsements []Endorsement
}

// An Input spends the output that Outpoint names.
type Input struct {
	Outpoint Outpoint
	// Claimed is the output's amount as the sender claims it. It lets a node without
	// state refuse an overspend; a node with state never believes it.
	Claimed uint64
}

// An Endorsement is an owner's signature of a transaction's Digest.
type Endorsement struct {
	Owner     Owner
	Signature Signature
}

// The canonical encoding is a bencoded list of two lists, so that the bytes that
// are signed stand in the whole as they are:
//
//	[[version, network, sender, seq, [[txid, index, claimed]...], [[owner, amount]...], witness],
//	 [[owner, signature]...]]

// Encode appends the canonical encoding to b.
func (t *Tx) Encode(b []byte) []byte {
	b = append(slices.Grow(b, t.size()), 'l')
	b = t.encodeBody(b)
	return t.encodeEndorsements(b)
}

func (t *Tx) encodeEndorsements(b []byte) []byte {
	b = append(b, 'l')
	for i := range t.Endorsements {
		e := &t.Endorsements[i]
		b = append(b, 'l')
		b = bencode.AppendBytes(b, e.Owner[:])
		b = bencode.AppendBytes(b, e.Signature[:])
		b = append(b, 'e')
	}
	return append(b, "ee"...)
}

func (t *Tx) encodeBody(b []byte) []byte {
	b = append(b, 'l')
	b = bencode.AppendUint(b, uint64(t.Version))
	b = bencode.AppendBytes(b, t.Network)
	b = bencode.AppendBytes(b, t.Sender[:])
	b = bencode.AppendUint(b, t.Seq)
	b = append(b, 'l')
	for i := range t.Inputs {
		in := &t.Inputs[i]
		b = append(b, 'l')
		b = bencode.AppendBytes(b, in.Outpoint.TxID[:])
		b = bencode.AppendUint(b, uint64(in.Outpoint.Index))
		b = bencode.AppendUint(b, in.Claimed)
		b = append(b, 'e')
	}
	b = append(b, 'e')
	b = encodeOutputs(b, t.Outputs)
	b = bencode.AppendBytes(b, t.Witness[:])
	return append(b, 'e')
}

func encodeOutputs(b []byte, outs []TxOut) []byte {
	b = append(b, 'l')
	for i := range outs {
		b = append(b, 'l')
		b = bencode.AppendBytes(b, outs[i].Owner[:])
		b = bencode.AppendUint(b, outs[i].Amount)
		b = append(b, 'e')
	}
	return append(b, 'e')
}

// size is the length of the encoding, which takes less time to count than to
// write.
func (t *Tx) size() int {
	const owner = len("20:") + len(Owner{})
	n := len("l") + len("l") + bencode.UintSize(uint64(t.Version)) + bencode.BytesSize(len(t.Network)) + owner + bencode.UintSize(t.Seq)
	n += len("l") + len("e") + len(t.Inputs)*(len("l32:")+len(ID{})+len("e"))
	for i := range t.Inputs {
		n += bencode.UintSize(uint64(t.Inputs[i].Outpoint.Index)) + bencode.UintSize(t.Inputs[i].Claimed)
	}
	n += len("l") + len("e") + len(t.Outputs)*(len("l")+owner+len("e"))
	for i := range t.Outputs {
		n += bencode.UintSize(t.Outputs[i].Amount)
	}
	n += owner + len("e")
	return n + len("l") + len(t.Endorsements)*(len("l")+owner+len("64:")+len(Signature{})+len("e")) + len("ee")
}

// roomy is a transaction with room for ordinary slices, so that decoding and endorsing
// one takes a single allocation.
type roomy struct {
	Tx
	inputs       [1]Input
	outputs      [2]TxOut
	endorsements [3]Endorsement
}

// Decode reads the canonical encoding of a transaction, which must be all of b:
// Encode would write the same bytes. Otherwise the transaction is nil and the verdict
// TooBig or Malformed. Accepted means that it could be read and no more: Check comes
// next. The transaction does not alias b.
func Decode(b []byte) (*Tx, Verdict) {
	if len(b) > MaxSize {
		return nil, TooBig
	}
	r := bencode.ListOf(b)
	room := new(roomy)
	t := &room.Tx
	t.Inputs, t.Outputs, t.Endorsements = room.inputs[:0], room.outputs[:0], room.endorsements[:0]
	t.decodeBody(&r)
	r.List()
	for r.More() {
		var e Endorsement
		r.List()
		copy(e.Owner[:], r.Fixed(len(e.Owner)))
		copy(e.Signature[:], r.Fixed(len(e.Signature)))
		r.End()
		t.Endorsements = append(t.Endorsements, e)
	}
	r.End()
	if !r.Finish() {
		return nil, Malformed
	}
	return t, Accepted
}

func (t *Tx) decodeBody(r *bencode.Reader) {
	r.List()
	t.Version = uint8(r.UintMax(math.MaxUint8))
	network := r.Bytes()
	if len(network) > MaxNetwork {
		r.Fail()
		return
	}
	t.Network = string(network)
	copy(t.Sender[:], r.Fixed(len(t.Sender)))
	t.Seq = r.Uint()
	r.List()
	for r.More() {
		var in Input
		r.List()
		copy(in.Outpoint.TxID[:], r.Fixed(len(in.Outpoint.TxID)))
		in.Outpoint.Index = uint32(r.UintMax(math.MaxUint32))
		in.Claimed = r.Uint()
		r.End()
		t.Inputs = append(t.Inputs, in)
	}
	r.End()
	r.List()
	for r.More() {
		var out TxOut
		r.List()
		copy(out.Owner[:], r.Fixed(len(out.Owner)))
		out.Amount = r.Uint()
		r.End()
		t.Outputs = append(t.Outputs, out)
	}
	r.End()
	copy(t.Witness[:], r.Fixed(len(t.Witness)))
	r.End()
}

// encoded is a buffer that saves ordinary transactions an allocation.
type encoded [1024]byte

// TxID names the transaction without its signatures: the SHA-256 of what they
// sign. Outpoints refer to it.
func (t *Tx) TxID() ID {
	var buf encoded
	return sha256.Sum256(t.encodeBody(buf[:0]))
}

// WTxID names the transaction with its signatures: the SHA-256 of its encoding.
// Order and flood by this id: nodes that hold differently signed copies under one id
// would log different things.
func (t *Tx) WTxID() ID {
	var buf encoded
	return sha256.Sum256(t.Encode(buf[:0]))
}

// idAndEncoding returns TxID and Encode, at the cost of one.
func (t *Tx) idAndEncoding(buf *encoded) (txid ID, b []byte) {
	b = t.encodeBody(append(buf[:0], 'l'))
	txid = sha256.Sum256(b[1:])
	return txid, t.encodeEndorsements(b)
}

// Digest is what endorsements sign. It commits to version, network, sender,
// sequence, inputs, outputs and witness, and carries a tag, so that no signature
// that a key makes for another purpose endorses a transaction.
func (t *Tx) Digest() [32]byte {
	id := t.TxID()
	var buf [len(digestTag) + len(id)]byte
	return sha256.Sum256(append(append(buf[:0], digestTag...), id[:]...))
}

// Endorsers lists who must endorse the transaction: the sender, every output's
// owner and the witness, in ascending order, each once.
func (t *Tx) Endorsers() []Owner {
	owners := make([]Owner, 0, len(t.Outputs)+2)
	owners = append(owners, t.Sender, t.Witness)
	for i := range t.Outputs {
		owners = append(owners, t.Outputs[i].Owner)
	}
	slices.SortFunc(owners, compareOwners)
	return slices.Compact(owners)
}

// Endorse puts e into its place among the endorsements, instead of an earlier
// one of the same owner. It does not check it.
func (t *Tx) Endorse(e Endorsement) {
	at, found := t.findEndorsement(e.Owner)
	if found {
		t.Endorsements[at] = e
		return
	}
	t.Endorsements = slices.Insert(t.Endorsements, at, e)
}

// Endorse returns the key holder's endorsement of t. Like Sign it enters the signature
// into v, which may be nil.
func (k Key) Endorse(v *Verifier, t *Tx) Endorsement {
	return Endorsement{k.owner, k.Sign(v, t.Digest())}
}

// EndorsedBy reports whether t has an endorsement in o's name, which it does not check.
func (t *Tx) EndorsedBy(o Owner) bool {
	_, found := t.findEndorsement(o)
	return found
}

func (t *Tx) findEndorsement(o Owner) (at int, found bool) {
	return slices.BinarySearchFunc(t.Endorsements, o, func(e Endorsement, o Owner) int {
		return compareOwners(e.Owner, o)
	})
}

func compareOwners(a, b Owner) int { return bytes.Compare(a[:], b[:]) }
