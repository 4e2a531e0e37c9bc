package node

import (
	"math/rand"
	"time"
)

func inTests() {
	go func() { _ = time.Now() }()
	_ = rand.Int()
}
