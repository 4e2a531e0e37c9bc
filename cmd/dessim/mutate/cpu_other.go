//go:build !unix

package mutate

import "time"

var began = time.Now()

// CPU returns the time since this process began: its processor time is not known here.
func CPU() time.Duration { return time.Since(began) }
