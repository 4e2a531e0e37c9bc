package ledger

import "fmt"

// A Verdict says whether a transaction is accepted and, if not, which rule it breaks
// first. Its number enters the log's hash: constants are only ever added, at the end.
// The zero Verdict is not a verdict.
type Verdict uint8

// The verdicts, by stage.
const (
	Unjudged Verdict = iota // not decided yet; never in a log
	Accepted

	Malformed // Decode: not the canonical encoding of anything

	// Check.
	WrongVersion
	WrongNetwork
	TooBig // also from Decode
	NoInputs
	NoOutputs
	DuplicateInput   // one outpoint twice in one transaction
	AmountTooSmall   // of an output or claimed of an input
	AmountTooLarge   // of an output or claimed of an input
	SumTooLarge      // of the outputs or of the claimed inputs
	ClaimsUnbalanced // by its own claims it makes or destroys value
	WitnessInvolved  // the witness is the sender or an output's owner

	// CheckSignatures.
	EndorsementsUnsorted // not in ascending order of owners, or one twice
	MissingEndorsement
	UnwantedEndorsement
	HighS        // the other, equally valid form of a signature; refused so that there is one
	BadSignature // out of range, or not of this transaction by this key
	UnknownKey   // this node lacks an endorser's key: no verdict on the transaction
	WrongKey     // this node has a key that is not the endorser's: likewise

	// Judge.
	DuplicateTx // on the list already, perhaps with other signatures
	PairReused  // its Lamport pair is that of another transaction on the list
	UnknownInput
	InputSpent // a double spend
	NotOwned   // an input belongs to somebody other than the sender
	Overspends
	Underspends
	ClaimWrong // sums agree, but an input is not worth what was claimed of it

	verdicts // their number
)

// String names the verdict.
func (v Verdict) String() string {
	names := [verdicts]string{
		"unjudged", "accepted", "malformed",
		"wrong-version", "wrong-network", "too-big", "no-inputs", "no-outputs", "duplicate-input",
		"amount-too-small", "amount-too-large", "sum-too-large", "claims-unbalanced", "witness-involved",
		"endorsements-unsorted", "missing-endorsement", "unwanted-endorsement", "high-s", "bad-signature",
		"unknown-key", "wrong-key",
		"duplicate-tx", "pair-reused", "unknown-input", "input-spent", "not-owned",
		"overspends", "underspends", "claim-wrong",
	}
	if v >= verdicts {
		return fmt.Sprintf("verdict(%d)", uint8(v))
	}
	return names[v]
}

// Final reports whether v may enter a log. UnknownKey and WrongKey may not: they
// depend on the node that checks, so that two nodes could differ. Such a node must
// find the keys and check again.
func (v Verdict) Final() bool {
	return v != Unjudged && v != UnknownKey && v != WrongKey && v < verdicts
}
