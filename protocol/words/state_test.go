package words_test

import (
	"fmt"

	"dessim/protocol"
	"dessim/protocol/words"
)

func ExamplePart() {
	b := words.Part(nil, "two", func(b []byte) []byte {
		b = words.Uint(b, "votes", 3)
		b = words.Part(b, "open", func(b []byte) []byte {
			b = words.Line(b, "5/3.1", "in doubt")
			return words.Line(b, "6/1.1", "collecting")
		})
		return words.Part(b, "ended", func(b []byte) []byte { return b })
	})
	b = words.Line(b, "able", words.YesNo(true))
	fmt.Printf("%s", b)
	// Output:
	// two:
	//   votes: 3
	//   open:
	//     5/3.1: in doubt
	//     6/1.1: collecting
	//   ended: none
	// able: yes
}

func ExampleContent() {
	id := make([]byte, 32)
	for _, b := range [][]byte{nil, {0, 1, 2}, []byte("set x to 3"), id, append(id, 1), append(id, 2)} {
		fmt.Println(words.Content(b))
	}
	// Output:
	// empty
	// 000102
	// "set x to 3"
	// 00000000
	// 33 bytes 2890c47b
	// 33 bytes 6dd875a9
}

func ExampleRanges() {
	fmt.Println(words.Ranges([]protocol.NodeID{0, 1, 2, 5, 7, 8}))
	fmt.Println(words.Ranges([]int{3}), words.Ranges([]uint64{}))
	// Output:
	// 0-2,5,7-8
	// 3 none
}
