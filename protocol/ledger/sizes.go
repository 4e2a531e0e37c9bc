package ledger

// Sizes sees the number of answers that are remembered: see protocol.Sized.
func (v *Verifier) Sizes(see func(name string, items int)) {
	see("verifier.answers", len(v.young)+len(v.old))
}
