package ledger

// Check judges form and amounts, and needs nothing but the name of the network.
// The rules in their order: version; network; size; an input; an output; no
// input twice; inputs as claimed, each amount and then the sum so far; outputs
// likewise; claims worth as much as the outputs; a disinterested witness. Of the
// endorsements it looks at the size alone, so that a node that is asked for one can
// check first.
func (t *Tx) Check(network string) Verdict {
	return t.check(network, t.size())
}

func (t *Tx) check(network string, size int) Verdict {
	switch {
	case t.Version != Version:
		return WrongVersion
	case t.Network != network:
		return WrongNetwork
	case size > MaxSize:
		return TooBig
	case len(t.Inputs) == 0:
		return NoInputs
	case len(t.Outputs) == 0:
		return NoOutputs
	case t.repeatsInput():
		return DuplicateInput
	}
	var claimed, made uint64
	for i := range t.Inputs {
		if v := add(&claimed, t.Inputs[i].Claimed); v != Accepted {
			return v
		}
	}
	for i := range t.Outputs {
		if v := add(&made, t.Outputs[i].Amount); v != Accepted {
			return v
		}
	}
	if claimed != made {
		return ClaimsUnbalanced
	}
	if t.concerns(t.Witness) {
		return WitnessInvolved
	}
	return Accepted
}

// add adds amount to sum, or returns the rule that forbids it. Neither ever exceeds
// MaxAmount, so the addition cannot wrap.
func add(sum *uint64, amount uint64) Verdict {
	switch {
	case amount < MinAmount:
		return AmountTooSmall
	case amount > MaxAmount:
		return AmountTooLarge
	case *sum+amount > MaxAmount:
		return SumTooLarge
	}
	*sum += amount
	return Accepted
}

// repeatsInput compares all pairs: MaxSize admits fewer than 200 inputs, and
// nearly all transactions have one or two.
func (t *Tx) repeatsInput() bool {
	for i := range t.Inputs {
		for j := range i {
			if t.Inputs[i].Outpoint == t.Inputs[j].Outpoint {
				return true
			}
		}
	}
	return false
}

func (t *Tx) concerns(o Owner) bool {
	if o == t.Sender {
		return true
	}
	for i := range t.Outputs {
		if t.Outputs[i].Owner == o {
			return true
		}
	}
	return false
}

// CheckSignatures judges the endorsements. keys returns the public key of an owner
// as a compressed SEC 1 point, or false if this node does not have it; the key must
// not change until CheckSignatures returns. v may be nil.
//
// The rules in their order: endorsements ascending; none missing; none unwanted;
// each signature's form (HighS, BadSignature); all keys at hand (UnknownKey); each
// key its owner's (WrongKey); each signature valid. Whatever depends on the keys that
// a node happens to have is thus decided before any signature is judged by them, and
// two nodes that have the keys agree. See Verdict.Final.
func (t *Tx) CheckSignatures(keys func(Owner) (pub []byte, ok bool), v *Verifier) Verdict {
	if verdict := t.checkEndorsers(); verdict != Accepted {
		return verdict
	}
	for i := range t.Endorsements {
		if verdict := t.Endorsements[i].Signature.form(); verdict != Accepted {
			return verdict
		}
	}
	var room [4][]byte
	pubs := room[:0]
	for i := range t.Endorsements {
		pub, ok := keys(t.Endorsements[i].Owner)
		if !ok {
			return UnknownKey
		}
		pubs = append(pubs, pub)
	}
	for i, pub := range pubs {
		if OwnerOf(pub) != t.Endorsements[i].Owner {
			return WrongKey
		}
	}
	digest := t.Digest()
	for i, pub := range pubs {
		if verdict := v.Verify(pub, digest, t.Endorsements[i].Signature); verdict != Accepted {
			return verdict
		}
	}
	return Accepted
}

// checkEndorsers judges the owners of the endorsements, not the signatures.
func (t *Tx) checkEndorsers() Verdict {
	for i := 1; i < len(t.Endorsements); i++ {
		if compareOwners(t.Endorsements[i-1].Owner, t.Endorsements[i].Owner) >= 0 {
			return EndorsementsUnsorted
		}
	}
	missing := func(o Owner) bool {
		_, found := t.findEndorsement(o)
		return !found
	}
	if missing(t.Sender) || missing(t.Witness) {
		return MissingEndorsement
	}
	for i := range t.Outputs {
		if missing(t.Outputs[i].Owner) {
			return MissingEndorsement
		}
	}
	for i := range t.Endorsements {
		if o := t.Endorsements[i].Owner; o != t.Witness && !t.concerns(o) {
			return UnwantedEndorsement
		}
	}
	return Accepted
}
