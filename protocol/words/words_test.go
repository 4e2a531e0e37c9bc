package words_test

import (
	"fmt"

	"dessim/protocol/words"
)

func Example() {
	ids := [][]byte{{0x73, 0x90, 0xd1, 0xd6, 0x55}, {0x38, 0x2e}, nil, {1}, {2}, {3}}
	short := func(i int) string { return words.Short(ids[i]) }
	fmt.Println(words.Count(2, "id"), words.List(2, short))
	fmt.Println(words.Count(1, "id"), words.List(1, short))
	fmt.Println(words.Count(6, "id"), words.List(6, short))
	fmt.Println(words.Count(0, "id"), words.List(0, short))
	// Output:
	// 2 ids 7390d1d6,382e
	// 1 id 7390d1d6
	// 6 ids 7390d1d6,382e,,01 and 2 more
	// 0 ids none
}
