package abcast

import (
	"fmt"

	"dessim/protocol/bencode"
	"dessim/protocol/words"
)

// Text gives a message in words: "data 1/1/1 7390d1d6", with the beginning of the
// payload, "propose 1/1/1 = 7", the stamp being the sender's, or, with stamp and
// proposer, "final 1/1/1 = 7.2". The text of what is not canonical is empty.
func Text(msg []byte) string {
	body, ok := cutComponent(msg)
	if !ok {
		return ""
	}
	var r bencode.Reader
	d, ok := decode(&r, body)
	switch {
	case !ok:
		return ""
	case d.op == opData && len(d.payload) == 0:
		return fmt.Sprintf("%v %v empty", KindData, d.id)
	case d.op == opData:
		return fmt.Sprintf("%v %v %s", KindData, d.id, words.Short(d.payload))
	case d.op == opPropose:
		return fmt.Sprintf("%v %v = %d", KindPropose, d.id, d.number)
	}
	return fmt.Sprintf("%v %v = %d.%v", KindFinal, d.id, d.number, d.proposer)
}
