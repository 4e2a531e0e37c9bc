package ledger

import (
	"cmp"
	"slices"

	"dessim/protocol"
	"dessim/protocol/words"
)

// Describe appends the state to b by the convention of protocol.Describer. An entry of
// the log has its index, the beginning of its wtxid and its verdict; an accepted one its
// txid too, by which its outputs are spent, and what they are worth. Of the owners it
// shows those that an accepted transaction mentions, with the sequence numbers that they
// used as senders: the others have what the genesis gave them.
func (s *State) Describe(b []byte) []byte {
	b = words.Line(b, "log", words.Short(s.logHash[:]))
	b = words.Line(b, "list", words.Short(s.listHash[:]))
	b = words.Uint(b, "total", s.total)
	b = words.Part(b, "entries", s.describeLog)
	return words.Part(b, "owners", s.describeOwners)
}

func (s *State) describeOwners(b []byte) []byte {
	seqs := make([][]uint64, len(s.wallets)) // ascending
	for _, p := range protocol.SortedKeysFunc(s.byPair, func(x, y pair) int { return cmp.Or(cmp.Compare(x.seq, y.seq), cmp.Compare(x.wallet, y.wallet)) }) {
		seqs[p.wallet] = append(seqs[p.wallet], p.seq)
	}
	order := make([]int, len(s.wallets))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return compareOwners(s.wallets[i].owner, s.wallets[j].owner) })
	for _, i := range order {
		w := &s.wallets[i]
		b = words.Part(b, words.Short(w.owner[:]), func(b []byte) []byte {
			b = words.Uint(b, "balance", w.balance)
			b = words.Line(b, "sent", words.Ranges(seqs[i]))
			return words.Part(b, "unspent", func(b []byte) []byte { return s.describeUnspent(b, w.owner) })
		})
	}
	return b
}

// describeUnspent appends an owner's unspent outputs, as Unspent has them, each by the
// txid that made it and its place there.
func (s *State) describeUnspent(b []byte, o Owner) []byte {
	for p, amount := range s.Unspent(o) {
		b = words.Row(b).Short(p.TxID[:]).Str(".").Uint(uint64(p.Index)).Str(": ").Uint(amount).End()
	}
	return b
}

func (s *State) describeLog(b []byte) []byte {
	next := 0 // on the list
	for i := range s.log {
		e := &s.log[i]
		b = words.Row(b).Uint(uint64(i)).Str(": ").Short(e.wtxid[:]).Str(" ").Str(e.verdict.String())
		if e.verdict == Accepted {
			b = s.describeListed(b, next)
			next++
		}
		b = append(b, '\n')
	}
	return b
}

// describeListed appends the txid and the outputs of a transaction of the list.
func (s *State) describeListed(b []byte, at int) []byte {
	t := &s.txs[at]
	b = words.Row(b).Str(" as ").Short(t.id[:])
	end := len(s.coins)
	if at+1 < len(s.txs) {
		end = int(s.txs[at+1].first)
	}
	for i := int(t.first); i < end; i++ {
		c := &s.coins[i]
		b = words.Row(b).Str(", ").Uint(c.amount).Str(" to ").Short(s.wallets[c.wallet].owner[:])
	}
	return b
}
