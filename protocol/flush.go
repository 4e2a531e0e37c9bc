package protocol

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
)

// A Flusher is a Node that makes some of its records safe at a time, and goes on meanwhile: see
// Env.Flush.
type Flusher interface {
	Node
	// Flushed consumes that the disk is done with the flush under tag. If it failed, none of
	// its records is known to be safe, and what the disk holds of them shows after a crash.
	Flushed(env *Env, tag uint64, failed bool)
}

// Flush has the disk make single records survive any crash, those with the indices of records,
// which ascend. The step does not wait, nor do further ones: the node, which is a Flusher, is
// told of tag in a step of its own when the disk is done, or has failed. Flushes end in the order
// in which they began. A crash forgets those under way.
//
// With tag 0 the records are safe at once: that takes no time, cannot fail, and the node is told
// nothing.
func (e *Env) Flush(tag uint64, records []uint64) {
	for i := 1; i < len(records); i++ {
		if records[i] <= records[i-1] {
			panic(fmt.Sprintf("protocol: node %d flushes record %d after record %d, want ascending ones", e.id, records[i], records[i-1]))
		}
	}
	var few [64]byte
	b := e.keep(AppendIndices(few[:0], records))
	f := e.next()
	*f = Effect{Op: OpFlush, Tag: tag, Body: b}
}

// PersistFrom is Persist of a record that the node itself checks when it reads it: only its bytes
// from payload on may rot, and if they do it is given to the node as it is. Without it a node of
// which a record rots is never started again.
func (e *Env) PersistFrom(rec []byte, payload int) {
	if payload < 0 || payload > len(rec) {
		panic(fmt.Sprintf("protocol: node %d persists %d bytes with a payload from byte %d on", e.id, len(rec), payload))
	}
	b := e.keep(rec)
	f := e.next()
	*f = Effect{Op: OpPersist, Tag: uint64(payload) + 1, Body: b}
}

// Payload returns where the payload of a record begins that an OpPersist appends. ok is false if
// it has none: then it was made by Persist.
func (f *Effect) Payload() (at int, ok bool) { return int(f.Tag) - 1, f.Tag > 0 }

// Full reports whether the node's disk is full in this step. It only says so: what the node
// persists nonetheless is persisted. A node that has files refuses to write to them.
func (e *Env) Full() bool {
	if e.full {
		e.told = true
	}
	return e.full
}

// Fill makes the disk full in the step that Enter began: for runtimes.
func (e *Env) Fill() { e.rare, e.full = true, true }

// ToldFull reports whether Full was true in this step: for runtimes.
func (e *Env) ToldFull() bool { return e.told }

// AppendIndices appends ascending indices to b, each as its distance from the one before, and
// returns it.
func AppendIndices(b []byte, indices []uint64) []byte {
	next := uint64(0)
	for _, i := range indices {
		b = binary.AppendUvarint(b, i-next)
		next = i + 1
	}
	return b
}

// Indices returns what AppendIndices wrote, such as the Body of an OpFlush. It panics at anything
// else.
func Indices(b []byte) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		next := uint64(0)
		for rest := b; len(rest) > 0; {
			d, n := binary.Uvarint(rest)
			if n <= 0 || next+d < next {
				panic(fmt.Sprintf("protocol: %x are no indices", b))
			}
			rest = rest[n:]
			if !yield(next + d) {
				return
			}
			next += d + 1
		}
	}
}

// IndexList returns what Indices does, as a slice.
func IndexList(b []byte) []uint64 { return slices.Collect(Indices(b)) }
